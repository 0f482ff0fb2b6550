"""Compares the members of other people's structs with the fields of the specs; tables list the names that differ.

A table (tests/data/headers/*.tsv) has a line for each struct or member that is not found by name, as `arch struct member spec at field
reason`; with an arch only if the line is limited to one.

- For a struct (no member): its spec (`NAME.output`: a hypercall's output, `NAME.case`: a case), and the byte of the struct where the spec
  starts; or the reason why there is none.
- For a member: the field's path, or the end of it; or the reason why it differs. `x.*` is everything in x. The member `sizeof` is the size.

A reason `up to Linux …` is limited to older headers. tests/data/coverage/layouts.tsv does the same for structs of bits, and is used too.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import Layout, Spec, to_key
from hvrepl.codec.sizes import Sizes
from hvrepl.errors import NotFoundError
from tests.codec.spec_places import Place, places, span
from tests.coverage import catalogs, layouts
from tests.paths import DATA

DATA = DATA / "headers"
# Bits that one source reserves, a later one may name; and a whole as one number cannot be compared.
RESERVED = re.compile(
    r"_*((\w+_)?reserved|unused|rsvd|res\d|padding|pad\d*$|mbz|preserved|resvd|res$|as_?u?int\d+|asu\d+|as\d+$|before_)", re.IGNORECASE
)
SIZE = "sizeof"
PARTS_ONLY = "only its parts have fields"
ARCH_WORDS = {"x64": "x64|x86|vmx|svm", "arm64": "arm64|aarch64"}


@dataclass(frozen=True, slots=True)
class Member:
    """A source's member at a place, in bits: a width of None has no end; `parts` says that its own members follow.

    `owner` is the struct that contains it, and `own` its path there, if that is a member of the compared struct.
    """

    path: str  # "": the struct itself
    bit: int
    width: int | None
    parts: bool = False
    owner: str = ""
    own: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Row:
    arch: str
    struct: str
    member: str
    spec: str
    at: str
    field: str
    reason: str


@dataclass(slots=True)
class Tally:
    """The result of comparing one arch's structs."""

    structs: int = 0
    members: int = 0
    reserved: int = 0
    known: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    rows: dict[Row, bool] = field(default_factory=dict)  # lines of a table that were looked up, and whether each was needed

    def use(self, row: Row | None, needed: bool) -> None:
        if row:
            self.rows[row] = needed or self.rows.get(row, False)

    @property
    def unneeded(self) -> list[str]:
        """Superfluous lines of the table, except those that only older headers need."""
        spare = [row for row, needed in self.rows.items() if not needed and not row.reason.startswith("up to Linux")]
        return [f"{row.arch} {row.struct} {row.member}".strip() for row in spare]


class Table:
    """The lines of a table. `loose`: a field at a member's place matches it whatever its name, and structs without a spec are allowed."""

    def __init__(self, name: str, *, loose: bool = False) -> None:
        with (DATA / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
            self.rows = [Row(**line) for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        self.loose = loose
        self._found = {(row.arch, row.struct, row.member): row for row in self.rows}
        self._wild: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.member.endswith("*"):
                self._wild.setdefault(row.struct, []).append(row)

    def check(self) -> None:
        """Each line leads to a spec or has a reason, and none appears twice."""
        for row in self.rows:
            assert row.spec or row.field or row.reason, row
            assert not row.spec or find_layout(row.arch or "x64", row.struct, row.spec), row
        keys = [(row.struct, row.member, row.arch) for row in self.rows]
        assert keys == sorted(set(keys))

    def find(self, arch: str, struct: str, member: str = "") -> Row | None:
        """The line of a struct or member; `value.*` covers all members without their own."""
        for row in (self._found.get((one, struct, member)) for one in (arch, "")):
            if row:
                return row
        wild = self._wild.get(struct, ()) if member else ()
        return next((row for row in wild if row.arch in ("", arch) and member.startswith(row.member[:-1])), None)


@cache
def bits_of() -> Mapping[str, str]:
    """The spec for the bits of a source's type, from tests/data/coverage, where names begin with `struct`, `union` or a module."""
    found = {
        re.split(" |::", source)[-1]: specs[0]
        for source, specs in layouts().items()
        if re.fullmatch(r"((struct|union) |\w+::)?\w+", source)
    }
    return {name: spec for name, (spec, shift) in found.items() if not shift}


def catalogs_for(arch: str, struct: str) -> list[Catalog]:
    """The arches to search for a struct's spec: the one in its name, or otherwise this one and then the other."""
    named = next((one for one, word in ARCH_WORDS.items() if re.search(word, struct, re.IGNORECASE)), arch)
    return [catalogs()[one] for one in sorted(ARCH_WORDS, key=lambda one: one != named)]


def find_layout(arch: str, struct: str, name: str) -> tuple[Catalog, Spec, Layout] | None:
    """The spec of a name for a struct, and the layout that `NAME`, `NAME.output` or `NAME.case` means."""
    name, _, part = name.partition(".")
    for catalog in catalogs_for(arch, struct):
        try:  # an unknown name is not looked up: the error would search for similar names, which is slow
            spec = catalog.find_name(name).spec if catalog.index.names(to_key(name)) else None
        except NotFoundError:
            continue
        if spec is None:
            return None
        layout = spec.layout if not part else spec.output if part == "output" else spec.case(part)
        if layout:
            return catalog, spec, layout
    return None


def compare(arch: str, structs: Mapping[str, Sequence[Member]], table: Table) -> Tally:
    """Every struct, as its size and its members."""
    tally = Tally()
    for struct, members in structs.items():
        row = table.find(arch, struct)
        by_name = find_layout(arch, struct, struct) or find_layout(arch, struct, bits_of().get(struct, ""))
        found = (find_layout(arch, struct, row.spec) if row.spec else None) if row else by_name
        tally.use(row, needed=bool(row and (row.at or by_name is None or found is None or found[2] is not by_name[2] or row.arch)))
        if found:
            tally.structs += 1
            Comparison(arch, struct, *found, 8 * int(row.at or 0) if row else 0, table, tally).run(members)
        elif row and not row.spec:
            tally.without.append(f"{struct}: {row.reason}")
        elif row:
            tally.faults.append(f"{struct}: no spec {row.spec}")
        elif table.loose:
            tally.without.append(struct)
        else:
            tally.faults.append(f"{struct}: no spec of that name, and no line in the table")
    return tally


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares a struct with a spec that starts `base` bits in."""

    arch: str
    struct: str
    catalog: Catalog
    spec: Spec
    layout: Layout
    base: int
    table: Table
    tally: Tally

    def run(self, members: Sequence[Member]) -> None:
        have = places(self.catalog, self.spec, self.layout, self.base)
        for member in members:
            if not member.path:
                self._note(replace(member, path=SIZE, own=SIZE), self._judge_size(member), [])
            elif RESERVED.match(member.name) or (member.bit < self.base and not member.parts):
                self.tally.reserved += 1
            else:
                self._note(member, find_in_field(member, have, loose=self.table.loose), have)

    def _judge_size(self, whole: Member) -> str:
        """A struct with a fixed size has the spec's. A source may be shorter if it has only some bits, or not all of a page."""
        size = Sizes(self.catalog).size(self.spec, self.layout)
        if size is None or whole.width == self.base + 8 * size or any(one.count == "rest" for one in self.layout.fields):
            return ""
        if (whole.width or 0) < 8 * size and (self.spec.kind == "page" or self.struct in bits_of()):
            return ""
        return f"has {(whole.width or 0) // 8} bytes, the spec {self.base // 8 + size}"

    def _note(self, member: Member, fault: str, have: Sequence[Place]) -> None:
        """Counts a member, or reports its fault unless the table explains it."""
        row = self.table.find(self.arch, self.struct, member.path) or self.table.find(self.arch, member.owner, member.own)
        self.tally.use(row, needed=bool(fault))
        if row and row.field and fault:
            fault = find_in_field(member, have, row.field)
        if row and row.reason and fault:
            self.tally.known.append(f"{self.struct} {member.path}: {row.reason}")
        elif fault and fault != PARTS_ONLY:
            self.tally.faults.append(f"{self.struct} {member.path}: {fault} ({self.spec.name})")
        elif not fault and member.path != SIZE:
            self.tally.members += 1


def find_in_field(member: Member, have: Sequence[Place], called: str = "", *, loose: bool = False) -> str:
    """Nothing if a field with its name, or with the path `called`, is there; PARTS_ONLY if there is no such field, but it has members.

    `loose`: a field with another name is enough, or several that fill its place, unless one with its name is elsewhere.
    """
    if called:
        named = [one for one in have if f".{one.path}".endswith(f".{called}")]
    else:
        named = [one for one in have if squash(member.name) in map(squash, one.names)]
    if any(is_at(one, member) for one in named):
        return ""
    if loose and not named and is_tiled(member, have):
        return ""
    where = span(member.bit, member.width)
    if named:
        return f"is {where}, the spec has {', '.join(map(str, named[:3]))}"
    if called:
        return f"the spec has no field {called}"
    there = [str(one) for one in have if one.bit == member.bit]
    return PARTS_ONLY if member.parts else f"is {where}, there the spec has {', '.join(there) or 'nothing'}"


def is_at(place: Place, member: Member) -> bool:
    return place.bit == member.bit and (None in (place.width, member.width) or place.width == member.width)


def is_tiled(member: Member, have: Sequence[Place]) -> bool:
    """Whether a field begins where the member does, and one ends with it: the same, or the first and the last of several."""
    end = member.bit + (member.width or 0)
    within = [one for one in have if one.width and member.bit <= one.bit and one.bit + one.width <= end]
    return {member.bit, end} <= {edge for one in within for edge in (one.bit, one.bit + (one.width or 0))}


def squash(name: str) -> str:
    """The form in which names of members are compared: `vpindex` is vp_index."""
    return name.lower().replace("_", "").partition("[")[0]


def report(arch: str, structs: Mapping[str, Sequence[Member]], table: Table, *, verbose: bool = False) -> Iterator[str]:
    tally = compare(arch, structs, table)
    yield (
        f"{arch:<5} {tally.structs} of {len(structs)} structs and {tally.members} members compared, {tally.reserved} reserved; "
        f"{len(tally.known)} known to differ, {len(tally.without)} structs without a spec, {len(tally.faults)} faults"
    )
    if verbose:
        yield from (f"  {line}" for line in tally.faults)
