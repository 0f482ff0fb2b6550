"""live: the registers of a saved machine; CPUs folded, outliers, refusals with their reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hvrepl.script.lines import quote
from tests.paths import DATA
from tests.program import call

TREE = str(DATA / "dev")


def ask(*words: str, root: str = TREE) -> Any:
    ended = call("live", "--root", root, *words, "-f", "json")
    assert (ended.status, ended.err) == (0, "")
    return json.loads(ended.out)


def saved(folder: Path, *cpus: str, cpuid: str = "") -> str:
    for number, text in enumerate(cpus):
        (folder / "cpu" / str(number)).mkdir(parents=True)
        (folder / "cpu" / str(number) / "msr").write_text(text)
        if cpuid:
            (folder / "cpu" / str(number) / "cpuid").write_text(cpuid)
    return str(folder)


def test_a_register_is_a_node_with_what_each_cpu_has() -> None:
    table = ask("sint2")
    assert (table["name"], table["raw"], table["summary"]) == ("HV_X64_MSR_SINT2", "0x00000000000200f3", "vector 0xf3, auto-EOI")
    assert table["cpus"] == [{"cpu": cpu, "raw": f"0x00000000000{1 if cpu == 2 else 2}00f3"} for cpu in range(4)]
    assert list(table)[-1] == "cpus"


def test_the_cpu_that_differs_is_found() -> None:
    assert [(one["code"], one["text"]) for one in ask("sint2")["findings"]] == [
        ("cpus_differ", "CPU 2 has 0x00000000000100f3: auto_eoi (0, not 1), masked (1, not 0)")
    ]
    assert call("live", "--root", TREE, "sint2", "--strict").status == 1


def test_a_page_that_each_cpu_has_for_itself_is_not_an_outlier() -> None:
    table = ask("simp")
    assert "findings" not in table
    assert len({one["raw"] for one in table["cpus"]}) == 4
    lines = call("live", "--root", TREE, "simp", "-f", "line").out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["CPU 0", "CPU 1", "CPU 2", "CPU 3"]


def test_several_registers_are_an_array_in_the_order_asked_for() -> None:
    assert [one["name"] for one in ask("simp", "0x40000000", "msr:0x40000092")] == [
        "HV_X64_MSR_SIMP",
        "HV_X64_MSR_GUEST_OS_ID",
        "HV_X64_MSR_SINT2",
    ]


def test_without_a_name_every_register_is_read_but_those_that_do_something() -> None:
    found = {one["name"]: one for one in ask()}
    assert len(found) > 80
    assert not {"HV_X64_MSR_GUEST_IDLE", "HV_X64_MSR_POWER_STATE_TRIGGER_C1"} & set(found)
    assert "not read: HV_X64_MSR_GUEST_IDLE: the processor sleeps" in call("live", "--root", TREE).out
    assert ask("sint0", "guest-idle")[1]["findings"][0]["code"] == "refused"


def test_one_refused_register_does_not_end_the_run() -> None:
    _, reset = ask("sint2", "reset")
    assert "raw" not in reset
    assert reset["cpus"] == [{"cpu": cpu, "error": "EIO"} for cpu in range(4)]


FEATURES = "0x40000003 0x00: eax=0x{:08x} ebx=0x0 ecx=0x0 edx=0x0\n"
STATES = {
    "clear": (FEATURES.format(0), "which is clear"),
    "set": (FEATURES.format(4), "which is set"),
    "no_leaf": ("0x40000000 0x00: eax=0x0 ebx=0x0 ecx=0x0 edx=0x0\n", "which cannot be read here"),
    "no_dump": ("", "which cannot be read here"),
    "no_leaf_at_all": ("nothing\n", "which cannot be read here"),
}


@pytest.mark.parametrize(("cpuid", "state"), STATES.values(), ids=STATES)
def test_the_privilege_of_a_refused_register_is_named_with_its_state(tmp_path: Path, cpuid: str, state: str) -> None:
    root = saved(tmp_path, "40000080 EIO\n40000000 1\n", cpuid=cpuid)
    _, node = ask("guest-id", "scontrol", root=root)
    assert [one["text"] for one in node["findings"]] == [f"refused (EIO): needs access_synic_regs of cpuid 0x40000003, {state}"]


def test_a_register_that_only_some_cpus_refuse_is_shown_with_both(tmp_path: Path) -> None:
    node = ask("sint2", root=saved(tmp_path, "40000092 200f3", "40000092 EIO", "40000092 200f3"))
    assert node["raw"] == "0x00000000000200f3"
    assert [(one["code"], one["text"].split(" (")[0]) for one in node["findings"]] == [("refused", "CPU 1: refused")]
    assert node["cpus"][1] == {"cpu": 1, "error": "EIO"}


def test_nothing_readable_at_all_is_status_4(tmp_path: Path) -> None:
    ended = call("live", "--root", saved(tmp_path, "40000092 EIO"), "sint2")
    assert (ended.status, ended.err) == (4, "no register could be read: refused (EIO)\n")
    assert "! refused (EIO): needs access_synic_regs" in ended.out


ERRORS = {
    "no_tree": (["live", "--root", "/none/at/all"], 4, "no /none/at/all/cpu/*/msr; a saved tree has"),
    "arm64": (["--arch", "arm64", "live", "--root", TREE], 4, "arm64 has no MSRs: its VP registers are read by hypercalls"),
    "no_name": (["live", "--root", TREE, "sintx2"], 3, "no such name: sintx2"),
    "no_msr": (["live", "--root", TREE, "HVCALL_POST_MESSAGE"], 2, "HVCALL_POST_MESSAGE has no MSR"),
    "leaf": (["live", "--root", TREE, "cpuid:0x40000003"], 2, "has no MSR"),
}


@pytest.mark.parametrize(("words", "status", "error"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_one_line_with_its_status(words: list[str], status: int, error: str) -> None:
    ended = call(*words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)
    assert error in ended.err


@pytest.mark.parametrize("form", ["fields", "table", "bits", "line", "json", "ndjson", "csv"])
@pytest.mark.parametrize("words", [["sint2", "simp", "reset"], []], ids=["named", "all"])
def test_every_format_shows_every_register(form: str, words: list[str]) -> None:
    ended = call("live", "--root", TREE, *words, "-f", form)
    assert (ended.status, ended.err) == (0, "")
    assert all(name in ended.out for name in ("SINT2", "SIMP", "RESET"))


def test_the_overview_stays_within_eighty_columns() -> None:
    out = call("--color", "never", "live", "--root", TREE, columns=80, stdout_is_terminal=True).out
    assert max(map(len, out.splitlines())) <= 80


def test_a_script_reads_registers_too() -> None:
    ended = call("-c", f"live --root {quote(str(TREE))} sint2 -f line")
    assert (ended.status, ended.out.split()[0]) == (0, "CPUs")
