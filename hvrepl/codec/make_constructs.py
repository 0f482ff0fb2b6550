"""Layout → construct.Construct. Reserved bits and unused bytes stay in the container, so build(parse(b)) == b."""

from __future__ import annotations

from functools import partial

from construct import Construct, Struct

from hvrepl.catalog.model import INTEGER_SIZES, Field, Layout, Spec
from hvrepl.codec.constructs import Ahead, Bits, Elements, Optional, Plain, Region
from hvrepl.codec.sizes import Sizes, is_word
from hvrepl.codec.variants import Words, pick_spec


class Constructs(Sizes):
    """The constructs of one arch's specs, each made once."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.catalog)
        self.words = words
        self._made: dict[tuple[int, str], Construct] = {}
        self._kept: list[Layout] = []  # so that ids in _made are not reused

    def of(self, spec: Spec, layout: Layout | None = None) -> Construct:
        """The construct of a spec, or of another of its layouts (a hypercall's output)."""
        layout = layout or spec.layout or Layout(())
        key = (id(layout), spec.name)
        if key not in self._made:
            self._kept.append(layout)
            self._made[key] = self._make(spec, layout)
        return self._made[key]

    def of_field(self, field: Field) -> Construct:
        """The construct of one element of a field, or of a whole field that is not an array."""
        spec = self.catalog.type(field.type)
        if spec and spec.layout:
            return self.of(spec)
        size = field.size if field.size is not None else self.type_size(field.type)
        if field.type in ("", "bytes", "guid") or isinstance(size, str) or size is None:
            return Plain("b", size if size is not None else "rest")
        return Plain("i" if field.type in INTEGER_SIZES and field.type[0] == "i" else "u", size)

    def _make(self, spec: Spec, layout: Layout) -> Construct:
        if is_word(spec, layout):
            return Bits(spec, layout, spec.width // 8, self.words)
        return Struct(*(field.name / self._make_member(field, place, spec, layout) for place, field in enumerate(layout.fields)))

    def _make_member(self, field: Field, place: int, spec: Spec, layout: Layout) -> Construct:
        if field.switch:
            pick = partial(pick_spec, spec, layout, field, self.catalog)
            one: Construct = Region(field, pick, self._make_ahead(field, place, spec, layout), self.of)
        elif field.count is not None:
            one = Elements(self.of_field(field), field.count)
        else:
            one = self.of_field(field)
        return Optional(one) if field.optional else one

    def _make_ahead(self, field: Field, place: int, spec: Spec, layout: Layout) -> Ahead | None:
        """The field that a switch names, if it is at a fixed distance after the region."""
        first, _, rest = field.switch.partition(".")
        later = [i for i, other in enumerate(layout.fields) if other.name == first and i > place]
        sizes = [self.member_size(other) for other in layout.fields[place : later[0]]] if later else [None]
        if None in sizes:
            return None
        return Ahead(sum(size or 0 for size in sizes), self._make_member(layout.fields[later[0]], later[0], spec, layout), rest)
