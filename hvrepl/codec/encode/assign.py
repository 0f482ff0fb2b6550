"""FIELD=VALUE assignments → bytes: only the bits of the named fields change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from hvrepl.catalog.alike import alike
from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import count_from, counters, is_derived, to_key
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Finding, name_of, split_path
from hvrepl.codec.encode.assignment import Assignment, first_remark, fit, read_bytes, read_field, read_words, remarks_on
from hvrepl.codec.encode.cases import cases_of, names_below
from hvrepl.codec.encode.places import Choice, Part, Places, read_bits, write_bits
from hvrepl.codec.variants import pick_spec
from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.record import replace
from hvrepl.wording import listed

__all__ = ["Assigner", "Assignment"]

MOST_ALIKE = 3
MAX_ELEMENTS = 4096  # a page, the largest thing, cannot hold more of anything


class Assigner:
    """Sets fields of one thing: first those that pick a variant, so that the variant's fields exist."""

    def __init__(self, decoder: Decoder, found: Found, *, output: bool = False) -> None:
        layout = found.spec.output if output else found.spec.layout
        if layout is None:
            raise UsageError(f"{found.called} has no fields")
        self.decoder = decoder
        self.catalog = decoder.catalog
        self.schemas = decoder.schemas
        self.name = found.called
        self.spec = found.spec
        self.findings: list[Finding] = []  # parts of assigned words that the value cannot hold
        self.layout = layout

    def assign(self, data: bytes | None, assignments: Iterable[Assignment]) -> bytes:
        """The bytes with the fields set. Without bytes it starts from zero, and computes sizes and counts that are not assigned.

        UsageError for an unknown field or enumerator, a value that does not fit, or a field that is set twice.
        """
        self.fresh = data is None
        self.data = bytearray(self.schemas.build(self.spec, self.layout, {}, {}) if data is None else data)
        self.given: dict[str, int] = {}  # path → the end of the assigned value, in bits from the field's start
        self.picked: set[tuple[str, int]] = set()
        self.seen: set[tuple[str, int]] = set()
        self._look()
        pending = [each for one in assignments for each in self._expand(one)]
        while pending:
            done = self._step(pending)
            pending = [one for one in pending if one is not done]
            self._look()
        if self.fresh:
            self._close_regions()
        return bytes(self.data)

    def _expand(self, one: Assignment) -> Iterator[Assignment]:
        """The assignments of a shorthand; any other assignment as it is."""
        shorthand = self.spec.shorthand(one.path)
        if shorthand is None:
            yield one
            return
        for name, value in shorthand.sets.items():
            yield Assignment(name, str(value), value)
        value = read_words(shorthand.read, one.text)
        yield Assignment(shorthand.field, str(value), value)
        self.findings += [*remarks_on(one, shorthand.read), *first_remark(one, shorthand.remarks)]

    def _look(self) -> None:
        """Finds the parts again. If the value started from zero, new ones get their initial bits: a region with a field for its used
        bytes is fully used, so that its fields can be set."""
        self.places = Places(self.schemas, self.spec, self.layout, bytes(self.data))
        changed = False
        for part in self.places.parts if self.fresh else ():
            if (part.path, part.at) in self.seen:
                continue
            self.seen.add((part.path, part.at))
            if part.field.reserved == "one":
                self._write(part, (1 << part.width) - 1)
            counter = self.places.resolve(part.scope, part.field.used) if part.field.used else None
            if counter and counter.path not in self.given:
                self._write(counter, part.width // 8)
                changed = True
        if changed:
            self._look()

    def _write(self, part: Part, value: int) -> None:
        """Writes a number to the bits of a part; missing bytes before its end become zeros."""
        self.data.extend(bytes(max(0, (part.end + 7) // 8 - len(self.data))))
        write_bits(self.data, part.at, part.width, value)

    def _step(self, pending: Sequence[Assignment]) -> Assignment | None:
        """Makes the one assignment that is possible now, and returns it; None if it only prepared a variant or array."""
        found = {id(one): self._locate(one.path) for one in pending}
        for path in self.places.control_paths():
            for one in pending:
                part = found[id(one)]
                if part and part.path == path:
                    return self._set(part, one)
        for one in pending:
            if found[id(one)] is None:
                if not (self._grow(one.path) or self._pick(one.path, pending)):
                    raise self._unknown(one.path)
                return None
        part = found[id(pending[0])]
        return self._set(part, pending[0]) if part else None

    def _locate(self, path: str) -> Part | None:
        """The part with the path; the last components are enough if only one part has them."""
        wanted = ".".join(split_path(path)).replace(".[", "[")
        exact = self.places.by_path.get(wanted)
        if exact or not wanted:
            return exact
        found = [part for part in self.places.parts if part.path.endswith(f".{wanted}")] or list(self._called(wanted))
        if len(found) > 1:
            raise UsageError(f"{self.name} has {len(found)} fields called {wanted}; write the full path, such as {found[0].path}")
        return found[0] if found else None

    def _called(self, path: str) -> Iterator[Part]:
        """The parts for which a source uses the name at the end of the path."""
        scope, _, name = path.rpartition(".")
        for part in self.places.parts:
            inside = f".{part.scope}".endswith(f".{scope}") if scope else not part.path.endswith("]")
            if inside and to_key(name) in map(to_key, part.field.also):
                yield part

    def _set(self, part: Part, one: Assignment) -> Assignment:
        if part.path in self.given:
            raise UsageError(f"{self.name}: {part.path} is set twice")
        if part.held is not None:
            raise UsageError(f"{part.path} is an array; set its elements, such as {part.path}[0]")
        self.given[part.path] = part.width
        self._reach(part)
        if part.field.used:
            self._set_used(part, one)
        elif not part.field.width and (part.field.switch or part.field.type in ("", "bytes", "guid")):
            self._set_bytes(part, one)
        elif part.inner and part.inner.layout and not part.inner.width:
            raise UsageError(f"{one.path} is a struct; set its members, such as {one.path}.{part.inner.layout.fields[0].name}")
        else:
            self._write(part, read_field(one, part.field, part.width, self.catalog))
            self.findings += remarks_on(one, part.field.show)
        if self.fresh:
            self._follow(part)
        return one

    def _follow(self, counter: Part) -> None:
        """Adds the elements and bytes for a counter that was just set."""
        for part in reversed(self.places.parts):  # from the end, so that insertions do not move the next ones
            count, size = part.field.count, part.field.size
            paths = counters(count) if part.held is not None else [size] if isinstance(size, str) else []
            if part.bounded or part.field.switch or counter not in (self.places.resolve(part.scope, path) for path in paths):
                continue
            if part.held is not None:
                self._extend(part, min(self._count(part), MAX_ELEMENTS))
            else:
                missing = min(self._read(counter), MAX_ELEMENTS) - part.width // 8
                self.data[part.end // 8 : part.end // 8] = bytes(max(0, missing))

    def _reach(self, part: Part) -> None:
        """Extends the used bytes of the region around a part to the part's end."""
        region = self.places.by_path.get(part.region)
        counter = self.places.resolve(region.scope, region.field.used) if region else None
        if region is None or counter is None or part.end <= region.at + 8 * self._read(counter):
            return
        if counter.path in self.given:
            raise UsageError(f"{self.name}: {part.path} lies beyond the {self._read(counter)} bytes that {counter.path} gives")
        self._write(counter, (part.end - region.at + 7) // 8)

    def _set_used(self, region: Part, one: Assignment) -> None:
        """Writes the bytes of a region with a counter of used bytes, which grows if there are more."""
        value = read_bytes(one)
        if 8 * len(value) > region.width:
            raise UsageError(f"{one.path} takes {region.width // 8} bytes, not {len(value)}")
        self.given[region.path] = 8 * len(value)
        counter = self.places.resolve(region.scope, region.field.used)
        used = min(self._read(counter), region.width // 8) if counter else 0
        at = region.at // 8
        self.data[at : at + max(used, len(value))] = value.ljust(used, b"\0")
        if value:
            self._reach(replace(region, width=8 * len(value), region=region.path))

    def _set_bytes(self, part: Part, one: Assignment) -> None:
        """Writes bytes; if the layout allows another length, also their size."""
        size = part.field.size
        value = read_bytes(one)
        self.given[part.path] = 8 * len(value)
        counter = self.places.resolve(part.scope, size) if isinstance(size, str) and size != "rest" else None
        length = part.width // 8
        if counter and counter.path in self.given:
            length = self._read(counter)
        elif isinstance(size, str) and not part.bounded:
            length = len(value)
        if len(value) > length:
            raise UsageError(f"{one.path} takes {length} bytes, not {len(value)}")
        self.data[part.at // 8 : part.end // 8] = value.ljust(length, b"\0")
        if counter:
            self._write(counter, fit(counter.path, length, counter.width))

    def _grow(self, path: str) -> bool:
        """Makes an array long enough for the element in the path, and sets its count if it has a field for it."""
        for match in re.finditer(r"\[(\d+)\]", path):
            array, index = self._locate(path[: match.start()]), to_int(match[1])
            if array is None or array.held is None or index < array.held:
                continue
            if isinstance(array.field.count, int) or array.bounded:
                raise UsageError(f"{path}: {array.path} has {array.held} elements")
            if index >= MAX_ELEMENTS:
                raise UsageError(f"{path}: an array has at most {MAX_ELEMENTS} elements")
            self._claim(array, index, path)
            self._extend(array, index + 1)
            return True
        return False

    def _claim(self, array: Part, index: int, path: str) -> None:
        """Sets the count of an array so that it has an element, unless the count was assigned, or is calculated from other fields."""
        counter = next(self._counters(array), None)
        if counter is None:
            return
        if is_derived(array.field.count) or counter.path in self.given:
            said = self._count(array)
            if index >= said:
                raise UsageError(f"{path}: {counter.path} gives only {said} element{'s'[: said != 1]}")
        else:
            self._write(counter, fit(counter.path, index + 1, counter.width))

    def _count(self, array: Part) -> int:
        """The number of elements by the array's counters."""
        return count_from(str(array.field.count), map(self._read, self._counters(array)))

    def _counters(self, array: Part) -> Iterator[Part]:
        found = (self.places.resolve(array.scope, path) for path in counters(array.field.count))
        return (part for part in found if part)

    def _read(self, part: Part) -> int:
        return read_bits(self.data, part.at, part.width)

    def _extend(self, array: Part, count: int) -> None:
        """Adds elements of zeros after the last one."""
        inner = self.catalog.type(array.field.type)
        size = self.schemas.element_size(array.field)
        if size is None and inner and inner.layout:
            size = self.decoder.head(inner, inner.layout)
        end = array.end // 8
        self.data.extend(bytes(max(0, end - len(self.data))))
        self.data[end:end] = bytes((size or 1) * max(0, count - (array.held or 0)))

    def _close_regions(self) -> None:
        """Sets every unassigned `used` to the end of the variant's required parts and of the assigned ones."""
        for region in [part for part in self.places.parts if part.field.used]:
            counter = self.places.resolve(region.scope, region.field.used)
            if counter is None or counter.path in self.given:
                continue
            ends = [part.at + width for part, width in self._extents(region)]
            self._write(counter, max(0, (max(ends, default=0) - region.at + 7) // 8))

    def _extents(self, region: Part) -> Iterator[tuple[Part, int]]:
        for part in self.places.parts:
            if part.path == region.path or part.path.startswith(f"{region.path}."):
                if part.path in self.given:
                    yield part, self.given[part.path]
                elif part.needed and part is not region:
                    yield part, part.width

    def _pick(self, path: str, pending: Sequence[Assignment]) -> bool:
        """Sets an unassigned switch so that the field at the path exists, preferably for the case with most of the requested fields."""
        wanted = [name_of(path), *(name_of(one.path) for one in pending)]
        for choice in self.places.choices:
            part = self.places.resolve(choice.scope, choice.field.switch)
            if part is None or part.path in self.given or ("[" in choice.scope and not path.startswith(f"{choice.scope}.")):
                continue
            key = self._best_case(choice, part, wanted)
            if key is not None:
                self.picked.add((part.path, key))
                self._write(part, key)
                return True
        return False

    def _best_case(self, choice: Choice, switch: Part, wanted: Sequence[str]) -> int | None:
        """The switch value of the case with most of the wanted names; None if no case has the first name, or the current case does."""
        found: dict[int, set[str]] = {}
        for key, case in cases_of(choice.spec, choice.field, switch.field, self.catalog):
            found.setdefault(key, names_below(case, self.catalog, set()))
        today = pick_spec(choice.spec, choice.layout, choice.field, self.catalog, self._read(switch))
        if today and wanted[0] in names_below(today, self.catalog, set()):
            return None
        keys = [key for key, names in found.items() if wanted[0] in names and (switch.path, key) not in self.picked]
        return max(keys, key=lambda key: sum(name in found[key] for name in wanted), default=None)

    def _unknown(self, path: str) -> UsageError:
        known = names_below(self.spec, self.catalog, set())
        if name_of(path) in known:
            return UsageError(f"{self.name} has no field {path[:60]} with these values")
        names = [*(name_of(part.path) for part in self.places.parts), *sorted(known), *(s.name for s in self.spec.shorthands)]
        named = name_of(path)
        parts = (name for name in dict.fromkeys(names) if to_key(named) in name.split("_"))
        close = alike(named, dict.fromkeys(names), 1) or list(islice(parts, MOST_ALIKE))
        return UsageError(f"{self.name} has no field {path[:60]}" + (f"; did you mean {listed(close, 'or')}?" if close else ""))
