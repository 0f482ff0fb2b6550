"""Chooses the fields of a layout that apply, given the values of the fields that its variants switch on. Does not know bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import Field, Layout, Spec, context_of, space_of, to_key
from hvrepl.catalog.parse_specs import PlaceError, parse_range
from hvrepl.catalog.paths import find_switch
from hvrepl.errors import NotFoundError
from hvrepl.record import record, replace

ValueOf = Callable[[Field], int]


def bits_of(number: int, field: Field) -> int:
    return number >> field.lsb & (1 << field.width) - 1


def pick_case(field: Field, value: int | str | None, switch: Field | None, catalog: Catalog) -> str | None:
    """The name of the case for a switch's value: by number, range, enumerator, then `other`."""
    if not isinstance(field.cases, Mapping):
        return None
    names: frozenset[str] | None = None
    for key, target in field.cases.items():
        if key == "other" or value is None:
            continue
        limits = read_range(key)
        if limits is not None and isinstance(value, int):
            if limits[0] <= value <= limits[1]:
                return target
            continue
        if names is None:  # once for all cases, as there may be many
            names = names_of(value, field.cases, switch, catalog)
        if to_key(key) in names:
            return target
    return field.cases.get("other")


def names_of(value: int | str, cases: Mapping[str, str], switch: Field | None, catalog: Catalog) -> frozenset[str]:
    """The names of a switch's value, as keys: those of its enumerators, or in a space those of the cases with that value."""
    if isinstance(value, str):
        return frozenset((to_key(value),))
    if switch is None:
        return frozenset()
    if space_of(switch.type):
        named = (key for key in cases if read_range(key) is None and key != "other")
        return frozenset(to_key(key) for key in named if enumerator_value(key, switch, catalog) == value)
    found = (one for one in catalog.enumerators(switch) if one.low == value)
    return frozenset(to_key(name) for one in found for name in (one.name, *one.also))


@lru_cache(maxsize=4096)
def read_range(text: str) -> tuple[int, int] | None:
    """A number or range as a spec writes it; None for an enumerator's name."""
    try:
        return parse_range(text)
    except PlaceError:
        return None


def enumerator_value(text: str, field: Field, catalog: Catalog) -> int | None:
    """The value of an enumerator in a field, by name or alias."""
    key = to_key(text)
    if space := space_of(field.type):
        own = (one for one in field.values if key == to_key(one.name))
        first = next(own, None)
        if first:
            return first.low
        return number_in(space, text, catalog)
    names = ((to_key(name), one.low) for one in catalog.enumerators(field) for name in (one.name, *one.also))
    return next((low for name, low in names if name == key), None)


def number_in(space: str, name: str, catalog: Catalog) -> int | None:
    """The number of a name in one space: not its main number, such as the MSR of a register on x64."""
    try:
        found = catalog.find_name(name, space)
    except NotFoundError:
        return None
    return next((one.number(found.element) for one in found.spec.addresses if one.space == space), None)


@record
class Word:
    """The fields of a word that apply, low to high, and the layouts that contain them, outermost first.

    `choices` are the variants with a switch, each with the field that it switches on, in the order of their appearance.
    """

    fields: list[Field]
    layouts: list[Layout]
    choices: list[tuple[Field, Field]]


class Words:
    """Caches the words of one catalogue: the same object for the same layout and the same bits of its switches.

    The records are shared, so they must not be changed.
    """

    most = 1 << 12  # words of one layout

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._kept: dict[Layout, tuple[int, dict[int, Word]]] = {}

    def of(self, spec: Spec, layout: Layout, number: int, context: Mapping[str, str]) -> Word:
        """The word of a number, as from expand_word."""
        if context:
            return expand_word(spec, layout, partial(bits_of, number), self.catalog, context)
        if layout not in self._kept:
            self._kept[layout] = switch_mask(spec, layout), {}
        mask, words = self._kept[layout]
        word = words.get(number & mask)
        if word is None:
            if len(words) >= self.most:
                words.clear()
            word = words[number & mask] = expand_word(spec, layout, partial(bits_of, number), self.catalog, context)
        return word


def switch_mask(spec: Spec, layout: Layout) -> int:
    """The bits of a word that can determine which variants apply."""
    fields = [field for one in (layout, *spec.cases.values()) for field in one.fields]
    switches = {field.switch for field in fields}
    mask = 0
    for field in fields:
        if field.name in switches:
            mask |= (1 << field.width) - 1 << field.lsb
    return mask


def expand_word(spec: Spec, layout: Layout, value_of: ValueOf, catalog: Catalog, context: Mapping[str, str]) -> Word:
    """The word with the variants that the values of their switches pick."""
    word = Word([], [layout], [])
    word.fields.extend(expand(spec, (layout,), value_of, catalog, context, word))
    return word


def expand(
    spec: Spec,
    scopes: tuple[Layout, ...],
    value_of: ValueOf,
    catalog: Catalog,
    context: Mapping[str, str],
    word: Word,
) -> Iterator[Field]:
    """The fields of scopes[0]; the layouts around it follow it. Choices and entered layouts are noted in `word`."""
    for field in scopes[0].fields:
        target = None
        if name := context_of(field.switch):
            target = pick_case(field, context.get(name), None, catalog)
        elif field.switch:
            switch = next(f for scope in scopes for f in scope.fields if f.name == field.switch)
            word.choices.append((field, switch))
            target = pick_case(field, value_of(switch), switch, catalog)
        case = spec.case(target) if target else None
        if case:
            word.layouts.append(case)
            yield from expand(spec, (case, *scopes), value_of, catalog, context, word)
        elif target:
            yield replace(field, type=target, switch="", cases="")
        else:
            yield field


def pick_spec(spec: Spec, layout: Layout, field: Field, catalog: Catalog, value: int | str | None) -> Spec | None:
    """The result of a field's switch with a value: a case of this file, or a spec."""
    if isinstance(field.cases, str):
        return catalog.case_of(space_of(field.cases), value) if isinstance(value, int) else None
    target = pick_case(field, value, switch_of(spec, layout, field, catalog), catalog)
    return case_spec(spec, target, catalog) if target else None


def switch_of(spec: Spec, layout: Layout, field: Field, catalog: Catalog) -> Field | None:
    """The field whose value picks a field's case, if it is in this file: its enumerators can be names of cases."""
    return find_switch(spec, layout, field, lambda _, one: catalog.type(one.type))


def case_spec(spec: Spec, target: str, catalog: Catalog) -> Spec | None:
    """A case of this file as a spec of its own, or the spec that it names."""
    layout = spec.case(target)
    if layout is None:
        return catalog.type(target)
    return replace(spec, name=target, layout=layout, kind="struct", size=None, head=None, width=0, addresses=(), output=None)
