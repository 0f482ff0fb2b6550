"""What holds for all tests."""

import gc
import os

from hypothesis import settings

from tests.fuzz import examples

# How long an example takes says more of the machine than of the program: speed is measured in benchmarks, as a ratio.
# The examples are the same in each run, so that a change that breaks nothing never finds a test red.
settings.register_profile("hvrepl", deadline=None, derandomize=True)
# `make fuzz` looks further, at other values in each run; what it finds is printed with how to see it again.
settings.register_profile("fuzz", deadline=None, max_examples=examples(1000), print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "hvrepl"))


def pytest_collection_finish() -> None:
    """What was collected stays to the end: to search it for garbage again and again would halt a test that types for half a second."""
    gc.collect()
    gc.freeze()
