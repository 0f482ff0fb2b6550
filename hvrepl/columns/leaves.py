"""A layout → its columns: path, number of bits, whether it can have a meaning. Does not know values or Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import INTEGER_SIZES, Field, Layout, Spec, context_of, space_of
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import join_path
from hvrepl.codec.variants import pick_case
from hvrepl.errors import UsageError
from hvrepl.record import record, replace

WIDEST = 64  # bits of a number in a column
MOST_BITS = 10  # bits of a switch whose values are all tried
MOST_ELEMENTS = 16  # of an array of structs whose elements each have columns; a longer array is one column of bytes


@record(eq=True)
class Leaf:
    """A part of a thing by its path: a number of some bits, with `count` an array of numbers, or (0 bits) bytes.

    `says`: it can have a meaning. `whole`: its bytes, even if they have a layout.
    """

    path: str
    bits: int = 0
    signed: bool = False
    count: int = 0
    says: bool = False
    whole: bool = False

    def is_like(self, other: Leaf) -> bool:
        return bool(self.bits and other.bits) and (self.signed, self.count) == (other.signed, other.count)


def leaves_of(decoder: Decoder, found: Found, *, output: bool = False) -> tuple[Leaf, ...]:
    """Everything that a value of the thing may have, in the order of decoding. UsageError for a thing without a fixed size."""
    spec, layout = found.spec, found.spec.output if output else found.spec.layout
    width = 0 if output else decoder.width(spec)
    if not width and (layout is None or decoder.schemas.size(spec, layout) is None):
        raise UsageError(f"{found.called} has no fixed size: columns are of words, CPUID leaves and structs of fixed size")
    if layout is None:
        return (number_leaf("value", width),)
    walker = Walker(decoder)
    return merge(walker.word(spec, layout, "") if width else walker.struct(spec, layout, ""))


def number_leaf(path: str, bits: int, *, signed: bool = False, says: bool = False) -> Leaf:
    return Leaf(path, bits if bits <= WIDEST else 0, signed=signed and bits <= WIDEST, says=says)


def merge(leaves: Iterable[Leaf]) -> tuple[Leaf, ...]:
    """One leaf per path: the widest number among the variants, or bytes if one of them has bytes."""
    found: dict[str, Leaf] = {}
    for leaf in leaves:
        other = found.get(leaf.path, leaf)
        says = leaf.says or other.says
        if leaf.is_like(other):
            found[leaf.path] = replace(leaf, bits=max(leaf.bits, other.bits), says=says)
        else:
            found[leaf.path] = Leaf(leaf.path, says=says, whole=leaf.whole or other.whole)
    return tuple(found.values())


class Walker:
    """Walks a layout as decoding does, into every variant."""

    def __init__(self, decoder: Decoder) -> None:
        self.catalog = decoder.catalog
        self.schemas = decoder.schemas

    def word(self, spec: Spec, layout: Layout, path: str) -> Iterator[Leaf]:
        """The fields of a word, high to low."""
        for field in reversed([*self._expanded(spec, layout)]):
            yield from self._bits(field, path)

    def _expanded(self, spec: Spec, layout: Layout) -> Iterator[Field]:
        for field in layout.fields:
            if not field.switch:
                yield field
                continue
            for target in self._targets(field):
                case = spec.case(target)
                yield from self._expanded(spec, case) if case else [replace(field, type=target, switch="", cases="")]
            if self._may_have_none(spec, field):
                yield field

    def _may_have_none(self, spec: Spec, field: Field) -> bool:
        """Whether a switch may have a value without a case, so that its field is only a number."""
        switch = spec.field(field.switch)
        if isinstance(field.cases, str) or "other" in field.cases or switch is None:
            return "other" not in field.cases
        return switch.width > MOST_BITS or any(pick_case(field, value, switch, self.catalog) is None for value in range(1 << switch.width))

    def _targets(self, field: Field) -> list[str]:
        """The cases that a switch may pick; if it depends on the context, which columns do not have, the default."""
        if isinstance(field.cases, str):
            return []
        if context_of(field.switch):
            target = pick_case(field, None, None, self.catalog)
            return [target] if target else []
        return list(dict.fromkeys(field.cases.values()))

    def _bits(self, field: Field, path: str) -> Iterator[Leaf]:
        here = join_path(path, field.name)
        yield number_leaf(here, field.width, says=self._says(field))
        inner = self.catalog.type(field.type)
        if inner and inner.layout:
            yield from self.word(inner, inner.layout, here)

    def _says(self, field: Field) -> bool:
        return bool(field.show) or field.type == "guid" or self.catalog.has_enumerators(field)

    def struct(self, spec: Spec, layout: Layout, path: str) -> Iterator[Leaf]:
        """The members of a struct, ascending."""
        for field in layout.fields:
            here = join_path(path, field.name)
            if field.switch:
                yield from self._region(spec, field, here)
            elif field.count is None:
                yield from self._member(field, here)
            else:
                yield from self._array(field, here)

    def _array(self, field: Field, path: str) -> Iterator[Leaf]:
        count = field.count if isinstance(field.count, int) else 0
        (first, *more) = self._member(replace(field, count=None), path)
        if count and not more and first.bits and not first.says:
            yield replace(first, count=count)
        elif 0 < count <= MOST_ELEMENTS:
            for index in range(count):
                yield from self._member(replace(field, count=None), f"{path}[{index}]")
        else:
            yield Leaf(path, whole=True)

    def _member(self, field: Field, path: str) -> Iterator[Leaf]:
        inner = self.catalog.type(field.type)
        if inner and inner.layout and not inner.width:
            yield from self.struct(inner, inner.layout, path)
            return
        size = self.schemas.element_size(field)
        if size is None or (inner is None and field.type in ("", "bytes", "guid")):
            yield Leaf(path, says=self._says(field))
            return
        yield number_leaf(path, 8 * size, signed=field.type in INTEGER_SIZES and field.type[0] == "i", says=self._says(field))
        if inner and inner.layout:
            yield from self.word(inner, inner.layout, path)

    def _region(self, spec: Spec, field: Field, path: str) -> Iterator[Leaf]:
        """The bytes that a switch lays out: plain if a value may lack a case, and each case."""
        yield Leaf(path, whole=isinstance(field.cases, str) and not any(self.catalog.cases(space_of(field.cases))))
        for case in self._cases(spec, field):
            if case.layout is None:
                continue
            yield from self.word(case, case.layout, path) if case.width else self.struct(case, case.layout, path)
        yield Leaf(join_path(path, "rest"))
        if field.used:
            yield Leaf(f"{path}_unused")

    def _cases(self, spec: Spec, field: Field) -> Iterator[Spec]:
        """The possible contents of a region. A register's value may be one of a thousand things, and stays bytes."""
        if isinstance(field.cases, str):
            yield from (case for _, case in self.catalog.cases(space_of(field.cases)))
            return
        for target in self._targets(field):
            layout = spec.case(target)
            case = (
                self.catalog.type(target) if layout is None else replace(spec, name=target, layout=layout, size=None, width=0, output=None)
            )
            if case:
                yield case
