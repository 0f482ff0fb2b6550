"""What may follow the text before the cursor: a table."""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path

import pytest

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import to_key
from hvrepl.commands.session import Session, Streams
from hvrepl.commands.table import command_names
from hvrepl.script.complete import Completer
from hvrepl.script.rank import MOST
from hvrepl.script.runner import shell_commands


@cache
def completer(arch: str = "x64") -> Completer:
    session = Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}))
    session.set(arch=arch)
    made = Completer(session.catalog, shell_commands(), lambda: "6.6.87-test")
    made.warm_up()
    return made


def found(name: str) -> Found:
    return completer().catalog.find_name(name)


def whole(before: str, arch: str = "x64", last: str = "") -> list[str]:
    """The text before the cursor, with each candidate in its place."""
    candidates = completer(arch).complete(before, found(last) if last else None)
    return [before[: len(before) - one.length] + one.text for one in candidates]


# Text before the cursor → what it may become: the first candidates, in their order.
FIRST = {
    "nothing": ("", ["decode", "encode", "show", "list", "find"]),
    "command": ("enc", ["encode"]),
    "shell_word": ("fo", ["format"]),
    "command_before_names": ("s", ["show", "scan", "set", "source", "simp", "siefp", "sint0"]),
    "short_name": ("sim", ["simp"]),
    "short_name_whole": ("sint1", ["sint1", "sint10", "sint11", "sint12"]),
    "short_name_with_hyphen": ("gue", ["guest-id"]),
    "underscore_for_hyphen": ("guest_i", ["guest-id"]),
    "upper_case": ("SIM", ["simp"]),
    "canonical_name": ("HV_X64_MSR_SIM", ["HV_X64_MSR_SIMP"]),
    "other_spelling": ("HvRegisterSin", ["HvRegisterSint0", "HvRegisterSint1"]),
    "within_a_name": ("vp_assist", ["vp-assist"]),
    "within_a_name_but_for_underscores": ("vpassist", ["vp-assist", "vp-assist-page"]),
    "two_words": ("x64 sint", ["HV_X64_MSR_SINT0", "HV_X64_MSR_SINT1", "HV_X64_MSR_SINT2"]),
    "words_in_another_order": ("sint2 x6", []),
    "name_of_a_command": ("decode sim", ["decode simp"]),
    "names_of_a_command": ("show ", ["show eoi", "show eom"]),
    "space": ("msr:sim", ["msr:simp"]),
    "space_of_a_command": ("decode register:HV_REGISTER_SIM", ["decode register:HV_REGISTER_SIMP"]),
    "no_space": ("nosuch:sim", []),
    "number": ("0x4000", []),
    "decimal": ("5", []),
    "fields": ("encode sint2 ", ["encode sint2 vector=", "encode sint2 masked=", "encode sint2 auto_eoi="]),
    "fields_of_a_name": ("sint2 ", ["sint2 vector=", "sint2 masked="]),
    "field": ("encode sint2 aut", ["encode sint2 auto_eoi="]),
    "field_that_is_set_already": ("encode sint2 vector=0x30 ", ["encode sint2 vector=0x30 masked="]),
    "field_within": ("encode message timer", ["encode message payload.timer_index="]),
    "fields_by_their_last_part": ("encode message expir", ["encode message payload.expiration_time="]),
    "shorthand": ("encode guest-id ker", ["encode guest-id kernel="]),
    "kernel_of_this_machine": ("encode guest-id kernel=", ["encode guest-id kernel=6.6.87-test"]),
    "enumerators": (
        "encode guest-id os_type=",
        ["encode guest-id os_type=undefined", "encode guest-id os_type=Linux", "encode guest-id os_type=FreeBSD"],
    ),
    "enumerator": ("encode guest-id os_type=li", ["encode guest-id os_type=Linux"]),
    "enumerator_by_the_last_part": ("encode message message_type=HVMSG_TIM", ["encode message message_type=HVMSG_TIMER_EXPIRED"]),
    "enumerator_of_a_condition": ("check guest-id 1 os_type!=fre", ["check guest-id 1 os_type!=FreeBSD"]),
    "numbers_of_a_space": ("encode hypercall-input code=POST_M", ["encode hypercall-input code=HVCALL_POST_MESSAGE"]),
    "enumerator_as_value": ("status HV_STATUS_ACC", ["status HV_STATUS_ACCESS_DENIED"]),
    "enumerator_as_value_of_decode": ("decode status acce", ["decode status HV_STATUS_ACCESS_DENIED"]),
    "no_fields_for_decode": ("decode sint2 ", []),
    "no_such_name": ("encode nosuch ", []),
    "arch": ("arch ", ["arch x64", "arch arm64"]),
    "arch_begun": ("arch a", ["arch arm64"]),
    "format": ("format n", ["format ndjson"]),
    "space_to_list": ("list m", ["list msr", "list message"]),
    "kind_to_list": ("list s", ["list status", "list struct"]),
    "names_to_list": ("list na", ["list names"]),
    "value_of_an_enumeration": ("encode HV_SCHEDULER_TYPE value=ro", ["encode HV_SCHEDULER_TYPE value=root"]),
    "help": ("help de", ["help decode"]),
    "help_with_a_name": ("help sim", ["help simp"]),
    "find": ("find sim", ["find simp"]),
    "register_to_read": ("live sim", ["live simp"]),
    "another_register_to_read": ("live simp sint1", ["live simp sint1"]),
    "option": ("decode --a", ["decode --arch"]),
    "option_value": ("decode --arch ar", ["decode --arch arm64"]),
    "option_format": ("show simp -f j", ["show simp -f json"]),
    "option_style": ("show simp --style git", ["show simp --style github"]),
    "name_behind_options": ("decode -f line --strict sim", ["decode -f line --strict simp"]),
    "second_line": ("decode simp 1\nsim", []),
    "system_command": ("!ls", []),
}


@pytest.mark.parametrize(("before", "expected"), FIRST.values(), ids=FIRST)
def test_the_first_candidates(before: str, expected: list[str]) -> None:
    candidates = whole(before)
    assert candidates[: len(expected)] == expected
    assert bool(candidates) == bool(expected)


@pytest.mark.parametrize(
    ("before", "text", "number", "title"),
    [
        ("simp", "simp", "0x40000083", "SynIC message page"),
        ("HVCALL_POST_M", "HVCALL_POST_MESSAGE", "0x005C", "message to a port"),
        ("enc", "encode", "", "Build a value from fields."),
        ("encode guest-id os_type=li", "Linux", "0x1", ""),
        ("encode sint2 vec", "vector=", "", "x64: interrupt vector; arm64: GIC interrupt id"),
        ("encode guest-id ker", "kernel=", "", "sets version, open_source, os_type"),
    ],
)
def test_number_and_title_stand_beside_a_candidate(before: str, text: str, number: str, title: str) -> None:
    one = completer().complete(before)[0]
    assert (one.text, one.number, one.title) == (text, number, title)


def test_each_arch_has_its_own_names() -> None:
    assert whole("HV_X64_MSR_SINT2", "arm64") == []
    assert whole("HV_REGISTER_SINT2", "arm64")[0] == "HV_REGISTER_SINT2"
    assert completer("arm64").complete("sint2")[0].number == "0x000A0002"


SET = {
    "fields": ("set ", "sint2", "set vector="),
    "field": ("set mas", "sint2", "set masked="),
    "enumerator": ("set os_type=fr", "guest-id", "set os_type=FreeBSD"),
    "kernel": ("set kernel=6", "guest-id", "set kernel=6.6.87-test"),
    "underscore": ("encode _ auto", "sint2", "encode _ auto_eoi="),
    "underscore_first": ("_ auto", "sint2", "_ auto_eoi="),
}


@pytest.mark.parametrize(("before", "last", "first"), SET.values(), ids=SET)
def test_set_and_underscore_are_about_the_last_value(before: str, last: str, first: str) -> None:
    assert whole(before, last=last)[0] == first
    assert whole(before) == []


# Letters typed → names that have them with others between, the tighter first.
SCATTERED = {
    "letters_of_words": ("vpasst", "vp-assist"),
    "initials": ("gstid", "guest-id"),
    "left_out_vowels": ("hypcllpg", "hypercall-page"),
    "tight_before_short": ("reftsc", "reference-tsc"),
}


@pytest.mark.parametrize(("text", "first"), SCATTERED.values(), ids=SCATTERED)
def test_letters_find_names_that_have_others_between_them(text: str, first: str) -> None:
    assert whole(text)[0] == first


def test_every_candidate_has_the_letters_in_their_order() -> None:
    for one in completer().complete("reenl"):
        assert re.search(".*".join("reenl"), to_key(one.text))


def test_a_name_is_offered_for_itself_before_all_others() -> None:
    for name in completer().names:
        if not name.text[0].isdigit() and name.text not in command_names():
            assert name.text in whole(f"show {name.text}")[0].split()[1:]


def test_a_canonical_name_stands_before_its_other_spellings() -> None:
    candidates = whole("sint2")
    assert candidates.index("sint2") < candidates.index("HV_X64_MSR_SINT2") < candidates.index("HvRegisterSint2")


@pytest.mark.parametrize("text", ["vpassist", "registervp", "regassist"])
def test_names_of_another_interface_stand_behind_hyper_vs_own(text: str) -> None:
    candidates = whole(text)
    assert candidates.index("HvRegisterVpAssistPage") < candidates.index("WHvRegisterVpAssistPage")


def test_there_are_never_more_candidates_than_somebody_reads() -> None:
    assert len(completer().complete("show ")) == MOST


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("dumps", "a b"):
        (tmp_path / name).mkdir()
    for name in ("page.txt", "page.bin", "dumps/one.txt", ".hidden", "a b/page's (1).txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILES = {
    "all": ("decode page @", ["decode page @a\\ b/", "decode page @dumps/", "decode page @page.bin", "decode page @page.txt"]),
    "begun": ("decode page @pa", ["decode page @page.bin", "decode page @page.txt"]),
    "of_a_name": ("page @page.t", ["page @page.txt"]),
    "in_a_folder": ("page @dumps/", ["page @dumps/one.txt"]),
    "blank": ("page @a", ["page @a\\ b/"]),
    "behind_a_blank": ("page @a\\ b/pa", ["page @a\\ b/page\\'s\\ \\(1\\).txt"]),
    "in_quotes": ("page '@a b/pa", ["page @a\\ b/page\\'s\\ \\(1\\).txt"]),
    "quotes_within": ('page @"a b/"pa', ["page @a\\ b/page\\'s\\ \\(1\\).txt"]),
    "redirection_behind_a_blank": ("list msr > a\\ b/pa", ["list msr > a\\ b/page\\'s\\ \\(1\\).txt"]),
    "hidden": ("page @.h", ["page @.hidden"]),
    "no_such_folder": ("page @nosuch/", []),
    "nul": ("page @a\0/", []),
    "source": ("source pa", ["source page.bin", "source page.txt"]),
    "cpuid": ("cpuid pa", ["cpuid page.bin", "cpuid page.txt"]),
    "scan": ("scan page.b", ["scan page.bin"]),
    "root": ("live --root dum", ["live --root dumps/"]),
    "redirection": ("list msr > pa", ["list msr > page.bin", "list msr > page.txt"]),
    "redirection_without_blank": ("list msr >pa", ["list msr >page.bin", "list msr >page.txt"]),
    "appending": ("list msr >> pa", ["list msr >> page.bin", "list msr >> page.txt"]),
    "system_command": ("!cat pa", ["!cat page.bin", "!cat page.txt"]),
    "pipe": ("list msr | tee pa", ["list msr | tee page.bin", "list msr | tee page.txt"]),
    "command_of_a_pipe": ("list msr | le", []),
    "output": ("encode simp simp_enabled=1 -o pa", ["encode simp simp_enabled=1 -o page.bin", "encode simp simp_enabled=1 -o page.txt"]),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("before", "expected"), FILES.values(), ids=FILES)
def test_files_are_completed(before: str, expected: list[str]) -> None:
    assert whole(before) == expected
