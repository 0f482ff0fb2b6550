"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says more of the machine than of the program: speed is measured in benchmarks, as a ratio.
# The examples are the same in each run, so that a change that breaks nothing never finds a test red.
settings.register_profile("hvrepl", deadline=None, derandomize=True)
settings.load_profile("hvrepl")
