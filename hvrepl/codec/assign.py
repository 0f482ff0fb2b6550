"""FIELD=VALUE assignments → bytes. Works on the values that schema.py parses and builds, so that what is set is what is decoded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import Field, Layout, Spec
from hvrepl.catalog.read_specs import PlaceError, parse_range
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import join_path, split_path
from hvrepl.codec.meanings import MEANINGS
from hvrepl.codec.schema import Variant, case_spec, descend, join_word, split_word
from hvrepl.codec.variants import enumerator_value, expand_word
from hvrepl.errors import UsageError

MAX_ELEMENTS = 4096  # a page, the largest thing there is, holds no more of anything


@dataclass(frozen=True, slots=True)
class Assignment:
    """FIELD=VALUE as it was written; `number` is the value where the text is one."""

    path: str
    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A field that can be set now: its path, its definition, and the layout it stands in."""

    path: str
    field: Field


class Assigner:
    """Sets fields of one thing: those that pick a variant first, so that the variant's fields can be found."""

    def __init__(self, decoder: Decoder, found: Found, *, output: bool = False) -> None:
        layout = found.spec.output if output else found.spec.layout
        if layout is None:
            raise UsageError(f"{found.name} has no fields")
        self.decoder = decoder
        self.catalog = decoder.catalog
        self.schemas = decoder.schemas
        self.name = found.name
        self.spec = found.spec
        self.layout = layout
        self.given: dict[str, Assignment] = {}
        self.picked: set[tuple[str, int]] = set()

    def assign(self, data: bytes | None, assignments: Iterable[Assignment]) -> bytes:
        """The bytes with the fields set; from zero without bytes, and then with sizes and counts computed that are not assigned.

        UsageError for an unknown field or enumerator, a value that does not fit, or a field that is set twice.
        """
        pending = list(self._expand(assignments))
        values = self._parse(self._zero() if data is None else data)
        if data is None:
            self._open(values)
        while pending:
            values = self._parse(self._build(values))
            done = self._step(values, pending)
            pending = [one for one in pending if one is not done]
        if data is None:
            self._close(values)
        return self._build(values)

    def _parse(self, data: bytes) -> dict[str, Any]:
        values: dict[str, Any] = self.schemas.parse(self.spec, self.layout, data, {})[0]
        return values

    def _build(self, values: Mapping[str, Any]) -> bytes:
        return self.schemas.build(self.spec, self.layout, values, {})

    def _zero(self) -> bytes:
        """All zero but for what is reserved as one."""
        ones = {f.name: ones_of(f) for f in self.layout.fields if f.reserved == "one"}
        return self._build(ones)

    def _expand(self, assignments: Iterable[Assignment]) -> Iterator[Assignment]:
        """Shorthands as the assignments that they stand for."""
        for one in assignments:
            shorthand = next((s for s in self.spec.shorthands if s.name == one.path), None)
            several = [one]
            if shorthand:
                several = [Assignment(name, str(value), value) for name, value in shorthand.sets.items()]
                several.append(Assignment(shorthand.field, one.text, read_words(shorthand.read, one.text)))
            for each in several:
                if each.path in self.given:
                    raise UsageError(f"{self.name}: {each.path} is set twice")
                self.given[each.path] = each
                yield each

    def _step(self, values: dict[str, Any], pending: Sequence[Assignment]) -> Assignment | None:
        """Makes the one assignment that can be made now, and returns it; None if a variant or array was made ready for one."""
        parts = list(self._parts(self.spec, self.layout, values, ""))
        switches = {switch.rpartition(".")[2] for switch in self._switches(self.spec, self.layout, values)}
        found = [(one, self._locate(one.path, parts)) for one in pending]
        for one, part in found:
            if part and part.field.name in switches:
                return self._set(values, part, one)
        for one, part in found:
            if part is None:
                if not (self._grow(values, one.path) or self._pick(values, one.path, parts)):
                    raise self._unknown(one.path, parts)
                return None
        one, part = found[0]
        assert part is not None
        return self._set(values, part, one)

    def _parts(self, spec: Spec, layout: Layout, values: Any, base: str) -> Iterator[Part]:
        """Every field that exists now, with its path."""
        for field in self._fields(spec, layout, values):
            path, value = join_path(base, field.name), values.get(field.name)
            yield Part(path, field)
            for index, one in enumerate(value if isinstance(value, list) else [value]):
                inner = self._inner(field, one)
                if inner and inner.layout and one is not None:
                    yield from self._parts(inner, inner.layout, one, f"{path}[{index}]" if isinstance(value, list) else path)

    def _fields(self, spec: Spec, layout: Layout, values: Mapping[str, Any]) -> Iterable[Field]:
        if spec.width:
            return expand_word(spec, layout, lambda field: values.get(field.name, 0), self.catalog, {}).fields
        return layout.fields

    def _inner(self, field: Field, value: Any) -> Spec | None:
        """The spec by which a field's value is laid out."""
        return value.spec if isinstance(value, Variant) else self.catalog.type(field.type)

    def _switches(self, spec: Spec, layout: Layout, values: Any) -> Iterator[str]:
        """The paths on which variants depend, in what exists now and in all cases of its files."""
        for one in (layout, *(spec.cases or {}).values()):
            yield from (field.switch for field in one.fields if field.switch)
        for field in self._fields(spec, layout, values):
            value = values.get(field.name)
            for one in value if isinstance(value, list) else [value]:
                inner = self._inner(field, one)
                if inner and inner.layout and one is not None:
                    yield from self._switches(inner, inner.layout, one)

    def _locate(self, path: str, parts: Sequence[Part]) -> Part | None:
        """The part with the path; the last component alone is enough where only one part has it."""
        wanted = ".".join(split_path(path)).replace(".[", "[")
        exact = next((part for part in parts if part.path == wanted), None)
        if exact or "." in wanted or "[" in wanted:
            return exact
        found = [part for part in parts if part.field.name == wanted]
        if len(found) > 1:
            raise UsageError(f"{self.name} has {len(found)} fields {wanted}; write the whole path, such as {found[0].path}")
        return found[0] if found else None

    def _set(self, values: dict[str, Any], part: Part, one: Assignment) -> Assignment:
        field = part.field
        if field.count is not None and not part.path.endswith("]"):
            raise UsageError(f"{part.path} is an array; set its elements, such as {part.path}[0]")
        self.given[part.path] = one
        self._put(self.spec, self.layout, values, split_path(part.path), field, one)
        return one

    def _put(self, spec: Spec, layout: Layout, values: Any, parts: list[str], field: Field, one: Assignment) -> None:
        """Sets what the path leads to in the values of a layout, in place."""
        name, *rest = parts
        if spec.width:
            self._put_bits(spec, layout, values, parts, field, one)
            return
        member = next(f for f in layout.fields if f.name == name)
        holder, key = values, name
        if rest and rest[0].startswith("["):
            holder, key = values[name], int(rest.pop(0)[1:-1])
        inner = self._inner(member, holder[key])
        if rest:
            assert inner is not None and inner.layout is not None
            self._put(inner, inner.layout, holder[key], rest, field, one)
        elif isinstance(holder[key], Variant):
            holder[key] = read_bytes(one, len(holder[key].raw))
        elif isinstance(holder[key], bytes):
            holder[key] = read_bytes(one, member.size if isinstance(member.size, int) else None)
        elif inner and inner.layout and not inner.width:
            raise UsageError(f"{one.path} is a struct; set its members, such as {one.path}.{inner.layout.fields[0].name}")
        else:
            size = self.schemas.element_size(member) or 8
            number = self._number(member, 8 * size, one)
            holder[key] = split_word(inner, inner.layout, number, self.catalog, {}) if inner and inner.layout else number

    def _put_bits(self, spec: Spec, layout: Layout, values: Any, parts: list[str], field: Field, one: Assignment) -> None:
        """Sets a run of bits of a word, or of a word within it; all other bits stay, whatever variant they belong to then."""
        number = join_word(spec, layout, values, self.catalog, {})
        bits = next(f for f in self._fields(spec, layout, values) if f.name == parts[0])
        inner = self.catalog.type(bits.type)
        if len(parts) > 1 and inner and inner.layout:
            nested = values[parts[0]]
            self._put_bits(inner, inner.layout, nested, parts[1:], field, one)
            value = join_word(inner, inner.layout, nested, self.catalog, {})
        else:
            value = self._number(bits, bits.width, one)
        number = number & ~((1 << bits.width) - 1 << bits.lsb) | value << bits.lsb
        values.clear()
        values.update(split_word(spec, layout, number, self.catalog, {}))

    def _number(self, field: Field, width: int, one: Assignment) -> int:
        """The number for a field: of an enumerator, as written, or of words that its formatter reads."""
        value = enumerator_value(one.text, field, self.catalog)
        if value is None:
            value = one.number
        if value is None and field.show in MEANINGS and MEANINGS[field.show].read:
            value = read_words(field.show, one.text)
        if value is None:
            raise UsageError(self._no_value(field, one))
        if not -(1 << width - 1) <= value < 1 << width:
            raise UsageError(f"{one.path} is {width} bits wide; {value:#x} needs {value.bit_length() + (value < 0)}")
        return value & (1 << width) - 1

    def _no_value(self, field: Field, one: Assignment) -> str:
        text, names = one.text[:40], [name for e in self.catalog.enumerators(field) for name in (e.name, *e.also)]
        if not names:
            return f"{one.path}: {text!r} is no number"
        close = difflib.get_close_matches(text, names, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"it can be {', '.join(names[:6])}{' …' if len(names) > 6 else ''}"
        return f"{one.path}: {text!r} is no number and no enumerator; {hint}"

    def _grow(self, values: dict[str, Any], path: str) -> bool:
        """Makes an array long enough for the element that the path names, and sets its count where a field says it."""
        parts = split_path(path)
        if len(parts) < 2 or not parts[1][1:-1].isdigit() or self.spec.width:
            return False
        index = int(parts[1][1:-1])
        member = next((f for f in self.layout.fields if f.name == parts[0] and isinstance(f.count, str)), None)
        held = len(values.get(parts[0]) or ()) if member else 0
        if member is None or not held <= index < MAX_ELEMENTS:
            return False
        values[member.name] = [*(values.get(member.name) or ()), *[None] * (index + 1 - held)]
        counter = str(member.count)
        if counter not in ("rest", *self.given) and not counter.startswith("popcount:"):
            *outer, last = counter.split(".")
            descend(values, ".".join(outer))[last] = index + 1
        return True

    def _pick(self, values: dict[str, Any], path: str, parts: Sequence[Part]) -> bool:
        """Sets a switch that nobody assigned so that the field at the path exists."""
        wanted = {part for part in split_path(path) if not part.startswith("[")}
        for switch, key in self._choices(self.spec, self.layout, values, wanted):
            part = self._locate(switch, parts)
            if part is None or part.path in self.given or part.field.name in self.given or (part.path, key) in self.picked:
                continue
            self.picked.add((part.path, key))
            self._put(self.spec, self.layout, values, split_path(part.path), part.field, Assignment(part.path, "", key))
            return True
        return False

    def _choices(self, spec: Spec, layout: Layout, values: Any, wanted: set[str]) -> Iterator[tuple[str, int]]:
        """(switch, value) of the variants, in what exists now, that have a field of a wanted name."""
        entered = expand_word(spec, layout, lambda f: values.get(f.name, 0), self.catalog, {}).layouts if spec.width else [layout]
        for one in entered:
            for field in one.fields:
                for key, target in self._targets(spec, one, field):
                    if wanted & self._names(target, set()):
                        yield field.switch, key
        for field in self._fields(spec, layout, values) if not spec.width else ():
            inner = self._inner(field, values.get(field.name))
            if inner and inner.layout and isinstance(values.get(field.name), dict):
                yield from self._choices(inner, inner.layout, values[field.name], wanted)

    def _targets(self, spec: Spec, layout: Layout, field: Field) -> Iterator[tuple[int, Spec]]:
        """(value of the switch, spec) of each case of a field."""
        switch = next((f for f in layout.fields if f.name == field.switch), None)
        if isinstance(field.cases, Mapping):
            for key, target in field.cases.items():
                value = case_value(key, switch, self.decoder)
                case = case_spec(spec, target, self.catalog)
                if value is not None and case:
                    yield value, case
        elif field.cases:
            yield from self.catalog.cases(field.cases.removeprefix("space:"))

    def _names(self, spec: Spec, seen: set[int]) -> set[str]:
        """The names of all fields below a spec."""
        if spec.layout is None or id(spec.layout) in seen:
            return set()
        seen.add(id(spec.layout))
        names = {field.name for field in spec.layout.fields}
        for field in spec.layout.fields:
            inner = self.catalog.type(field.type)
            for other in (inner, *(case for _, case in self._targets(spec, spec.layout, field))):
                names |= self._names(other, seen) if other else set()
        return names

    def _open(self, values: dict[str, Any]) -> None:
        """Every `used` at its most, so that all of a variant's fields can be set."""
        for member in self.layout.fields:
            if member.used and isinstance(member.size, int):
                *outer, last = member.used.split(".")
                descend(values, ".".join(outer))[last] = member.size

    def _close(self, values: dict[str, Any]) -> None:
        """Every `used` that was not assigned as large as the variant's members of fixed size and what was set behind them."""
        for member in self.layout.fields:
            *outer, last = member.used.split(".")
            if member.used and not {member.used, last} & set(self.given):
                variant = values[member.name]
                descend(values, ".".join(outer))[last] = self._used(variant, member.name) if isinstance(variant, Variant) else len(variant)

    def _used(self, variant: Variant, path: str) -> int:
        if variant.spec is None or variant.spec.layout is None:
            return 0
        shrunk = self._shrink(variant.spec, variant, path)
        return len(self.schemas.build(variant.spec, variant.spec.layout, shrunk, {}))

    def _shrink(self, spec: Spec, values: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The values without optional members behind the last one that was set, and without zeros that nothing lays out."""
        if spec.width or spec.layout is None:
            return dict(values)
        kept: dict[str, Any] = {}
        fields = spec.layout.fields
        last = max((i for i, f in enumerate(fields) if self._is_given(join_path(path, f.name))), default=-1)
        for place, field in enumerate(fields):
            value = values.get(field.name)
            if field.optional and place > last:
                continue
            if isinstance(value, Variant) and not isinstance(field.size, int):
                value = self._shrink(value.spec, value, join_path(path, field.name)) if value.spec else value.raw.rstrip(b"\0")
            kept[field.name] = value
        return kept

    def _is_given(self, path: str) -> bool:
        return any(given == path or given.startswith((f"{path}.", f"{path}[")) for given in self.given)

    def _unknown(self, path: str, parts: Sequence[Part]) -> UsageError:
        names = [*(part.field.name for part in parts), *sorted(self._names(self.spec, set())), *(s.name for s in self.spec.shorthands)]
        close = difflib.get_close_matches(path.rpartition(".")[2], dict.fromkeys(names), 1)
        return UsageError(f"{self.name} has no field {path[:60]}" + (f"; did you mean {close[0]}?" if close else ""))


def ones_of(field: Field) -> int | bytes:
    if field.width:
        return (1 << field.width) - 1
    return b"\xff" * (field.size if isinstance(field.size, int) else 0)


def case_value(key: str, switch: Field | None, decoder: Decoder) -> int | None:
    """The lowest value of a switch that picks a case; None for `other`."""
    try:
        return parse_range(key)[0]
    except PlaceError:
        return enumerator_value(key, switch, decoder.catalog) if switch else None


def read_bytes(one: Assignment, size: int | None) -> bytes:
    """Bytes from hex text in memory order, a GUID's text, or a number (little-endian)."""
    text = one.text.replace(" ", "")
    if text.count("-") == 4:
        value = read_words("guid", text).to_bytes(16, "little")
    elif one.number is not None and one.number >= 0 and (text[:2].lower() == "0x" or len(text) % 2):
        value = one.number.to_bytes(max(1, (one.number.bit_length() + 7) // 8), "little")
    else:
        try:
            value = bytes.fromhex(text)
        except ValueError:
            raise UsageError(f"{one.path}: {one.text[:40]!r} is neither hex bytes nor a number") from None
    if size is not None and len(value) > size:
        raise UsageError(f"{one.path} has {size} bytes; these are {len(value)}")
    return value if size is None else value.ljust(size, b"\0")


def read_words(show: str, text: str) -> int:
    """What a formatter reads from words; UsageError says what would be right."""
    read = MEANINGS[show].read
    if read is None:
        raise UsageError(f"{text[:40]!r} is no number")
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(str(error)) from None

