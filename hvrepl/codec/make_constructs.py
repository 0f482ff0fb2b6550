"""Layout → construct.Construct. Reserved bits and unused bytes stay in the container, so build(parse(b)) == b."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from construct import Construct, Struct

from hvrepl.catalog.model import INTEGER_SIZES, Field, Layout, Spec
from hvrepl.codec.constructs import Ahead, Bits, Elements, Optional, Plain, Region
from hvrepl.codec.schema import is_word
from hvrepl.codec.variants import pick_spec

if TYPE_CHECKING:
    from hvrepl.codec.schema import Schemas


def make(schemas: Schemas, spec: Spec, layout: Layout) -> Construct:
    if is_word(spec, layout):
        return Bits(spec, layout, spec.width // 8, schemas.catalog)
    members = [field.name / make_member(schemas, field, place, spec, layout) for place, field in enumerate(layout.fields)]
    return Struct(*members)


def make_member(schemas: Schemas, field: Field, place: int, spec: Spec, layout: Layout) -> Construct:
    if field.switch:
        pick = partial(pick_spec, spec, layout, field, schemas.catalog)
        one: Construct = Region(field, pick, make_ahead(schemas, field, place, spec, layout), schemas)
    elif field.count is not None:
        one = Elements(make_one(schemas, field), field.count)
    else:
        one = make_one(schemas, field)
    return Optional(one) if field.optional else one


def make_one(schemas: Schemas, field: Field) -> Construct:
    spec = schemas.catalog.type(field.type)
    if spec and spec.layout:
        return schemas.of(spec)
    size = field.size if field.size is not None else schemas.type_size(field.type)
    if field.type in ("", "bytes", "guid") or isinstance(size, str) or size is None:
        return Plain("b", size if size is not None else "rest")
    return Plain("i" if field.type in INTEGER_SIZES and field.type[0] == "i" else "u", size)


def make_ahead(schemas: Schemas, field: Field, place: int, spec: Spec, layout: Layout) -> Ahead | None:
    first, _, rest = field.switch.partition(".")
    later = [i for i, other in enumerate(layout.fields) if other.name == first and i > place]
    sizes = [schemas.member_size(other) for other in layout.fields[place : later[0]]] if later else [None]
    if None in sizes:
        return None
    return Ahead(sum(size or 0 for size in sizes), make_member(schemas, layout.fields[later[0]], later[0], spec, layout), rest)
