"""The place of every field that exists in a value: its path, its bits, and the fields that decide about it. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.catalog.model import Field, Layout, Spec, counters
from hvrepl.codec.decoded import join_path
from hvrepl.codec.parsed import Variant
from hvrepl.codec.schema import Schemas
from hvrepl.codec.variants import expand_word
from hvrepl.hints import Any
from hvrepl.record import record, replace


@record(eq=True)
class Part:
    """A field that exists now: `at` and `width` in bits of the outermost thing, the path of the struct around it, its inner layout.

    `needed` parts are required: neither an optional member nor one that takes the remaining bytes. `bounded` parts are in a region of
    fixed size, which they cannot extend. `region` is the path of the surrounding region with a counter of used bytes. `held` counts the
    elements of an array.
    """

    path: str
    field: Field
    at: int
    width: int
    scope: str
    inner: Spec | None = None
    needed: bool = True
    bounded: bool = False
    region: str = ""
    held: int | None = None

    @property
    def end(self) -> int:
        return self.at + self.width


@record
class Choice:
    """A variant: the switch of its field is looked up from `scope` outwards, its cases are in `spec`."""

    scope: str
    spec: Spec
    layout: Layout
    field: Field


@record
class Scope:
    """The common properties of all members of a struct, or fields of a word."""

    path: str = ""
    needed: bool = True
    bounded: bool = False
    region: str = ""


class Places:
    """The parts of one value, ascending, and its variants, outermost first."""

    def __init__(self, schemas: Schemas, spec: Spec, layout: Layout, data: bytes) -> None:
        self.schemas = schemas
        self.catalog = schemas.catalog
        self.parts: list[Part] = []
        self.choices: list[Choice] = []
        self.controls: list[tuple[str, str]] = []
        values = schemas.parse(spec, layout, data, {})[0]
        if spec.width and layout is not spec.output:
            self._word(spec, layout, values, 0, Scope())
        else:
            self._struct(spec, layout, values, 0, Scope())
        self.by_path = {part.path: part for part in self.parts}

    def resolve(self, scope: str, path: str) -> Part | None:
        """The part at a path as a spec writes it: in the struct at `scope`, or in one around it."""
        while True:
            part = self.by_path.get(join_path(scope, path))
            if part or not scope:
                return part
            scope = scope[: max(scope.rfind("."), scope.rfind("["), 0)]

    def control_paths(self) -> Iterator[str]:
        """The paths of the fields that decide which others exist, outermost first."""
        for scope, path in self.controls:
            part = self.resolve(scope, path)
            if part:
                yield part.path

    def _word(self, spec: Spec, layout: Layout, values: Mapping[str, Any], at: int, scope: Scope) -> None:
        word = expand_word(spec, layout, lambda field: values.get(field.name, 0), self.catalog, {})
        for one in word.layouts:
            for field in one.fields:
                self._note(field, spec, one, scope)
        for field in word.fields:
            inner = self._layout_of(field)
            path = join_path(scope.path, field.name)
            self.parts.append(Part(path, field, at + field.lsb, field.width, scope.path, inner, scope.needed, scope.bounded, scope.region))
            if inner and inner.layout:
                self._word(inner, inner.layout, values[field.name], at + field.lsb, replace(scope, path=path))

    def _struct(self, spec: Spec, layout: Layout, values: Mapping[str, Any], at: int, scope: Scope) -> int:
        for field in layout.fields:
            self._note(field, spec, layout, scope)
            needed = scope.needed and not field.optional and "rest" not in (field.size, field.count)
            at = self._member(field, values.get(field.name), at, replace(scope, needed=needed))
        return at

    def _member(self, field: Field, value: Any, at: int, scope: Scope) -> int:
        """Adds a member with everything in it; returns its end."""
        place = len(self.parts)
        path = join_path(scope.path, field.name)
        inner = value.spec if isinstance(value, Variant) else self._layout_of(field)
        end = at + self._width(field, value)
        if isinstance(value, list):
            for index, one in enumerate(value):
                element = replace(field, name=f"{field.name}[{index}]", count=None)
                end = self._member(element, one, end, scope)
        elif inner and inner.layout and value is not None:
            last = self._inside(inner, inner.layout, value, at, self._within(field, path, scope))
            end = end if isinstance(value, Variant) else last
        held = len(value) if isinstance(value, list) else None
        self.parts.insert(place, Part(path, field, at, end - at, scope.path, inner, scope.needed, scope.bounded, scope.region, held))
        return end

    def _within(self, field: Field, path: str, scope: Scope) -> Scope:
        """The scope for the members of a member: those that a variant's case requires are needed, however many bytes the region has."""
        if not field.switch:
            return replace(scope, path=path)
        needed = scope.needed or field.size == "rest"
        return Scope(path, needed, scope.bounded or isinstance(field.size, int), path if field.used else scope.region)

    def _inside(self, spec: Spec, layout: Layout, values: Mapping[str, Any], at: int, scope: Scope) -> int:
        if not spec.width:
            return self._struct(spec, layout, values, at, scope)
        self._word(spec, layout, values, at, scope)
        return at + spec.width

    def _width(self, field: Field, value: Any) -> int:
        """Bits of anything but an array or struct, whose members are added up instead."""
        if isinstance(value, Variant):
            return 8 * value.size
        if isinstance(value, bytes):
            return 8 * len(value)
        if isinstance(value, (list, dict)):
            return 0
        return 8 * (self.schemas.element_size(field) or 0)

    def _layout_of(self, field: Field) -> Spec | None:
        inner = self.catalog.type(field.type)
        return inner if inner and inner.layout else None

    def _note(self, field: Field, spec: Spec, layout: Layout, scope: Scope) -> None:
        if field.switch:
            self.choices.append(Choice(scope.path, spec, layout, field))
        for path in (field.switch, field.used, *counters(field.count), field.size):
            if isinstance(path, str) and path not in ("", "rest"):
                self.controls.append((scope.path, path))


def read_bits(data: bytes | bytearray, at: int, width: int) -> int:
    """The number in `width` bits from bit `at` on; anything beyond the end counts as zeros."""
    number = int.from_bytes(data[at // 8 : (at + width + 7) // 8], "little")
    return number >> at % 8 & (1 << width) - 1


def write_bits(data: bytearray, at: int, width: int, value: int) -> None:
    """Writes a number there; the bits around it do not change."""
    low, high = at // 8, (at + width + 7) // 8
    number = int.from_bytes(data[low:high], "little") & ~((1 << width) - 1 << at % 8) | value << at % 8
    data[low:high] = number.to_bytes(high - low, "little")
