"""Forms of log lines: found after any prefix, in upper and lower case, and after damage by mails and screenshots."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hvrepl.analysis.annotator import names_of
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.log_forms import LogForm
from hvrepl.catalog.opening import open_index
from hvrepl.readers.find_forms import Match, Recogniser
from hvrepl.readers.log_lines import LogReader
from hvrepl.readers.word_search import candidates, searcher
from tests.at_hand import need
from tests.each import each

FORMS = list(Catalog(open_index()).log_forms())
SEEN = [(form, line) for form in FORMS for line in form.seen if not form.sign]
SIGNS = [(form, line) for form in FORMS for line in form.seen if form.sign]
PREFIXES = [
    "",  # none
    "[    0.000000] ",  # dmesg
    "[    0.862842] [    T1] ",  # caller
    "[    0.862842][    T1] ",  # caller without a blank
    "<6>[    0.440952] ",  # priority
    "Jan  6 13:57:19 DESKTOP-BLRRBQO kernel: [    0.000000] ",  # syslog
    "May 30 05:04:29 hyperv kernel: ",  # journald
    "[07:50:35.023][Moby           ][Info   ] ",  # moby
    "2025-06-03 17:51:16.232[1492][DEBUG] lisa.env[generated_335].node[0].cmd[6133].stdout [    0.000000] ",  # test runner
    "2024-09-30 16:30:49.506+0000: ",  # libvirt
    "00:01:24.502961 ",  # virtualbox
    "2023-03-16T10:23:25.554276817+01:00 ",  # iso
    "(XEN) [2021-02-04 08:46:36] ",  # xen
    "       CPU 0/KVM-655470  [011] d..1 17156.779273: ",  # ftrace
    "      CPU 0/KVM  655470 [011] 17156.779273:  kvm:",  # perf
    "# ",  # comment
    "// ",  # c comment
    "> > ",  # mail
    '{"message":"Jan  6 kernel: ',  # json
    "| 3 | ",  # markdown
]


def opened() -> Recogniser:
    recogniser = Recogniser(FORMS, partial(names_of, Catalog(open_index())))
    recogniser.open()
    return recogniser


ALL = opened()


def found(text: str) -> list[Match]:
    """The matches of one reader in lines."""
    reader = LogReader(ALL)
    return [match for line in text.splitlines(keepends=True) for match in reader.read(line)] + reader.finish()


def numbers(text: str) -> list[dict[str, int]]:
    return [dict(match.numbers) for match in found(text)]


@each(SEEN, lambda seen: seen[0].name, parts=4)
def test_a_form_is_found_after_any_prefix_and_in_both_cases(form: LogForm, line: str) -> None:
    plain = [(match.form.name, match.numbers) for match in ALL.find(line)]
    assert (form.reader or form.name) in [match.form.reader or match.form.name for match in ALL.find(line)]
    for prefix in PREFIXES:
        for text in (prefix + line, prefix + line.upper(), (prefix + line).lower(), f"{prefix}{line}\r\n"):
            assert [(match.form.name, match.numbers) for match in found(text)] == plain, text


@pytest.mark.parametrize(("form", "line"), SIGNS, ids=[form.name for form, _ in SIGNS])
def test_a_sign_of_hyper_v_makes_all_forms_count(form: LogForm, line: str) -> None:
    reader = LogReader(Recogniser(FORMS))
    reader.read(f"{line}\n")
    assert reader.recogniser.is_open, form.name
    assert [match.form for match in reader.read("Failed to deposit pages: 11\n")]


FEATURES = "Hyper-V: privilege flags low 0x2e7f, high 0x3a8030, hints 0xe, misc 0x31e1"
WORDS = FEATURES.split(" ")


@pytest.mark.parametrize("at", range(2, len(WORDS)))
@pytest.mark.parametrize("quote", ["", "> ", "> > ", "   "])
def test_a_line_that_a_mail_has_wrapped_is_read_as_one(at: int, quote: str) -> None:
    wrapped = f"{quote}{' '.join(WORDS[:at])}\n{quote}{' '.join(WORDS[at:])}\n"
    assert numbers(wrapped) == numbers(FEATURES)


@pytest.mark.parametrize("at", range(len("Hyper-V: pr"), len(FEATURES)))
def test_a_line_with_a_soft_break_of_quoted_printable_anywhere_is_read_as_one(at: int) -> None:
    broken = f"{FEATURES[:at]}=\n{FEATURES[at:]}\n"
    assert numbers(broken) == numbers(FEATURES)


def test_an_equals_sign_of_quoted_printable_is_one() -> None:
    assert numbers("msr_write 40000070 =3D 0x0\n") == [{"msr": 0x40000070, "value": 0}]


def test_a_wrapped_match_is_found_once_and_says_that_it_reaches_back() -> None:
    reader = LogReader(ALL)
    assert reader.read("Hyper-V: privilege flags low 0x2e7f, high 0x3a8030,\n") == []
    assert not reader.began_before
    assert len(reader.read("hints 0xe, misc 0x31e1\n")) == 1
    assert reader.began_before
    assert reader.read("hints 0xe, misc 0x31e1\n") == []


def test_a_number_of_windbg_may_have_a_backtick_in_its_middle_alone() -> None:
    data = "Bugcheck code 0000009f\nArguments 00000000`00000003 ffff948f`e9be4060 1`00000002 {}\n"
    (told,) = numbers(data.format("ffff948fee90eba0"))
    assert list(told.values()) == [0x9F, 3, 0xFFFF948FE9BE4060, 0x100000002, 0xFFFF948FEE90EBA0]
    assert numbers(data.format("ffff948f`ee9")) == []


def test_the_lines_before_count_only_for_what_ends_on_this_one() -> None:
    reader = LogReader(ALL)
    before = [FEATURES + "\n", "BUGCHECK_CODE:  d1\n", "\n", "> BUGCHECK_P1: 1\n", "BUGCHECK_P2: 2\n", "BUGCHECK_P3: 0\n"]
    (match,) = reader.read("BUGCHECK_P4: 4\n", before)
    assert (match.form.name, match.numbers["code"], reader.began_before) == ("windbg_keys", 0xD1, 5)
    assert reader.finish() == []


def test_an_event_in_xml_may_have_a_line_for_each_code() -> None:
    codes = "".join(f"    <VmErrorCode{i}>0x{i + 1:x}</VmErrorCode{i}>\n" for i in range(5))
    assert numbers(codes) == [{f"p{i}": i + 1 for i in range(5)}]


def test_two_feature_lines_in_a_row_are_two() -> None:
    assert len(found(f"{FEATURES}\n{FEATURES}\n")) == 2
    assert len(found(f"{FEATURES},\n{FEATURES},\n")) == 2


def test_a_number_may_have_a_sign() -> None:
    assert numbers("HResult: -2143878910\n") == [{"status": 0x80370102}]
    assert numbers("exit code 3224830214\n") == [{"status": 3224830214}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sts=-1073741811", {"operation": 1, "signed": 0xC000000D}),
        ("sts=0", {"operation": 1, "signed": 0}),
        ("host=0xc000000d", {"operation": 1, "status": 0xC000000D}),
    ],
)
def test_a_signed_number_is_that_of_its_32_bits(text: str, expected: dict[str, int]) -> None:
    assert numbers(f"hv_storvsc x: Failed to create sub-channel: op=1, {text}\n") == [expected]


def test_a_name_in_a_line_is_text_and_no_number() -> None:
    (match,) = found("mshv_hvcall_finalize_partition: partition_id=2 status=0x5\n")
    assert match.texts["call"] == "finalize_partition"
    assert match.numbers == {"result": 5}
    assert match.damaged == ()


def test_a_letter_o_is_not_a_zero_and_does_not_make_a_number() -> None:
    (match,) = found("Hyper-V: privilege flags low 0x2e7f, high 0x3a8O30, hints 0xe, misc 0x31e1\n")
    assert match.damaged == ("high",)
    assert "high" not in match.numbers
    assert match.numbers["low"] == 0x2E7F


@pytest.mark.parametrize(
    "line",
    [
        "  Features=0x1783fbff<FPU,VME,DE,PSE,TSC,MSR,PAE,MCE,CX8,APIC,SEP,MTRR,PGE,MCA,CMOV,PAT,PSE36,MMX,FXSR,SSE,SSE2,HTT>",
        "  Features2=0x81ba2001<SSE3,CX16,x2APIC,MOVBE,TSCDLT,XSAVE,OSXSAVE,HV>",
        "  Structured Extended Features3=0xbc000400<MD_CLEAR,IBPB,STIBP,L1DFL,ARCH_CAP,SSBD>",
        "pci 0000:00:02.0: reg 0x18: [mem 0x40000000-0x4fffffff 64bit pref]",
        "memory@40000000: reg = <0x40000000 0x40000000>",
        "r0: 0x00000001 r1: 0x40000083 r2: 0x40000084 r3: 0x0 r4: 0x1",
        "exit code 0, code 1: 0x1",
        "DBAR0=0xd1 P0=0x1e P1=0x5",
        "x86/PAT: MTRR variable ranges: 0 base 0000000000 mask 7F80000000 write-back",
        "msr: read 0x1b = 0xfee00d00",
        "EDID: 00ffffffffffff0040000090 10000",
        "HVCALL_MAP_GPA_PAGES failed: -22",
        "HVCALL_MAP_GPA_PAGES failed, status -5",
        "HVCALL_MAP_GPA_PAGES failed: 12.5 ms",
        "HvCallGetPartitionProperty failed with 0xc0000005",
        "hvcalls failed: 5",
        "ibmveth 30000002: plpar_hcall_norets failed with error 0x5",
        "xen: hypercall 34 failed with -22",
        "Hypercall 34 failed with 0x5",
        "sd 2:0:0:0: [sda] tag#21 CDB: Write(10) 2a 00 00 00 08 00 00 00 08 00",
        "ieee80211 phy0: Request for interrupt failed: 0x5",
        "Failed to get partition ID: 5",
    ],
)
def test_a_mere_lookalike_is_not_found(line: str) -> None:
    recogniser = Recogniser(FORMS)
    assert [match.form.name for match in recogniser.find(line) if match.form.name != "msr_number_value"] == []


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    for match in found(text):
        assert match.start <= match.end


@given(st.sampled_from(SEEN), st.text(max_size=30), st.text(max_size=30))
def test_a_form_is_found_in_any_text_around_it(seen: tuple[LogForm, str], before: str, after: str) -> None:
    form, line = seen
    assert ALL.find(f"{before} {line} ; {after}"), (form.name, before, after)


WANTED = ("msr", "vmbus", "busy", "sr", "40000")
PIECES = st.sampled_from([*WANTED, "MSR", "vMbu", "4000", "s", "\n", "\n\n", " ", "é"])


@pytest.fixture(params=["with the library", "without it"])
def fresh_search(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The words are searched again, with ahocorasick_rs or as if it were not installed."""
    if request.param == "with the library":
        need("module:ahocorasick_rs")
    else:
        monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    searcher.cache_clear()
    yield
    searcher.cache_clear()


@pytest.mark.usefixtures("fresh_search")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=40).map("".join), st.integers(0, 3))
def test_candidates_are_the_lines_that_have_a_word(text: str, skipped: int) -> None:
    lines = text.encode().splitlines(keepends=True)
    first = sum(map(len, lines[:skipped]))
    expected = [line for line in lines[skipped:] if any(word in line.decode().lower() for word in WANTED)]
    block = b"".join(lines)
    assert [block[start:end] for start, end in candidates(block, WANTED, first)] == expected
