"""cpuid of what starts a guest, --flags, --qemu, check cpuid, and diff of any two of these; QEMU itself, where it is installed."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hvrepl.analysis.flags import Flags
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from hvrepl.render.flag_forms import WRITERS
from tests.at_hand import need
from tests.paths import DATA
from tests.program import call

QEMU = DATA / "qemu"
XML, PS, SCRIPT, PROXMOX, KUBEVIRT = (str(QEMU / name) for name in ("windows11.xml", "ps.txt", "start.sh", "101.conf", "kubevirt.yaml"))
KVM = str(DATA / "cpuid" / "kvm-two-cpus.txt")
WINDOWS = str(DATA / "cpuid" / "instlat-zen.txt")


def ask(*words: str, status: int = 0, stdin: bytes = b"") -> Any:
    ended = call(*words, "-f", "json", stdin=stdin)
    assert (ended.status, ended.err) == (status, "")
    return json.loads(ended.out)


def test_the_json_of_a_guest_has_its_flags_and_what_is_the_hosts() -> None:
    found = ask("cpuid", XML)
    assert list(found) == ["hypervisor", "guest", "host", "cpus", "leaves", "findings"]
    assert found["guest"] == {
        "kind": "libvirt domain",
        "name": "windows11",
        "machine": "pc-q35-7.2",
        "flags": {"hv-relaxed": "on", "hv-spinlocks": "0x1fff", "hv-time": "on", "hv-vapic": "on"},
    }
    assert found["host"] == [{"name": "cpuid:0x40000101", "why": "KVM's own features"}]
    assert {one["code"] for one in found["findings"]} == {"flag_missing"}


@pytest.mark.parametrize("path", [XML, PS, SCRIPT, PROXMOX])
def test_each_form_makes_leaves(path: str) -> None:
    assert [one["number"] for one in ask("cpuid", path)["leaves"]][:4] == ["0x40000000", "0x40000001", "0x40000002", "0x40000003"]


def test_a_kubevirt_machine_makes_leaves_whose_version_its_machine_type_leaves_open() -> None:
    need("module:yaml")
    found = ask("cpuid", KUBEVIRT)
    assert found["guest"]["flags"]["hv-stimer-direct"] == "on"
    assert "HYPERV_CPUID_VERSION.build_number" in [one["name"] for one in found["host"]]


def test_stdin_is_read_too() -> None:
    with open(PS, "rb") as file:
        assert ask("cpuid", "-", stdin=file.read())["guest"]["name"] == "build-win"


def test_a_bit_that_the_host_decides_is_not_a_field() -> None:
    line = b"kvm -cpu host,hv-relaxed,hv-no-nonarch-coresharing=auto"
    (leaf,) = [one for one in ask("cpuid", "-", stdin=line)["leaves"] if one["number"] == "0x40000004"]
    assert "no_non_architectural_core_sharing" not in [one["name"] for one in leaf["fields"]]
    assert "raw" not in leaf


def test_strict_fails_for_findings_of_flags() -> None:
    assert call("cpuid", XML, "--strict").status == 1


def test_each_format_of_a_guest_has_its_flags() -> None:
    for form in ("fields", "table", "line", "csv", "ndjson"):
        assert "hv-relaxed" in call("cpuid", XML, "-f", form).out


def test_flags_of_a_dump_say_what_no_flag_gives() -> None:
    found = ask("cpuid", KVM, "--flags", "qemu")
    assert found["text"] == "-cpu host," + ",".join(
        one["name"] if one["value"] == "on" else f"{one['name']}={one['value']}" for one in found["flags"]
    )
    assert "HYPERV_CPUID_FEATURES.access_synic_regs" in [one["name"] for one in found["unexplained"]]
    assert ("flag_needs", "hv-stimer-direct") in [(one["code"], one["field"]) for one in found["findings"]]
    (direct,) = [one for one in found["flags"] if one["name"] == "hv-stimer-direct"]
    assert direct == {
        "name": "hv-stimer-direct",
        "value": "on",
        "grants": [{"name": "HYPERV_CPUID_FEATURES.direct_synthetic_timers", "reg": "edx", "bits": [19, 19]}],
        "needs": ["hv-stimer"],
        "missing": ["hv-stimer"],
    }


def test_the_line_alone_can_be_pasted() -> None:
    ended = call("cpuid", WINDOWS, "--flags", "qemu", "-f", "line")
    assert ended.out.startswith("-cpu host,hv-")
    assert ended.out.count("\n") == 1
    again = call("cpuid", "-", "--flags", "qemu", "-f", "line", stdin=ended.out.encode())
    assert sorted(again.out.split(",")) == sorted(ended.out.strip().split(",")) or again.out == ended.out


def test_a_guest_in_one_form_is_written_in_another() -> None:
    as_xml = call("cpuid", PS, "--flags", "libvirt").out
    assert '<spinlocks state="on" retries="8191"/>' in as_xml
    assert as_xml.startswith("<features>\n  <hyperv>\n")
    assert call("cpuid", XML, "--flags", "proxmox").out == "args: -cpu host,hv-relaxed,hv-spinlocks=0x1fff,hv-time,hv-vapic\n"


def test_leaves_of_another_interface_have_no_flags() -> None:
    leaf = b"0x40000000 0x00: eax=0x40000001 ebx=0x4b4d564b ecx=0x564b4d56 edx=0x0000004d\n"
    found = ask("cpuid", "-", "--flags", "qemu", stdin=leaf)
    assert (found["text"], [one["code"] for one in found["findings"]]) == ("", ["flags_none"])


ERRORS = {
    ("--flags", "xen"): "no such form of flags: 'xen'; choose from qemu, libvirt, proxmox",
    ("--qemu", "new"): "--qemu new: expected a version, such as 7.2",
}


@pytest.mark.parametrize("words", ERRORS, ids=" ".join)
def test_a_wrong_option_is_one_line(words: tuple[str, str]) -> None:
    ended = call("cpuid", XML, *words)
    assert (ended.status, ended.out) == (2, "")
    assert ERRORS[words] in ended.err


REFUSED = {
    b"qemu-system-aarch64 -M virt -accel kvm -cpu host": "the guest is of aarch64, which has no CPUID leaves",
    b"<network><name>x</name></network>": "XML, but neither a CPUID dump nor a libvirt domain: its root is network",
    b"<!DOCTYPE d [<!ENTITY a 'b'>]><domain><name>&a;</name></domain>": "XML with a DTD or entities",
}


@pytest.mark.parametrize("text", REFUSED, ids=REFUSED.values())
def test_what_is_no_guest_of_x64_is_refused_in_one_line(text: bytes) -> None:
    ended = call("cpuid", "-", stdin=text)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert REFUSED[text] in ended.err


def test_guests_of_another_arch_among_others_are_named() -> None:
    ended = call("cpuid", "-", stdin=b"kvm -name a -cpu host,hv-time\nqemu-system-aarch64 -name b -cpu host\n")
    assert ended.status == 0
    assert "b is of aarch64" in ended.err


# diff


def test_diff_of_two_guests_has_flags_and_fields() -> None:
    found = ask("diff", "cpuid", XML, PS, status=1)
    assert {"name": "hv-stimer", "a_meaning": "off", "b_meaning": "on"} in found["changed"]
    assert [one["b"] for one in found["changed"] if one["name"] == "HYPERV_CPUID_FEATURES.access_synthetic_timer_regs"] == ["0x1"]
    assert found["host"] == ["cpuid:0x40000101"]


def test_diff_of_a_guest_and_a_dump_has_no_leaves_of_the_processor() -> None:
    names = [one["name"] for one in ask("diff", "cpuid", XML, KVM, status=1)["changed"]]
    assert "HYPERV_CPUID_FEATURES.access_synic_regs" in names
    assert not [name for name in names if name.startswith(("cpuid:0x0", "cpuid:0x8", "KVM"))]


def test_a_guest_does_not_differ_from_itself() -> None:
    ended = call("diff", "cpuid", PS, PS)
    assert (ended.status, ended.out, ended.err) == (0, "", "")


def test_what_is_all_the_hosts_cannot_be_compared_and_that_is_said() -> None:
    ended = call("diff", "cpuid", "-", XML, stdin=b"kvm -cpu host,hv-passthrough")
    assert "leaves every leaf to the host" in ended.err
    assert "HYPERV" not in ended.out


# check

HOLDS = ("hv-relaxed=on", "hv_relaxed==on", "hv-stimer=off", "hv-stimer!=on", "hv-spinlocks=8191", "hv-spinlocks>=0xfff", "hv-spinlocks=on")
FAILS = ("hv-relaxed=off", "hv-stimer=on", "hv-spinlocks<0x1000", "access_synic_regs=1", "HYPERV_CPUID_FEATURES.access_hypercall_msrs!=1")
FIELDS = ("use_relaxed_timing=1", "cpuid-features.access_synic_regs=0", "HYPERV_CPUID_VERSION.build_number>=14393")


@pytest.mark.parametrize("condition", [*HOLDS, *FIELDS])
def test_a_condition_that_holds_prints_nothing(condition: str) -> None:
    ended = call("check", "cpuid", XML, condition)
    assert (ended.status, ended.out, ended.err) == (0, "", "")


@pytest.mark.parametrize("condition", FAILS)
def test_a_condition_that_does_not_hold_prints_a_line(condition: str) -> None:
    ended = call("check", "cpuid", XML, condition)
    assert (ended.status, ended.err, ended.out.count("\n")) == (1, "", 1)


def test_check_reads_dumps_too_and_has_its_json() -> None:
    assert call("check", "cpuid", WINDOWS, "hv-stimer=on", "hv-evmcs=off").status == 0
    found = ask("check", "cpuid", XML, "hv-stimer=on", status=1)
    assert found["checked"] == [{"name": "hv-stimer", "wanted": "=on", "is": "off", "ok": False}]


def test_check_of_what_the_host_decides_fails() -> None:
    ended = call("check", "cpuid", "-", "hv-stimer=on", stdin=b"kvm -cpu host,hv-passthrough")
    assert (ended.status, ended.out) == (1, "stdin: hv-stimer is left to the host, not on\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hv-stimmer=on",), "no flag hv-stimmer; did you mean hv-stimer?"),
        (("hv-relaxed",), "a condition is one word, such as hv-relaxed=on"),
        (("hv-relaxed=maybe",), "hv-relaxed=maybe: expected on or off"),
        (("hv-relaxed>1",), "hv-relaxed is not a number that > could compare"),
        (("access_synic=1",), "no flag, and no field of these leaves: access_synic"),
        (("sint2.vector=1",), "sint2 is not a CPUID leaf"),
    ],
)
def test_a_wrong_condition_is_one_line(words: tuple[str, ...], said: str) -> None:
    ended = call("check", "cpuid", XML, *words)
    assert (ended.status, ended.out) in ((2, ""), (3, ""))
    assert said in ended.err


# Names


def test_a_flag_is_a_name() -> None:
    found = ask("show", "hv_stimer")
    assert (found["name"], found["kind"]) == ("hv-stimer", "flag")
    assert found["flag"]["needs"] == ["hv-synic", "hv-time"]
    assert "HV_X64_MSR_STIMER0-3_CONFIG" in found["flag"]["turns_on"]
    assert ask("show", "hv-apicv")["name"] == "hv-avic"
    assert any(one["name"] == "hv-tlbflush" for one in ask("find", "tlbflush"))


def test_the_fields_of_a_leaf_name_the_flags_that_set_them() -> None:
    named = {one["name"]: one["qemu"] for one in ask("show", "cpuid:0x40000003")["fields"] if "qemu" in one}
    assert named["post_messages"] == ["hv-synic"]
    assert (named["access_synic_regs"], named["direct_synthetic_timers"]) == (["hv-synic"], ["hv-stimer-direct"])
    assert "access_hypercall_msrs" not in named  # it comes with any flag
    named = {one["name"]: one["qemu"] for one in ask("show", "cpuid:0x40000004")["fields"] if "qemu" in one}
    assert (named["use_ex_processor_masks"], named["long_spin_wait_count"]) == (["hv-ipi", "hv-tlbflush"], ["hv-spinlocks"])
    assert [one.get("qemu") for one in ask("show", "cpuid:0x40000000")["fields"]] == [["hv-vendor-id"], None]
    assert "QEMU flags hv-ipi, hv-tlbflush" in " ".join(call("show", "cpuid:0x40000004").out.split())


def test_a_domain_of_another_hypervisor_is_refused() -> None:
    ended = call("cpuid", "-", stdin=b"<domain type='xen'><name>w</name><features><viridian/></features></domain>")
    assert (ended.status, ended.err) == (2, "w is a domain of xen, not of QEMU\n")


# QEMU itself

PROPERTIES = """{"execute":"qmp_capabilities"}
{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":"max"}}}
{"execute":"query-version"}
{"execute":"quit"}
"""


def test_every_flag_that_the_installed_qemu_has_is_known_and_the_other_way_round() -> None:
    need("qemu-system-x86_64")
    command = ["qemu-system-x86_64", "-machine", "none", "-accel", "tcg", "-display", "none", "-nodefaults", "-S", "-qmp", "stdio"]
    ran = subprocess.run(command, input=PROPERTIES, capture_output=True, text=True, timeout=60, check=False)
    answers = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    returned = [one["return"] for one in answers if "return" in one]
    known = next(one["model"]["props"] for one in returned if "model" in one)
    version = next(one["qemu"] for one in returned if "qemu" in one)
    its_flags = {name: value for name, value in known.items() if name.startswith("hv-")}
    flags = Flags(Decoder(Catalog(open_index())))
    assert [name for name in its_flags if not flags.find(name)] == []
    here = (version["major"], version["minor"])
    since = {name: tuple(map(int, (flags[name].since or "0.0").split("."))) for name in flags.specs}
    assert [name for name in flags.specs if name not in its_flags and since[name] <= here] == []
    assert {name: kind_of(its_flags[name]) for name in flags.specs if name in its_flags} == {
        name: flags[name].reads for name in flags.specs if name in its_flags
    }
    base = flags.base.sets
    for part, field in {"build": "build_number", "major": "major_version", "minor": "minor_version"}.items():
        assert known[f"hv-version-id-{part}"] == base[f"HYPERV_CPUID_VERSION.{field}"]
    assert known["hv-spinlocks"] == base["HYPERV_CPUID_ENLIGHTMENT_INFO.long_spin_wait_count"]


def all_flags() -> dict[str, str]:
    """Each flag that can be given along with others, with a value."""
    flags = Flags(Decoder(Catalog(open_index())))
    samples = {"number": "0x12", "text": "Some Vendor", "switch": "on", "auto": "auto"}
    return {name: samples[flags[name].reads] for name in flags.specs if flags[name].fields}


def test_qemu_takes_the_line_that_is_written_and_reads_the_same_from_it() -> None:
    need("qemu-system-x86_64")
    flags = Flags(Decoder(Catalog(open_index())))
    wanted = {name: value for name, value in all_flags().items() if name != "hv-vpindex"}  # QEMU refuses that one without KVM
    option, model = shlex.split(WRITERS["qemu"](wanted, flags))
    asked = [{"execute": "qom-get", "arguments": {"path": "/machine/unattached/device[0]", "property": name}} for name in wanted]
    text = "\n".join(map(json.dumps, [{"execute": "qmp_capabilities"}, *asked, {"execute": "quit"}]))
    machine = ["-machine", "pc", "-accel", "tcg", "-display", "none", "-nodefaults", "-S", "-qmp", "stdio"]
    command = ["qemu-system-x86_64", *machine, option, model.replace("host", "max", 1)]
    ran = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    returned = [one.get("return", one.get("error")) for one in answers if "return" in one or "error" in one][1:]
    expected = {"on": True, "0x12": 0x12, "18": 0x12}
    assert dict(zip(wanted, returned, strict=False)) == {name: expected.get(value, value) for name, value in wanted.items()}


NEWER_THAN_SCHEMA = ("hv-emsr-bitmap", "hv-tlbflush-direct", "hv-tlbflush-ext", "hv-xmm-input")  # libvirt 9.0 does not have them
SCHEMA = "/usr/share/libvirt/schemas/domain.rng"


def test_libvirts_schema_has_the_elements_that_are_written(tmp_path: Path) -> None:
    need("xmllint", SCHEMA)
    wanted = {name: "18" if value == "0x12" else value for name, value in all_flags().items() if name not in NEWER_THAN_SCHEMA}
    inner = WRITERS["libvirt"](wanted, Flags(Decoder(Catalog(open_index()))))
    around = "<domain type='kvm'><name>w</name><memory>1</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>{}</domain>"
    domain = tmp_path / "domain.xml"
    domain.write_text(around.format(inner))
    ran = subprocess.run(["xmllint", "--noout", "--relaxng", SCHEMA, domain], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def kind_of(value: object) -> str:
    return (
        "switch"
        if isinstance(value, bool)
        else "number"
        if isinstance(value, int)
        else "auto"
        if value in ("on", "off", "auto")
        else "text"
    )
