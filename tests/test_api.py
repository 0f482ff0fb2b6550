"""The names of the package itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hvrepl
from hvrepl.errors import FileError, NotFoundError, SpecError, UsageError
from tests.at_hand import need
from tests.program import call
from tests.transcripts import ROOT

OWN = ROOT / "tests" / "data" / "own"
REFERENCE = ROOT / "docs" / "api.md"


def test_decode_gives_the_object_that_the_command_line_prints() -> None:
    node = hvrepl.decode("guest-id", 0x818000050FA7042F)
    assert node.to_dict()["summary"] == "Linux 5.15.167, Ubuntu (Canonical), package ABI 1071"
    assert hvrepl.decode("sint2", 0x10013, arch="arm64").name == "HV_REGISTER_SINT2"
    assert hvrepl.decode("sint2", -1).raw == "0xffffffffffffffff"


def test_encode_gives_back_what_decode_takes() -> None:
    assert hvrepl.encode("guest-id", kernel="6.6.87") == 0x8100000606570000
    assert hvrepl.encode("sint2", 0x200F3, masked=1) == 0x300F3
    message = hvrepl.encode("message", message_type="HVMSG_TIMER_EXPIRED", **{"payload.timer_index": 1})
    assert isinstance(message, bytes)
    part = hvrepl.decode("message", message).find("payload.timer_index")
    assert part is not None
    assert part.value == 1


@pytest.mark.parametrize(
    ("what", "value", "error"),
    [
        pytest.param("nosuch", 1, NotFoundError, id="unknown name"),
        pytest.param("sint2", 1 << 64, UsageError, id="too wide"),
        pytest.param("sint2", b"\0", UsageError, id="too few bytes"),
        pytest.param("message", 1, UsageError, id="a number for a struct"),
        pytest.param("message", b"\0", UsageError, id="less than the head"),
    ],
)
def test_what_cannot_be_decoded_is_refused(what: str, value: int | bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        hvrepl.decode(what, value)


def test_an_unknown_arch_is_refused() -> None:
    with pytest.raises(UsageError, match="no such arch: 'mips'; choose x64 or arm64"):
        hvrepl.decode("sint2", 1, arch="mips")


def test_a_name_is_looked_up_as_the_command_line_does() -> None:
    found = hvrepl.catalog.find("sint2")
    assert (found.name, found.number, found.spec.kind) == ("HV_X64_MSR_SINT2", 0x40000092, "register")
    assert hvrepl.catalog.find("sint2", arch="arm64").name == "HV_REGISTER_SINT2"
    assert hvrepl.catalog.find("sint2", "register").number == 0x000A0002
    assert [field.name for field in found.spec.layout.fields if not field.reserved][:2] == ["vector", "masked"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("what", "space", "name"),
    [
        (0x40000083, None, "HV_X64_MSR_SIMP"),
        ("0x40000083", None, "HV_X64_MSR_SIMP"),
        (0x40000003, "cpuid", "HYPERV_CPUID_FEATURES"),
        ("cpuid:0x40000003", None, "HYPERV_CPUID_FEATURES"),
        ("status:5", None, "HV_STATUS_INVALID_PARAMETER"),
        ("msr:simp", None, "HV_X64_MSR_SIMP"),
    ],
)
def test_a_number_is_looked_up_in_its_space(what: str | int, space: str | None, name: str) -> None:
    assert hvrepl.catalog.find(what, space).name == name


def test_the_other_meanings_of_a_number_are_named() -> None:
    assert "cpuid 0x40000003 HYPERV_CPUID_FEATURES" in map(str, hvrepl.catalog.find(0x40000003).others)


def test_the_names_of_a_space_are_those_that_list_prints() -> None:
    entries = list(hvrepl.catalog.names("vmbus"))
    listed = json.loads(call("list", "vmbus", "-f", "json").out)
    assert [entry.name for entry in entries] == [one["name"] for one in listed]
    assert all(entry.space and entry.space.name == "vmbus" for entry in entries)
    assert len(list(hvrepl.catalog.names())) == len(json.loads(call("list", "-f", "json").out))


def test_the_spaces_are_those_of_both_archs() -> None:
    assert list(hvrepl.catalog.spaces())[:3] == ["msr", "register", "cpuid"]
    assert hvrepl.catalog.spaces()["msr"].arches == ("x64",)


@pytest.mark.parametrize(
    ("arguments", "arch", "says"),
    [
        (["sintt2"], "x64", "did you mean"),
        (["HV_X64_MSR_SINT0"], "arm64", r"x64 only; on arm64: HV_REGISTER_SINT0"),
        ([0x1234567, "msr"], "x64", "0x01234567 is not a known msr number"),
        (["sint2", "nosuch"], "x64", "no such space: nosuch"),
    ],
)
def test_what_is_not_there_is_not_found(arguments: list[str | int], arch: str, says: str) -> None:
    with pytest.raises(hvrepl.NotFoundError, match=says):
        hvrepl.catalog.find(*arguments, arch=arch)  # type: ignore[arg-type]


def test_the_output_of_a_hypercall_is_decoded_and_built() -> None:
    made = hvrepl.encode("HVCALL_GET_PARTITION_ID.output", partition_id=7)
    assert made == (7).to_bytes(8, "little")
    assert isinstance(made, bytes)
    part = hvrepl.decode("HVCALL_GET_PARTITION_ID.output", made).find("partition_id")
    assert part is not None
    assert part.value == 7
    with pytest.raises(UsageError, match="sint2 has no output"):
        hvrepl.decode("sint2.output", b"")


def test_ones_own_specs_are_read_with_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hvrepl.encode("our-debug", specs=OWN) == 0
    assert hvrepl.decode("our-debug", 1, specs=OWN).to_dict() == json.loads(
        call("--specs", str(OWN), "decode", "our-debug", "1", "-f", "json").out
    )
    assert hvrepl.decode("sint2", 0x10013, arch="arm64", specs=OWN).name == "HV_REGISTER_SINT2"
    assert "our-debug" in {name for entry in hvrepl.catalog.names(specs=OWN) for name in entry.also}
    assert list(hvrepl.catalog.spaces(specs=OWN)) == list(hvrepl.catalog.spaces())
    with pytest.raises(NotFoundError):
        hvrepl.catalog.find("our-debug")
    monkeypatch.chdir(OWN.parent)
    assert hvrepl.catalog.open_catalog(specs="own") is hvrepl.catalog.open_catalog(specs=OWN)


def test_specs_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        hvrepl.decode("sint2", 1, specs=tmp_path / "nosuch")
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "bad.toml").write_text('kind = "regster"\n')
    with pytest.raises(SpecError):
        hvrepl.encode("sint2", specs=tmp_path)


def test_bytes_may_come_in_any_container() -> None:
    for data in (bytes(8), bytearray(8), memoryview(bytes(8))):
        assert hvrepl.decode("sint2", data) == hvrepl.decode("sint2", 0)  # type: ignore[arg-type]


def test_threads_do_not_share_what_they_read() -> None:
    values = [0x200F3 + (i << 21) for i in range(64)]
    expected = [hvrepl.decode("sint2", value) for value in values]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda value: hvrepl.decode("sint2", value), values)) == expected


def test_importing_loads_no_other_module_of_its_own() -> None:
    script = "import sys, hvrepl; print(*(name for name in sys.modules if name.startswith(('hvrepl.', 'sqlite3', 'construct'))))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["hvrepl.hints", "hvrepl.version"]


def test_every_public_name_is_there_and_documented() -> None:
    text = REFERENCE.read_text()
    for name in hvrepl.__all__:
        assert getattr(hvrepl, name) is not None
        assert name in text
    for name in hvrepl.catalog.__all__:
        assert (getattr(hvrepl.catalog, name).__doc__ or "").strip()
        assert f"hvrepl.catalog.{name}(" in text
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        hvrepl.nosuch  # type: ignore[attr-defined]  # noqa: B018


def test_every_attribute_of_a_node_is_documented() -> None:
    text = REFERENCE.read_text()
    assert [name for name in hvrepl.Decoded.FIELDS if f"`{name}`" not in text] == []
    assert [name for name in hvrepl.Finding.FIELDS if f"`{name}`" not in text] == []


def test_the_examples_of_the_reference_hold() -> None:
    """Each ```python block is a program; a comment after an expression is its value."""
    blocks = re.findall(r"^```python\n(.*?)^```$", REFERENCE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        pending = ""
        for line in [*block.splitlines(), "", "None  # → None"]:
            code, _, expected = line.partition("  # → ")
            if expected:
                exec(pending, names)
                pending = ""
                assert repr(eval(code, names)) == expected, line
            pending += "" if expected else f"{code}\n"
    assert len(blocks) >= 4


def test_a_program_that_uses_it_is_strictly_typed(tmp_path: Path) -> None:
    need("module:mypy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", str(tmp_path / "cache"), str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env={"MYPYPATH": str(ROOT), "PATH": ""})
    assert done.stdout.splitlines()[:-1] == [
        'program.py:17: error: Module has no attribute "nosuch"  [attr-defined]',
        'program.py:18: error: Argument 2 to "decode" has incompatible type "float"; expected "int | bytes"  [arg-type]',
    ]


PROGRAM = """\
import hvrepl

node: hvrepl.Decoded = hvrepl.decode("guest-id", 0x8100000606570000)
part = node.find("version")
meaning: str = part.meaning if part else ""
findings: list[str] = [finding.text for finding in node.findings]
value: int | bytes = hvrepl.encode("sint2", 0x200F3, masked=1, vector="0x30")
found = hvrepl.catalog.find("sint2")
number: int | None = found.number
titles: list[str] = [entry.title for entry in hvrepl.catalog.names("msr")]
digits: int = hvrepl.catalog.spaces()["msr"].digits
try:
    hvrepl.decode("nosuch", b"")
except hvrepl.HvreplError as error:
    status: int = error.status

hvrepl.nosuch
hvrepl.decode("sint2", 1.5)
"""
