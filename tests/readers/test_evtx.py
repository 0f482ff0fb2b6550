"""Windows event logs: records from the package evtx → events and their text; damaged files."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.event_log import EventLog
from hvrepl.readers.events import MOST_DATA, Event, to_event, write_event
from tests.at_hand import need
from tests.paths import DATA

SECURITY = DATA / "evtx" / "security.evtx"
HEADER, PART = 4096, 65536
IDS = [5152, 4611, 4776, 4625, 5152, 5157, 4673]


def read(path: Path) -> tuple[list[Event], EventLog]:
    log = EventLog(str(path), "host.evtx")
    return list(log.read()), log


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "host.evtx"
    path.write_bytes(data)
    return path


def record(provider: str, event: Any, **parts: Any) -> dict[str, Any]:
    """A record in the package's form."""
    created = {"#attributes": {"SystemTime": "2024-12-09T11:31:23.235620Z"}}
    system = {"Provider": {"#attributes": {"Name": provider}}, "EventID": event, "TimeCreated": created}
    return {"Event": {"#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}, "System": system, **parts}}


def text_of(table: Any) -> str:
    return write_event(to_event(1, "2024-12-09 11:31:23 UTC", table))


VM = {"VmName": "Virtual Machine", "VmId": "D9E0EB0A-5B37-508E-9173-67E9ADE83ACF"}
START = "2024-12-09T11:31:23.235620Z 'Virtual Machine' (D9E0EB0A-5B37-508E-9173-67E9ADE83ACF) Microsoft-Windows-Hyper-V-Worker event"


def of_vm(event: int, **data: Any) -> dict[str, Any]:
    names = {"#attributes": {"xmlns": "http://www.microsoft.com/Windows/Virtualization/Events"}, **VM, **data}
    return record("Microsoft-Windows-Hyper-V-Worker", event, UserData={"VmlEventLog": names})


CODES = {f"VmErrorCode{place}": value for place, value in enumerate(("0x79", "0x6", "0x0", "0x0", "0x0"))}
TEXTS = {
    # From a report about a kernel that was changed until it booted as a guest, as XML of the Event Viewer.
    "of a VM": (
        of_vm(18590, **CODES, VmErrorMessage="\n      "),
        f"{START} 18590: VmErrorCode0: 0x79, VmErrorCode1: 0x6, VmErrorCode2: 0x0, VmErrorCode3: 0x0, VmErrorCode4: 0x0",
    ),
    "nothing but the VM": (of_vm(18560), f"{START} 18560"),
    "no names": (
        record(
            "BugCheck", {"#attributes": {"Qualifiers": 16384}, "#text": 1001}, EventData={"Data": {"#text": ["0x1e (0x0)", "C:\\a.dmp"]}}
        ),
        "2024-12-09T11:31:23.235620Z BugCheck event 1001: 0x1e (0x0), C:\\a.dmp",
    ),
    "a status in decimal": (of_vm(1, ErrorCode=3224698885, Status="-1070268411"), f"{START} 1: ErrorCode: 0xC0350005, Status: 0xC0350005"),
    "a small number": (of_vm(1, ErrorCode=5, Size=3224698885), f"{START} 1: ErrorCode: 5, Size: 3224698885"),
    "lines": (of_vm(1, VmErrorMessage="Kernel panic\r\n  at 1\n"), f"{START} 1: VmErrorMessage: Kernel panic\n  at 1"),
    "an id that is none": (record("a", "9" * 5000), "2024-12-09T11:31:23.235620Z a event 0"),
    "nothing": ({}, "2024-12-09 11:31:23 UTC  event 0"),
    "of other types": (
        {"Event": {"System": [], "EventData": {"a": None, "b": [1, {"c": True}]}}},
        "2024-12-09 11:31:23 UTC  event 0: b: 1, c: True",
    ),
}


@pytest.mark.parametrize(("table", "text"), TEXTS.values(), ids=TEXTS)
def test_an_event_is_a_line_with_its_data(table: Any, text: str) -> None:
    assert text_of(table) == f"{text}\n"


def test_an_event_knows_its_vm() -> None:
    event = to_event(7, "", of_vm(18590))
    assert (event.record, event.event, event.vm, event.vm_id) == (7, 18590, VM["VmName"], VM["VmId"])


def test_data_without_end_are_cut() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    assert len(to_event(1, "", of_vm(1, many=["1"] * 5000, deep=deep)).data) == MOST_DATA


def test_a_file_is_read_in_order() -> None:
    need("module:evtx")
    events, log = read(SECURITY)
    assert [event.event for event in events] == IDS
    assert (log.events, log.errors, log.say_errors()) == (7, 0, "")
    assert ("Status", "0xc000006a") in events[2].data


def test_the_records_before_the_end_of_a_truncated_file_are_read(tmp_path: Path) -> None:
    need("module:evtx")
    data = SECURITY.read_bytes()
    events, log = read(written(tmp_path, data[: HEADER + 5000]))
    assert 1 < len(events) < len(IDS)
    assert [event.event for event in events] == IDS[: len(events)]
    assert log.say_errors() == "host.evtx: not all of it can be read: the file is truncated: its last part has 5,000 bytes of 65,536"


@pytest.mark.parametrize("more", [b"", bytes(PART), bytes(1000)], ids=["header alone", "an unused part", "a cut unused part"])
def test_a_log_without_events_is_not_a_fault(tmp_path: Path, more: bytes) -> None:
    need("module:evtx")
    events, log = read(written(tmp_path, SECURITY.read_bytes()[:HEADER] + more))
    assert (events, log.say_errors()) == ([], "")


def test_a_dirty_file_is_read(tmp_path: Path) -> None:
    need("module:evtx")
    data = bytearray(SECURITY.read_bytes())
    struct.pack_into("<I", data, 0x78, 1)  # the flag of a file that was not closed
    events, log = read(written(tmp_path, bytes(data) + bytes(PART)))
    assert ([event.event for event in events], log.errors) == (IDS, 0)


def test_what_follows_a_damaged_part_is_read(tmp_path: Path) -> None:
    need("module:evtx")
    data = SECURITY.read_bytes()
    bad = b"\xff" * 128 + data[HEADER + 128 :]
    events, log = read(written(tmp_path, data[:HEADER] + bad + data[HEADER:]))
    assert [event.event for event in events] == IDS
    assert log.errors == 1
    assert "not all of it can be read: Failed to parse chunk" in log.say_errors()


def test_a_damaged_record_is_counted(tmp_path: Path) -> None:
    need("module:evtx")
    data = bytearray(SECURITY.read_bytes())
    at = data.find(b"\x2a\x2a\0\0", data.find(b"\x2a\x2a\0\0", HEADER) + 4)
    data[at + 30 : at + 60] = b"\xff" * 30
    events, log = read(written(tmp_path, bytes(data)))
    assert events
    assert log.errors


def test_no_byte_that_is_wrong_ends_it_otherwise_than_with_a_line(tmp_path: Path) -> None:
    need("module:evtx")
    data = SECURITY.read_bytes()
    for at in (*range(16, 128, 16), *range(HEADER, HEADER + 512, 40)):
        _, log = read(written(tmp_path, data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]))
        assert "\n" not in log.say_errors()
        assert "died" not in log.say_errors()


# A package that crashes its process as a parser might on a broken file, and one that takes all memory.
BREAKS = {"it ends its process": "os.abort()", "it takes all memory": "bytearray(4 << 30)"}


@pytest.mark.parametrize("act", BREAKS.values(), ids=BREAKS)
def test_a_parser_that_a_file_breaks_leaves_what_came_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    lines = [
        "import os",
        "class PyEvtxParser:",
        "    def __init__(self, *_, **__): pass",
        "    def records_json(self):",
        "        yield {'event_record_id': 1, 'timestamp': '', 'data': '{}'}",
        f"        {act}",
    ]
    (tmp_path / "evtx.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evtx", raising=False)
    events, log = read(SECURITY)
    assert log.say_errors() == "host.evtx: not all of it can be read: the parser crashed on it; what follows is not read"
    assert len(events) == 1


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evtx", None)
    with pytest.raises(FileError, match=r"^host.evtx: a Windows event log; install the package evtx to read it$"):
        read(SECURITY)


def test_nothing_in_the_folder_that_it_is_started_in_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("module:evtx")
    (tmp_path / "json.py").write_text("import os; os.abort()")
    monkeypatch.chdir(tmp_path)
    assert len(read(SECURITY)[0]) == len(IDS)
