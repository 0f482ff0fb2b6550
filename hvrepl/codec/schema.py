"""Layout → construct.Construct. Reserved bits and unused bytes stay in the container, so build(parse(b)) == b.

Parsing never refuses: bytes that are missing at the end are read as zeros (decode.py, which knows how many there were, leaves
them out again), and an array ends where the bytes end, whatever its count says. The only module that knows construct.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from construct import Construct, Container, Struct, Subconstruct

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import INTEGER_SIZES, Field, Layout, Spec
from hvrepl.codec.variants import Word, bits_of, expand_word, pick_case

CONTEXT = "context:"


class Tail(io.BytesIO):
    """Bytes that go on as zeros, and know how many real ones are left."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.real = len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        missing = (size or 0) - len(data)
        if size is None or missing <= 0:
            return data
        self.seek(missing, io.SEEK_CUR)
        return data + bytes(missing)

    @property
    def left(self) -> int:
        return max(0, self.real - self.tell())


class Variant(dict[str, Any]):
    """The fields of the case that a switch picked (none: no `spec`), the bytes of its region, and how many of these are the case's."""

    spec: Spec | None = None
    word: WordValues | None = None
    size: int = 0
    used: int = 0


class Plain(Construct):  # type: ignore[misc]
    """An integer (`kind` u or i) or bytes of a size; None builds zeros, bytes build themselves."""

    def __init__(self, kind: str, size: int | str) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.kind = kind
        self.size = size

    def _parse(self, stream: Tail, context: Container, _path: str) -> int | bytes:
        data = stream.read(self._length(stream, context))
        return data if self.kind == "b" else int.from_bytes(data, "little", signed=self.kind == "i")

    def _length(self, stream: Tail, context: Container) -> int:
        if isinstance(self.size, int):
            return self.size
        return stream.left if self.size == "rest" else min(stream.left, size_at(context, self.size))

    def _build(self, obj: int | bytes | None, stream: io.BytesIO, _context: Container, _path: str) -> int | bytes | None:
        size = self.size if isinstance(self.size, int) else 0
        if isinstance(obj, int):
            stream.write((obj & (1 << 8 * size) - 1).to_bytes(size, "little"))
        else:
            stream.write((obj or b"").ljust(size, b"\0"))
        return obj


class Bits(Construct):  # type: ignore[misc]
    """A word: one integer, shifted and masked. Its variants' fields stand beside its own; a nested word is a dict of its own."""

    def __init__(self, spec: Spec, layout: Layout, size: int, catalog: Catalog) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.spec = spec
        self.layout = layout
        self.size = size
        self.catalog = catalog

    def _parse(self, stream: Tail, context: Container, _path: str) -> WordValues:
        number = int.from_bytes(stream.read(self.size), "little")
        return split_word(self.spec, self.layout, number, self.catalog, context._params)

    def _build(self, obj: Mapping[str, Any] | bytes | None, stream: io.BytesIO, context: Container, _path: str) -> object:
        if isinstance(obj, bytes):
            stream.write(obj.ljust(self.size, b"\0"))
        else:
            number = join_word(self.spec, self.layout, obj or {}, self.catalog, context._params)
            stream.write(number.to_bytes(self.size, "little"))
        return obj


class WordValues(dict[str, Any]):
    """The values of a word's fields, with the number they are bits of and the fields and layouts that apply."""

    def __init__(self, number: int, word: Word) -> None:
        super().__init__()
        self.number = number
        self.word = word


def split_word(spec: Spec, layout: Layout, number: int, catalog: Catalog, context: Mapping[str, str]) -> WordValues:
    values = WordValues(number, expand_word(spec, layout, partial(bits_of, number), catalog, context))
    for field in values.word.fields:
        part = bits_of(number, field)
        inner = catalog.type(field.type)
        values[field.name] = split_word(inner, inner.layout, part, catalog, context) if inner and inner.layout else part
    return values


def join_word(spec: Spec, layout: Layout, values: Mapping[str, Any], catalog: Catalog, context: Mapping[str, str]) -> int:
    number = 0
    for field in expand_word(spec, layout, lambda field: values.get(field.name, 0), catalog, context).fields:
        part = values.get(field.name, 0)
        inner = catalog.type(field.type)
        if inner and inner.layout and not isinstance(part, int):
            part = join_word(inner, inner.layout, part, catalog, context)
        number |= (part & (1 << field.width) - 1) << field.lsb
    return number


class Elements(Subconstruct):  # type: ignore[misc]
    """An array that ends where the bytes end, if its count does not end it sooner. Without a count it takes the rest."""

    def __init__(self, subcon: Construct, count: int | str) -> None:
        super().__init__(subcon)
        self.flagbuildnone = True
        self.count = count

    def _parse(self, stream: Tail, context: Container, path: str) -> list[Any]:
        count = self.count if isinstance(self.count, int) else count_of(context, self.count)
        found: list[Any] = []
        at = -1
        while stream.left and stream.tell() > at and (count is None or len(found) < count):  # an element may be empty
            at = stream.tell()
            found.append(self.subcon._parsereport(stream, context, path))
        if isinstance(self.count, int):
            found += [self.subcon._parsereport(stream, context, path) for _ in range(self.count - len(found))]
        return found

    def _build(self, obj: list[Any] | None, stream: io.BytesIO, context: Container, path: str) -> object:
        missing = self.count - len(obj or ()) if isinstance(self.count, int) else 0
        for one in [*(obj or ()), *[None] * missing]:
            self.subcon._build(one, stream, context, path)
        return obj


class Optional(Subconstruct):  # type: ignore[misc]
    """A member that may be missing at the end: None where the bytes stop before it."""

    def __init__(self, subcon: Construct) -> None:
        super().__init__(subcon)
        self.flagbuildnone = True

    def _parse(self, stream: Tail, context: Container, path: str) -> object:
        return self.subcon._parsereport(stream, context, path) if stream.left else None

    def _build(self, obj: object, stream: io.BytesIO, context: Container, path: str) -> object:
        if obj is not None:
            self.subcon._build(obj, stream, context, path)
        return obj


class Region(Construct):  # type: ignore[misc]
    """A run of bytes laid out by the case that another field picks, of which `used` names how many are the case's."""

    def __init__(self, field: Field, pick: Callable[[Any], Spec | None], ahead: Ahead | None, schemas: Schemas) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.field = field
        self.pick = pick
        self.ahead = ahead
        self.schemas = schemas

    def _parse(self, stream: Tail, context: Container, path: str) -> Variant:
        found = Variant()
        found.spec = self._case(stream, context)
        found.size = self._size(stream, context)
        found.used = self._used(found.size, context)
        real = min(found.used, stream.left)
        data = stream.read(found.size)
        if found.spec and found.spec.layout:
            values = self.schemas.of(found.spec)._parsereport(Tail(data[:real]), nested_context(context), path)
            found.word = values if isinstance(values, WordValues) else None
            found.update(values)
        return found

    def _size(self, stream: Tail, context: Container) -> int:
        size = self.field.size
        if isinstance(size, int):
            return size
        return stream.left if size in ("rest", None) else min(stream.left, size_at(context, str(size)))

    def _used(self, size: int, context: Container) -> int:
        return min(size, size_at(context, self.field.used)) if self.field.used else size

    def _case(self, stream: Tail | None, context: Container) -> Spec | None:
        if self.field.switch.startswith(CONTEXT):
            return self.pick(context._params.get(self.field.switch[len(CONTEXT) :]))
        return self.pick(self.ahead.peek(stream, context) if self.ahead and stream else resolve(context, self.field.switch))

    def _build(self, obj: Mapping[str, Any] | bytes | None, stream: io.BytesIO, context: Container, path: str) -> object:
        """From the case's fields, what they leave over (`rest`), and the unused bytes that stand beside as NAME_unused."""
        spec = self._case(None, context)
        data = obj if isinstance(obj, bytes) else b""
        if isinstance(obj, Mapping) and spec and spec.layout:
            inner = io.BytesIO()
            self.schemas.of(spec)._build(obj, inner, nested_context(context), path)
            data = inner.getvalue() + left_over(obj, spec.layout)
        size = self.field.size
        if isinstance(size, int):
            used = self._used(size, context)
            unused = context.get(f"{self.field.name}_unused") or b""
            data = data[:used].ljust(used, b"\0") + unused[max(0, used + len(unused) - size) :]
            data = data.ljust(size, b"\0")
        stream.write(data)
        return obj


def left_over(values: Mapping[str, Any], layout: Layout | None) -> bytes:
    """The bytes behind a struct's members, which decode.py calls `rest`."""
    own = any(field.name == "rest" for field in layout.fields) if layout else False
    rest = values.get("rest", b"")
    return b"" if own or not isinstance(rest, bytes) else rest


class Ahead:
    """A switch field that stands later in the struct: how far behind the region's start, and how it is read."""

    def __init__(self, distance: int, member: Construct, path: str) -> None:
        self.distance = distance
        self.member = member
        self.path = path

    def peek(self, stream: Tail, context: Container) -> Any:
        at = stream.tell()
        stream.seek(at + self.distance)
        value = self.member._parsereport(stream, context, "")
        stream.seek(at)
        return descend(value, self.path)


def resolve(context: Container, path: str) -> Any:
    """The value at a path: in the struct being read, or in one around it. 0 if there is none yet."""
    first, _, rest = path.partition(".")
    while context is not None:
        if first in context:
            return descend(context[first], rest)
        context = context.get("_")
    return 0


def descend(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        value = value.get(part, 0) if isinstance(value, Mapping) else 0
    return 0 if value is None else value


def size_at(context: Container, path: str) -> int:
    """The number at a path as a size in bytes; a signed field may say less than none."""
    return max(0, int(resolve(context, path)))


def count_of(context: Container, text: str) -> int | None:
    """The count that a spec's text asks for: a path, the bits set at a path, or None for the rest."""
    if text == "rest":
        return None
    if text.startswith("popcount:"):
        return int(resolve(context, text[9:])).bit_count()
    return int(resolve(context, text))


class Schemas:
    """The constructs of one arch's specs, each made once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._made: dict[tuple[int, str], Construct] = {}
        self._kept: list[Spec | Layout] = []  # keeps the ids in _made from being used again

    def of(self, spec: Spec, layout: Layout | None = None) -> Construct:
        """The construct of a spec, or of another of its layouts (a hypercall's output)."""
        layout = layout or spec.layout or Layout(())
        key = (id(layout), spec.name)
        if key not in self._made:
            self._kept.append(layout)
            self._made[key] = self._make(spec, layout)
        return self._made[key]

    def parse(self, spec: Spec, layout: Layout, data: bytes, context: Mapping[str, str]) -> tuple[Any, int]:
        """The values in the bytes, and how many bytes the layout took (more than there are, where they end too soon)."""
        stream = Tail(data)
        values = self.of(spec, layout)._parsereport(stream, root_context(context), "")
        return values, stream.tell()

    def build(self, spec: Spec, layout: Layout, values: Mapping[str, Any], context: Mapping[str, str]) -> bytes:
        stream = io.BytesIO()
        self.of(spec, layout)._build(values, stream, root_context(context), "")
        return stream.getvalue()

    def read(self, field: Field, data: bytes) -> Any:
        """The value of a member without the struct around it: a further reading of its bytes."""
        one = self._one(field)
        whole = one if field.count is None else Elements(one, field.count)
        return whole._parsereport(Tail(data), root_context({}), "")

    def size(self, spec: Spec, layout: Layout | None = None) -> int | None:
        """Bytes of a spec's layout; None where they depend on the value."""
        if spec.width and layout in (None, spec.layout):
            return spec.width // 8
        if spec.size is not None and layout in (None, spec.layout):
            return spec.size
        sizes = [self.member_size(field) for field in (layout or spec.layout or Layout(())).fields]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def member_size(self, field: Field) -> int | None:
        """Bytes of a struct's member; None where they depend on the value."""
        if isinstance(field.size, str) or isinstance(field.count, str) or field.optional:
            return None
        if field.size is not None and field.count is None:
            return field.size
        one = field.size if field.size is not None else self.type_size(field.type)
        return None if one is None else one * (field.count if field.count is not None else 1)

    def type_size(self, name: str) -> int | None:
        spec = self.catalog.type(name)
        return self.size(spec) if spec else INTEGER_SIZES.get(name)

    def element_size(self, field: Field) -> int | None:
        """Bytes of one element of an array."""
        return field.size if isinstance(field.size, int) else self.type_size(field.type)

    def _make(self, spec: Spec, layout: Layout) -> Construct:
        if spec.width and layout is not spec.output:
            return Bits(spec, layout, spec.width // 8, self.catalog)
        members = [field.name / self._member(field, place, spec, layout) for place, field in enumerate(layout.fields)]
        return Struct(*members)

    def _member(self, field: Field, place: int, spec: Spec, layout: Layout) -> Construct:
        if field.switch:
            pick = partial(pick_spec, spec, layout, field, self.catalog)
            one: Construct = Region(field, pick, self._ahead(field, place, spec, layout), self)
        elif field.count is not None:
            one = Elements(self._one(field), field.count)
        else:
            one = self._one(field)
        return Optional(one) if field.optional else one

    def _one(self, field: Field) -> Construct:
        spec = self.catalog.type(field.type)
        if spec and spec.layout:
            return self.of(spec)
        size = field.size if field.size is not None else self.type_size(field.type)
        if field.type in ("", "bytes", "guid") or isinstance(size, str) or size is None:
            return Plain("b", size if size is not None else "rest")
        return Plain("i" if field.type in INTEGER_SIZES and field.type[0] == "i" else "u", size)

    def _ahead(self, field: Field, place: int, spec: Spec, layout: Layout) -> Ahead | None:
        first, _, rest = field.switch.partition(".")
        later = [i for i, other in enumerate(layout.fields) if other.name == first and i > place]
        sizes = [self.member_size(other) for other in layout.fields[place : later[0]]] if later else [None]
        if None in sizes:
            return None
        return Ahead(sum(size or 0 for size in sizes), self._member(layout.fields[later[0]], later[0], spec, layout), rest)


def pick_spec(spec: Spec, layout: Layout, field: Field, catalog: Catalog, value: Any) -> Spec | None:
    """What a field's switch picks with a value: a case of this file, or a spec."""
    if isinstance(field.cases, str):
        return catalog.case_of(field.cases.removeprefix("space:"), value) if isinstance(value, int) else None
    switch = next((other for other in layout.fields if other.name == field.switch), None)
    target = pick_case(field, value, switch, catalog)
    return case_spec(spec, target, catalog) if target else None


def case_spec(spec: Spec, target: str, catalog: Catalog) -> Spec | None:
    """A case of this file as a spec of its own, or the spec that it names."""
    layout = spec.case(target)
    if layout is None:
        return catalog.type(target)
    return replace(spec, name=target, layout=layout, kind="struct", size=None, head=None, width=0, addresses=(), output=None)


def root_context(context: Mapping[str, str], outer: Container | None = None) -> Container:
    """What construct's Struct expects of a context; `context` is what `context:NAME` switches on, `outer` the struct around."""
    return Container(_=outer, _params=context, _parsing=False, _building=False, _sizing=False)


def nested_context(context: Container) -> Container:
    return root_context(context._params, context)
