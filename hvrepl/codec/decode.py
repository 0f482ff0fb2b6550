"""Bytes → Decoded: the one way for every kind of thing. Strange values become findings; no byte is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.guids import GUID_SIZE
from hvrepl.catalog.model import ENUMERATION, Field, Layout, Spec, space_of
from hvrepl.catalog.parse_specs import place_in_leaf
from hvrepl.codec.decoded import Decoded, Finding, join_path
from hvrepl.codec.field_findings import find_in_field, find_short_count, last_part
from hvrepl.codec.heading import Heading, name_findings
from hvrepl.codec.meanings import say
from hvrepl.codec.parsed import Variant, WordValues
from hvrepl.codec.phrases import declared_findings, is_unused, summarise, without_guess
from hvrepl.codec.schema import Schemas
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.record import field, mutable, replace

MAX_VALUE_BITS = 64
LONGEST_KEPT = 16  # bytes of a member


@mutable
class Place:
    """The decoder's state: the bytes of the outermost thing, where they end, and the findings so far."""

    data: bytes
    end: int
    context: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    cpuid: bool = False

    def find(self, code: str, path: str, text: str) -> None:
        self.findings.append(Finding(code, path, text))


class Decoder:
    """Decodes what an arch's catalogue defines."""

    most_empty = 256  # cached elements of arrays
    most_fields = 1 << 14  # cached fields of words

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.schemas = Schemas(catalog)
        self._heading = Heading(catalog)
        self._empty: dict[tuple[Field, int, int], Decoded] = {}
        self._fields: dict[tuple[Field, int | bytes, int, str, bool], tuple[Decoded, tuple[Finding, ...]]] = {}

    def decode(self, found: Found, data: bytes, *, output: bool = False, context: Mapping[str, str] | None = None) -> Decoded:
        """Decodes the bytes, a word's in little-endian order. UsageError if there are fewer than its fixed head."""
        spec = found.spec
        layout = spec.output if output else spec.layout
        if layout is None and (output or spec.output):
            raise UsageError(f"{found.name} has no {'output' if output else 'input'}")
        place = Place(data, len(data), context or {}, cpuid=bool(found.address and found.address.space == "cpuid"))
        place.findings += name_findings(found)
        if spec.width or layout is None:
            return self._word(found, layout, data, place)
        return self._struct(found, layout, data, place)

    def only(self, found: Found, node: Decoded, fields: tuple[Decoded, ...]) -> Decoded:
        """A decoded word with only some known fields: it has no value, and its summary and findings use these fields alone."""
        layouts = [found.spec.layout] if found.spec.layout else []
        declared = {(one.code, one.text) for one in declared_findings(node, layouts, self.catalog)}
        names = {part.name for part in fields}
        own = [one for one in node.findings if one.field in names and (one.code, one.text) not in declared]
        kept = replace(node, fields=fields, raw="", value=None)
        findings = (*own, *declared_findings(kept, layouts, self.catalog))
        summary = summarise(kept, [without_guess(layout, kept) for layout in layouts], self.catalog)
        return replace(kept, findings=findings, summary=summary)

    def width(self, spec: Spec) -> int:
        """Bits of a word; 0 for a struct. A register without a layout is a number with the width of its space.

        UsageError for a name without a value, such as that of a status.
        """
        if spec.width or spec.layout or spec.output:
            return spec.width
        bits = max((self.catalog.spaces[address.space].bits for address in spec.addresses), default=0)
        if not bits:
            raise UsageError(f"{spec.name} is only a name, with no value to decode; see `show {spec.name}`")
        return bits

    def head(self, spec: Spec, layout: Layout) -> int:
        """The least bytes of input: the spec's head, or the members up to the first without a fixed size."""
        if spec.head is not None and layout is spec.layout:
            return spec.head
        total = 0
        for member in layout.fields:
            size = self.schemas.member_size(member)
            if size is None:
                break
            total += size
        return total

    def _word(self, found: Found, layout: Layout | None, data: bytes, place: Place) -> Decoded:
        """A word by itself. Its raw shows its value; a plain number has a value too."""
        width = self.width(found.spec)
        number = int.from_bytes(data, "little")
        head = self._heading.of(found) | {"raw": write_number(number, width)}
        if width <= MAX_VALUE_BITS and (layout is None or found.spec.kind == ENUMERATION):
            head["value"] = number
        if layout is None:
            return Decoded(**head, findings=tuple(place.findings))
        values = self.schemas.parse(found.spec, layout, data, place.context)[0]
        return self._whole(head, {"fields": self._bits(values, 0, "", place)}, values.word.layouts, place)

    def _struct(self, found: Found, layout: Layout, data: bytes, place: Place) -> Decoded:
        spec = found.spec
        head = self.head(spec, layout)
        if len(data) < head:
            raise UsageError(f"{found.called}: got {count_bytes(len(data))}, needs at least {head}")
        values, taken = self.schemas.parse(spec, layout, data, place.context)
        members, end = self._members(layout, values, 0, "", place)
        if taken > len(data):
            place.find("truncated", "", f"only {len(data)} of {taken} bytes are there")
        elif end < len(data):
            members.append(raw_member("rest", data, end, len(data)))
            place.find("trailing", "rest", f"{count_bytes(len(data) - end)} after the end of {found.name}")
        return self._whole(self._heading.of(found) | {"size": len(data), "raw": data.hex()}, hold(members), [layout], place)

    def _whole(self, head: Mapping[str, Any], parts: Mapping[str, Any], layouts: Sequence[Layout], place: Place) -> Decoded:
        """The outermost node, with all findings."""
        words = self._sum_up(parts, layouts, "", place)
        return Decoded(**head, **parts, **words, findings=tuple(place.findings))

    def _sum_up(self, parts: Mapping[str, Any], layouts: Sequence[Layout], path: str, place: Place) -> dict[str, Any]:
        """The summary and findings that the layouts give a node as a whole."""
        node = Decoded(name="", **parts)
        for finding in declared_findings(node, layouts, self.catalog):
            place.find(finding.code, join_path(path, finding.field) if finding.field else path, finding.text)
        return {"summary": summarise(node, layouts, self.catalog), "unused": is_unused(node, layouts)}

    def _bits(self, values: WordValues, base: int, path: str, place: Place) -> tuple[Decoded, ...]:
        """The fields of a word, high to low, at bit `base` of the outermost word."""
        return tuple([self._kept_field(one, values[one.name], base, path, place) for one in reversed(values.word.fields)])

    def _kept_field(self, one: Field, value: int | WordValues, base: int, path: str, place: Place) -> Decoded:
        """A field of a word; it is cached with its findings, as most values of most fields recur."""
        if isinstance(value, WordValues) or not self.most_fields:
            return self._bit_field(one, value, base, join_path(path, one.name), place)
        key = (one, value, base, path, place.cpuid)
        kept = self._fields.get(key)
        if kept is None:
            before = len(place.findings)
            node = self._bit_field(one, value, base, join_path(path, one.name), place)
            return self._keep(key, node, place.findings[before:])
        if kept[1]:
            place.findings += kept[1]
        return kept[0]

    def _keep(self, key: tuple[Field, int | bytes, int, str, bool], node: Decoded, findings: list[Finding]) -> Decoded:
        if len(self._fields) >= self.most_fields:
            self._fields.clear()
        self._fields[key] = node, tuple(findings)
        return node

    def _bit_field(self, one: Field, value: int | WordValues, base: int, path: str, place: Place) -> Decoded:
        inner: dict[str, Any] = {}
        number = value if isinstance(value, int) else value.number
        if isinstance(value, WordValues):
            parts: dict[str, Any] = {"fields": self._bits(value, base + one.lsb, path, place)}
            inner = parts | self._sum_up(parts, value.word.layouts, path, place) | {"type": self._type_name(one)}
        meaning, named = self.meaning_of(one, number)
        low = base + one.lsb
        register, high, low = place_in_leaf(low, one.width) if place.cpuid else ("", low + one.width - 1, low)
        node = Decoded(
            name=one.name,
            register=register,
            bits=(high, low),
            raw=write_number(number, one.width),
            value=number if one.width <= MAX_VALUE_BITS else None,
            meaning=meaning,
            named=named,
            reserved=bool(one.reserved),
            base=one.base,
            column=one.column,
            **inner,
        )
        place.findings += find_in_field(one, node, path, self.catalog)
        return node

    def _type_name(self, one: Field) -> str:
        spec = self.catalog.type(one.type)
        return spec.name if spec else ""

    def meaning_of(self, one: Field, value: int) -> tuple[str, bool]:
        """(words, whether an enumerator gave them)."""
        name = self.catalog.enumerator(one, value)
        if name:
            return name, True
        return say(one.show, value) if one.show else "", False

    def _members(self, layout: Layout, values: Mapping[str, Any], at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        """The members of a struct from byte `at` on, as far as the bytes go, and the end of the last one."""
        nodes: list[Decoded] = []
        for one in layout.fields:
            value = values.get(one.name)
            if value is None:
                continue
            found, at = self._member(one, value, at, join_path(path, one.name), place)
            nodes += found
            if isinstance(value, list) and isinstance(one.count, str):
                place.findings += find_short_count(one.count, len(value), values, path)
        return nodes, at

    def _member(self, one: Field, value: Any, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        if isinstance(value, Variant):
            return self._region(one, value, at, path, place)
        if isinstance(value, list):
            start = at
            elements: list[Decoded] = []
            single = replace(one, count=None, column="")
            for index, element in enumerate(value):
                found, at = self._element(one, single, index, element, at, path, place)
                elements += found
            array = Decoded(name=one.name, offset=start, size=max(0, min(at, place.end) - start), fields=tuple(elements), column=one.column)
            return [array] if start < place.end else [], at
        inner = self.catalog.type(one.type)
        if inner and inner.layout and not inner.width:
            members, end = self._members(inner.layout, value, at, path, place)
            return self._nested(struct_member(one, inner, at, end, members), [inner.layout], path, place), end
        return self._kept_leaf(one, inner, value, at, path, place)

    def _kept_leaf(self, one: Field, inner: Spec | None, value: Any, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        """A member without inner members, cached like the field of a word; an array's element is not, as it has a Field of its own."""
        size = len(value) if isinstance(value, bytes) else self.schemas.element_size(one) or 0
        end = at + size
        if size > LONGEST_KEPT or end > place.end or not self.most_fields or place.context or one.name[:1] == "[":
            return self._leaf(one, inner, value, at, path, place)
        key = (one, place.data[at:end], at, path, False)
        kept = self._fields.get(key)
        if kept is None:
            before = len(place.findings)
            nodes, end = self._leaf(one, inner, value, at, path, place)
            return [self._keep(key, nodes[0], place.findings[before:])], end
        if kept[1]:
            place.findings += kept[1]
        return [kept[0]], end

    def _element(self, one: Field, single: Field, index: int, value: Any, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        """An element of an array; empty ones are cached, as most slots of most pages are free."""
        size = self.schemas.element_size(one) or 0
        is_empty = size > 0 and place.data[at : at + size] == bytes(size) and at + size <= place.end and self.schemas.is_closed(one.type)
        key = (one, index, at)
        if is_empty and key in self._empty:
            return [self._empty[key]], at + size
        before = len(place.findings)
        found, end = self._member(replace(single, name=f"[{index}]"), value, at, f"{path}[{index}]", place)
        if is_empty and len(place.findings) == before and len(found) == 1 and len(self._empty) < self.most_empty:
            self._empty[key] = found[0]
        return found, end

    def _nested(self, node: Decoded, layouts: Sequence[Layout], path: str, place: Place) -> list[Decoded]:
        """A struct within a struct, as far as the bytes go; none if they end before it."""
        at, size = node.offset or 0, node.size or 0
        if at > place.end or (at == place.end and size):
            return []
        return [replace(node, size=min(size, place.end - at), **self._sum_up({"fields": node.fields}, layouts, path, place))]

    def _leaf(self, one: Field, inner: Spec | None, value: Any, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        """A number, bytes, or a word; if it is incomplete, its existing bytes."""
        size = len(value) if isinstance(value, bytes) else self.schemas.element_size(one) or 0
        end = at + size
        if end > place.end:
            return [raw_member(one.name, place.data, at, place.end)] if at < place.end else [], end
        chunk = place.data[at:end]
        if isinstance(value, bytes) and one.type != "guid":
            meaning = say(one.show, int.from_bytes(chunk, "little")) if one.show and size else ""
            node = replace(raw_member(one.name, place.data, at, end), meaning=meaning)
        else:
            node = self._number(one, int.from_bytes(chunk, "little"), at, size, value)
        node = replace(node, reserved=bool(one.reserved), base=one.base, column=one.column)
        if inner and isinstance(value, WordValues):
            parts: dict[str, Any] = {"fields": self._bits(value, 0, path, place)}
            node = replace(node, kind=inner.kind, type=inner.name, **parts, **self._sum_up(parts, value.word.layouts, path, place))
        place.findings += find_in_field(one, node, path, self.catalog)
        aside = replace(place, end=end, findings=[])
        readings = (self._member(other, self.schemas.read(other, chunk), at, path, aside)[0] for other in one.readings)
        return [replace(node, readings=tuple(leaf for leaves in readings for leaf in leaves))], end

    def _number(self, one: Field, number: int, at: int, size: int, value: Any) -> Decoded:
        meaning, named = self.meaning_of(as_shown(one, size), number)
        shown = value if isinstance(value, int) and one.type[:1] == "i" else number
        return Decoded(
            name=one.name,
            offset=at,
            size=size,
            raw=write_number(number, 8 * size) if one.type != "guid" else number.to_bytes(size, "little").hex(),
            value=shown if 8 * size <= MAX_VALUE_BITS else None,
            meaning=meaning,
            named=named,
        )

    def _region(self, one: Field, value: Variant, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        """The bytes that a switch lays out, the rest after the case, and the unused bytes."""
        end = at + value.used
        whole = at + (one.size if isinstance(one.size, int) else value.used)
        nodes = self._case(one, value, at, end, path, place)
        if one.used and end < min(whole, place.end):
            unused = raw_member(f"{one.name}_unused", place.data, end, min(whole, place.end))
            nodes.append(replace(unused, reserved=True))
        return nodes, whole

    def _case(self, one: Field, value: Variant, at: int, end: int, path: str, place: Place) -> list[Decoded]:
        """The case that a switch picked as a node, with `rest` for bytes after it; an incomplete word is only bytes."""
        spec = value.spec
        inner = replace(place, end=min(end, place.end))  # shares the list of findings
        if spec is None or spec.layout is None or at + spec.width // 8 > inner.end:
            return self._raw_case(one, value, at, inner)
        layouts: Sequence[Layout] = [spec.layout]
        if value.word is not None:
            stop, layouts = at + spec.width // 8, value.word.word.layouts
            members = list(self._bits(value.word, 0, path, place))
        else:
            members, stop = self._members(spec.layout, value, at, path, inner)
        if stop < inner.end:
            members.append(raw_member("rest", place.data, stop, inner.end))
        elif stop > end:
            place.find("truncated", path, f"{last_part(path)} is {count_bytes(value.used)}; {spec.name} has {stop - at}")
        return self._nested(struct_member(one, spec, at, end, members), layouts, path, place)

    def _raw_case(self, one: Field, value: Variant, at: int, place: Place) -> list[Decoded]:
        if at > place.end or not (value.used or one.used) or (at == place.end and value.used):
            return []
        return [replace(raw_member(one.name, place.data, at, place.end), column=one.column)]


def as_shown(one: Field, size: int) -> Field:
    """A field with its formatter: a value as large as a GUID is shown as one."""
    return replace(one, show="guid") if one.type == "guid" or (size == GUID_SIZE and space_of(one.type)) else one


def write_number(number: int, width: int) -> str:
    """0x and every hex digit of a number of `width` bits."""
    return f"0x{number:0{(width + 3) // 4}x}"


def count_bytes(number: int) -> str:
    return f"{number} byte{'s'[: number != 1]}"


def raw_member(name: str, data: bytes, at: int, end: int) -> Decoded:
    return Decoded(name=name, offset=at, size=end - at, raw=data[at:end].hex())


def struct_member(one: Field, spec: Spec, at: int, end: int, members: Sequence[Decoded]) -> Decoded:
    return Decoded(name=one.name, kind=spec.kind, type=spec.name, offset=at, size=end - at, column=one.column, fields=tuple(members))


def hold(members: list[Decoded]) -> dict[str, Any]:
    """Members as a node holds them: the elements of an array named slots go under that name."""
    slots = next((one for one in members if one.name == "slots"), None)
    return {"slots": slots.fields if slots else (), "fields": tuple(one for one in members if one is not slots)}
