"""How fast hvrepl is, compared with what a user would do without it. `python -m benchmarks`; see README.md."""
