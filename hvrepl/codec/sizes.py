"""The sizes of layouts and their members in bytes, as far as the specs alone tell. Does not know values."""

from __future__ import annotations

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import INTEGER_SIZES, Field, Layout, Spec, space_of


class Sizes:
    """The sizes of one arch's specs. None if a size depends on the value."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._closed: dict[str, bool] = {}

    def size(self, spec: Spec, layout: Layout | None = None) -> int | None:
        """Bytes of a spec's layout."""
        if spec.width and layout in (None, spec.layout):
            return spec.width // 8
        if spec.size is not None and layout in (None, spec.layout):
            return spec.size
        sizes = [self.member_size(field) for field in (layout or spec.layout or Layout(())).fields]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def member_size(self, field: Field) -> int | None:
        """Bytes of a struct's member."""
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

    def is_closed(self, name: str) -> bool:
        """Whether a type's fields do not refer to anything around it, so that equal bytes in the same place have equal meanings."""
        if name not in self._closed:
            spec = self.catalog.type(name)
            self._closed[name] = spec is None or spec.layout is None or self._refers_inward(spec, spec.layout, frozenset())
        return self._closed[name]

    def _refers_inward(self, spec: Spec, layout: Layout, around: frozenset[str]) -> bool:
        known = around | {field.name for field in layout.fields}
        for field in layout.fields:
            paths = [
                path for path in (field.switch, field.used, field.size, field.count) if isinstance(path, str) and path not in ("", "rest")
            ]
            if any(path.partition(".")[0] not in known for path in paths):
                return False
            if isinstance(field.cases, str):
                within = [case for number, case in self.catalog.cases(space_of(field.cases)) if not number]
            else:
                within = [case for target in field.cases.values() if not spec.case(target) and (case := self.catalog.type(target))]
                if any(case and not self._refers_inward(spec, case, known) for case in map(spec.case, field.cases.values())):
                    return False
            inner = self.catalog.type(field.type) if field.type else None
            if any(one.layout and not self._refers_inward(one, one.layout, known) for one in (inner, *within) if one):
                return False
        return True


def is_word(spec: Spec, layout: Layout) -> bool:
    """Whether a layout consists of bits of a word; the output of a hypercall is a struct."""
    return bool(spec.width) and layout is not spec.output
