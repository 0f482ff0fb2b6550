"""Setup for all tests."""

import gc
import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.at_hand import say_missing
from tests.fuzz import examples

# The environment variables that tests keep. Others would be this machine's own: its language, colours, pager, width, specs.
KEPT = re.compile(
    r"PATH|HOME|TMPDIR|PYTEST_.*|HYPOTHESIS_PROFILE|HVREPL_(FUZZ|HEADERS|OPENVMM|SITE)|PIP_.*|SSL_CERT_FILE|\w*_proxy", re.IGNORECASE
)
for name in [name for name in os.environ if not KEPT.fullmatch(name)]:
    del os.environ[name]
os.umask(0o022)
# A background job of a script starts with some signals ignored, and so would everything that the tests start.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

# The time for an example depends on the machine more than on the program: speed is measured in benchmarks, as a ratio.
# The examples are the same in each run, so that a harmless change never makes a test fail.
settings.register_profile("hvrepl", deadline=None, derandomize=True, max_examples=50)
# `make fuzz` tries other values in each run; a failure is printed with the way to reproduce it.
settings.register_profile("fuzz", deadline=None, max_examples=examples(1000), print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "hvrepl"))


def pytest_collection_finish() -> None:
    """Collected tests stay to the end: repeated garbage collection would stop a test that types for half a second.

    Trees of values are not garbage while they are made: a collection every few hundred objects takes a twentieth of all tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: the tests of terminals mostly wait."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Progress:
    """One dot per so many passed or skipped tests, so that a whole run fits on a screen."""

    DOTS = 70

    def __init__(self) -> None:
        self.total = self.ended = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.total = len(items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.total = len(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        if not (report.skipped or (report.passed and report.when == "call")) or hasattr(report, "wasxfail"):
            return None
        dots = self.DOTS * self.ended // max(self.total, 1)
        self.ended += 1
        return report.outcome, "." * (self.DOTS * self.ended // max(self.total, 1) - dots), ""


def pytest_configure(config: pytest.Config) -> None:
    if config.get_verbosity() < 0:
        config.pluginmanager.register(Progress())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for tests that were skipped on this machine, and what they lacked."""
    reports = terminalreporter.getreports("skipped")
    reasons = [
        str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ") for report in reports
    ]
    if reasons:
        terminalreporter.write_line(say_missing(reasons))
