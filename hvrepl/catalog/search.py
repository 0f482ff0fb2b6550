"""Finds a text, a number or a bit in the specs of both archs: names, aliases, fields, enumerators, docs."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.constants import constants_of
from hvrepl.catalog.index import Index, elements, to_column
from hvrepl.catalog.model import Enumerator, Field, Spec, fill, to_key
from hvrepl.record import record, replace


@record
class Hit:
    """A spec, or one element of it, and the part that was hit. `rank` is lower for what people mean more often.

    Programs read `where`, in the order of `rank`. People read `said`, or for a bit the `field` that has it, in the order of `near`.
    """

    rank: int
    spec: Spec
    element: int | None
    where: str
    said: str = ""
    near: int = 0
    field: Field | None = None


# How close a name is to a text: it is the text, begins with it, has it as whole words, or contains it.
IS, BEGINS, HAS_WORDS, HAS = range(4)
# The order for people: names and other names by closeness, then fields and values, titles, docs, and references.
NAMED = {IS: 0, BEGINS: 2, HAS_WORDS: 3, HAS: 4}
ALSO_NAMED = {IS: 1, BEGINS: 3, HAS_WORDS: 4, HAS: 4}
IN_FIELDS, IN_TITLE, IN_DOC, IN_LINKS = 5, 8, 9, 10


@record
class Text:
    """A place that is searched: `words` that belong together, and its name. `is_names`: they are the names of one thing."""

    rank: int
    where: str
    words: tuple[str, ...]
    is_names: bool = False


@record
class Wanted:
    """The words to search for. Case does not matter, and hyphens, underscores and blanks are equal, or (`is_loose`) do not matter at all,
    as in reenlightenment and re-enlightenment."""

    words: tuple[str, ...]
    is_loose: bool = False

    @classmethod
    def of(cls, text: str, *, is_loose: bool = False) -> Wanted:
        return cls(tuple(word for one in text.split() if (word := form_of(one, is_loose))), is_loose)

    def are_in(self, text: str) -> bool:
        form = form_of(text, self.is_loose)
        return all(word in form for word in self.words)

    @property
    def form(self) -> str:
        return ("" if self.is_loose else "_").join(self.words)

    def are(self, text: str) -> bool:
        """Whether they make up a whole text."""
        return form_of(text, self.is_loose) == self.form

    def nearness(self, name: str) -> int:
        """How close a name that contains them is to them."""
        form = form_of(name, self.is_loose)
        if form == self.form:
            return IS
        if form.startswith(self.form):
            return BEGINS
        return HAS_WORDS if f"_{self.form}_" in f"_{form}_" else HAS


def form_of(text: str, is_loose: bool) -> str:
    """The form in which texts are compared."""
    form = to_key(text).replace(" ", "_")
    return form.replace("_", "") if is_loose else form


def find_text(index: Index, text: str) -> list[Hit]:
    """The best hit of each spec, or element, whose names or words contain the text; all of its words must occur."""
    for wanted in (Wanted.of(text), Wanted.of(text, is_loose=True)):
        hits = find_words(index, wanted)
        if hits:
            return hits
    return []


def find_words(index: Index, wanted: Wanted) -> list[Hit]:
    """The hits for words, compared as they ask, the best first."""
    hits = [hit for spec in candidates(index, wanted) for hit in hits_of(spec, wanted)] if wanted.words else []
    return sorted(hits, key=lambda hit: (hit.rank, hit.spec.name, hit.element or 0))


def candidates(index: Index, wanted: Wanted) -> Iterator[Spec]:
    """Specs whose tables contain every word, in the form of the comparison."""
    body, key = "replace(replace(lower(body), '-', '_'), ' ', '_')", "key"
    if wanted.is_loose:
        body, key = (f"replace({column}, '_', '')" for column in (body, key))
    condition = " AND ".join(f"{body} LIKE ? ESCAPE '\\'" for _ in wanted.words)
    patterns = ["%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" for word in wanted.words]
    # A name with a number, such as SINT2, is in the body as SINT{n}, so the names are searched too.
    names = " AND ".join(f"{key} LIKE ? ESCAPE '\\'" for _ in wanted.words)
    sql = f"SELECT id FROM spec WHERE {condition} UNION SELECT spec FROM name WHERE {names}"
    return (index.spec(key) for (key,) in index.database.execute(sql, patterns + patterns).fetchall())


def hits_of(spec: Spec, wanted: Wanted) -> Iterator[Hit]:
    exact = where_exactly(spec, wanted)
    if exact:
        yield Hit(0, spec, None, exact, say_to_people(exact), ALSO_NAMED[IS])
        return
    named = [hit for element in elements(spec) if (hit := name_hit(spec, element, wanted))]
    if named and len(named) < len(elements(spec)):
        yield from named
        return
    if named:
        yield replace(named[0], element=None) if len(elements(spec)) == 1 else said_of_all(named[0], wanted)
        return
    texts = [text for text in texts_of(spec) if wanted.are_in("\n".join(text.words))]
    if texts:
        first, best = texts[0], min(texts, key=lambda text: text_order(text, wanted))
        said = say_link(spec, wanted) if best.where == "links" else say_to_people(best.where + say_alias(best, wanted))
        yield Hit(first.rank, spec, None, first.where + say_alias(first, wanted), said, text_order(best, wanted))


def said_of_all(hit: Hit, wanted: Wanted) -> Hit:
    """A hit in the names of every element, under their shared name."""
    return replace(hit, element=None, said=name_said(hit.spec, None, wanted)[1])


def text_order(text: Text, wanted: Wanted) -> int:
    """The place of a hit in the list: a field or value with exactly that name comes before one with a similar name."""
    if text.is_names:
        return (
            IN_FIELDS + min(min(wanted.nearness(word) for word in text.words if wanted.are_in(word)), HAS_WORDS)
            if any(map(wanted.are_in, text.words))
            else IN_TITLE
        )
    return {"title": IN_TITLE, "links": IN_LINKS}.get(text.where, IN_DOC)


def say_link(spec: Spec, wanted: Wanted) -> str:
    """The link that contains the text."""
    seen = [name for name in spec.see if wanted.are_in(name)]
    return f"see {seen[0]}" if seen else f"privilege {spec.privilege.rpartition('.')[2]}"


def say_to_people(where: str) -> str:
    """The place of a hit in plain words."""
    subject, colon, _ = where.partition(": doc")
    if colon:
        return f"description of {subject}"
    return {"doc": "description"}.get(where, where.replace(", also ", ", alias "))


def where_exactly(spec: Spec, wanted: Wanted) -> str:
    """An exact match within a spec: the QEMU flag that turns it on, or a constant."""
    if spec.qemu and wanted.are(spec.qemu):
        return f"QEMU flag {spec.qemu}"
    one = next((one for one in constants_of(spec) if wanted.are(one.spelling)), None)
    if one is None:
        return ""
    name = say_value(one.value, one.field) if one.value else f"field {one.field.name}" if one.field else ""
    return name if one.value and one.spelling == one.value.name else f"{name}, also {one.spelling}"


def say_alias(text: Text, wanted: Wanted) -> str:
    """The other name with the text, if the main one does not have it."""
    name, *also = text.words
    other = "" if not text.is_names or wanted.are_in(name) else next((one for one in also if wanted.are_in(one)), "")
    return f", also {other}" if other else ""


def name_hit(spec: Spec, element: int | None, wanted: Wanted) -> Hit | None:
    """A hit in the names of one element: in the whole name, its beginning, or anywhere."""
    canonical = [fill(a.name, element) for a in spec.addresses] or [fill(spec.name, element)]
    aliases = [fill(n, element) for n in spec.also]
    aliases += [fill(n, element) for a in spec.addresses for n in (*a.also, *a.was)]
    for rank, where, names in ((1, "name", canonical), (2, "also", aliases)):
        hit = next((name for name in names if wanted.are_in(name)), None)
        if hit:
            near, said = name_said(spec, element, wanted)
            return Hit(0 if wanted.are(hit) else rank, spec, element, f"{where} {hit}" if rank == 2 else "name", said, near)
    if wanted.are_in(fill(spec.title, element)) and len(elements(spec)) == 1:
        return Hit(3, spec, element, "title", "title", IN_TITLE)
    return None


def name_said(spec: Spec, element: int | None, wanted: Wanted) -> tuple[int, str]:
    """(closeness, kind) of the name that is closest."""
    names = [(fill(a.name, element), "name", NAMED) for a in spec.addresses] or [(fill(spec.name, element), "name", NAMED)]
    names += [(fill(name, element), "alias", ALSO_NAMED) for name in (*spec.also, *(n for a in spec.addresses for n in a.also))]
    names += [(fill(name, element), "older name", ALSO_NAMED) for a in spec.addresses for name in a.was]
    found = [
        (order[wanted.nearness(name)], kind if kind == "name" else f"{kind} {name}") for name, kind, order in names if wanted.are_in(name)
    ]
    return min(found, key=lambda one: one[0], default=(NAMED[HAS], "name"))


def texts_of(spec: Spec) -> Iterator[Text]:
    """All texts of a spec except its own names."""
    fields = [field for layout in spec.every_layout for field in layout.fields]
    values: list[tuple[Enumerator, Field | None]] = [(value, field) for field in fields for value in field.values]
    values += [(value, None) for value in spec.values if not value.taken]  # included values are found where they are defined
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
        fields = [f for layout in spec.every_layout for f in layout.fields if holds_bit(f, bit)]
        hits += [Hit(4, spec, None, f"field {f.name} {span(f)}", field=f, near=f.width) for f in fields[:1]]
    return hits


def holding(index: Index, *texts: str, number: int | None = None) -> Iterator[Spec]:
    """The specs whose tables contain one of the texts, or that have the number: only those are read completely."""
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
    """Things with the number in any space, and enumerators with that value."""
    hits = []
    for spec in holding(index, str(number), f"{number:x}", number=number):
        hits += [Hit(0, spec, element, "number", "number") for element in elements(spec) if has_number(spec, element, number)]
        for field, name in values_with(spec, number):
            said = f"{name} is {number:#x}" if field is None else f"{name} is {write_value(number, field)} in field {field.name}"
            hits.append(Hit(4, spec, None, f"value {field.name}={name}" if field else f"value {name}", said, IN_FIELDS))
    return sorted(hits, key=lambda hit: hit.rank)


def write_value(number: int, field: Field) -> str:
    return str(number) if field.width == 1 else f"{number:#x}"


def has_number(spec: Spec, element: int | None, number: int) -> bool:
    """Whether the number is its own; a range such as that of all SPIs does not explain a number within it."""
    return any(a.low == a.high == number - a.stride * (element or 0) for a in spec.addresses)


def values_with(spec: Spec, number: int) -> Iterator[tuple[Field | None, str]]:
    """The values equal to the number, each with its field, or None for those of the spec itself."""
    values: list[tuple[Field | None, Enumerator]] = [(None, one) for one in spec.values]
    values += [(field, one) for layout in spec.every_layout for field in layout.fields for one in field.values]
    return ((field, one.name) for field, one in values if one.low == one.high == number)
