"""Completes the text before the cursor: commands, names, numbers, fields, enumerators, options, files. Pure except for the files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.model import FLAG, Field, Layout, to_key
from hvrepl.commands.inputs.register_value import lowest_fields
from hvrepl.commands.table import ENTRIES
from hvrepl.patterns import regex
from hvrepl.record import record, replace
from hvrepl.script.argv import ASKING
from hvrepl.script.candidates import Candidate, explained, files, matching, options, words_of
from hvrepl.script.interpret import SPACES, TAKES_WHAT
from hvrepl.script.lexicon import Held, Lexicon, Thing
from hvrepl.script.lines import quote, quote_for_shell, split_operator, split_typed, unquote
from hvrepl.script.option_words import CHOICES, END, awaits, positional
from hvrepl.script.rank import HEX_BEGUN, MOST, begun, rank
from hvrepl.script.shell_words import SHELL_WORDS

LONGEST = 2000  # characters of a line that a person types
FEW = 10  # values in hand that are offered before anything of a name is typed
FEWEST_DIGITS = 3  # typed digits of a number that is offered without Tab
TAKES_FIELDS = ("encode", "check", "set")
TAKES_VALUES = ("decode", "diff")
TAKES_HAND = ("decode", "encode", "diff", "check", "crash", "let")  # commands with a value after their first word
DUMPS = {"diff": "two CPUID dumps or guest configurations", "check": "a CPUID dump or a guest's configuration"}  # the files after cpuid
TYPE_PLACE = 2  # place among eom's words
OPERATORS = ("=", "!=", "<", "<=", ">", ">=")  # for check
CONDITION = regex(r"([\w.\[\]]+)([!<>]?)")  # a field, and the beginning of an operator
HEX_BYTES = regex(r"(?:0[xX])?[0-9a-fA-F`]*")

Quote = Callable[[str], str]


@record
class Typed:
    """The text before the cursor: all words but the last, those of them that are not options, and the last one. `is_asked`: by Tab, not
    only by typing."""

    all: list[str]
    words: list[str]
    current: str
    hand: Sequence[Held]
    is_asked: bool


class Completer(Lexicon):
    """Completes for one catalogue. `kernel` gives the version of the running one."""

    def __init__(self, catalog: Catalog, commands: Sequence[tuple[str, str]], kernel: Callable[[], str]) -> None:
        super().__init__(catalog, commands)
        self.kernel = kernel

    @cached_property
    def topics(self) -> Sequence[tuple[str, str]]:
        """(word, sentence) of everything that help explains, except names."""
        from hvrepl.script.topics import all_topics  # only for the key that needs it

        return all_topics()

    def complete(self, before: str, hand: Sequence[Held] = (), quote: Quote = quote, *, is_asked: bool = True) -> list[Candidate]:
        """The candidates for the text before the cursor, best first; `_` of `hand` is the thing that `set` changes.

        `quote` turns a word into text to type; `before` is typed text too.
        """
        if "\n" in before or len(before) > LONGEST:
            return []
        _, operator, behind = split_operator(before)
        words, typed = split_typed(behind if operator else before)
        current = unquote(typed)
        if operator:
            found, quote = reach_out(operator, words, current), quote if operator.startswith(">") else quote_for_shell
        else:
            found = self._candidates(Typed(words, join_space(positional(words)), current, hand, is_asked), before)
        return [as_typed(one, current, typed, quote) for one in islice(found, MOST)]

    def _candidates(self, typed: Typed, before: str) -> Iterator[Candidate]:
        words, current = typed.words, typed.current
        option = awaits(typed.all[-1]) if typed.all and END not in typed.all else None
        is_shell_word = bool(words) and words[0] in self.command_names and words[0] not in ENTRIES
        if option:
            yield from words_of(option, current)
        elif current.startswith("@"):
            yield from files(current[1:])
        elif current.startswith("-"):
            yield from () if is_shell_word else options(typed.all, words[0] if words else "", current)
        elif not words:
            yield from explained([(name, title) for name, title in self.commands if title], current)
            yield from self._what(typed)
        elif words[0] in self.command_names:
            yield from self._of_command(typed)
        else:
            yield from self._of_name(typed, before)

    def _of_command(self, typed: Typed) -> Iterator[Candidate]:
        command, *words = typed.words
        current = typed.current
        usage = (ENTRIES[command] if command in ENTRIES else SHELL_WORDS[command]).usage
        is_number = command == "cpuid" and HEX_BEGUN.fullmatch(current)
        is_dump = (command == "diff" and words[:1] == ["cpuid"]) or (command == "check" and words == ["cpuid"])
        if command == "check" and words[:1] == ["cpuid"] and len(words) > 1:
            yield from self._flags(current)
        elif is_dump or (takes_file(usage, len(words)) and not is_number):
            yield from files(current)
        elif command in TAKES_WHAT and not words:
            yield from explained([("cpuid", DUMPS[command])] if command in DUMPS else (), current)
            yield from self._what(typed)
        elif command in TAKES_WHAT and len(words) == 1 and words[0].lower() in SPACES and HEX_BEGUN.fullmatch(current):
            yield from self._numbers(current, words[0].lower(), is_asked=True)
        elif command in (*TAKES_FIELDS, *TAKES_VALUES):
            yield from self._of_thing(command, self._thing(command, typed), typed)
        elif command == "eom":
            yield from self._of_eom(typed)
        elif command == "crash" or (command == "let" and len(words) > 1):
            yield from in_hand(typed)
        else:
            yield from self._of_word(command, typed)

    def _flags(self, current: str) -> Iterator[Candidate]:
        """QEMU's flags, as conditions of `check cpuid`."""
        flags = [one for one in self.entries if one.kind == FLAG and to_key(one.name).startswith(to_key(current))]
        return (Candidate(f"{one.name}=", len(current), title=one.title) for one in flags)

    def _of_word(self, command: str, typed: Typed) -> Iterator[Candidate]:
        """After a command that takes one word, or names."""
        current, is_first = typed.current, len(typed.words) == 1
        if command == "live":
            is_number = HEX_BEGUN.fullmatch(current)
            yield from self._numbers(current, "msr", is_asked=typed.is_asked) if is_number else self._names(typed)
        elif command == "web":
            yield from self._names(typed) if current and is_first else ()
        elif command == "columns":
            _, equals, what = current.rpartition("=")
            yield from self._names(replace(typed, current=what)) if equals else files(current)
        elif command == "cpuid" and is_first:
            yield from self._numbers(current, "cpuid", is_asked=True)
        elif command in ASKING and is_first:
            yield from explained(self.topics, current)
            yield from self._names(typed) if current else ()
        elif command == "find" and is_first:
            yield from self._names(typed) if current else ()
        elif command == "list" and is_first:
            titles = {space.name: space.title for space in self.catalog.spaces.values()}
            yield from explained(((group, titles.get(group, "")) for group in self.catalog.groups() if group != current), current)
        elif command in ("arch", "format") and is_first:
            yield from matching(CHOICES[command](), current)

    def _of_eom(self, typed: Typed) -> Iterator[Candidate]:
        """PAGE SLOT [TYPE]"""
        place = len(typed.words) - 1
        if not place:
            yield from in_hand(typed)
            yield from files(typed.current)
        elif place == TYPE_PLACE:
            from hvrepl.analysis.eom import HEADER, TYPE  # only for the key that needs it

            header = self.find(HEADER)
            yield from self._enumerators(self.fields_at(TYPE, *header), typed.current) if header else ()

    def _of_name(self, typed: Typed, before: str) -> Iterator[Candidate]:
        """After NAME its fields and values; after anything that is not a complete name, names with all these words: x64 sint."""
        first = typed.words[0]
        thing = self._thing("", typed)
        if thing:
            yield from self._of_thing("", thing, typed)
        elif first.lower() in SPACES and len(typed.words) == 1:
            yield from self._numbers(typed.current, first.lower(), is_asked=True)
        elif first not in [held.name for held in typed.hand] and first != "_":
            yield from self._names(replace(typed, current=before.lstrip()))

    def _thing(self, command: str, typed: Typed) -> Thing | None:
        """The thing that the following fields and values belong to."""
        what = "_" if command == "set" else typed.words[1] if command else typed.words[0]
        return self.find_held(what, typed.hand) or self.find(what)

    def _of_thing(self, command: str, thing: Thing | None, typed: Typed) -> Iterator[Candidate]:
        current = typed.current
        if command in (*TAKES_HAND, ""):
            yield from in_hand(typed)
        if thing is None or thing[1] is None:
            return
        found, layout = thing
        if command not in TAKES_VALUES:
            yield from self._fields(found, layout, typed, is_check=command == "check")
        if command not in TAKES_FIELDS and current and "=" not in current:
            yield from self._enumerators(lowest_fields(found.spec, layout), current)
        # After a name alone, its fields are offered without Tab, and would hide a file that Tab asks for.
        is_free = typed.is_asked or not HEX_BYTES.fullmatch(current) or not (command or current)
        if command != "set" and is_free and "=" not in current and not found.spec.width:
            yield from files(current, "@")

    def _what(self, typed: Typed) -> Iterator[Candidate]:
        """WHAT: a name, a number, or a value in hand."""
        yield from in_hand(typed) if typed.current else ()
        yield from self._names(typed)

    def _names(self, typed: Typed) -> Iterator[Candidate]:
        """Names for a text, or things for the beginning of a number."""
        text = typed.current
        space, colon, rest = text.rpartition(":")
        if (colon and space.lower() not in self.catalog.spaces) or rest.startswith("("):
            return
        if rest[:1].isdigit():
            yield from self._numbers(rest, space.lower(), is_asked=typed.is_asked)
            return
        names = [name for name in self.names if name.space == space.lower()] if colon else self.names
        for name in rank(names, to_key(rest)):
            yield Candidate(space + colon + name.text, len(text), name.number, name.title)

    def _numbers(self, text: str, space: str, *, is_asked: bool) -> Iterator[Candidate]:
        """The numbers that begin like the text, in a space or in those for bare numbers; each with the things that have it."""
        if not is_asked and len(text) < len("0x") + FEWEST_DIGITS:
            return
        bare = [one.name for one in self.catalog.bare_spaces()]
        numbers = [number for number in self.numbers if number.space == space or (not space and number.space in bare)]
        for number, (first, *others) in begun(numbers, text).items():
            called = [one.name if space else f"{one.space} {one.name}" for one in (first, *others)]
            title = " · ".join(called) if others else ": ".join(part for part in (called[0], first.title) if part)
            yield Candidate(number, len(text), title=title)

    def _fields(self, found: Found, layout: Layout | None, typed: Typed, *, is_check: bool) -> Iterator[Candidate]:
        current = typed.current
        path, equals, text = current.partition("=")
        if equals:
            yield from self._values(found, layout, path.rstrip("!<>"), text)
            return
        condition = CONDITION.fullmatch(current) if is_check else None
        if condition and self.fields_at(condition[1], found, layout):
            yield from matching((condition[1] + operator for operator in OPERATORS), current)
            return
        done = {word.partition("=")[0] for word in typed.words if "=" in word}
        names = [(name, here[0].doc, here[0].also) for name, here in self.paths(found, layout).items() if not here[0].reserved]
        names += [(shorthand.name, f"sets {', '.join((shorthand.field, *shorthand.sets))}", ()) for shorthand in found.spec.shorthands]
        wanted = to_key(path)
        hits = [(name, doc) for name, doc, also in names if name not in done and any(wanted in to_key(text) for text in (name, *also))]
        last_part = {name: name.lower().rpartition(".")[2] for name, _ in hits}
        for name, title in sorted(hits, key=lambda hit: (not hit[0].lower().startswith(wanted), not last_part[hit[0]].startswith(wanted))):
            yield Candidate(f"{name}=", len(current), title=title)

    def _values(self, found: Found, layout: Layout | None, path: str, text: str) -> Iterator[Candidate]:
        if found.spec.shorthand(path):
            yield from matching([self.kernel()], text)
            return
        yield from self._enumerators(self.fields_at(path, found, layout), text)

    def _enumerators(self, fields: Sequence[Field], text: str) -> Iterator[Candidate]:
        found = {one.name: one for field in fields for one in self.catalog.enumerators(field)}
        for one in found.values():
            name = one.name if re.fullmatch(r"[\w.-]+", one.name) else f"{one.low:#x}"
            if to_key(text) in to_key(name) or to_key(text) in to_key(one.name):
                yield Candidate(name, len(text), f"{one.low:#x}", one.name if name != one.name else one.doc)


def as_typed(found: Candidate, current: str, typed: str, quote: Quote) -> Candidate:
    """A candidate in the form to type; if the word has quotes or backslashes, it replaces the whole word."""
    if current == typed:
        return replace(found, text=quote(found.text))
    return replace(found, text=quote(current[: len(current) - found.length] + found.text), length=len(typed))


def join_space(words: list[str]) -> list[str]:
    """`msr 0x40000082` as the one word msr:0x40000082, as in interpret."""
    at = 1 if words[:1] and words[0] in TAKES_WHAT else 0
    if len(words) > at + 1 and words[at].lower() in SPACES and HEX_BEGUN.fullmatch(words[at + 1]):
        return [*words[:at], f"{words[at]}:{words[at + 1]}", *words[at + 2 :]]
    return words


def takes_file(usage: str, place: int) -> bool:
    """Whether a file can be at a place of a command's words: [FILE], FILE..., FILE COLUMN=WHAT."""
    words = [word.strip("[]") for word in usage.split()]
    word = words[place] if place < len(words) else words[-1] if words and words[-1].endswith("...") else ""
    return word.removesuffix("...") == "FILE"


def in_hand(typed: Typed) -> Iterator[Candidate]:
    """The values in hand, if one can be here: after the beginning of their name, or on Tab."""
    current = typed.current
    if current or typed.is_asked:
        hand = [one for one in typed.hand if one.name.startswith(current)][: None if current else FEW]
        yield from (Candidate(one.name, len(current), one.value, one.found.called if one.found else "") for one in hand)


def reach_out(operator: str, words: list[str], current: str) -> Iterator[Candidate]:
    """Files for a system command, and the one after > or >>."""
    if operator in (">", ">>"):
        return iter(()) if words else files(current)
    return files(current) if words and operator in ("!", "|") else iter(())
