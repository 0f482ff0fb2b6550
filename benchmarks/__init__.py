"""How fast hvrepl is against what a user would otherwise do. `python -m benchmarks`; see README.md."""
