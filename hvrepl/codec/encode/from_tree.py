"""Decoded → bytes. encode(decode(b)) == b for every layout and all bytes; assignments to fields are in assign.py.

A tree may come from anywhere: every part is checked against the layout before anything is built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import Field, Layout, Spec, context_of
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, join_path, paths
from hvrepl.codec.parsed import descend, left_over
from hvrepl.codec.sizes import is_word
from hvrepl.codec.variants import expand_word, pick_spec
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.wording import count_of, shorten


def encode(decoder: Decoder, found: Found, node: Decoded, *, output: bool = False, context: Mapping[str, str] | None = None) -> bytes:
    """Builds the bytes from the values of a node's parts: a value counts before its raw, as a program may have changed it.

    A struct that was decoded from too few bytes keeps its length. UsageError for a part that is not in the layout, or whose value
    does not fit.
    """
    spec = found.spec
    layout = spec.output if output else spec.layout
    shape = Shape(decoder, found.called, context or {})
    if layout is None or not (node.fields or node.slots):
        size = 0 if output else decoder.width(spec) // 8
        return shape.bytes_of(node, size or None, found.called).ljust(size, b"\0")
    values = shape.whole(spec, layout, node)
    data = decoder.schemas.build(spec, layout, values, context or {})
    if not is_word(spec, layout):
        data = (data + left_over(values, layout))[: size_of(node)]
    known = {path for path, _ in paths(decoder.decode(found, data, output=output, context=context))}
    unknown = next((path for path, _ in paths(node) if path not in known), None)
    if unknown:
        raise shape.unknown(unknown)
    return data


def size_of(node: Decoded) -> int | None:
    """Bytes of a node: the sum of its members, as a program may have added elements. None if the tree does not show it."""
    if any(node) and all(part.offset is not None for part in node):
        sizes = [size_of(part) for part in node]
        return None if None in sizes else sum(size or 0 for size in sizes)
    return len(node.to_bytes()) if node.raw else node.size


class Shape:
    """Checks a tree against a layout, and turns it into schema.py's input: a dict of the parts of a struct or word, a list of elements, a
    number or bytes. All sizes are those of the layout."""

    def __init__(self, decoder: Decoder, called: str, context: Mapping[str, str]) -> None:
        self.schemas = decoder.schemas
        self.catalog = decoder.catalog
        self.called = called
        self.context = context

    def whole(self, spec: Spec, layout: Layout, node: Decoded) -> dict[str, Any]:
        """The outermost node, where the array slots is separate."""
        fields = (*node.fields, Decoded(name="slots", fields=node.slots)) if node.slots else node.fields
        one = Decoded(name="", fields=fields)
        return self._word(spec, layout, one, "") if is_word(spec, layout) else self._struct(spec, layout, one, "", ())

    def _parts(self, node: Decoded, path: str) -> dict[str, Decoded]:
        """The parts of a node by name."""
        parts: dict[str, Decoded] = {}
        for part in node.fields:
            if part.name in parts:
                raise UsageError(f"{join_path(path, shorten(part.name))} appears twice")
            parts[part.name] = part
        return parts

    def unknown(self, path: str) -> UsageError:
        return UsageError(f"{self.called} has no field {shorten(path, 60)} with these values")

    def _word(self, spec: Spec, layout: Layout, node: Decoded, path: str) -> dict[str, Any]:
        """The fields of a word, in the variants that their values pick."""
        parts = self._parts(node, path)

        def value_of(field: Field) -> int:
            part = parts.get(field.name)
            return self.number(part, field.width, join_path(path, field.name)) if part and not part.fields else 0

        fields = {field.name: field for field in expand_word(spec, layout, value_of, self.catalog, self.context).fields}
        values: dict[str, Any] = {}
        for name, part in parts.items():
            below = join_path(path, name)
            if name not in fields:
                raise self.unknown(below)
            inner = self.catalog.type(fields[name].type)
            if part.fields and inner and inner.layout:
                values[name] = self._word(inner, inner.layout, part, below)
            else:
                values[name] = self.number(part, fields[name].width, below)
        return values

    def _struct(self, spec: Spec, layout: Layout, node: Decoded, path: str, around: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The members of a struct, None for missing ones. `around`: the members of the structs around it, innermost first."""
        parts = self._parts(node, path)
        values: dict[str, Any] = dict.fromkeys(field.name for field in layout.fields)
        beside = {f"{field.name}_unused" for field in layout.fields if field.used} | {"rest"} - values.keys()
        for name, part in parts.items():
            if name in beside:
                values[name] = self.bytes_of(part, None, join_path(path, name))
            elif name not in values:
                raise self.unknown(join_path(path, name))
        # A switch can come after the region that it decides.
        for field in sorted((field for field in layout.fields if field.name in parts), key=lambda field: bool(field.switch)):
            below = join_path(path, field.name)
            values[field.name] = self._member(spec, layout, field, parts[field.name], below, (values, *around))
        return values

    def _member(
        self, spec: Spec, layout: Layout, field: Field, node: Decoded, path: str, scopes: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any] | list[Any] | int | bytes:
        if field.switch:
            return self._region(spec, layout, field, node, path, scopes)
        if field.count is None:
            return self._one(field, node, path, scopes)
        if node.raw or node.value is not None:
            raise UsageError(f"{path} is an array; give its elements as fields, such as {path}[0]")
        if isinstance(field.count, int) and len(node.fields) > field.count:
            raise UsageError(f"{path} has {field.count} elements, not {len(node.fields)}")
        for place, part in enumerate(node.fields):
            if part.name != f"[{place}]":
                raise UsageError(f"{path} is an array: its element {place} must be called [{place}], not {shorten(part.name)!r}")
        return [self._one(field, part, f"{path}{part.name}", scopes) for part in node.fields]

    def _one(self, field: Field, node: Decoded, path: str, scopes: Sequence[Mapping[str, Any]]) -> dict[str, Any] | int | bytes:
        """A member that is not an array, or an element of one."""
        inner = self.catalog.type(field.type)
        if inner and inner.layout and not inner.width:
            if node.raw or node.value is not None:
                raise UsageError(f"{path} is a struct; give its members as fields, such as {path}.{inner.layout.fields[0].name}")
            return self._struct(inner, inner.layout, node, path, scopes)
        if inner and inner.layout and node.fields:
            return self._word(inner, inner.layout, node, path)
        size = self.schemas.element_size(field)
        if field.type in ("", "bytes", "guid") or isinstance(field.size, str) or size is None:
            return self.bytes_of(node, size, path)
        if node.raw and not node.is_number and node.value is None:  # the first bytes of it, if there were too few
            return self.bytes_of(node, size, path)
        number = self.number(node, 8 * size, path)
        return (number & (1 << 8 * size) - 1).to_bytes(size, "little") if inner and inner.layout else number

    def _region(
        self, spec: Spec, layout: Layout, field: Field, node: Decoded, path: str, scopes: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any] | bytes:
        """The region of a switch: the members of the case that is picked now, or bytes."""
        size = field.size if isinstance(field.size, int) else None
        if not node.fields:
            return self.bytes_of(node, size, path)
        value = self.context.get(name) if (name := context_of(field.switch)) else resolve(scopes, field.switch)
        case = pick_spec(spec, layout, field, self.catalog, value)
        if case is None or case.layout is None:
            raise self.unknown(join_path(path, node.fields[0].name))
        if not case.width:
            return self._struct(case, case.layout, node, path, scopes)
        own = Decoded(name=node.name, fields=tuple(part for part in node.fields if part.name != "rest"))
        rest = {part.name: self.bytes_of(part, None, f"{path}.rest") for part in node.fields if part.name == "rest"}
        return self._word(case, case.layout, own, path) | rest

    def number(self, node: Decoded, width: int, path: str) -> int:
        """The number of a node with this many bits."""
        if node.fields:
            raise self.unknown(join_path(path, node.fields[0].name))
        if node.value is None and not node.raw:
            raise UsageError(f"{path} has neither a value nor a raw")
        if node.value is None and not node.is_number:
            raise UsageError(f"{path} is a number: its raw must be hex with 0x, not {shorten(node.raw)!r}")
        if node.bits and node.bits[0] - node.bits[1] + 1 != width:
            raise UsageError(f"{path} is {count_of(width, 'bit')} wide; its bits are not {shorten(str(list(node.bits)))}")
        value = int(node.raw, 16) if node.value is None else node.value
        if not -(1 << width - 1) <= value < 1 << width:
            raise UsageError(f"{path} is {count_of(width, 'bit')} wide; {shorten(hex(value))} needs {value.bit_length() + (value < 0)}")
        return value & (1 << width) - 1

    def bytes_of(self, node: Decoded, size: int | None, path: str) -> bytes:
        """The bytes of a node: at most `size`, or as many as it has; a number fills exactly `size`."""
        if node.fields:
            raise self.unknown(join_path(path, node.fields[0].name))
        if node.value is not None or node.is_number:
            if size is None:
                raise UsageError(f"{path} is bytes: its raw must be hex without 0x")
            return self.number(node, 8 * size, path).to_bytes(size, "little")
        data = node.to_bytes()
        if size is not None and len(data) > size:
            raise UsageError(f"{path} takes {size} bytes, not {len(data)}")
        return data


def resolve(scopes: Sequence[Mapping[str, Any]], path: str) -> Any:
    """The value at a path as constructs.py resolves it: in the struct itself, or in one around it; 0 if there is none."""
    first, _, rest = path.partition(".")
    return next((descend(scope[first], rest) for scope in scopes if first in scope), 0)
