"""The constructs for layouts: words, integers, arrays, regions. Apart from this module, only make_constructs.py uses construct.

Parsing never fails: missing bytes at the end are read as zeros (decode.py knows how many there were, and leaves them out again), and an
array ends with the bytes, whatever its count.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from construct import Construct, Container, Subconstruct

from hvrepl.catalog.model import Field, Layout, Spec, context_of, count_from, counters
from hvrepl.codec.parsed import Variant, WordValues, descend, join_word, left_over, split_word
from hvrepl.codec.variants import Words
from hvrepl.hints import Any


class Tail(io.BytesIO):
    """Bytes that continue as zeros, and know how many real ones are left."""

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


class Plain(Construct):  # type: ignore[misc]
    """An integer (`kind` u or i), or bytes, of a size; None builds zeros, bytes build themselves."""

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
    """A word: one integer, shifted and masked. Its variants' fields join its own; a nested word is a dict within."""

    def __init__(self, spec: Spec, layout: Layout, size: int, words: Words) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.spec = spec
        self.layout = layout
        self.size = size
        self.words = words

    def _parse(self, stream: Tail, context: Container, _path: str) -> WordValues:
        number = int.from_bytes(stream.read(self.size), "little")
        return split_word(self.spec, self.layout, number, self.words, context._params)

    def _build(self, obj: Mapping[str, Any] | bytes | None, stream: io.BytesIO, context: Container, _path: str) -> object:
        if isinstance(obj, bytes):
            stream.write(obj.ljust(self.size, b"\0"))
        else:
            number = join_word(self.spec, self.layout, obj or {}, self.words.catalog, context._params)
            stream.write(number.to_bytes(self.size, "little"))
        return obj


class Elements(Subconstruct):  # type: ignore[misc]
    """An array that ends after its count, or earlier with the bytes. Without a count it takes the rest."""

    def __init__(self, subcon: Construct, count: int | str) -> None:
        super().__init__(subcon)
        self.flagbuildnone = True
        self.count = count

    def _parse(self, stream: Tail, context: Container, path: str) -> list[Any]:
        count = self.count if isinstance(self.count, int) else count_of(context, self.count)
        found: list[Any] = []
        at = -1
        while stream.left and stream.tell() > at and (count is None or len(found) < count):  # an element can be empty
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
    """A member that can be missing at the end: None if the bytes stop before it."""

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
    """Bytes with the layout of the case that another field picks; `used` says how many of them belong to the case."""

    def __init__(self, field: Field, pick: Callable[[Any], Spec | None], ahead: Ahead | None, of: Callable[[Spec], Construct]) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.field = field
        self.pick = pick
        self.ahead = ahead
        self.of = of

    def _parse(self, stream: Tail, context: Container, path: str) -> Variant:
        found = Variant()
        found.spec, found.pick = self._case(stream, context), self.pick
        found.size = self._size(stream, context)
        found.used = self._used(found.size, context)
        real = min(found.used, stream.left)
        data = stream.read(found.size)
        if found.spec and found.spec.layout:
            values = self.of(found.spec)._parsereport(Tail(data[:real]), nested_context(context), path)
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
        if name := context_of(self.field.switch):
            return self.pick(context._params.get(name))
        return self.pick(self.ahead.peek(stream, context) if self.ahead and stream else resolve(context, self.field.switch))

    def _build(self, obj: Mapping[str, Any] | bytes | None, stream: io.BytesIO, context: Container, path: str) -> object:
        """Builds it from the case's fields, the bytes after them (`rest`), and the unused bytes, as NAME_unused."""
        spec = self._case(None, context)
        data = obj if isinstance(obj, bytes) else b""
        if isinstance(obj, Mapping) and spec and spec.layout:
            inner = io.BytesIO()
            self.of(spec)._build(obj, inner, nested_context(context), path)
            data = inner.getvalue() + left_over(obj, spec.layout)
        size = self.field.size
        if isinstance(size, int):
            used = self._used(size, context)
            unused = context.get(f"{self.field.name}_unused") or b""
            data = data[:used].ljust(used, b"\0") + unused[max(0, used + len(unused) - size) :]
            data = data.ljust(size, b"\0")
        stream.write(data)
        return obj


class Ahead:
    """A switch field later in the struct: its distance from the region's start, and the construct that reads it."""

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
    """The value at a path: in the struct that is being read, or in one around it. 0 if there is none yet."""
    first, _, rest = path.partition(".")
    while context is not None:
        if first in context:
            return descend(context[first], rest)
        context = context.get("_")
    return 0


def size_at(context: Container, path: str) -> int:
    """The number at a path as a size in bytes; a negative one counts as 0."""
    size: int = resolve(context, path)
    return max(0, size)


def count_of(context: Container, text: str) -> int | None:
    """The count by a spec's text, or None for the rest."""
    return None if text == "rest" else count_from(text, (resolve(context, path) for path in counters(text)))


def root_context(context: Mapping[str, str], outer: Container | None = None) -> Container:
    """A context in the form that construct's Struct expects; `context` is for switches on `context:NAME`, `outer` for the struct around."""
    return Container(_=outer, _params=context, _parsing=False, _building=False, _sizing=False)


def nested_context(context: Container) -> Container:
    return root_context(context._params, context)
