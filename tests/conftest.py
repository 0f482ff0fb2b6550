"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says more of the machine than of the program: speed is measured in benchmarks, as a ratio.
settings.register_profile("hvrepl", deadline=None)
settings.load_profile("hvrepl")
