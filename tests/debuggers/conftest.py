"""Shared by the tests of all debuggers: guests that are made once per run, when a test first needs them."""

from __future__ import annotations

import pytest

from tests.debuggers.core import Guest, dump_guest


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """A guest like newer Linux."""
    return dump_guest(tmp_path_factory.mktemp("guest"))


@pytest.fixture(scope="session")
def confidential_guest(tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """A guest that has SynIC pages of the hypervisor and of a paravisor."""
    return dump_guest(tmp_path_factory.mktemp("confidential"), "PARAVISOR")


@pytest.fixture(scope="session")
def old_guest(tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """A guest like Linux before 4.11, with arrays instead of per-CPU variables."""
    return dump_guest(tmp_path_factory.mktemp("old"), "BEFORE_PERCPU")
