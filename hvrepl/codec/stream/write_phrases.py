"""The sentences of phrases.py and field_findings.py for a tree → fragments that write them for any bits. Follows their rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from hvrepl.catalog.catalog import Catalog
from hvrepl.codec.decode import write_number
from hvrepl.codec.decoded import Decoded
from hvrepl.codec.meanings import MEANINGS, say
from hvrepl.codec.phrases import (
    GUARD,
    PLACEHOLDER,
    SHOWN_DIGITS,
    SHOWN_ELEMENTS,
    count_elements,
    names_enumeration,
    placeholder,
    write_value,
)
from hvrepl.codec.stream.fragments import NAME, Code, Fragment, Memo, escape, in_hex, joined, literal, looked_up, mask_of, tabled, write
from hvrepl.codec.stream.locate import LocatedTree, Spot, UnlocatedError
from hvrepl.patterns import regex
from hvrepl.record import field, mutable, replace

Condition = tuple[int, Callable[[Code], str]]  # the bits that it depends on, and the source of an expression
FORMS = {"d": "", "x": ":#x", "X": ":X"}
ALWAYS = "True"
UNTITLED = regex(r"\{[^}]*\}")


@mutable
class Phrases:
    """The sentences about the nodes of a located tree."""

    tree: LocatedTree
    catalog: Catalog
    _summaries: dict[int, Fragment] = field(default_factory=dict)
    _parts: dict[int, Fragment] = field(default_factory=dict)
    _forms: dict[str, Memo] = field(default_factory=dict)

    def summary(self, node: Decoded) -> Fragment:
        """The phrases of a node, each with `, ` in front."""
        if id(node) not in self._summaries:
            layouts = self.tree.layouts.get(id(node), ())
            if all(layout.summary is None for layout in layouts):
                fragments = list(self._default(node)) if layouts else []
            else:
                fragments = [fragment for layout in layouts for phrase in layout.summary or () for fragment in self._phrase(phrase, node)]
            self._summaries[id(node)] = joined(tabled(fragments, self.tree.structs))
        return self._summaries[id(node)]

    def has_meaning(self, spot: Spot) -> bool:
        return bool(spot.field.show) or self.catalog.has_enumerators(spot.field)

    def meaning(self, spot: Spot, value: int) -> tuple[str, bool]:
        """(words, whether an enumerator gave them)."""
        name = self.catalog.enumerator(spot.field, value) if self.catalog.has_enumerators(spot.field) else ""
        return (name, True) if name else (say(spot.field.show, value) if spot.field.show else "", False)

    def is_plain(self, spot: Spot) -> bool:
        """Whether there are always words, which JSON has as they are."""
        show = spot.field.show
        return show in MEANINGS and MEANINGS[show].is_plain and not self.catalog.has_enumerators(spot.field)

    def words_of(self, spot: Spot) -> Callable[[int], str]:
        """The function that gives the meaning of a number."""
        if self.catalog.has_enumerators(spot.field):
            return lambda value: self.meaning(spot, value)[0]
        show = spot.field.show
        return MEANINGS[show].say if show in MEANINGS else partial(say, show)

    def remake(self, node: Decoded, number: int) -> Decoded:
        """A leaf as it would be with another number."""
        spot = self.tree.spots[id(node)]
        meaning, named = self.meaning(spot, number)
        value = None if node.value is None else spot.value(number)
        return replace(node, raw=raw_text(node, spot, number), value=value, meaning=meaning, named=named)

    def _said_leaf(self, node: Decoded) -> Fragment:
        """The result of say_part for a leaf without a summary."""
        spot = self.spot(node)
        if self.is_plain(spot):
            return looked_up(spot.lsb, spot.width, self.words_of(spot))
        words = self.words_of(spot) if self.has_meaning(spot) else lambda _: ""
        return looked_up(spot.lsb, spot.width, lambda number: escape(words(number) or write_value(self.remake(node, number))))

    def spot(self, node: Decoded) -> Spot:
        if id(node) not in self.tree.spots:
            raise UnlocatedError(node.name)
        return self.tree.spots[id(node)]

    def bits_of(self, node: Decoded) -> tuple[int, int]:
        """(lsb, width) of everything that a node covers."""
        spot = self.tree.spots.get(id(node))
        if spot is None and (node.offset is None or node.size is None):
            raise UnlocatedError(node.name)
        return (spot.lsb, spot.width) if spot else (8 * (node.offset or 0), 8 * (node.size or 0))

    def _from_leaf(self, node: Decoded, make: Callable[[Decoded], str]) -> Fragment:
        """The result of a function for a leaf, cached by the leaf's number."""
        spot = self.spot(node)
        if self._summary_of(node):
            raise UnlocatedError(node.name)
        return looked_up(spot.lsb, spot.width, lambda number: escape(make(self.remake(node, number))))

    def _summary_of(self, node: Decoded) -> bool:
        return id(node) in self.tree.layouts

    def _value(self, node: Decoded) -> Condition:
        spot = self.spot(node)
        return mask_of(spot.lsb, spot.width), lambda code: value_of(spot, code)

    def _default(self, node: Decoded) -> Iterator[Fragment]:
        """As default_phrases: flags that are set, and fields with a meaning."""
        for one in reversed(node.fields) if node.fields and node.fields[0].bits else node.fields:
            spot = self.tree.spots.get(id(one))
            if spot is None or one.reserved or not one.name or one.name.startswith("["):
                continue
            if self.has_meaning(spot):
                yield looked_up(spot.lsb, spot.width, self._default_words(one))
            elif one.is_bit:
                yield chosen(self._value(one), literal(f", {one.name}"))

    def _default_words(self, one: Decoded) -> Callable[[int], str]:
        spot = self.tree.spots[id(one)]

        def words(number: int) -> str:
            meaning = self.meaning(spot, number)[0]
            return escape(f", {one.name} {meaning}" if meaning else f", {one.name}" if one.is_bit and number else "")

        return words

    def _phrase(self, phrase: str, node: Decoded) -> Iterator[Fragment]:
        guard = GUARD.fullmatch(phrase)
        if guard:
            yield from self._guarded(guard, node)
            return
        if any(node.find(path) is None for match in PLACEHOLDER.finditer(phrase) for path in match.group(4, 5) if path):
            return
        parts = list(self.filled(phrase, node))
        if UNTITLED.sub("", phrase):
            yield joined([literal(", "), *parts])
        elif parts:
            yield Fragment(joined(parts).mask, lambda code: write_unless_empty(parts, code))

    def _guarded(self, guard: re.Match[str], node: Decoded) -> Iterator[Fragment]:
        part = node.find(guard[2])
        inner = joined(list(self._phrase(guard[3], node)))
        if part is not None:
            yield chosen(self._said(part), inner, negate=guard[1] == "!")
        elif node.find(guard[2].partition(".")[0]) is not None or node.slots:
            raise UnlocatedError(guard[2])
        elif guard[1] == "!":
            yield inner

    def _said(self, part: Decoded) -> Condition:
        """As is_said: a number, bytes or an array that is not zero, a struct with a summary."""
        if self._summary_of(part):
            summary = self.summary(part)
            value = self._value(part) if part.value is not None else (0, lambda _: "0")
            return summary.mask | value[0], lambda code: said_or(summary, value[1](code), code)
        if part.value is None and part.kind:
            return 0, lambda _: "0"
        lsb, width = self.bits_of(part)
        return mask_of(lsb, width), lambda code: code.bits(lsb, width)

    def filled(self, text: str, node: Decoded) -> Iterator[Fragment]:
        """As fill_in: a text with its placeholders."""
        at = 0
        for match in PLACEHOLDER.finditer(text):
            yield literal(escape(text[at : match.start()]))
            yield self._placeholder(match, node)
            at = match.end()
        yield literal(escape(text[at:]))

    def _placeholder(self, match: re.Match[str], node: Decoded) -> Fragment:
        function, path, spec, first, second, form = match.groups()
        if function:
            if function == "used" or "." in path:
                raise UnlocatedError(match[0])
            return literal(str(count_elements(node, function, path)))
        part, minus = (None, None) if spec else (node.find(first), node.find(second) if second else None)
        if spec or part is None:
            return literal(escape(placeholder(match, node, self.catalog)))
        if form == "title" or names_enumeration(form):
            alone = PLACEHOLDER.fullmatch(f"{{x:{form}}}")
            assert alone
            return self._from_leaf(part, lambda leaf: placeholder(alone, Decoded(name="", fields=(replace(leaf, name="x"),)), self.catalog))
        if part.value is None or not form:
            return self._part(part)
        return self._number(part, minus, form)

    def _number(self, part: Decoded, minus: Decoded | None, form: str) -> Fragment:
        less = self._value(minus) if minus is not None and minus.value is not None else None
        mask, value = self._value(part)
        said = self._forms.setdefault(form, Memo(lambda number: escape(say(form, number))))

        def write_number_in(code: Code) -> str:
            number = code.let(f"{value(code)} - {less[1](code)}") if less else value(code)
            if form in FORMS:
                return ("0x" if form == "X" else "") + f"{{{number}{FORMS[form]}}}"
            return f"{{{code.bind(said)}[{number}]}}"

        return Fragment(mask | (less[0] if less else 0), write_number_in)

    def _part(self, part: Decoded) -> Fragment:
        """As say_part: its summary, meaning or number; for an array its first elements."""
        if id(part) not in self._parts:
            self._parts[id(part)] = self._say_part(part)
        return self._parts[id(part)]

    def _say_part(self, part: Decoded) -> Fragment:
        if part.fields and part.fields[0].name == "[0]":
            return self._array(part)
        spot = self.tree.spots.get(id(part))
        if self._summary_of(part):
            return self._summary_or(part, spot)
        if spot is None:
            shown = in_hex(part.offset or 0, min(len(part.raw), SHOWN_DIGITS) // 2) if part.raw else literal("")
            return joined([shown, literal("…" if len(part.raw) > SHOWN_DIGITS else "")])
        if self.has_meaning(spot) or len(part.raw) > SHOWN_DIGITS or part.value is None or spot.signed:
            return self._said_leaf(part)
        form = "" if part.is_bit or part.base == 10 else ":#x"
        return Fragment(mask_of(spot.lsb, spot.width), lambda code: f"{{{code.bits(spot.lsb, spot.width)}{form}}}")

    def _summary_or(self, part: Decoded, spot: Spot | None) -> Fragment:
        summary = self.summary(part)
        if spot is None:
            return Fragment(summary.mask, lambda code: unmarked(summary.write(code), ", ") or f"{{{code.text(summary)}[2:]}}")
        number = self._said_leaf(part)

        def write_either(code: Code) -> str:
            said, other = code.text(summary), number.write(code)[1:-1]
            return f"{{{code.let(f'{said}[2:] or {other}')}}}"

        return Fragment(summary.mask | number.mask, write_either)

    def _array(self, part: Decoded) -> Fragment:
        shown = part.fields[:SHOWN_ELEMENTS]
        if any(self._summary_of(one) or id(one) not in self.tree.spots or self.has_meaning(self.spot(one)) for one in shown):
            raise UnlocatedError(part.name)
        fragments = [fragment for one in shown for fragment in (literal(", "), self._part(one))][1:]
        more = len(part.fields) - len(shown)
        return joined([*fragments, literal(f" and {more} more" if more else "")])


def raw_text(node: Decoded, spot: Spot, number: int) -> str:
    return write_number(number, spot.width) if node.is_number else number.to_bytes(spot.width // 8, "little").hex()


def value_of(spot: Spot, code: Code) -> str:
    """The name of a variable with the value of a number, which may be negative."""
    bits = code.bits(spot.lsb, spot.width)
    half = 1 << spot.width - 1 if spot.width else 0
    return code.let(f"({bits} ^ {half:#x}) - {half:#x}") if spot.signed else bits


def unmarked(text: str, mark: str) -> str:
    """Part of an f-string without the mark that it always begins with; nothing if it begins with something else."""
    return text.removeprefix(mark) if text.startswith(mark) else ""


def said_or(summary: Fragment, value: str, code: Code) -> str:
    """The source of: there is a summary, or the value is not zero."""
    return ALWAYS if unmarked(summary.write(code), ", ") else f"({value} or {code.text(summary)})"


def write_unless_empty(fragments: list[Fragment], code: Code) -> str:
    text = write(fragments, code)
    if not text.startswith("{"):
        return f", {text}" if text else ""
    name = code.name_of(text)
    phrase = code.let(f"', ' + {name} if {name} else ''")
    return f"{{{phrase}}}"


def code_of(fragment: Fragment, code: Code) -> str:
    """The source of an expression for the text of a fragment."""
    text = fragment.write(code)
    return text[1:-1] if NAME.fullmatch(text) else f"f'{text}'"


def chosen(condition: Condition, fragment: Fragment, *, negate: bool = False) -> Fragment:
    """A fragment that appears only if a condition holds."""
    mask, expression = condition

    def write_chosen(code: Code) -> str:
        met = expression(code)
        if met == ALWAYS:
            return "" if negate else fragment.write(code)
        text = code_of(fragment, code)
        yes, no = ("''", text) if negate else (text, "''")
        return f"{{{code.let(f'{yes} if {met} else {no}')}}}"

    return Fragment(mask | fragment.mask, write_chosen)
