"""Layout → construct.Construct. Reserved bits and unused bytes stay in the container, so build(parse(b)) == b."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from typing import Any

from construct import Construct, Struct

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import INTEGER_SIZES, Field, Layout, Spec
from hvrepl.codec.constructs import Ahead, Bits, Elements, Optional, Plain, Region, Tail, root_context
from hvrepl.codec.variants import pick_spec


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
