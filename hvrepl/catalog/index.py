"""The prebuilt form of the specs: SQLite, read-only. A look-up reads one spec and those it refers to, however many there are."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hvrepl.catalog.model import ARCHES, COMMON, Address, Document, Space, Spec, fill, to_key
from hvrepl.catalog.parse_specs import LOG, NAMES, expand_names, parse_spec
from hvrepl.catalog.taking import take_in
from hvrepl.digits import to_int
from hvrepl.errors import FileError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import record, replace

try:
    import _sqlite3 as sqlite3  # all of it but the conversion of dates, for which sqlite3 imports datetime: a thirtieth of a start
except ImportError:  # another Python than CPython
    import sqlite3  # type: ignore[no-redef]

CANONICAL, ALSO, WAS = 0, 1, 2
PLACE = "{n}"  # in the name of a range
NAME_AT_PLACE = regex(r"(.*?)(0|[1-9][0-9]{0,37})")

SCHEMA = """
CREATE TABLE space(rank INTEGER PRIMARY KEY, name TEXT, title TEXT, arches TEXT, digits INTEGER, bits INTEGER, low, high, step,
                   aside INTEGER, mixed INTEGER, signature TEXT);
CREATE TABLE spec(id INTEGER PRIMARY KEY, name TEXT, kind TEXT, arch TEXT, title TEXT, file TEXT, body TEXT);
CREATE TABLE name(key TEXT, spelling TEXT, how INTEGER, arch TEXT, spec INTEGER, element INTEGER, address INTEGER);
CREATE TABLE number(space TEXT, low, high, arch TEXT, name TEXT, spec INTEGER, element INTEGER, address INTEGER);
CREATE TABLE case_of(space TEXT, number, arch TEXT, spec INTEGER);
CREATE TABLE lone(rank INTEGER, arch TEXT, spec INTEGER);
CREATE TABLE crash(rank INTEGER, arch TEXT, spec INTEGER);
CREATE TABLE interface(vendor TEXT, leaf INTEGER, subleaf INTEGER, arch TEXT, spec INTEGER);
CREATE TABLE log(arch TEXT, file TEXT, body TEXT);
CREATE TABLE document(key TEXT, title TEXT, repository TEXT, commit_id TEXT, root TEXT, url TEXT);
"""
# Created after the rows: maintaining them row by row takes three times as long.
KEYS = """
CREATE INDEX name_key ON name(key);
CREATE INDEX number_key ON number(space, low);
CREATE INDEX case_key ON case_of(space, number);
"""


@record(eq=True)
class NameRow:
    """A spelling: of a spec, of one element of it, of one of its addresses. `address` is -1 for the spec's own names."""

    spelling: str
    how: int
    arch: str
    spec: int
    element: int | None
    address: int


NAME_ROWS = f"SELECT {', '.join(NameRow.__annotations__)} FROM name"


@record(eq=True)
class NumberRow:
    """A number of a space, or a range of numbers. A range with {n} in its name names each number by its place in the range."""

    space: str
    low: int
    high: int
    arch: str
    name: str
    spec: int
    element: int | None
    address: int

    def at(self, number: int) -> NumberRow:
        """The row of a number in it; a range that does not name its numbers stays as it is."""
        if self.low == self.high or PLACE not in self.name:
            return self
        place = number - self.low
        return replace(self, low=number, high=number, name=fill(self.name, place), element=place)


URI = {"%": "%25", "?": "%3f", "#": "%23"}  # characters of a path with another meaning in SQLite's URI


def to_column(number: int) -> int | str:
    """SQLite's integers have 63 bits; a GUID becomes text, which sorts after every integer."""
    return number if abs(number) < 2**63 else f"{number:032x}"


def from_column(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 16)


def places(numbers: range) -> tuple[int, int, int]:
    return numbers.start, numbers.stop, numbers.step


def elements(spec: Spec) -> Sequence[int | None]:
    return [None] if spec.count is None else range(spec.count)


def reach(spec: Spec, address: Address, spaces: Mapping[str, Space]) -> str:
    """The arch on which an address exists: its own, the spec's, or that of a space that only one arch has."""
    if address.arch:
        return address.arch
    arches = spaces[address.space].arches if address.space in spaces else ()
    return arches[0] if spec.arch == COMMON and len(arches) == 1 else spec.arch


def name_rows(spec: Spec, spaces: Mapping[str, Space]) -> Iterator[tuple[str, int, str, int | None, int]]:
    """(spelling, how, arch, element, address) of each name of a spec."""
    if not spec.addresses or spec.name != spec.addresses[0].name:
        yield spec.name, CANONICAL, spec.arch, None, -1
    for element in elements(spec):
        for name in spec.also:
            yield fill(name, element), ALSO, spec.arch, element, -1
        for place, address in enumerate(spec.addresses):
            arch = reach(spec, address, spaces)
            yield fill(address.name, element), CANONICAL, arch, element, place
            for name in address.also:
                yield fill(name, element), ALSO, arch, element, place
            for name in address.was:
                yield fill(name, element), WAS, arch, element, place


def merge_extensions(specs: Iterable[tuple[dict[str, Any], Spec]]) -> list[tuple[dict[str, Any], Spec]]:
    """For each arch that extends a common enumeration: the enumeration with all values, under its name, on that arch.

    Merging again changes nothing.
    """
    found = list(specs)
    common = {spec.name: table for table, spec in found if spec.arch == COMMON}
    merged: dict[tuple[str, str] | int, tuple[dict[str, Any], Spec]] = {}
    for place, (table, spec) in enumerate(found):
        if spec.extends in common:
            base, first = merged.get((spec.extends, spec.arch), (common[spec.extends], spec))
            added = ({"source": list(spec.source)} | value for value in table["values"] if value not in base["values"])
            both = {**base, "extends": spec.extends, "values": [*base["values"], *added]}
            merged[spec.extends, spec.arch] = both, parse_spec(both, spec.arch, first.file)
        else:
            merged[place] = table, spec
    return list(merged.values())


class Index:
    """The rows of the specs, in a file or in memory. The database is closed with the last reference to the index."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        weakref.finalize(self, database.close)  # not __del__: in a cycle Python may finalize the database first, and warns
        rows = database.execute(
            "SELECT name, title, arches, digits, bits, aside, mixed, signature, low, high, step FROM space ORDER BY rank"
        )
        self.spaces = {
            name: Space(
                name, title, tuple(arches.split()), digits, bits, range(*map(from_column, interfaces)), bool(aside), bool(mixed), signature
            )
            for name, title, arches, digits, bits, aside, mixed, signature, *interfaces in rows
        }

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Index:
        """Raises FileError if the file is missing or is not an index."""
        name = "".join(URI.get(c, c) for c in os.path.abspath(path).replace(os.sep, "/"))
        try:
            return cls(sqlite3.connect(f"file:/{name.lstrip('/')}?mode=ro&immutable=1", uri=True, check_same_thread=False))
        except sqlite3.Error as error:
            raise FileError(f"{path}: {error}") from error

    @classmethod
    def load(cls, data: bytes) -> Index:
        """The index from the bytes of a file."""
        database = sqlite3.connect(":memory:", check_same_thread=False)
        database.deserialize(data)
        return cls(database)

    @classmethod
    def build(
        cls,
        tables: Iterable[tuple[str, str, Mapping[str, Any]]],
        spaces: Iterable[Space],
        documents: Iterable[Document] = (),
        path: str = ":memory:",
    ) -> Index:
        """An index of valid specs, from (arch, file, tables) as read_folder gives them."""
        database = sqlite3.connect(path, check_same_thread=False)
        database.executescript(SCHEMA)
        rows = [
            (
                rank,
                s.name,
                s.title,
                " ".join(s.arches),
                s.digits,
                s.bits,
                *map(to_column, places(s.interfaces)),
                s.aside,
                s.mixed,
                s.signature,
            )
            for rank, s in enumerate(spaces)
        ]
        database.executemany("INSERT INTO space VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows)
        sources = [(one.key, one.title, one.repository, one.commit, one.root, one.url) for one in documents]
        database.executemany("INSERT INTO document VALUES (?,?,?,?,?,?)", sources)
        index = cls(database)
        tables = list(tables)
        logs = [(arch, file, json.dumps(table)) for arch, file, table in tables if table["kind"] == LOG]
        database.executemany("INSERT INTO log VALUES (?,?,?)", logs)
        expanded = [(dict(one), parse_spec(one, arch, file)) for arch, file, table in tables for one in expand_names(table)]
        numbered = list(enumerate(merge_extensions(take_in(expanded))))
        for key, (table, spec) in numbered:
            index._add(key, table, spec)
        database.executescript(KEYS)
        for key, (_, spec) in numbered:
            cases = [(*row, key) for case in spec.case_of for row in index._resolve_case(case, spec.arch)]
            database.executemany("INSERT INTO case_of VALUES (?,?,?,?)", cases)
        database.commit()
        return index

    def _add(self, key: int, table: Mapping[str, Any], spec: Spec) -> None:
        run = self.database.execute
        body = json.dumps(table, separators=(",", ":"))
        run("INSERT INTO spec VALUES (?,?,?,?,?,?,?)", (key, spec.name, spec.kind, spec.arch, spec.title, spec.file, body))
        for spelling, how, arch, element, place in name_rows(spec, self.spaces):
            run("INSERT INTO name VALUES (?,?,?,?,?,?,?)", (to_key(spelling), spelling, how, arch, key, element, place))
        for element in elements(spec):
            for place, address in enumerate(spec.addresses):
                low, high = (to_column(number + address.stride * (element or 0)) for number in (address.low, address.high))
                arch, name = reach(spec, address, self.spaces), address.named(element)
                run("INSERT INTO number VALUES (?,?,?,?,?,?,?,?)", (address.space, low, high, arch, name, key, element, place))
        if spec.lone:
            run("INSERT INTO lone VALUES (?,?,?)", (spec.lone.rank, spec.arch, key))
        if one := spec.interface:
            for vendor in one.vendors:
                run("INSERT INTO interface VALUES (?,?,?,?,?)", (vendor, one.leaf, one.subleaf, spec.arch, key))
        if spec.crash:
            run("INSERT INTO crash VALUES (?,?,?)", (spec.crash.rank, spec.arch, key))

    def _resolve_case(self, case: str, spec_arch: str) -> Iterator[tuple[str, int | str, str]]:
        """HVMSG_TIMER_EXPIRED or message:1 → (space, number, arch) as in the table; a name can differ by arch."""
        space, colon, number = case.rpartition(":")
        if colon:
            yield space, to_column(to_int(number, 0)), spec_arch
            return
        sql = """SELECT DISTINCT number.space, number.low, number.arch FROM name JOIN number USING (spec, address)
                 WHERE key = ? AND how < 2 AND name.element IS number.element"""
        for space, low, arch in self.database.execute(sql, (to_key(case),)):
            if COMMON in (arch, spec_arch) or arch == spec_arch:
                yield space, low, spec_arch if arch == COMMON else arch

    def spec(self, key: int) -> Spec:
        arch, file, body = self.database.execute("SELECT arch, file, body FROM spec WHERE id = ?", (key,)).fetchone()
        return parse_spec(json.loads(body), arch, file)

    def names(self, key: str) -> list[NameRow]:
        """The rows of a name in the form of to_key, best first. Bytes of an argument that are not UTF-8 match none."""
        rows = self._names(key)
        match = NAME_AT_PLACE.fullmatch(key) if not rows else None
        return list(self._names_in_ranges(match[1] + PLACE, to_int(match[2]))) if match else rows

    def _names(self, key: str) -> list[NameRow]:
        sql = f"{NAME_ROWS} WHERE key = ? ORDER BY how, spec"
        return [NameRow(*row) for row in self.database.execute(sql, (key.encode("utf-8", "replace").decode(),))]

    def names_but_for_underscores(self, key: str) -> list[NameRow]:
        """Rows of current names with the same letters and digits. It reads all keys: 1.5 ms, which only an unknown name costs."""
        sql = f"{NAME_ROWS} WHERE replace(key, '_', '') = ? AND how < ? ORDER BY how, spec"
        plain = key.replace("_", "").encode("utf-8", "replace").decode()
        return [NameRow(*row) for row in self.database.execute(sql, (plain, WAS))] if plain else []

    def _names_in_ranges(self, key: str, place: int) -> Iterator[NameRow]:
        """The rows of names such as NAME3: the number at that place of each range named NAME{n}."""
        for row in self._names(key):
            address = self.spec(row.spec).addresses[row.address]
            if row.element is None and address.low + place <= address.high:
                yield replace(row, spelling=fill(row.spelling, place), element=place)

    def all_names(self) -> list[NameRow]:
        return [NameRow(*row) for row in self.database.execute(f"{NAME_ROWS} ORDER BY how, spelling")]

    def laid_out(self, kind: str) -> Iterator[str]:
        """The current names of the specs of a kind that have a layout."""
        run = self.database.execute
        keys = {key for key, body in run("SELECT id, body FROM spec WHERE kind = ?", (kind,)) if '"layout":' in body}
        return (spelling for spelling, spec, how in run("SELECT spelling, spec, how FROM name") if spec in keys and how != WAS)

    def numbers(self, space: str, number: int) -> list[NumberRow]:
        """The rows of a space that contain the number, the narrowest first."""
        sql = "SELECT * FROM number WHERE space = ? AND low <= ? AND high >= ?"
        column = to_column(number)
        rows = [read_number_row(row) for row in self.database.execute(sql, (space, column, column))]
        return [row.at(number) for row in sorted(rows, key=lambda row: row.high - row.low)]

    def all_numbers(self, space: str | None = None) -> list[NumberRow]:
        where, values = ("WHERE number.space = ?", (space,)) if space else ("", ())
        sql = f"SELECT number.* FROM number JOIN space ON space.name = number.space {where} ORDER BY rank, low, number.arch, spec"
        return [read_number_row(row) for row in self.database.execute(sql, values)]

    def case_of(self, space: str, number: int) -> list[tuple[str, int]]:
        sql = "SELECT arch, spec FROM case_of WHERE space = ? AND number = ?"
        return self.database.execute(sql, (space, to_column(number))).fetchall()

    def cases(self, space: str) -> list[tuple[int, str, int]]:
        """(number, arch, spec) of every payload of a space."""
        rows = self.database.execute("SELECT number, arch, spec FROM case_of WHERE space = ? ORDER BY number", (space,))
        return [(from_column(number), arch, spec) for number, arch, spec in rows]

    def interface(self, vendor: str, leaf: int, subleaf: int) -> list[tuple[str, int]]:
        """(arch, spec) of a leaf of another interface than Hyper-V's."""
        sql = "SELECT arch, spec FROM interface WHERE vendor = ? AND leaf = ? AND subleaf = ?"
        return self.database.execute(sql, (vendor, leaf, subleaf)).fetchall()

    def lone(self) -> list[tuple[str, int]]:
        return self.database.execute("SELECT arch, spec FROM lone ORDER BY rank").fetchall()

    def crashes(self) -> list[tuple[str, int]]:
        return self.database.execute("SELECT arch, spec FROM crash ORDER BY rank").fetchall()

    def specs(self) -> list[tuple[int, str, str, str, str]]:
        """(id, name, kind, arch, title) of every spec, by name."""
        return self.database.execute("SELECT id, name, kind, arch, title FROM spec ORDER BY name, arch").fetchall()

    def citing(self, identifier: str) -> list[tuple[int, str]]:
        """(id, arch) of every spec with the identifier of a document as a source, its own or a field's."""
        return self.database.execute("SELECT id, arch FROM spec WHERE instr(body, ?) ORDER BY id", (f'#{identifier}"',)).fetchall()

    def kinds(self) -> list[str]:
        return [kind for (kind,) in self.database.execute("SELECT DISTINCT kind FROM spec ORDER BY kind")] + [NAMES]

    def of_kind(self, kind: str) -> set[int]:
        """The ids of the specs of a kind; `names` are those with a number but without a layout."""
        plain = (
            """SELECT id FROM spec WHERE id IN (SELECT spec FROM number) AND body NOT LIKE '%"layout":%' AND body NOT LIKE '%"output":%'"""
        )
        sql, values = (plain, ()) if kind == NAMES else ("SELECT id FROM spec WHERE kind = ?", (kind,))
        return {key for (key,) in self.database.execute(sql, values)}

    def with_flag(self, flag: str) -> list[int]:
        """The ids of the specs that a QEMU flag turns on."""
        sql = "SELECT id FROM spec WHERE json_extract(body, '$.qemu') = ?"
        return [key for (key,) in self.database.execute(sql, (flag,))]

    def tables(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(arch, file, tables) of every spec and all log forms, as build takes them."""
        for arch, file, body in self.database.execute("SELECT arch, file, body FROM spec ORDER BY id"):
            table = json.loads(body)
            table.pop("taken", None)
            yield arch, file, table
        yield from self.logs()

    def documents(self) -> dict[str, Document]:
        """The documents that a `source` may refer to, by key; of two with one key the first."""
        return {row[0]: Document(*row) for row in self.database.execute("SELECT * FROM document ORDER BY rowid DESC")}

    def logs(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(arch, file, tables) of every file of log forms."""
        for arch, file, body in self.database.execute("SELECT arch, file, body FROM log ORDER BY rowid"):
            yield arch, file, json.loads(body)


def read_number_row(row: tuple[Any, ...]) -> NumberRow:
    space, low, high, *rest = row
    return NumberRow(space, from_column(low), from_column(high), *rest)


def is_seen(row_arch: str, arch: str) -> bool:
    """Whether a definition for row_arch exists on arch."""
    return row_arch in (COMMON, arch)


def other_arch(arch: str) -> str:
    return ARCHES[1 - ARCHES.index(arch)]
