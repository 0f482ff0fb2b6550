"""Completions of the text before the cursor, as tables."""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path

import pytest

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import to_key
from hvrepl.commands.session import Session, Streams
from hvrepl.commands.table import COMMANDS, HELP, SHARED, command_names
from hvrepl.script.complete import Completer
from hvrepl.script.lexicon import Held
from hvrepl.script.lines import parse_line
from hvrepl.script.rank import MOST
from hvrepl.script.shell_words import shell_commands
from tests.fuzz import amount, sampled


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
    candidates = completer(arch).complete(before, [Held("_", found(last), "0x1")] if last else [])
    return [before[: len(before) - one.length] + one.text for one in candidates]


# Text before the cursor → the first candidates, in order.
FIRST = {
    "nothing": ("", ["decode", "encode", "show", "list", "find"]),
    "command": ("enc", ["encode"]),
    "shell_word": ("fo", ["format"]),
    "command_before_names": ("s", ["show", "scan", "set", "source", "save", "simp", "siefp", "sint0"]),
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
    "number": ("0x4000008", ["0x40000080", "0x40000081", "0x40000082", "0x40000083"]),
    "number_with_a_big_prefix": ("0X4000008", ["0X40000080", "0X40000081"]),
    "number_without_its_zeros": ("0xa000", ["0xa0000", "0xa0001"]),
    "number_with_its_zeros": ("0x000a000", ["0x000a0000", "0x000a0001"]),
    "number_with_some_zeros": ("0x0a000", []),
    "number_that_is_whole": ("0x5c", ["0x5c"]),
    "number_in_small_letters": ("hypercall 0x8", ["hypercall 0x8", "hypercall 0x80"]),
    "number_in_capitals": ("msr 0x400000F", ["msr 0x400000F0", "msr 0x400000F1"]),
    "number_of_a_space_word": ("msr 0x4000008", ["msr 0x40000080", "msr 0x40000081"]),
    "number_of_a_space": ("msr:0x4000008", ["msr:0x40000080", "msr:0x40000081"]),
    "number_behind_a_command": ("decode 0x4000008", ["decode 0x40000080", "decode 0x40000081"]),
    "number_of_a_space_word_behind_a_command": ("show hypercall 0x005", ["show hypercall 0x0050", "show hypercall 0x0051"]),
    "number_of_a_leaf": ("cpuid 0x4000000", ["cpuid 0x40000000", "cpuid 0x40000001"]),
    "number_of_a_register_to_read": ("live 0x4000008", ["live 0x40000080", "live 0x40000081"]),
    "number_that_nothing_has": ("0x8100000", []),
    "number_as_a_value": ("decode simp 0x4000008", []),
    "fields_of_a_number": ("0x40000090 vec", ["0x40000090 vector="]),
    "fields_of_a_number_of_a_space": ("encode msr 0x40000090 vec", ["encode msr 0x40000090 vector="]),
    "arithmetic": ("(1 | si", []),
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
    "help_on_all": ("help ", ["help decode", "help encode", "help show"]),
    "conditions": ("check sint2 1 ", ["check sint2 1 vector=", "check sint2 1 masked="]),
    "operators": ("check sint2 1 vector", [f"check sint2 1 vector{one}" for one in ("=", "!=", "<", "<=", ">", ">=")]),
    "operators_begun": ("check sint2 1 vector>", ["check sint2 1 vector>="]),
    "nothing_behind_an_operator": ("check sint2 1 vector>=", []),
    "no_operators_for_encode": ("encode sint2 vector", ["encode sint2 vector="]),
    "type_of_eom": ("eom @page.txt 2 TIM", ["eom @page.txt 2 HVMSG_TIMER_EXPIRED"]),
    "no_slot_of_eom": ("eom @page.txt ", []),
    "help_with_a_name": ("help sim", ["help simp"]),
    "find": ("find sim", ["find simp"]),
    "register_to_read": ("live sim", ["live simp"]),
    "another_register_to_read": ("live simp sint1", ["live simp sint1"]),
    "option": ("decode --a", ["decode --arch"]),
    "option_at_a_dash": ("annotate -", ["annotate --only", "annotate --full", "annotate --arch", "annotate --format"]),
    "option_of_another_command": ("decode --on", []),
    "option_of_the_program": ("decode --vi", []),
    "option_that_is_given": ("decode --arch x64 --a", []),
    "option_that_is_given_by_its_letter": ("show simp -f json --fo", []),
    "option_that_is_given_with_its_word": ("show simp --format=json --fo", []),
    "option_without_a_command": ("sint2 vector=1 --out", ["sint2 vector=1 --output"]),
    "option_before_a_command": ("--ar", ["--arch"]),
    "option_of_a_word_of_the_shell": ("set -", []),
    "no_option_behind_two_dashes": ("decode sint2 -- --a", []),
    "flag_takes_no_word": ("show --strict sim", ["show --strict simp"]),
    "option_value_behind_equals": ("show simp --format=j", ["show simp --format=json"]),
    "option_words": ("decode --words ", [f"decode --words {size}" for size in (1, 2, 4, 8, 16)]),
    "option_color": ("decode --color a", ["decode --color auto", "decode --color always"]),
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
        ("HVCALL_POST_M", "HVCALL_POST_MESSAGE", "0x005C", "send a message to the port of a connection"),
        ("enc", "encode", "", "Build a value from fields."),
        ("encode guest-id os_type=li", "Linux", "0x1", ""),
        ("encode sint2 vec", "vector=", "", "x64: interrupt vector; arm64: GIC interrupt id"),
        ("encode guest-id ker", "kernel=", "", "sets version, open_source, os_type"),
        ("0x40000084", "0x40000084", "", "msr HV_X64_MSR_EOM: end of message"),
        ("0x40000082", "0x40000082", "", "msr HV_X64_MSR_SIEFP · cpuid HYPERV_CPUID_VIRT_STACK_PROPERTIES"),
        ("msr 0x40000082", "0x40000082", "", "HV_X64_MSR_SIEFP: SynIC event flags page"),
        ("annotate --on", "--only", "", "print only the lines in which something was found"),
        ("list ms", "msr", "", "synthetic MSRs"),
    ],
)
def test_number_and_title_are_next_to_a_candidate(before: str, text: str, number: str, title: str) -> None:
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


def test_every_option_of_a_command_is_offered_with_its_help() -> None:
    for command in COMMANDS:
        offered = {one.text: (one.title, one.follows) for one in completer().complete(f"{command.name} --")}
        assert offered == {option.names[-1]: (option.help, option.metavar) for option in (*command.options, *SHARED, HELP)}


HAND = [("_", "0x200f3", "sint2"), ("_1", "0xfa1001", "simp"), ("mine", "0x30", "sint2")]


def with_hand(before: str, *, is_asked: bool = True) -> list[str]:
    """The offers when there are values in hand; `let` and `save` are words of the shell."""
    made = Completer(
        completer().catalog, [*shell_commands(), ("let", "Keep a value."), ("save", "Write the lines.")], lambda: "6.6.87-test"
    )
    vars(made).update({name: getattr(completer(), name) for name in ("names", "keys", "numbers")})
    hand = [Held(name, found(what), value) for name, value, what in HAND]
    return [one.text for one in made.complete(before, hand, is_asked=is_asked)]


# Text before the cursor → the values in hand and the other offers that come first.
IN_HAND = {
    "values": ("decode sint2 ", ["_", "_1", "mine"]),
    "behind_a_name": ("simp _", ["_", "_1"]),
    "by_its_own_name": ("sint2 mi", ["mine"]),
    "as_what": ("decode _", ["_", "_1"]),
    "first": ("min", ["mine"]),
    "second_of_a_diff": ("diff sint2 1 _", ["_", "_1"]),
    "of_a_check": ("check simp _1", ["_1"]),
    "crash": ("crash ", ["_", "_1", "mine"]),
    "let": ("let x = _", ["_", "_1"]),
    "name_of_let": ("let x", []),
    "page": ("eom _", ["_", "_1"]),
    "fields_of_one": ("_1 simp_e", ["simp_enabled="]),
    "fields_of_the_last": ("set vec", ["vector="]),
    "fields_of_a_named_one": ("encode mine vec", ["vector="]),
}


@pytest.mark.parametrize(("before", "expected"), IN_HAND.values(), ids=IN_HAND)
def test_values_in_hand_are_offered_where_a_value_may_be(before: str, expected: list[str]) -> None:
    assert with_hand(before)[: len(expected)] == expected


@pytest.mark.parametrize("before", ["decode sint2 ", "crash ", "decode page ", "0x", "0x4"])
def test_what_would_be_in_the_way_is_offered_only_when_asked_for(before: str) -> None:
    assert with_hand(before, is_asked=False) == []
    assert with_hand(before)


def test_files_are_offered_after_the_name_of_a_struct_with_its_fields(folder: Path) -> None:
    assert folder.is_dir()
    offered = with_hand("page ", is_asked=False)
    assert [one for one in offered if one.startswith("@")] == ["@a\\ b/", "@dumps/", "@odd/", "@page.bin", "@page.txt"]
    assert "slots=" in offered


def test_of_many_values_in_hand_only_the_last_are_offered_to_who_has_typed_nothing() -> None:
    hand = [Held(f"_{number}", found("sint2"), "0x30") for number in range(200, 0, -1)]
    offered = [one.text for one in completer().complete("decode sint2 ", hand)]
    assert offered == [f"_{number}" for number in range(200, 190, -1)]
    assert len(completer().complete("decode sint2 _", hand)) == MOST


# Typed letters → names with these letters and others between, the closest first.
SCATTERED = {
    "letters_of_words": ("vpassi", "vp-assist"),
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


@sampled
def test_a_name_is_offered_for_itself_before_all_others() -> None:
    for name in completer().names[:: amount(11, 1)]:
        if not name.text[0].isdigit() and name.text not in command_names():
            assert name.text in whole(f"show {name.text}")[0].split()[1:]


def test_a_canonical_name_comes_before_its_other_spellings() -> None:
    candidates = whole("sint2")
    assert candidates.index("sint2") < candidates.index("HV_X64_MSR_SINT2") < candidates.index("HvRegisterSint2")


@pytest.mark.parametrize("text", ["vpassist", "registervp", "regassist"])
def test_names_of_another_interface_come_after_hyper_vs_own(text: str) -> None:
    candidates = whole(text)
    assert candidates.index("HvRegisterVpAssistPage") < candidates.index("WHvRegisterVpAssistPage")


def test_there_are_never_more_candidates_than_somebody_reads() -> None:
    assert len(completer().complete("show ")) == MOST


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("dumps", "a b", "odd"):
        (tmp_path / name).mkdir()
    for name in ("page.txt", "page.bin", "dumps/one.txt", ".hidden", "a b/page's (1).txt"):
        (tmp_path / name).touch()
    for name in ("#a|b>c", "-x", "new\nline", "$(d)", "~tilde", "e#"):
        (tmp_path / "odd" / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "dumps"))
    return tmp_path


FILES = {
    "all": (
        "decode page @",
        ["decode page @a\\ b/", "decode page @dumps/", "decode page @odd/", "decode page @page.bin", "decode page @page.txt"],
    ),
    "begun": ("decode page @pa", ["decode page @page.bin", "decode page @page.txt"]),
    "only_with_an_at": ("decode page pag", ["decode page @page.bin", "decode page @page.txt"]),
    "in_a_folder_without_an_at": ("page dumps/o", ["page @dumps/one.txt"]),
    "not_of_a_register": ("decode simp pag", []),
    "annotate": ("annotate pag", ["annotate page.bin", "annotate page.txt"]),
    "annotate_more": ("annotate page.txt --only dum", ["annotate page.txt --only dumps/"]),
    "scan_more": ("scan page.bin pag", ["scan page.bin page.bin", "scan page.bin page.txt"]),
    "one_for_cpuid": ("cpuid page.txt pag", []),
    "eom": ("eom pag", ["eom page.bin", "eom page.txt"]),
    "eom_with_an_at": ("eom @pag", ["eom @page.bin", "eom @page.txt"]),
    "eom_output": ("eom @page.bin 2 -o pa", ["eom @page.bin 2 -o page.bin", "eom @page.bin 2 -o page.txt"]),
    "two_cpuid_dumps": ("diff cpuid page.txt page.b", ["diff cpuid page.txt page.bin"]),
    "a_cpuid_dump_to_check": ("check cpuid page.t", ["check cpuid page.txt"]),
    "a_flag_to_check": ("check cpuid page.txt hv_tlb", [f"check cpuid page.txt hv-tlbflush{end}=" for end in ("", "-direct", "-ext")]),
    "a_form_of_flags": ("cpuid page.txt --flags l", ["cpuid page.txt --flags libvirt"]),
    "a_flag_by_its_name": ("show hv-tlbflush-d", ["show hv-tlbflush-direct"]),
    "only_folders_for_specs": ("list --specs ", ["list --specs a\\ b/", "list --specs dumps/", "list --specs odd/"]),
    "output_behind_equals": ("encode simp --output=pa", ["encode simp --output=page.bin", "encode simp --output=page.txt"]),
    "odd_names": ("scan odd/", ["scan odd/#a|b>c", "scan odd/$\\(d\\)", "scan odd/-x", "scan odd/e#", "scan odd/~tilde"]),
    "odd_name_for_the_system": ("!cat odd/$", ["!cat odd/\\$\\(d\\)"]),
    "odd_name_for_the_system_behind_a_backslash": ("!cat odd/\\$", ["!cat odd/\\$\\(d\\)"]),
    "odd_name_for_a_pipe": ("list | tee odd/", [f"list | tee odd/{name}" for name in (r"\#a\|b\>c", r"\$\(d\)", "-x", r"e\#", "~tilde")]),
    "home": ("scan ~/o", ["scan ~/one.txt"]),
    "home_behind_an_at": ("page @~/o", ["page @~/one.txt"]),
    "comment": ("sint2 1 # pag", []),
    "redirection_in_parentheses": ("sint2 (1 > pa", []),
    "no_second_redirection": ("list > page.txt pa", []),
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


def test_a_name_that_an_operator_or_an_option_begins_with_is_offered_so_that_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "odd")
    offered = whole("scan ")
    assert offered == ["scan \\#a|b>c", "scan $\\(d\\)", "scan ./-x", "scan e#", "scan ~tilde"]
    assert [parse_line(line).words[1] for line in offered] == ["#a|b>c", "$(d)", "./-x", "e#", "~tilde"]
