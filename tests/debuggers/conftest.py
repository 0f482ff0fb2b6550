"""What the tests of all debuggers share: guests that are made once in a run, when the first test asks for them."""

from __future__ import annotations

import pytest

from tests.debuggers.core import Guest, dump_guest


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """A guest as newer Linux has it."""
    return dump_guest(tmp_path_factory.mktemp("guest"))


@pytest.fixture(scope="session")
def confidential_guest(tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """A guest that has SynIC pages of the hypervisor and of a paravisor."""
    return dump_guest(tmp_path_factory.mktemp("confidential"), "PARAVISOR")


@pytest.fixture(scope="session")
def old_guest(tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """A guest as Linux before 4.11 had it, with arrays in place of per-CPU variables."""
    return dump_guest(tmp_path_factory.mktemp("old"), "BEFORE_PERCPU")
