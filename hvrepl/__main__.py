"""`python -m hvrepl` and the program hvrepl."""

from hvrepl.frontends.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
