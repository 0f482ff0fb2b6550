"""cpuid: whole dumps, several CPUs, cross-checks; diff of two dumps; one leaf out of a dump."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hvrepl.catalog.opening import open_index
from tests.at_hand import needs
from tests.paths import DATA
from tests.program import call, without_colour

DATA = DATA / "cpuid"
KVM = str(DATA / "kvm-two-cpus.txt")
ZEN = str(DATA / "instlat-zen.txt")
INTEL = str(DATA / "rjcp-i7-6600u.xml")
OTHER_INTEL = str(DATA / "rjcp-i7-8565u.xml")
OCR = str(DATA / "illumos-ocr.txt")


def ask(*words: str, stdin: bytes = b"") -> Any:
    ended = call("cpuid", *words, "-f", "json", stdin=stdin)
    assert (ended.status, ended.err) == (0, "")
    return json.loads(ended.out)


def leaf(number: int, *values: int) -> str:
    eax, ebx, ecx, edx = values
    return f"0x{number:08x} 0x00: eax=0x{eax:08x} ebx=0x{ebx:08x} ecx=0x{ecx:08x} edx=0x{edx:08x}\n"


def vendor(signature: str, top: int = 0x40000006, base: int = 0x40000000) -> str:
    raw = signature.encode().ljust(12, b"\0")
    return leaf(base, top, *(int.from_bytes(raw[at : at + 4], "little") for at in (0, 4, 8)))


HV1 = leaf(0x40000001, 0x31237648, 0, 0, 0)
HYPER_V = vendor("Microsoft Hv") + HV1


def test_the_json_has_its_keys_in_order() -> None:
    table = ask(KVM)
    assert list(table) == ["hypervisor", "cpus", "leaves", "findings"]
    assert table["cpus"] == [{"cpu": 0, "leaves": 9, "other": 3}, {"cpu": 1, "leaves": 9, "other": 3}]
    assert [one["number"] for one in table["leaves"]][-2:] == ["0x40000100", "0x40000101"]


def test_a_leaf_is_the_node_that_decode_makes() -> None:
    word = ["eax=0x3fff", "ebx=0x2bb9ff", "ecx=0x2", "edx=0xffbf2"]
    alone = json.loads(call("decode", "cpuid:0x40000003", *word, "-f", "json").out)
    (seen,) = [one for one in ask(ZEN)["leaves"] if one["number"] == "0x40000003"]
    assert seen == alone


WHO = {
    INTEL: "Hyper-V 10.0.19041.685-0-0, Windows 10 2004 to 22H2, Server 2004 or 20H2, revision before 21H2 (Microsoft Hv, Hv#1)",
    ZEN: "Hyper-V 10.0.14393.2273-2-0, Windows 10 1607, Server 2016 (Microsoft Hv, Hv#1)",
    str(DATA / "whp-probe.txt"): "Hyper-V (Microsoft Hv, Hv#1)",
    OCR: "Hyper-V 10.0.18343.1-0-0, a build between Windows 10 1809 and 1903 (Microsoft Hv, Hv#1)",
    KVM: "KVM, which offers the interface of Hyper-V 10.0.14393.0-0-0, Windows 10 1607, Server 2016 (Microsoft Hv, Hv#1)",
    str(DATA / "xen-ec2-c3.txt"): "Xen 4.11",
    str(DATA / "xen.txt"): "Xen 4.18, which offers the interface of Hyper-V (Microsoft Hv, Hv#1)",
}


@pytest.mark.parametrize(("path", "who"), WHO.items(), ids=lambda text: Path(text).name)
def test_who_the_hypervisor_is_is_told(path: str, who: str) -> None:
    assert ask(path)["hypervisor"] == who


def test_no_hypervisor_is_told() -> None:
    table = ask("-", stdin=leaf(0, 1, 2, 3, 4).encode())
    assert (table["hypervisor"], table["leaves"], table["cpus"][0]["other"]) == ("no hypervisor", [], 1)
    assert ask("-", stdin=leaf(0x40000000, 0, 0, 0, 0).encode())["hypervisor"] == "no hypervisor"
    interface = leaf(0x40000000, 0x40000005, 0, 0, 0) + leaf(0x40000001, 0x31237648, 0, 0, 0)
    assert ask("-", stdin=interface.encode())["hypervisor"] == "Hyper-V (Hv#1)"


def test_a_dump_out_of_a_mail_is_read_as_it_was_sent() -> None:
    """Quoted-printable: = is =3D, and long lines are broken. From a public mail, found as 0x40000004 0x00: eax=."""
    mail = """   0x40000000 0x00: eax=3D0x4000000c ebx=3D0x7263694d ecx=3D0x666f736f edx=
=3D0x76482074
   0x40000001 0x00: eax=3D0x31237648 ebx=3D0x00000000 ecx=3D0x00000000 edx=
=3D0x00000000
   0x40000002 0x00: eax=3D0x0000585d ebx=3D0x000a0000 ecx=3D0x00000001 edx=
=3D0x00000447
"""
    table = ask("-", stdin=mail.encode())
    assert table["hypervisor"].startswith("Hyper-V 10.0.22621.1095-1-0")
    assert table["findings"] == []
    assert ask("-", stdin=mail.replace("=\n", "").replace("=3D", "=").encode()) == table


def test_a_signature_that_cannot_be_read_is_not_told_as_no_hypervisor() -> None:
    damaged = b"0x40000000 0x00: eax=0x40000006 ebx=0x72G3694d ecx=0x666f736f edx=0x76482074\n"
    assert ask("-", stdin=damaged)["hypervisor"] == "a hypervisor whose signature cannot be read"
    assert ask("-", stdin=damaged + HV1.encode())["hypervisor"] == "Hyper-V (Hv#1)"
    assert (
        call("cpuid", "-", stdin=b"0x40000000 0x00: eax=zero ebx=one").out.splitlines()[1]
        == "0x40000000  HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS"
    )


SIGNATURES = [(one.name, one.also, one.low) for one in open_index().spec(open_index().names("hypervisor_signature")[0].spec).values]


@pytest.mark.parametrize(("name", "also", "number"), SIGNATURES, ids=[name for name, *_ in SIGNATURES])
def test_a_signature_spells_its_text_and_is_named(name: str, also: tuple[str, ...], number: int) -> None:
    text = number.to_bytes(12, "little").rstrip(b"\0").decode("ascii")
    assert text in also or text in name
    dump = vendor(text) + leaf(0x40000001, 0x01007EFB, 0, 0, 0)
    assert ask("-", stdin=dump.encode())["hypervisor"].removesuffix(" 256.32507") == name  # Xen's says its version there


def test_an_unknown_signature_is_shown_as_it_is() -> None:
    dump = vendor("Made Up Inc.") + leaf(0x40000001, 5, 0, 0, 0) + leaf(0x40000003, 1, 2, 3, 4)
    table = ask("-", stdin=dump.encode())
    assert table["hypervisor"] == "Made Up Inc."
    assert table["leaves"][2]["name"] == "cpuid:0x40000003"
    assert {one["name"]: one["raw"] for one in table["leaves"][2]["fields"]}["eax"] == "0x00000001"


def test_an_interface_that_nobody_lays_out_is_shown_raw() -> None:
    table = ask("-", stdin=(HYPER_V + vendor("XenVMMXenVMM", 0x40000201, 0x40000200)).encode())
    assert (table["leaves"][-1]["number"], table["leaves"][-1]["summary"]) == ("0x40000200", "XenVMMXenVMM")


XEN = vendor("XenVMMXenVMM", 0x40000005)
OTHERS = {
    "xen": (XEN + leaf(0x40000001, 0x4000B, 0, 0, 0) + leaf(0x40000003, 6, 2, 0x2A9F50, 1), ["XEN_CPUID_VERSION", "XEN_CPUID_TIME"]),
    "xen_behind_hyper_v": (
        HYPER_V + vendor("XenVMMXenVMM", 0x40000105, 0x40000100) + leaf(0x40000104, 0x1C, 0, 3, 0),
        ["HYPERV_CPUID_INTERFACE", "HYPERVISOR_CPUID_SECOND_VENDOR", "XEN_CPUID_HVM"],
    ),
    "xen_in_the_third_place": (vendor("XenVMMXenVMM", 0x40000205, 0x40000200) + leaf(0x40000201, 0x40010, 0, 0, 0), ["XEN_CPUID_VERSION"]),
    "kvm": (vendor("KVMKVMKVM", 0x40000001) + leaf(0x40000001, 0x89, 0, 0, 1), ["KVM_CPUID_FEATURES"]),
    "kvm_frequencies": (
        vendor("KVMKVMKVM", 0x40000010) + leaf(0x40000001, 0x89, 0, 0, 1) + leaf(0x40000010, 2900015, 1000000, 0, 0),
        ["KVM_CPUID_FEATURES", "HYPERVISOR_CPUID_FREQUENCIES"],
    ),
    "vmware": (vendor("VMwareVMware", 0x40000010) + leaf(0x40000010, 2900015, 66000, 0, 0), ["HYPERVISOR_CPUID_FREQUENCIES"]),
    "acrn": (vendor("ACRNACRNACRN", 0x40000010) + leaf(0x40000001, 1, 0, 0, 0), ["ACRN_CPUID_FEATURES"]),
    "nobodys_features": (vendor("TCGTCGTCGTCG", 0x40000003) + leaf(0x40000003, 1, 2, 3, 4), ["cpuid:0x40000003"]),
    "kvms_hyper_v": (vendor("Linux KVM Hv") + HV1 + leaf(0x40000003, 0x20, 0, 0, 0), ["HYPERV_CPUID_INTERFACE", "HYPERV_CPUID_FEATURES"]),
    "hyper_v_under_any_name": (
        vendor("AuthenticAMD") + HV1 + leaf(0x40000003, 0x20, 0, 0, 0),
        ["HYPERV_CPUID_INTERFACE", "HYPERV_CPUID_FEATURES"],
    ),
    "no_vendor": (leaf(0x40000003, 0x20, 0, 0, 0), ["HYPERV_CPUID_FEATURES"]),
}


@pytest.mark.parametrize(("dump", "names"), OTHERS.values(), ids=OTHERS)
def test_a_leaf_is_told_as_that_of_whose_interface_it_is(dump: str, names: list[str]) -> None:
    found = [one["name"] for one in ask("-", stdin=dump.encode())["leaves"]]
    assert [name for name in found if name not in ("HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS", "cpuid:0x40000200")] == names


def test_a_subleaf_is_told_beside_the_first() -> None:
    dump = XEN + "".join(leaf(0x40000003, 6, 2, 0x2A9F50, 1).replace(" 0x00:", f" 0x0{subleaf}:") for subleaf in range(2))
    table = ask("-", stdin=dump.encode())
    assert [(one["name"], one["number"], one.get("subleaf")) for one in table["leaves"]][1:] == [
        ("XEN_CPUID_TIME", "0x40000003", None),
        ("XEN_CPUID_TIME_SCALE", "0x40000003", 1),
    ]
    assert "\n0x40000003.1  XEN_CPUID_TIME_SCALE" in call("cpuid", "-", stdin=dump.encode()).out


def test_a_subleaf_of_hyper_vs_is_shown_raw() -> None:
    dump = HYPER_V + "".join(leaf(0x40000003, 0x20, 0, 0, 0).replace(" 0x00:", f" 0x0{subleaf}:") for subleaf in range(2))
    assert [one["name"] for one in ask("-", stdin=dump.encode())["leaves"]][2:] == ["HYPERV_CPUID_FEATURES", "cpuid:0x40000003.1"]


@pytest.mark.parametrize(("ecx", "finding"), [(0, False), (0xB74BC70A, True)], ids=["host", "scale"])
def test_what_is_no_frequency_of_the_host_is_not_told_as_one(ecx: int, finding: bool) -> None:
    dump = XEN + leaf(0x40000003, 2793296, 0, ecx, 0).replace(" 0x00:", " 0x02:")
    out = call("cpuid", "-", stdin=dump.encode()).out
    assert ("host TSC 2.7933 GHz" in out, "looks like sub-leaf 1" in " ".join(out.split())) == (not finding, finding)


TWO = str(DATA / "two-machines.txt")


def test_two_machines_are_told_each_for_itself() -> None:
    tables = ask(TWO)
    assert [(one["machine"], one["line"], one["hypervisor"]) for one in tables] == [(1, 3, "Xen 4.11"), (2, 12, "KVM")]
    assert "cpus_differ" not in json.dumps(tables)
    out = call("cpuid", TWO).out
    assert re.findall("^(machine .*|Xen .*|KVM .*)$", out, re.MULTILINE) == [
        "machine 1 of 2, from line 3",
        "Xen 4.11  CPU 0",
        "machine 2 of 2, from line 12",
        "KVM  CPU 0",
    ]
    header, *rows = call("cpuid", TWO, "-f", "csv").out.splitlines()
    assert header.startswith("machine,leaf,name,")
    assert {row.partition(",")[0] for row in rows} == {"1", "2"}


def test_diff_compares_machine_with_machine(tmp_path: Path) -> None:
    assert call("diff", "cpuid", TWO, TWO).status == 0
    changed = tmp_path / "changed.txt"
    changed.write_text(Path(TWO).read_text().replace("0x01007efb", "0x01007ef9"))
    table = json.loads(call("diff", "cpuid", TWO, str(changed), "-f", "json").out)
    assert [(one["machine"], one["name"]) for one in table["changed"]] == [(2, "KVM_CPUID_FEATURES.nop_io_delay")]
    ended = call("diff", "cpuid", TWO, ZEN)
    assert (ended.status, "has 2 machines" in ended.err, ended.err.count("\n")) == (2, True, 1)


def test_diff_compares_the_registers_of_what_means_something_else(tmp_path: Path) -> None:
    xen = tmp_path / "xen.txt"
    xen.write_text(XEN + leaf(0x40000001, 0x4000B, 0, 0, 0))
    table = json.loads(call("diff", "cpuid", str(xen), ZEN, "-f", "json").out)
    assert ("cpuid:0x40000001.eax", "0x0004000b", "0x31237648") in [(one["name"], one.get("a"), one.get("b")) for one in table["changed"]]


def test_a_leaf_out_of_two_machines_is_told_with_its_machine(tmp_path: Path) -> None:
    both = tmp_path / "both.txt"
    both.write_text(f"CPU:\n{HYPER_V}{leaf(0x40000003, 0x20, 0, 0, 0)}CPU:\n{HYPER_V}{leaf(0x40000003, 0x24, 0, 0, 0)}")
    found = json.loads(call("decode", "cpuid:0x40000003", f"@{both}", "-f", "json").out)
    assert [one["read"] for one in found] == [f"read from a CPUID dump, machine {number}, CPU 0" for number in (1, 2)]


def test_a_leaf_that_is_not_hyper_vs_is_not_decoded_as_such() -> None:
    ended = call("decode", "cpuid:0x40000003", f"@{DATA / 'xen-ec2-c3.txt'}")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.endswith("leaf 0x40000003 is XEN_CPUID_TIME, not HYPERV_CPUID_FEATURES\n")


def test_a_cpu_with_another_vendor_is_told_by_its_text() -> None:
    text = f"CPU 0:\n{HYPER_V}CPU 1:\n{HYPER_V}CPU 2:\n{vendor('KVMKVMKVM')}{HV1}"
    assert [one["text"] for one in ask("-", stdin=text.encode())["findings"]] == [
        "0x40000000: CPU 2 differs in vendor (KVM, not Microsoft Hv)"
    ]


def test_a_cpu_does_not_differ_by_what_each_has_its_own_of() -> None:
    text = "".join(f"CPU {cpu}:\n{XEN}{leaf(0x40000004, 0x18, cpu, 7 + cpu // 2, 0)}" for cpu in range(3))
    table = ask("-", stdin=text.encode())
    assert [one["text"] for one in table["findings"]] == ["0x40000004: CPU 2 differs in domid (8, not 7), vcpu_id (2, not 0)"]
    assert call("cpuid", "-", stdin="".join(text.splitlines(True)[:6]).encode()).out.startswith("Xen  2 CPUs, all alike")


CROSS_CHECKS = {
    "apic": (leaf(0x40000004, 0x8, 0, 0, 0) + leaf(0x40000003, 0x20, 0, 0, 0), "not_granted", "use_apic_msrs"),
    "flush": (
        leaf(0x40000004, 0x4, 0, 0, 0) + leaf(0x40000003, 0x10, 0, 0, 0),
        "not_granted",
        "use_hypercall_for_remote_flush_and_local_flush_entire",
    ),
    "ipi": (leaf(0x40000004, 0x400, 0, 0, 0) + leaf(0x40000003, 0, 0, 0, 0), "not_granted", "use_synthetic_cluster_ipi"),
    "evmcs": (leaf(0x40000004, 0x4000, 0, 0, 0), "missing_leaf", "use_vmcs_enlightenments"),
    "isolation": (leaf(0x40000003, 0x20, 1 << 22, 0, 0), "missing_leaf", "isolation"),
    "beyond": (leaf(0x4000000A, 1, 0, 0, 0), "beyond_max_leaf", "max_leaf"),
    "second": (vendor("KVMKVMKVM", 0x40000101, 0x40000100), "second_interface", "vendor"),
}


@pytest.mark.parametrize(("more", "code", "field"), CROSS_CHECKS.values(), ids=CROSS_CHECKS)
def test_what_does_not_go_together_is_found(more: str, code: str, field: str) -> None:
    findings = ask("-", stdin=(HYPER_V + more).encode())["findings"]
    assert [(one["code"], one["field"].rpartition(".")[2]) for one in findings] == [(code, field)]
    assert call("cpuid", "-", "--strict", stdin=(HYPER_V + more).encode()).status == 1


GRANTED = {
    "apic": leaf(0x40000004, 0x8, 0, 0, 0) + leaf(0x40000003, 0x10, 0, 0, 0),
    "hypercalls": leaf(0x40000004, 0x407, 0, 0, 0) + leaf(0x40000003, 0x20, 0, 0, 0),
    "zeros_beyond": leaf(0x4000000A, 0, 0, 0, 0),
    "no_second": leaf(0x40000100, 0, 0, 0, 0),
    "hints_alone": leaf(0x40000004, 0xFFF, 0, 0, 0),
}


@pytest.mark.parametrize("more", GRANTED.values(), ids=GRANTED)
def test_what_goes_together_is_no_finding(more: str) -> None:
    assert ask("-", stdin=(HYPER_V + more).encode())["findings"] == []


def test_a_leaf_by_itself_has_no_findings_about_others() -> None:
    assert "findings" not in json.loads(call("decode", "cpuid:0x40000004", "eax=0x8", "-f", "json").out)


def test_damage_is_found_and_nothing_said_of_those_bits() -> None:
    table = ask(OCR)
    assert [(one["code"], one["field"]) for one in table["findings"]] == [
        ("unreadable", "HYPERV_CPUID_FEATURES"),
        ("unreadable", "HYPERV_CPUID_ENLIGHTMENT_INFO"),
    ]
    (features,) = [one for one in table["leaves"] if one["number"] == "0x40000003"]
    assert "raw" not in features
    assert {one["reg"] for one in features["fields"]} == {"eax", "ebx", "ecx"}


def test_a_cpu_that_differs_is_told_with_the_field() -> None:
    table = ask(KVM)
    assert [one["text"] for one in table["findings"] if one["code"] == "cpus_differ"] == [
        "0x40000003: CPU 1 differs in access_synic_regs (0, not 1)"
    ]
    (features,) = [one for one in table["leaves"] if "cpus" in one]
    assert [(one["cpu"], one["raw"][-3:]) for one in features["cpus"]] == [(0, "264"), (1, "260")]


def test_the_odd_one_of_many_is_the_outlier() -> None:
    text = "".join(f"CPU {cpu}:\n{HYPER_V}{leaf(0x40000003, 0x24 if cpu == 5 else 0x20, 0, 0, 0)}" for cpu in range(8))
    assert [one["text"] for one in ask("-", stdin=text.encode())["findings"]] == [
        "0x40000003: CPU 5 differs in access_synic_regs (1, not 0)"
    ]


def test_a_leaf_that_only_some_cpus_have_is_told() -> None:
    text = f"CPU 0:\n{HYPER_V}{leaf(0x40000003, 0x20, 0, 0, 0)}CPU 1:\n{HYPER_V}"
    assert [one["text"] for one in ask("-", stdin=text.encode())["findings"]] == ["0x40000003: only CPU 0 of 2 CPUs has it"]


@pytest.mark.parametrize("form", ["fields", "table", "bits", "line", "json", "ndjson", "csv"])
@pytest.mark.parametrize("path", WHO, ids=lambda text: Path(text).name)
def test_every_format_shows_every_dump(path: str, form: str) -> None:
    ended = call("cpuid", path, "-f", form)
    assert (ended.status, ended.err) == (0, "")
    assert "40000001" in ended.out


@pytest.mark.parametrize("form", ["fields", "table", "line", "csv"])
def test_findings_are_in_every_format(form: str) -> None:
    out = " ".join(call("cpuid", KVM, "-f", form).out.split())
    for text in (
        "does not grant access_intr_ctrl_regs",
        "CPU 1 differs in access_synic_regs",
        "access_synthetic_timer_regs is not granted",
    ):
        assert text in out
    assert "KVM, which offers the interface" in out


REGISTERS = """\
0x40000003  HYPERV_CPUID_FEATURES  reference TSC, frequencies
    eax 0x00000a62  access_partition_reference_counter, access_hypercall_msrs, access_vp_index,
                    access_partition_reference_tsc, access_frequency_regs
    edx 0x00000100  frequency_regs_available
    ebx, ecx  0
"""
BELOW = """\
0x40000003  HYPERV_CPUID_FEATURES
    reference TSC, frequencies
    eax 0x00000a62
        access_partition_reference_counter,
        access_hypercall_msrs,
        access_vp_index,
        access_partition_reference_tsc,
        access_frequency_regs
    edx 0x00000100
        frequency_regs_available
    ebx, ecx  0
"""


@pytest.mark.parametrize(("columns", "text"), [(110, REGISTERS), (40, BELOW)], ids=["wide", "narrow"])
def test_each_register_stands_with_its_value_and_its_flags(columns: int, text: str) -> None:
    assert text in call("cpuid", str(DATA / "xen.txt"), columns=columns).out


def test_a_leaf_without_flags_has_its_registers_in_one_line() -> None:
    out = call("cpuid", str(DATA / "xen.txt"), columns=110).out
    assert "leaves to 0x40000006\n    eax 0x40000006  ebx 0x7263694d  ecx 0x666f736f  edx 0x76482074\n" in out


def test_the_flags_of_another_hypervisor_stand_with_their_register() -> None:
    assert re.search("KVM_CPUID_FEATURES\n    eax 0x[0-9a-f]{8}  clocksource, ", call("cpuid", KVM).out)


def test_lines_stay_within_eighty_columns() -> None:
    out = call("cpuid", INTEL, columns=80, stdout_is_terminal=True).out
    assert max(map(len, without_colour(out).splitlines())) <= 80


def test_the_arch_in_force_does_not_matter() -> None:
    assert call("--arch", "arm64", "cpuid", ZEN).out == call("cpuid", ZEN).out


ERRORS = {
    "no_leaf": (["cpuid", __file__ + "/../conftest.py"], 4),
    "no_file": (["cpuid", "none.txt"], 4),
    "two_files": (["cpuid", ZEN, ZEN], 2),
    "text": (["cpuid", str(DATA.parent / "values.tsv")], 2),
    "diff_without_leaf": (["diff", "cpuid", ZEN, str(DATA.parent / "values.tsv")], 2),
    "leaf_not_there": (["check", "cpuid:0x4000000C", f"@{ZEN}", "isolation_type=0"], 2),
    "damaged_leaf": (["decode", "cpuid:0x40000003", f"@{OCR}"], 2),
    "several_values": (["diff", "cpuid:0x40000003", f"@{KVM}", f"@{ZEN}"], 2),
}


@pytest.mark.parametrize(("words", "status"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_one_line_with_its_status(words: list[str], status: int) -> None:
    ended = call(*words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)


def test_diff_of_dumps_names_each_field_that_differs() -> None:
    ended = call("diff", "cpuid", INTEL, f"@{OTHER_INTEL}", "-f", "json")
    table = json.loads(ended.out)
    assert (ended.status, list(table)) == (1, ["name", "a", "b", "changed"])
    assert {one["name"]: (one["a"], one["b"]) for one in table["changed"]}["HYPERV_CPUID_FEATURES.idle_spec_ctrl_available"] == (
        "0x1",
        "0x0",
    )
    single = json.loads(call("diff", "cpuid:0x40000003", f"@{INTEL}", f"@{OTHER_INTEL}", "-f", "json").out)
    assert [one["name"] for one in single["changed"]] == ["idle_spec_ctrl_available"]


def test_equal_dumps_do_not_differ() -> None:
    ended = call("diff", "cpuid", KVM, KVM)
    assert (ended.status, ended.out, ended.err) == (0, "", "")


def test_diff_tells_on_which_cpus_and_which_leaves_are_missing(tmp_path: Path) -> None:
    changed = tmp_path / "changed.txt"
    changed.write_text(Path(KVM).read_text().replace("eax=0x00000260", "eax=0x00000264").replace("   0x40000101", "   # 0x40000101", 1))
    table = json.loads(call("diff", "cpuid", KVM, str(changed), "-f", "json").out)
    assert table["changed"] == [
        {"name": "HYPERV_CPUID_FEATURES.access_synic_regs", "reg": "eax", "bits": [2, 2], "a": "0x0", "b": "0x1", "cpus": [1]}
    ]


def test_a_leaf_out_of_a_dump_is_each_value_that_cpus_have() -> None:
    found = json.loads(call("decode", "cpuid:0x40000003", f"@{KVM}", "-f", "json").out)
    assert [(one["read"], one["raw"][-3:]) for one in found] == [
        ("read from a CPUID dump, CPU 0", "264"),
        ("read from a CPUID dump, CPU 1", "260"),
    ]
    assert call("check", "cpuid:0x40000002", f"@{KVM}", "build_number=14393").status == 0
    assert call("check", "cpuid:0x40000003", f"@{KVM}", "access_synic_regs=1").status == 1


# Bits that have a name here and none in Debian's tool.
UNTOLD = [
    "access_root_scheduler_msr",
    "access_vp_exit_tracing",
    "enable_extended_gva_ranges_flush_va_list",
    "fast_hypercall_output",
    "hpet_needed_for_c3_power_state_deprecated",
    "vp_dispatch_interrupt_injection_available",
    "vp_ghcb_root_mapping_available",
    "svm_features_available",
    "watchdog_timer_available",
    "device_domains_available",
    "s1_device_domains_available",
    "ipt_available",
    "cross_vtl_flush_available",
    "idle_spec_ctrl_available",
    "translate_gva_flags_available",
    "apic_eoi_intercept_available",
    "core_scheduler_requested",
    "use_x2_apic",
    "restore_time_on_resume",
    "use_hypercall_for_mmio_access",
    "use_gpa_pinning_hypercall",
    "wake_vps",
    "proxy_interrupt_doorbell_support",
    "memory_type_locking_support",
    "map_partition_event_log_buffer",
    "lower_vtl_guest_request_support",
    "heat_hint_beneficial_support",
    "ring_buffer_message_port_support",
    "use_vmfunc_for_alias_map_switch",
    "hardware_watchdog_reserved",
    "device_access_tracking_supported",
    "hardware_gpa_access_tracking_supported",
    "reserved_identity_bit",
    "flush_guest_physical_hypercall_deprecated",
    "evmcs1_perf_global_ctrl",
]
SECTION = re.compile(r"^   hypervisor [^\n]*\((0x4000000[34679a])(?:/(e[a-d]x))?\):\n((?:      .*\n)*)", re.MULTILINE)


def bits_of(table: Any, number: int, register: str) -> list[bool]:
    """The single bits of a leaf, or of one of its registers, low to high, as far as the tool names them."""
    (node,) = [one for one in table["leaves"] if int(one["number"], 0) == number]
    fields = [one for one in reversed(node["fields"]) if not one.get("reserved") and one["bits"][0] == one["bits"][1]]
    return [bool(one["value"]) for one in fields if one["name"] not in UNTOLD and register in ("", one["reg"])]


@needs("cpuid")
@pytest.mark.parametrize("path", [KVM, INTEL, OTHER_INTEL, ZEN], ids=lambda text: Path(text).name)
def test_debians_tool_reads_the_same_bits(path: str, tmp_path: Path) -> None:
    table = ask(path)
    dump = tmp_path / "dump.txt"
    rows = [(int(one["number"], 0), int(one["raw"], 0)) for one in table["leaves"]]
    dump.write_text("CPU 0:\n" + "".join("   " + leaf(number, *(raw >> 32 * at & 0xFFFFFFFF for at in range(4))) for number, raw in rows))
    shown = subprocess.run(["cpuid", "-f", str(dump)], capture_output=True, text=True, check=True).stdout
    sections = SECTION.findall(shown)
    assert len(sections) >= 5
    for number, register, text in sections:
        told = [value == "true" for value in re.findall(r" = (true|false)$", text, re.MULTILINE)]
        ours = bits_of(table, int(number, 0), register)
        assert (number, register, told[: len(ours)]) == (number, register, ours)


ALL_DUMPS = sorted(DATA.iterdir())


@pytest.mark.parametrize("dump", ALL_DUMPS, ids=lambda path: path.name)
@pytest.mark.parametrize("columns", [20, 40, 60])
def test_every_dump_fits_a_narrow_terminal(dump: Path, columns: int) -> None:
    ended = call("cpuid", str(dump), stdout_is_terminal=True, columns=columns)
    assert (ended.status, ended.err) == (0, "")
    wide = [line for line in without_colour(ended.out).splitlines() if len(line) > max(columns, 40)]
    assert [line for line in wide if not re.fullmatch(r" *(0x[\w.]+  )?[^ ]+", line)] == []  # a number and its name stay together


@pytest.mark.parametrize("dump", ALL_DUMPS, ids=lambda path: path.name)
def test_every_dump_can_be_compared_with_every_dump(dump: Path) -> None:
    assert call("diff", "cpuid", str(dump), str(dump)).status == 0
    for other in ALL_DUMPS:
        statuses = (0, 1) if (str(dump) == TWO) == (str(other) == TWO) else (2,)  # of two machines with one
        ended = call("diff", "cpuid", str(dump), str(other), "-f", "fields" if dump < other else "json")
        assert (ended.status in statuses, ended.err == "") == (True, 2 not in statuses)
