"""Specs → parsers and builders. A word is split and joined without constructs; a struct imports them when it is first needed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cached_property

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import Field, Layout, Spec
from hvrepl.codec.parsed import join_word, split_word
from hvrepl.codec.sizes import Sizes, is_word
from hvrepl.codec.variants import Words
from hvrepl.hints import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvrepl.codec.make_constructs import Constructs


class Schemas(Sizes):
    """One arch's specs as schemas of bytes."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.words = Words(catalog)

    @cached_property
    def constructs(self) -> Constructs:
        from hvrepl.codec.make_constructs import Constructs

        return Constructs(self.words)

    def parse(self, spec: Spec, layout: Layout, data: bytes, context: Mapping[str, str]) -> tuple[Any, int]:
        """(the values in the bytes, the number of bytes that the layout took: more than there are if they end too soon)."""
        if is_word(spec, layout):
            return split_word(spec, layout, int.from_bytes(data, "little"), self.words, context), spec.width // 8
        from hvrepl.codec.constructs import Tail, root_context

        stream = Tail(data)
        values = self.constructs.of(spec, layout)._parsereport(stream, root_context(context), "")
        return values, stream.tell()

    def build(self, spec: Spec, layout: Layout, values: Mapping[str, Any], context: Mapping[str, str]) -> bytes:
        if is_word(spec, layout):
            return join_word(spec, layout, values, self.catalog, context).to_bytes(spec.width // 8, "little")
        from hvrepl.codec.constructs import root_context

        stream = io.BytesIO()
        self.constructs.of(spec, layout)._build(values, stream, root_context(context), "")
        return stream.getvalue()

    def read(self, field: Field, data: bytes) -> Any:
        """The value of a member without the struct around it: a further reading of its bytes."""
        from hvrepl.codec.constructs import Elements, Tail, root_context

        one = self.constructs.of_field(field)
        whole = one if field.count is None else Elements(one, field.count)
        return whole._parsereport(Tail(data), root_context({}), "")
