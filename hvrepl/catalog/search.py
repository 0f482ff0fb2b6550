"""Where a text, a number or a bit stands in the specs of both archs: names, aliases, fields, enumerators, docs."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.constants import constants_of
from hvrepl.catalog.index import Index, elements, to_column
from hvrepl.catalog.model import Enumerator, Field, Layout, Spec, fill, to_key
from hvrepl.record import record


@record
class Hit:
    """A spec, or one element of it, and what in it was hit. `rank` is lower for what people mean more often."""

    rank: int
    spec: Spec
    element: int | None
    where: str


@record
class Text:
    """What may hold a text: `words` that belong together, and where they stand. `is_names`: they are the names of one thing."""

    rank: int
    where: str
    words: tuple[str, ...]
    is_names: bool = False


@record
class Wanted:
    """The words that are searched for. Case does not matter, and hyphens, underscores and blanks are alike; or (`is_loose`) do not matter
    either, as in reenlightenment and re-enlightenment."""

    words: tuple[str, ...]
    is_loose: bool = False

    @classmethod
    def of(cls, text: str, *, is_loose: bool = False) -> Wanted:
        return cls(tuple(word for one in text.split() if (word := form_of(one, is_loose))), is_loose)

    def are_in(self, text: str) -> bool:
        form = form_of(text, self.is_loose)
        return all(word in form for word in self.words)

    def are(self, text: str) -> bool:
        """Whether they are all of a text."""
        return form_of(text, self.is_loose) == ("" if self.is_loose else "_").join(self.words)


def form_of(text: str, is_loose: bool) -> str:
    """The form in which texts are compared."""
    form = to_key(text).replace(" ", "_")
    return form.replace("_", "") if is_loose else form


def find_text(index: Index, text: str) -> list[Hit]:
    """The best hit of each spec, or element, whose names or words hold the text; all of its words must be there."""
    for wanted in (Wanted.of(text), Wanted.of(text, is_loose=True)):
        hits = find_words(index, wanted)
        if hits:
            return hits
    return []


def find_words(index: Index, wanted: Wanted) -> list[Hit]:
    """The hits of words as they are wanted, the best first."""
    hits = [hit for spec in candidates(index, wanted) for hit in hits_of(spec, wanted)] if wanted.words else []
    return sorted(hits, key=lambda hit: (hit.rank, hit.spec.name, hit.element or 0))


def candidates(index: Index, wanted: Wanted) -> Iterator[Spec]:
    """Specs whose tables hold every word, in the form in which they are compared."""
    body, key = "replace(replace(lower(body), '-', '_'), ' ', '_')", "key"
    if wanted.is_loose:
        body, key = (f"replace({column}, '_', '')" for column in (body, key))
    condition = " AND ".join(f"{body} LIKE ? ESCAPE '\\'" for _ in wanted.words)
    patterns = ["%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" for word in wanted.words]
    # A name with a number in it, such as SINT2, stands in the body as SINT{n}: the names are looked through as well.
    names = " AND ".join(f"{key} LIKE ? ESCAPE '\\'" for _ in wanted.words)
    sql = f"SELECT id FROM spec WHERE {condition} UNION SELECT spec FROM name WHERE {names}"
    return (index.spec(key) for (key,) in index.database.execute(sql, patterns + patterns).fetchall())


def hits_of(spec: Spec, wanted: Wanted) -> Iterator[Hit]:
    exact = where_exactly(spec, wanted)
    if exact:
        yield Hit(0, spec, None, exact)
        return
    named = [hit for element in elements(spec) if (hit := name_hit(spec, element, wanted))]
    if named and len(named) < len(elements(spec)):
        yield from named
        return
    if named:
        yield Hit(named[0].rank, spec, None, named[0].where)
        return
    text = next((text for text in texts_of(spec) if wanted.are_in("\n".join(text.words))), None)
    if text:
        yield Hit(text.rank, spec, None, text.where + say_alias(text, wanted))


def where_exactly(spec: Spec, wanted: Wanted) -> str:
    """What in a spec is called just so: the QEMU flag that turns it on, or a constant."""
    if spec.qemu and wanted.are(spec.qemu):
        return f"QEMU flag {spec.qemu}"
    one = next((one for one in constants_of(spec) if wanted.are(one.spelling)), None)
    if one is None:
        return ""
    name = say_value(one.value, one.field) if one.value else f"field {one.field.name}" if one.field else ""
    return name if one.value and one.spelling == one.value.name else f"{name}, also {one.spelling}"


def say_alias(text: Text, wanted: Wanted) -> str:
    """By which of its other names something was found, where its own does not tell why."""
    name, *also = text.words
    other = "" if not text.is_names or wanted.are_in(name) else next((one for one in also if wanted.are_in(one)), "")
    return f", also {other}" if other else ""


def name_hit(spec: Spec, element: int | None, wanted: Wanted) -> Hit | None:
    """A hit in the names of one element: the whole name, its beginning, or somewhere."""
    canonical = [fill(a.name, element) for a in spec.addresses] or [fill(spec.name, element)]
    aliases = [fill(n, element) for n in spec.also]
    aliases += [fill(n, element) for a in spec.addresses for n in (*a.also, *a.was)]
    for rank, where, names in ((1, "name", canonical), (2, "also", aliases)):
        hit = next((name for name in names if wanted.are_in(name)), None)
        if hit:
            return Hit(0 if wanted.are(hit) else rank, spec, element, f"{where} {hit}" if rank == 2 else "name")
    return Hit(3, spec, element, "title") if wanted.are_in(fill(spec.title, element)) and len(elements(spec)) == 1 else None


def layouts_of(spec: Spec) -> list[Layout]:
    return [layout for layout in (spec.layout, spec.output, *(spec.cases or {}).values()) if layout]


def texts_of(spec: Spec) -> Iterator[Text]:
    """Everything but the names of the spec itself."""
    fields = [field for layout in layouts_of(spec) for field in layout.fields]
    values: list[tuple[Enumerator, Field | None]] = [(value, field) for field in fields for value in field.values]
    values += [(value, None) for value in spec.values if not value.taken]  # what is taken in is found where it stands
    yield from (Text(4, f"field {field.name}", field.names, is_names=True) for field in fields)
    yield from (Text(4, say_value(value, field), (value.name, *value.also), is_names=True) for value, field in values)
    yield Text(5, "title", (spec.title,))
    yield Text(5, "doc", (spec.doc, spec.note))
    yield from (Text(4, f"field {field.name}: doc", (*field.names, field.doc, field.note)) for field in fields)
    yield from (Text(4, f"{say_value(v, field)}: doc", (v.name, *v.also, v.doc, v.note)) for v, field in values)
    yield Text(5, f"QEMU flag {spec.qemu}", (spec.qemu,))
    yield Text(5, "links", (spec.privilege, *spec.see))


def say_value(value: Enumerator, field: Field | None) -> str:
    return f"value {field.name}={value.name}" if field else f"value {value.low:#x} {value.name}"


def find_bit(index: Index, bit: int) -> list[Hit]:
    """The named fields that hold a bit of a word."""
    hits = []
    for spec in holding(index, '"bits"'):
        fields = [f for layout in layouts_of(spec) for f in layout.fields if holds_bit(f, bit)]
        hits += [Hit(4, spec, None, f"field {field.name} {span(field)}") for field in fields[:1]]
    return hits


def holding(index: Index, *texts: str, number: int | None = None) -> Iterator[Spec]:
    """The specs in whose tables one of the texts stands, or that have the number: only those are read as a whole."""
    wanted = " OR ".join("body LIKE ?" for _ in texts)
    sql = f"SELECT id FROM spec WHERE {wanted} OR id IN (SELECT spec FROM number WHERE low = ?) ORDER BY name, arch"
    values = [*(f"%{text}%" for text in texts), None if number is None else to_column(number)]
    return (index.spec(key) for (key,) in index.database.execute(sql, values).fetchall())


def holds_bit(field: Field, bit: int) -> bool:
    return bool(field.width) and not field.reserved and not field.switch and field.lsb <= bit < field.lsb + field.width


def span(field: Field) -> str:
    high = field.lsb + field.width - 1
    return f"{high}:{field.lsb}" if field.width > 1 else str(high)


def find_number(index: Index, number: int) -> list[Hit]:
    """What has the number in any space, and the enumerators that are it."""
    hits = []
    for spec in holding(index, str(number), f"{number:x}", number=number):
        hits += [Hit(0, spec, element, "number") for element in elements(spec) if has_number(spec, element, number)]
        hits += [Hit(4, spec, None, f"value {name}") for name in values_with(spec, number)]
    return sorted(hits, key=lambda hit: hit.rank)


def has_number(spec: Spec, element: int | None, number: int) -> bool:
    """Whether the number is its own; a range such as that of all SPIs says nothing of a number in it."""
    return any(a.low == a.high == number - a.stride * (element or 0) for a in spec.addresses)


def values_with(spec: Spec, number: int) -> Iterator[str]:
    def matching(values: tuple[Enumerator, ...]) -> Iterator[str]:
        return (one.name for one in values if one.low == one.high == number)

    yield from matching(spec.values)
    for layout in layouts_of(spec):
        for field in layout.fields:
            yield from (f"{field.name}={name}" for name in matching(field.values))
