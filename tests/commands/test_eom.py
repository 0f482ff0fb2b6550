"""eom on the command line: its steps as text and as objects, the page after it, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.paths import DATA
from tests.program import call

PAGE = DATA / "dumps" / "page.bin"


def test_the_steps_are_shown() -> None:
    ended = call("eom", f"@{PAGE}", "2", columns=120)
    assert ended.status == 0
    first, *steps = ended.out.splitlines()
    assert first == "slot 2  VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported, more pending"
    assert [" ".join(line.split()) for line in steps[:4]] == [
        "1 compare and exchange message_type at +512 0x00000001 → 0x00000000",
        "2 full barrier the next read must not come before it",
        "3 read again message_pending at +517 set: the host waits",
        "4 write HV_X64_MSR_EOM (0x40000084) 0, on the VP that owns the page",
    ]


def test_the_object_has_the_page_and_what_is_owed() -> None:
    table = json.loads(call("eom", f"@{PAGE}", "2", "-f", "json").out)
    data = PAGE.read_bytes()
    assert table == {
        "slot": 2,
        "page_after": (data[:512] + bytes(4) + data[516:]).hex(),
        "owed": [{"arch": "x64", "register": "HV_X64_MSR_EOM", "number": "0x40000084", "value": "0x0"}],
        "findings": [],
    }


def test_the_hypercall_on_arm64_decodes_as_what_it_is() -> None:
    (owed,) = json.loads(call("--arch", "arm64", "eom", f"@{PAGE}", "2", "-f", "json").out)["owed"]
    assert (owed["arch"], owed["register"], owed["number"]) == ("arm64", "HV_REGISTER_EOM", "0x000A0014")
    told = call("--arch", "arm64", "decode", owed["hypercall"]["name"], owed["hypercall"]["input"], "-f", "line").out
    assert "partition self, VP self, sets HV_REGISTER_EOM" in told
    control = call("decode", "hypercall-input", owed["hypercall"]["control"], "-f", "line").out
    assert "HVCALL_SET_VP_REGISTERS, 1 reps" in control


def test_the_page_after_it_can_be_written_and_freed_no_further(tmp_path: Path) -> None:
    after = tmp_path / "after.bin"
    assert call("eom", f"@{PAGE}", "2", "VMBus", "-o", str(after)).status == 0
    again = call("eom", f"@{after}", "2", columns=120)
    assert "already free" in again.out
    assert "! message_type is 0: the slot is already free, and no end of message is owed" in again.out


def test_findings_are_status_1_with_strict() -> None:
    assert call("eom", f"@{PAGE}", "2", "HVMSG_TIMER_EXPIRED").status == 0
    assert call("--strict", "eom", f"@{PAGE}", "2", "HVMSG_TIMER_EXPIRED").status == 1


def test_the_page_may_come_from_stdin_in_any_form() -> None:
    dump = PAGE.with_name("page.gdb.txt").read_bytes()
    assert call("eom", "-", "2", stdin=dump).out == call("eom", f"@{PAGE}", "2").out


@pytest.mark.parametrize("form", ["table", "bits", "line", "csv", "ndjson"])
def test_every_format_names_the_write(form: str) -> None:
    assert "HV_X64_MSR_EOM" in call("eom", f"@{PAGE}", "2", "-f", form).out


REFUSED = {
    "nothing": ([], 2, "eom takes a page, a slot"),
    "no_slot": ([f"@{PAGE}"], 2, "eom takes a page, a slot"),
    "too_many": ([f"@{PAGE}", "2", "1", "1"], 2, "eom takes a page, a slot"),
    "slot_16": ([f"@{PAGE}", "16"], 2, "there is no slot 16"),
    "slot_is_no_number": ([f"@{PAGE}", "two"], 2, "'two' is not a slot"),
    "unknown_type": ([f"@{PAGE}", "2", "HVMSG_TIMER"], 2, "did you mean HVMSG_TIMER_EXPIRED?"),
    "no_file": (["@/nosuch", "2"], 4, "/nosuch: No such file or directory"),
    "too_short": (["00", "0"], 2, "needs at least 256"),
}


@pytest.mark.parametrize(("arguments", "status", "text"), REFUSED.values(), ids=REFUSED)
def test_meaningless_words_give_one_line(arguments: list[str], status: int, text: str) -> None:
    ended = call("eom", *arguments)
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)
    assert text in ended.err
