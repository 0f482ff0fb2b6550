"""The version of hvrepl."""

__version__ = "0.2.0"
