"""How fast hvrepl is beside what a user would otherwise do. `python -m benchmarks`; see README.md."""
