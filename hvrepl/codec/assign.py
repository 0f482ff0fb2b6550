"""FIELD=VALUE assignments → bytes: a field is looked up where it lies, and only its bits change, so that all others stay."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import Field, Spec
from hvrepl.catalog.read_specs import PlaceError, parse_range
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import split_path
from hvrepl.codec.meanings import MEANINGS
from hvrepl.codec.places import Choice, Part, Places
from hvrepl.codec.schema import case_spec
from hvrepl.codec.variants import enumerator_value, pick_case
from hvrepl.errors import UsageError

MAX_ELEMENTS = 4096  # a page, the largest thing there is, holds no more of anything


@dataclass(frozen=True, slots=True)
class Assignment:
    """FIELD=VALUE as it was written; `number` is the value where the text is one."""

    path: str
    text: str
    number: int | None = None


class Assigner:
    """Sets fields of one thing: those that pick a variant first, so that the variant's fields can be found."""

    def __init__(self, decoder: Decoder, found: Found, *, output: bool = False) -> None:
        layout = found.spec.output if output else found.spec.layout
        if layout is None:
            raise UsageError(f"{found.called} has no fields")
        self.decoder = decoder
        self.catalog = decoder.catalog
        self.schemas = decoder.schemas
        self.name = found.called
        self.spec = found.spec
        self.layout = layout

    def assign(self, data: bytes | None, assignments: Iterable[Assignment]) -> bytes:
        """The bytes with the fields set; from zero without bytes, and then with sizes and counts computed that are not assigned.

        UsageError for an unknown field or enumerator, a value that does not fit, or a field that is set twice.
        """
        self.fresh = data is None
        self.data = bytearray(self.schemas.build(self.spec, self.layout, {}, {}) if data is None else data)
        self.given: dict[str, int] = {}  # path → where what was assigned ends, in bits from the field's start
        self.picked: set[tuple[str, int]] = set()
        self.seen: set[tuple[str, int]] = set()
        self.look()
        pending = [each for one in assignments for each in self.expand(one)]
        while pending:
            done = self.step(pending)
            pending = [one for one in pending if one is not done]
            self.look()
        if self.fresh:
            self.fill_arrays()
            self.close_regions()
        return bytes(self.data)

    def expand(self, one: Assignment) -> Iterator[Assignment]:
        """A shorthand as the assignments that it stands for."""
        shorthand = next((s for s in self.spec.shorthands if s.name == one.path), None)
        if shorthand is None:
            yield one
            return
        for name, value in shorthand.sets.items():
            yield Assignment(name, str(value), value)
        yield Assignment(shorthand.field, one.text, read_words(shorthand.read, one.text))

    def look(self) -> None:
        """Finds the parts anew. In a value made from zero new ones get what they start with: a region that says how much of it
        is used all of that, so that its fields can be set."""
        self.places = Places(self.schemas, self.spec, self.layout, bytes(self.data))
        changed = False
        for part in self.places.parts if self.fresh else ():
            if (part.path, part.at) in self.seen:
                continue
            self.seen.add((part.path, part.at))
            if part.field.reserved == "one":
                self.write(part, (1 << part.width) - 1)
            counter = self.places.resolve(part.scope, part.field.used) if part.field.used else None
            if counter and counter.path not in self.given:
                self.write(counter, part.width // 8)
                changed = True
        if changed:
            self.look()

    def write(self, part: Part, value: int) -> None:
        """Puts a number into the bits of a part; bytes that are missing before its end become zeros."""
        self.data.extend(bytes(max(0, (part.end + 7) // 8 - len(self.data))))
        low, high = part.at // 8, (part.end + 7) // 8
        shift = part.at % 8
        number = int.from_bytes(self.data[low:high], "little")
        number = number & ~((1 << part.width) - 1 << shift) | value << shift
        self.data[low:high] = number.to_bytes(high - low, "little")

    def step(self, pending: Sequence[Assignment]) -> Assignment | None:
        """Makes the one assignment that can be made now, and returns it; None if a variant or array was made ready for one."""
        found = {id(one): self.locate(one.path) for one in pending}
        for path in self.places.control_paths():
            for one in pending:
                part = found[id(one)]
                if part and part.path == path:
                    return self.set(part, one)
        for one in pending:
            if found[id(one)] is None:
                if not (self.grow(one.path) or self.pick(one.path, pending)):
                    raise self.unknown(one.path)
                return None
        part = found[id(pending[0])]
        return self.set(part, pending[0]) if part else None

    def locate(self, path: str) -> Part | None:
        """The part with the path; its last components alone are enough where only one part has them."""
        wanted = ".".join(split_path(path)).replace(".[", "[")
        exact = self.places.by_path.get(wanted)
        if exact or not wanted:
            return exact
        found = [part for part in self.places.parts if part.path.endswith(f".{wanted}")]
        if len(found) > 1:
            raise UsageError(f"{self.name} has {len(found)} fields {wanted}; write the whole path, such as {found[0].path}")
        return found[0] if found else None

    def set(self, part: Part, one: Assignment) -> Assignment:
        if part.path in self.given:
            raise UsageError(f"{self.name}: {part.path} is set twice")
        if part.held is not None:
            raise UsageError(f"{part.path} is an array; set its elements, such as {part.path}[0]")
        self.given[part.path] = part.width
        if part.field.switch or is_bytes(part.field):
            self.set_bytes(part, one)
        elif part.inner and part.inner.layout and not part.inner.width:
            raise UsageError(f"{one.path} is a struct; set its members, such as {one.path}.{part.inner.layout.fields[0].name}")
        else:
            self.write(part, self.number(part, one))
        return one

    def set_bytes(self, part: Part, one: Assignment) -> None:
        """Writes bytes; where the layout lets them be longer or shorter than they were, also their size."""
        size = part.field.size
        value = read_bytes(one)
        length = part.width // 8
        counter = self.places.resolve(part.scope, size) if isinstance(size, str) and size != "rest" else None
        self.given[part.path] = 8 * len(value)
        if isinstance(size, str) and not part.bounded and not (counter and counter.path in self.given):
            self.data[part.at // 8 : part.end // 8] = value
            if counter:
                self.write(counter, self.fitting(counter, len(value), one))
        elif len(value) > length:
            raise UsageError(f"{one.path} has {length} bytes; these are {len(value)}")
        else:
            self.write(part, int.from_bytes(value, "little"))

    def number(self, part: Part, one: Assignment) -> int:
        """The number for a field: of an enumerator, as written, or of words that its formatter reads."""
        field = part.field
        show = "guid" if part.width == 128 and one.text.count("-") == 4 else field.show
        value = enumerator_value(one.text, field, self.catalog)
        if value is None:
            value = one.number
        if value is None and show in MEANINGS and MEANINGS[show].read:
            value = read_words(show, one.text)
        if value is None:
            raise UsageError(self.no_value(field, one))
        return self.fitting(part, value, one)

    def fitting(self, part: Part, value: int, one: Assignment) -> int:
        if not -(1 << part.width - 1) <= value < 1 << part.width:
            raise UsageError(f"{one.path} is {part.width} bits wide; {value:#x} needs {value.bit_length() + (value < 0)}")
        return value & (1 << part.width) - 1

    def no_value(self, field: Field, one: Assignment) -> str:
        text, names = one.text[:40], [name for e in self.catalog.enumerators(field) for name in (e.name, *e.also)]
        if not names:
            return f"{one.path}: {text!r} is no number"
        close = difflib.get_close_matches(text, names, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"it can be {', '.join(names[:6])}{' …' if len(names) > 6 else ''}"
        return f"{one.path}: {text!r} is no number and no enumerator; {hint}"

    def grow(self, path: str) -> bool:
        """Makes an array long enough for the element that the path names, and sets its count where a field says it."""
        for place in (place for place, letter in enumerate(path) if letter == "["):
            index = path[place + 1 :].partition("]")[0]
            array = self.locate(path[:place])
            if array and array.held is not None and isinstance(array.field.count, str) and index.isdecimal() and array.held <= int(index):
                if int(index) >= MAX_ELEMENTS:
                    raise UsageError(f"{path}: an array has at most {MAX_ELEMENTS} elements")
                self.claim(array, int(index), path)
                self.extend(array, int(index) + 1)
                return True
        return False

    def claim(self, array: Part, index: int, path: str) -> None:
        """Sets the count of an array so that it has an element, unless that was assigned, or bits of a mask are the count."""
        text = str(array.field.count)
        counter = self.places.resolve(array.scope, text.removeprefix("popcount:"))
        if counter is None:
            return
        if text.startswith("popcount:") or counter.path in self.given:
            said = self.count(array)
            if index >= said:
                raise UsageError(f"{path}: {counter.path} asks for {said} elements")
        else:
            self.write(counter, self.fitting(counter, index + 1, Assignment(counter.path, "")))

    def count(self, array: Part) -> int:
        """The number of elements that the array's counter says."""
        text = str(array.field.count)
        counter = self.places.resolve(array.scope, text.removeprefix("popcount:"))
        value = self.read(counter) if counter else 0
        return value.bit_count() if text.startswith("popcount:") else value

    def read(self, part: Part) -> int:
        number = int.from_bytes(self.data[part.at // 8 : (part.end + 7) // 8], "little")
        return number >> part.at % 8 & (1 << part.width) - 1

    def extend(self, array: Part, count: int) -> None:
        """Adds elements of zeros behind the last one."""
        inner = self.catalog.type(array.field.type)
        size = self.schemas.element_size(array.field)
        if size is None and inner and inner.layout:
            size = self.decoder.head(inner, inner.layout)
        end = array.end // 8
        self.data.extend(bytes(max(0, end - len(self.data))))
        self.data[end:end] = bytes((size or 1) * (count - (array.held or 0)))

    def fill_arrays(self) -> None:
        """As many elements as an assigned count asks for."""
        for path in [part.path for part in self.places.parts if isinstance(part.field.count, str) and part.field.count != "rest"]:
            array = self.places.by_path[path]
            count = self.count(array)
            if (array.held or 0) < count <= MAX_ELEMENTS and not array.bounded:
                self.extend(array, count)
                self.look()

    def close_regions(self) -> None:
        """Every `used` that was not assigned: as large as what the variant cannot be without, and what was set behind that."""
        for region in [part for part in self.places.parts if part.field.used]:
            counter = self.places.resolve(region.scope, region.field.used)
            if counter is None or counter.path in self.given:
                continue
            ends = [part.at + width for part, width in self.extents(region)]
            self.write(counter, max(0, (max(ends, default=0) - region.at + 7) // 8))

    def extents(self, region: Part) -> Iterator[tuple[Part, int]]:
        for part in self.places.parts:
            if part.path == region.path or part.path.startswith(f"{region.path}."):
                if part.path in self.given:
                    yield part, self.given[part.path]
                elif part.needed and part is not region:
                    yield part, part.width

    def pick(self, path: str, pending: Sequence[Assignment]) -> bool:
        """Sets a switch that nobody assigned so that the field at the path exists: for the case that has most of the fields asked for."""
        wanted = [name_of(path), *(name_of(one.path) for one in pending)]
        for choice in self.places.choices:
            part = self.places.resolve(choice.scope, choice.field.switch)
            if part is None or part.path in self.given or ("[" in choice.scope and not path.startswith(f"{choice.scope}.")):
                continue
            key = self.best_case(choice, part, wanted)
            if key is not None:
                self.picked.add((part.path, key))
                self.write(part, key)
                return True
        return False

    def best_case(self, choice: Choice, switch: Part, wanted: Sequence[str]) -> int | None:
        """The value of the switch for the case with most of the wanted names; None if none has the first, or today's case has it."""
        found: dict[int, set[str]] = {}
        for key, case in self.targets(choice.spec, choice.field, switch.field):
            found.setdefault(key, self.names(case, set()))
        today = self.today(choice, self.read(switch))
        if today and wanted[0] in self.names(today, set()):
            return None
        keys = [key for key, names in found.items() if wanted[0] in names and (switch.path, key) not in self.picked]
        return max(keys, key=lambda key: sum(name in found[key] for name in wanted), default=None)

    def today(self, choice: Choice, value: int) -> Spec | None:
        """The case that the switch picks now."""
        field = choice.field
        if isinstance(field.cases, str):
            return self.catalog.case_of(field.cases.removeprefix("space:"), value)
        switch = next((other for other in choice.layout.fields if other.name == field.switch), None)
        target = pick_case(field, value, switch, self.catalog)
        return case_spec(choice.spec, target, self.catalog) if target else None

    def targets(self, spec: Spec, field: Field, switch: Field | None) -> Iterator[tuple[int, Spec]]:
        """(value of the switch, spec) of each case of a field."""
        if isinstance(field.cases, Mapping):
            for key, target in field.cases.items():
                value = self.case_value(key, switch)
                case = case_spec(spec, target, self.catalog)
                if value is not None and case:
                    yield value, case
        elif field.cases:
            yield from self.catalog.cases(field.cases.removeprefix("space:"))

    def case_value(self, key: str, switch: Field | None) -> int | None:
        """The lowest value of a switch that picks a case; None for `other`."""
        try:
            return parse_range(key)[0]
        except PlaceError:
            return enumerator_value(key, switch, self.catalog) if switch else None

    def names(self, spec: Spec, seen: set[int]) -> set[str]:
        """The names of all fields below a spec."""
        if spec.layout is None or id(spec.layout) in seen:
            return set()
        seen.add(id(spec.layout))
        names = {field.name for field in spec.layout.fields}
        for field in spec.layout.fields:
            switch = next((other for other in spec.layout.fields if other.name == field.switch), None)
            inner = self.catalog.type(field.type)
            for other in (inner, *(case for _, case in self.targets(spec, field, switch))):
                names |= self.names(other, seen) if other else set()
        return names

    def unknown(self, path: str) -> UsageError:
        known = self.names(self.spec, set())
        if name_of(path) in known:
            return UsageError(f"{self.name} has no field {path[:60]} with these values")
        names = [*(name_of(part.path) for part in self.places.parts), *sorted(known), *(s.name for s in self.spec.shorthands)]
        close = difflib.get_close_matches(name_of(path), dict.fromkeys(names), 1)
        return UsageError(f"{self.name} has no field {path[:60]}" + (f"; did you mean {close[0]}?" if close else ""))


def name_of(path: str) -> str:
    """The last name of a path, without an index."""
    return next((part for part in reversed(split_path(path)) if not part.startswith("[")), "")


def is_bytes(field: Field) -> bool:
    return field.type in ("bytes", "guid") or (field.type == "" and not field.width)


def read_bytes(one: Assignment) -> bytes:
    """Bytes from hex text in memory order, a GUID's text, or a number (little-endian)."""
    text = one.text.replace(" ", "")
    if text.count("-") == 4:
        return read_words("guid", text).to_bytes(16, "little")
    if one.number is not None and one.number >= 0 and (text[:2].lower() == "0x" or len(text) % 2):
        return one.number.to_bytes(max(1, (one.number.bit_length() + 7) // 8), "little")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UsageError(f"{one.path}: {one.text[:40]!r} is neither hex bytes nor a number") from None


def read_words(show: str, text: str) -> int:
    """What a formatter reads from words; UsageError says what would be right."""
    read = MEANINGS[show].read
    if read is None:
        raise UsageError(f"{text[:40]!r} is no number")
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
