"""annotate of a Windows event log: the events with claims, and the count of all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hvrepl.readers.event_log import EventLog
from hvrepl.readers.events import to_event, write_event
from tests.at_hand import need
from tests.program import call, execute
from tests.readers.test_evtx import CODES, SECURITY, of_vm, record

GUEST = SECURITY.with_name("guest.evtx")
PLAIN = SECURITY.read_bytes()
LOGON = 0xC000006D.to_bytes(4, "little")  # the status of event 4625, STATUS_LOGON_FAILURE
STATUS = PLAIN.replace(LOGON, 0xC0350005.to_bytes(4, "little"))
NOTE = "  ↳ HV_STATUS 0xc0350005: HV_STATUS_INVALID_PARAMETER, as HRESULT or NTSTATUS"
SAID = {
    "18590": (of_vm(18590, **CODES), "crash: Windows: 0x79 MISMATCHED_HAL: parameters 0x6, 0x0, 0x0, 0x0"),
    "18560": (of_vm(18560), "triple fault: the guest could neither handle an exception nor write its crash parameters"),
    "18602": (of_vm(18602, VmErrorCode0="0x1E"), "WINDOWS_STOP 0x1e: KMODE_EXCEPTION_NOT_HANDLED"),
    "guest id": (of_vm(18590, **CODES, VmHvOSId="0x1040a0000271b"), "HV_X64_MSR_GUEST_OS_ID"),
    "1001 with names": (
        record(
            "Microsoft-Windows-WER-SystemErrorReporting",
            {"#attributes": {"Qualifiers": 16384}, "#text": 1001},
            EventData={
                "param1": "0x0000000a (0x0000000000000010, 0x0000000000000002, 0x0000000000000000, 0xfffff80312345678)",
                "param2": "C:\\a",
            },
        ),
        "crash: Windows: 0xA IRQL_NOT_LESS_OR_EQUAL: read of 0x10 at IRQL 2 by 0xfffff80312345678",
    ),
    "1001 without": (
        record("BugCheck", 1001, EventData={"Data": {"#text": ["0x000000d1 (0x10, 0x2, 0x0, 0xfffff8031234abcd)", "C:\\a", "be1c"]}}),
        "crash: Windows: 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL: read of 0x10 at IRQL 2 by 0xfffff8031234abcd",
    ),
    "41": (
        record(
            "Microsoft-Windows-Kernel-Power",
            41,
            EventData={
                "BugcheckCode": 26,
                "BugcheckParameter1": "0x3470",
                "BugcheckParameter2": "0xffffa603e09df000",
                "BugcheckParameter3": "0x0",
                "BugcheckParameter4": "0x0",
            },
        ),
        "crash: Windows: 0x1A MEMORY_MANAGEMENT",
    ),
    "an HRESULT": (of_vm(1, ErrorMessage="%%3224699139", ErrorCode="0xC0370103"), "NTSTATUS 0xc0370103: ERROR_VMCOMPUTE_OPERATION_PENDING"),
    "an HRESULT in decimal": (of_vm(1, ErrorCode=3224698885), NOTE.removeprefix("  ↳ ")),
    "a parameter": (of_vm(1, Parameter0="a", Parameter2="0x80370102"), "HRESULT 0x80370102: HCS_E_HYPERV_NOT_INSTALLED"),
    "a status of the loader": (
        record("Microsoft-Windows-Hyper-V-Hypervisor", 26, EventData={"BalStatus": "0xC0350005", "Error": "0x0"}),
        NOTE.removeprefix("  ↳ "),
    ),
}


@pytest.mark.parametrize(("table", "said"), SAID.values(), ids=SAID)
def test_what_an_event_says_is_what_its_text_says(table: Any, said: str) -> None:
    text = write_event(to_event(1, "", table))
    out = call("annotate", stdin=text.encode()).out
    assert out.startswith(text)
    assert f"  ↳ {said}" in out.replace("\n      ", " ")


@pytest.mark.parametrize("table", [of_vm(1, ErrorCode="0x80070020"), of_vm(18602), record("a", 41, EventData={"BugcheckCode": 0})], ids=str)
def test_an_event_without_a_number_of_the_interface_says_nothing(table: Any) -> None:
    text = write_event(to_event(1, "", table))
    assert call("annotate", stdin=text.encode()).out == text


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    need("module:evtx")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "host.evtx"
    path.write_bytes(STATUS)
    (tmp_path / "none.evtx").write_bytes(PLAIN)
    return path


@pytest.mark.usefixtures("log")
def test_the_events_that_say_something_are_written_and_all_are_counted() -> None:
    ended = call("annotate", "host.evtx")
    first, note = ended.out.splitlines()
    assert first.startswith("2016-06-29T15:24:36.686000Z Microsoft-Windows-Security-Auditing event 4625: SubjectUserSid: S-1-5-18")
    assert "Status: 0xc0350005" in first
    assert note == NOTE
    assert (ended.status, ended.err) == (0, "host.evtx: 7 events, 1 explained\n")
    assert call("annotate", "host.evtx", "--only").out == ended.out


def test_the_devices_of_a_guest_are_named() -> None:
    """A log that Windows wrote in a VM."""
    need("module:evtx")
    ended = call("annotate", str(GUEST))
    lines = ended.out.replace("\n      ", " ").splitlines()
    assert [line for line in lines if line.startswith("  ↳")] == [
        "  ↳ HV_KBD_GUID (vmbus_class f912ad6d-2b17-48ea-bd65-f927a61c7684): synthetic keyboard",
        "  ↳ HV_KBD_INSTANCE (vmbus_class d34b2567-b9b6-42b9-8778-0a4ec0b955bf): instance of the synthetic keyboard",
        "  ↳ HV_MOUSE_GUID (vmbus_class cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a): synthetic mouse",
        "  ↳ HV_MOUSE_INSTANCE (vmbus_class 58f75a6d-d949-4320-99e1-a2a2576d581c): instance of the synthetic mouse",
    ]
    assert ended.err == f"{GUEST}: 119 events, 2 explained\n"
    events = list(EventLog(str(GUEST), "guest.evtx").read())
    (opened,) = (one for one in events if (one.provider, one.event) == ("Microsoft-Windows-Hyper-V-Netvsc", 1))
    assert opened.data == (("VersionLen", "3"), ("Version", "6.1"), ("Status", "0"))


@pytest.mark.usefixtures("log")
def test_a_log_that_says_nothing_is_only_counted() -> None:
    ended = call("annotate", "none.evtx")
    assert (ended.status, ended.out, ended.err) == (0, "", "none.evtx: 7 events, 0 explained\n")


@pytest.mark.usefixtures("log")
def test_an_event_is_an_object_for_programs() -> None:
    ended = call("-f", "ndjson", "annotate", "none.evtx", "host.evtx")
    (line,) = map(json.loads, ended.out.splitlines())
    assert list(line) == ["line", "time", "provider", "event", "text", "found", "file"]
    assert (line["time"], line["event"], line["file"]) == ("2016-06-29T15:24:36.686000Z", 4625, "host.evtx")
    assert line["found"][0]["name"] == "HV_STATUS"
    assert (ended.status, ended.err) == (0, "")


@pytest.mark.usefixtures("log")
def test_a_row_has_the_number_of_the_record() -> None:
    (object_,) = map(json.loads, call("-f", "ndjson", "annotate", "host.evtx").out.splitlines())
    row = call("-f", "csv", "annotate", "host.evtx").out.splitlines()[1]
    assert row.startswith(f"{object_['line']},")


def test_it_comes_through_a_pipe_too(log: Path) -> None:
    ended = execute("annotate", stdin=log.read_bytes())
    assert (ended.status, ended.err) == (0, "stdin: 7 events, 1 explained\n")
    assert NOTE in ended.out


def test_what_is_damaged_is_said_and_the_next_file_is_read(log: Path) -> None:
    log.write_bytes(STATUS[:30000])
    ended = call("annotate", "host.evtx", "host.evtx")
    line = "host.evtx: not all of it can be read: the file is truncated: its last part has 25,904 bytes of 65,536\n"
    assert (ended.status, ended.err) == (4, f"host.evtx: 7 events, 1 explained\n{line}" * 2)
    assert ended.out.count(NOTE) == 2


def test_a_file_without_a_whole_header_cannot_be_read(log: Path) -> None:
    log.write_bytes(PLAIN[:100])
    ended = call("-f", "ndjson", "annotate", "host.evtx")
    assert (ended.status, ended.out) == (4, "")
    assert ended.err.startswith("host.evtx: cannot be read: ")


def test_with_keep_going_the_fault_is_an_object(log: Path) -> None:
    log.write_bytes(STATUS[:30000])
    ended = call("-f", "ndjson", "annotate", "--keep-going", "host.evtx")
    assert [*json.loads(ended.out.splitlines()[-1])] == ["input", "error", "status"]


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evtx", None)
    ended = call("annotate", str(SECURITY))
    assert (ended.status, ended.out) == (4, "")
    assert ended.err == f"{SECURITY}: a Windows event log; install the package evtx to read it\n"


WRONG = {
    "decode @host.evtx": "host.evtx: it looks like a Windows event log: `annotate host.evtx`",
    "decode page @host.evtx": "host.evtx is a Windows event log: `annotate host.evtx` reads it",
    "decode sint2 @host.evtx": "host.evtx is a Windows event log: `annotate host.evtx` reads it",
    "cpuid host.evtx": "host.evtx is a Windows event log: `annotate host.evtx` reads it",
    "scan host.evtx": "host.evtx: not a memory image; it looks like a Windows event log: `annotate host.evtx`",
    "host.evtx": "no such command or name: host.evtx; for the file: annotate host.evtx",
}


@pytest.mark.parametrize(("line", "text"), WRONG.items(), ids=WRONG)
def test_another_command_says_which_one_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, text: str) -> None:
    (tmp_path / "host.evtx").write_bytes(PLAIN)
    monkeypatch.chdir(tmp_path)
    ended = call(*line.split())
    assert ended.status
    assert (ended.out, ended.err) == ("", f"{text}\n")
