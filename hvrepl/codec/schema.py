"""Specs → what parses and builds them: constructs, made when a struct first asks for one. A word is split and joined without."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import INTEGER_SIZES, Field, Layout, Spec
from hvrepl.codec.parsed import join_word, split_word

if TYPE_CHECKING:
    from construct import Construct


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
            from hvrepl.codec.make_constructs import make

            self._kept.append(layout)
            self._made[key] = make(self, spec, layout)
        return self._made[key]

    def parse(self, spec: Spec, layout: Layout, data: bytes, context: Mapping[str, str]) -> tuple[Any, int]:
        """The values in the bytes, and how many bytes the layout took (more than there are, where they end too soon)."""
        if is_word(spec, layout):
            return split_word(spec, layout, int.from_bytes(data, "little"), self.catalog, context), spec.width // 8
        from hvrepl.codec.constructs import Tail, root_context

        stream = Tail(data)
        values = self.of(spec, layout)._parsereport(stream, root_context(context), "")
        return values, stream.tell()

    def build(self, spec: Spec, layout: Layout, values: Mapping[str, Any], context: Mapping[str, str]) -> bytes:
        if is_word(spec, layout):
            return join_word(spec, layout, values, self.catalog, context).to_bytes(spec.width // 8, "little")
        from hvrepl.codec.constructs import root_context

        stream = io.BytesIO()
        self.of(spec, layout)._build(values, stream, root_context(context), "")
        return stream.getvalue()

    def read(self, field: Field, data: bytes) -> Any:
        """The value of a member without the struct around it: a further reading of its bytes."""
        from hvrepl.codec.constructs import Elements, Tail, root_context
        from hvrepl.codec.make_constructs import make_one

        one = make_one(self, field)
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


def is_word(spec: Spec, layout: Layout) -> bool:
    """Whether a layout is of the bits of a word; the output of a hypercall is a struct."""
    return bool(spec.width) and layout is not spec.output
