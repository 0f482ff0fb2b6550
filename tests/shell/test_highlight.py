"""The class of each word while it is typed, and words that must be wrong: a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.script.complete import Completer
from hvrepl.script.lexicon import Held
from hvrepl.script.shell_words import shell_commands
from hvrepl.shell.highlight import classify
from hvrepl.shell.prompt import STYLES
from tests.contrast import READS, contrast
from tests.script.test_complete import completer, found


def marks(text: str, *, done: bool = False, last: str = "") -> str:
    """The words that have a class, each with it."""
    pieces = classify(text, completer(), [Held("_", found(last), "0x1"), Held("_1", found("simp"), "0x2")] if last else [], done=done)
    return " ".join(f"{kind}:{piece}" for kind, piece in pieces if kind)


# An entered line → its words with their classes.
ENTERED = {
    "empty": ("", ""),
    "command": ("decode sint2 0x200f3", "command:decode name:sint2 number:0x200f3"),
    "name_with_value": ("sint2 0x200f3", "name:sint2 number:0x200f3"),
    "name": ("HvRegisterSint2", "name:HvRegisterSint2"),
    "name_in_any_spelling": ("hv-x64-MSR_sint2 1", "name:hv-x64-MSR_sint2 number:1"),
    "number": ("0x8100000606570000", "number:0x8100000606570000"),
    "number_as_name": ("decode 0x40000083 0xfa1001", "command:decode number:0x40000083 number:0xfa1001"),
    "space": ("msr:0x40000083 1", "number:msr:0x40000083 number:1"),
    "space_and_name": ("msr:simp 1", "name:msr:simp number:1"),
    "no_space": ("nosuch:simp 1", "error:nosuch:simp number:1"),
    "slot": ("page.2 @page.txt", "name:page.2"),
    "input": ("HVCALL_POST_MESSAGE.input 0", "name:HVCALL_POST_MESSAGE.input number:0"),
    "arithmetic": ("sint2 (1 << 17 | 0xf3)", "name:sint2 number:(1 << 17 | 0xf3)"),
    "windbg": ("simp 00000000`00fa1001", "name:simp number:00000000`00fa1001"),
    "last_value": ("diff sint2 _ 1", "command:diff name:sint2 number:_ number:1"),
    "last_value_alone": ("_", "number:_"),
    "equals": ("simp = 0xfa1001", "name:simp number:= number:0xfa1001"),
    "registers": ("sint2 eax=0x200f3 edx=0", "name:sint2 field:eax number:0x200f3 field:edx number:0"),
    "enumerator_as_value": ("status HV_STATUS_ACCESS_DENIED", "name:status value:HV_STATUS_ACCESS_DENIED"),
    "no_enumerator": ("status HV_STATUS_NOSUCH", "name:status error:HV_STATUS_NOSUCH"),
    "hex_bytes": ("message 10 00 0a", "name:message number:10 number:00 number:0a"),
    "no_name": ("nosuch 1", "error:nosuch number:1"),
    "no_name_behind_a_command": ("show nosuch", "command:show error:nosuch"),
    "no_number": ("sint2 zz", "name:sint2 error:zz"),
    "no_number_in_the_middle": ("diff sint2 zz 1", "command:diff name:sint2 error:zz number:1"),
    "field": ("encode sint2 vector=0xf3", "command:encode name:sint2 field:vector number:0xf3"),
    "field_of_a_name": ("sint2 vector=0xf3", "name:sint2 field:vector number:0xf3"),
    "field_by_its_path": ("encode message header.sender=1", "command:encode name:message field:header.sender number:1"),
    "field_by_its_last_part": ("encode message timer_index=1", "command:encode name:message field:timer_index number:1"),
    "field_of_an_element": ("encode page slots[2].header.sender=1", "command:encode name:page field:slots[2].header.sender number:1"),
    "no_field": ("encode sint2 vectr=0xf3", "command:encode name:sint2 error:vectr number:0xf3"),
    "field_that_must_differ": ("check sint2 1 masked!=1", "command:check name:sint2 number:1 field:masked! number:1"),
    "enumerator": ("encode guest-id os_type=linux", "command:encode name:guest-id field:os_type value:linux"),
    "no_enumerator_of_a_field": ("encode guest-id os_type=lynux", "command:encode name:guest-id field:os_type error:lynux"),
    "no_number_for_a_field": ("encode sint2 vector=zz", "command:encode name:sint2 field:vector error:zz"),
    "words_of_a_formatter": ("encode guest-id version=6.6.87", "command:encode name:guest-id field:version value:6.6.87"),
    "shorthand": ("encode guest-id kernel=6.6.87", "command:encode name:guest-id field:kernel value:6.6.87"),
    "arch": ("arch arm64", "command:arch value:arm64"),
    "no_arch": ("arch arm", "command:arch error:arm"),
    "format": ("format json", "command:format value:json"),
    "no_format": ("format jason", "command:format error:jason"),
    "list": ("list msr", "command:list value:msr"),
    "find": ("find auto eoi", "command:find"),
    "help": ("help decode", "command:help command:decode"),
    "question_mark": ("? decode", "command:? command:decode"),
    "leaving": ("\\q", "command:\\q"),
    "option": ("decode -f line sint2 1", "command:decode value:line name:sint2 number:1"),
    "option_behind": ("sint2 1 --arch arm64", "name:sint2 number:1 value:arm64"),
    "option_of_a_command": ("cpuid vm.xml --flags libvirt", "command:cpuid value:libvirt"),
    "no_value_of_a_commands_option": ("cpuid vm.xml --flags xen", "command:cpuid error:xen"),
    "style": ("sint2 1 --style github", "name:sint2 number:1 value:github"),
    "no_option_value": ("sint2 1 --arch arm", "name:sint2 number:1 error:arm"),
    "file": ("page @nosuch", "name:page"),
    "pipe": ("list msr | grep nosuch", "command:list value:msr"),
    "no_pipe_within_a_word": ("sint2 1|wc", "name:sint2 error:1|wc"),
    "pipe_joined_to_its_command": ("sint2 1 |wc", "name:sint2 number:1"),
    "comparison": ("check sint2 1 vector>=0x10", "command:check name:sint2 number:1 field:vector> number:0x10"),
    "space_before_a_number": ("msr 0x40000083 1", "name:msr number:0x40000083 number:1"),
    "name_with_equals": ("sint2=0x200f3", "name:sint2 number:0x200f3"),
    "name_with_a_colon": ("HV_X64_MSR_SIMP: 1", "name:HV_X64_MSR_SIMP number:1"),
    "nothing_with_equals": ("nosuch=1", "error:nosuch=1"),
    "another_word_for_an_arch": ("arch aarch64", "command:arch value:aarch64"),
    "redirection": ("sint2 1 > nosuch", "name:sint2 number:1"),
    "comment": ("sint2 1 # nosuch", "name:sint2 number:1"),
    "comment_alone": ("# nosuch", ""),
    "system_command": ("!ls nosuch", ""),
    "quotes": ("find 'nosuch thing'", "command:find"),
    "nul": ("nosuch\0 1", "error:nosuch\0 number:1"),
}


# A line in a session with two values in hand → its words with their classes.
IN_HAND = {
    "numbered": ("_1 simp_enabled=1", "number:_1 field:simp_enabled number:1"),
    "as_a_value": ("sint2 _1", "name:sint2 number:_1"),
    "in_arithmetic": ("sint2 (_ | _1)", "name:sint2 number:(_ | _1)"),
    "arithmetic_alone": ("(_1 & 0xff)", "number:(_1 & 0xff)"),
    "no_field_of_it": ("_1 vector=1", "number:_1 error:vector number:1"),
    "none": ("_7", "error:_7"),
}


@pytest.mark.parametrize(("text", "expected"), IN_HAND.values(), ids=IN_HAND)
def test_values_in_hand_are_numbers(text: str, expected: str) -> None:
    assert marks(text, done=True, last="sint2") == expected


@pytest.mark.parametrize(("text", "expected"), ENTERED.values(), ids=ENTERED)
def test_each_word_of_a_line_has_its_class(text: str, expected: str) -> None:
    assert marks(text, done=True) == expected


# A word that is still being typed → whether it is marked as wrong.
GROWING = {
    "name": ("sin", ""),
    "letters_of_a_name": ("gstid", ""),
    "no_name": ("qqqq", "error:qqqq"),
    "behind_a_command": ("decode si", "command:decode"),
    "number": ("0x", ""),
    "bare_hex": ("8100`0", ""),
    "arithmetic": ("(1 <<", ""),
    "field": ("encode sint2 vec", "command:encode name:sint2"),
    "enumerator": ("encode guest-id os_type=li", "command:encode name:guest-id field:os_type value:li"),
    "value": ("status HV_STATUS_ACC", "name:status"),
    "arch": ("arch ar", "command:arch"),
    "ended_by_a_blank": ("nosuc ", "error:nosuc"),
}


@pytest.mark.parametrize(("text", "expected"), GROWING.values(), ids=GROWING)
def test_a_word_that_may_still_become_right_is_not_marked(text: str, expected: str) -> None:
    assert marks(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set vector=1", "command:set field:vector number:1"),
        ("set vectr=1", "command:set error:vectr number:1"),
        ("set nosuch", "command:set error:nosuch"),
        ("_ masked=1", "number:_ field:masked number:1"),
        ("encode _ maskd=1", "command:encode number:_ error:maskd number:1"),
    ],
)
def test_set_and_underscore_are_about_the_last_value(text: str, expected: str) -> None:
    assert marks(text, done=True, last="sint2") == expected


def test_a_long_line_is_not_looked_at() -> None:
    text = "nosuch " * 20_000
    assert list(classify(text, completer())) == [("", text)]


@given(st.text() | st.text("sint2 0x=.:@'\"()|>#!_-\t", max_size=40), st.booleans())
def test_the_pieces_are_the_line(text: str, done: bool) -> None:
    assert "".join(piece for _, piece in classify(text, completer(), done=done)) == text


def test_before_the_names_are_read_a_name_is_known_and_a_beginning_is_not_marked() -> None:
    cold = Completer(completer().catalog, shell_commands(), str)
    assert next(iter(classify("sint2 ", cold))) == ("name", "sint2")
    assert list(classify("qzx", cold)) == [("", "qzx")]
    assert not cold.is_warm
    cold.warm_up()
    assert next(iter(classify("sint2 ", cold))) == ("name", "sint2")
    assert list(classify("qzx", cold)) == [("error", "qzx")]


GROUNDS = {
    "white": "ffffff",
    "black": "000000",
    "gnome": "171421",
    "windows_terminal": "0c0c0c",
    "solarized_light": "fdf6e3",
    "solarized": "002b36",
}


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_every_colour_reads_on_white_and_on_black(ground: str) -> None:
    colours = {kind: style.partition("#")[2][:6] for kind, style in STYLES.items() if "#" in style}
    assert len(colours) >= 5
    assert [kind for kind, colour in colours.items() if contrast(ground, colour) < READS] == []
    assert not any(f"ansi{name}" in style for style in STYLES.values() for name in ("cyan", "green", "yellow", "blue", "brightblack"))
