"""specs/*.toml → Spec. Every fault names its file and place; what a set of specs must satisfy together is in rules.py."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hvrepl.catalog.model import (
    INTEGER_SIZES,
    Address,
    Enumerator,
    Field,
    FindingRule,
    Layout,
    Lone,
    Shorthand,
    Space,
    Spec,
    When,
)
from hvrepl.errors import FileError, SpecError

Table = Mapping[str, Any]

TEXT = (str,)
NUMBER = (int,)
NUMBER_OR_TEXT = (int, str)
FLAG = (bool,)
LIST = (list,)
TABLE = (dict,)

KEYS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "file": {
        "kind": TEXT,
        "name": TEXT,
        "title": TEXT,
        "also": LIST,
        "width": NUMBER,
        "size": NUMBER,
        "head": NUMBER,
        "reset": NUMBER,
        "count": NUMBER,
        "doc": TEXT,
        "note": TEXT,
        "see": LIST,
        "privilege": TEXT,
        "qemu": TEXT,
        "source": LIST,
        "lone": TABLE,
        "case_of": LIST,
        "extends": TEXT,
        "open": FLAG,
        "address": LIST,
        "layout": TABLE,
        "output": TABLE,
        "case": TABLE,
        "shorthand": LIST,
        "values": LIST,
        "space": TEXT,
        "names": LIST,
    },
    "address": {
        "space": TEXT,
        "number": NUMBER_OR_TEXT,
        "stride": NUMBER,
        "name": TEXT,
        "also": LIST,
        "was": LIST,
        "note": TEXT,
        "source": LIST,
    },
    "name": {
        "number": NUMBER_OR_TEXT,
        "name": TEXT,
        "also": LIST,
        "was": LIST,
        "title": TEXT,
        "doc": TEXT,
        "note": TEXT,
        "see": LIST,
        "privilege": TEXT,
        "source": LIST,
    },
    "layout": {"fields": LIST, "summary": LIST, "findings": LIST, "unused": TABLE},
    "field": {
        "name": TEXT,
        "bits": TEXT,
        "at": NUMBER,
        "size": NUMBER_OR_TEXT,
        "type": TEXT,
        "values": TABLE,
        "reserved": TEXT,
        "count": NUMBER_OR_TEXT,
        "rep": FLAG,
        "optional": FLAG,
        "switch": TEXT,
        "cases": (dict, str),
        "used": TEXT,
        "readings": LIST,
        "show": TEXT,
        "base": NUMBER,
        "max": NUMBER,
        "column": TEXT,
        "doc": TEXT,
        "note": TEXT,
        "source": LIST,
    },
    "value": {"value": NUMBER_OR_TEXT, "name": TEXT, "also": LIST, "doc": TEXT, "note": TEXT, "source": LIST},
    "finding": {"code": TEXT, "field": TEXT, "text": TEXT, "when": TABLE},
    "shorthand": {"name": TEXT, "field": TEXT, "read": TEXT, "sets": TABLE},
    "lone": {"rank": NUMBER, "when": LIST},
    "space": {"name": TEXT, "title": TEXT, "arch": LIST, "digits": NUMBER},
    "document": {"title": TEXT, "repository": TEXT, "commit": TEXT, "root": TEXT, "url": TEXT, "date": TEXT},
}
REQUIRED = {
    "file": ("kind",),
    "address": ("space", "number", "name"),
    "name": ("number", "name"),
    "layout": ("fields",),
    "value": ("value", "name"),
    "finding": ("code", "text", "when"),
    "shorthand": ("name", "field", "read"),
    "lone": ("rank", "when"),
    "space": ("name", "title", "arch", "digits"),
    "document": ("title",),
}
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RANGE = re.compile(r"(0x[0-9a-fA-F]+|\d+)(?:-(0x[0-9a-fA-F]+|\d+))?")
ARRAY = re.compile(r"([ui](?:8|16|32|64))\[(\d+)\]")
CPUID_REGISTERS = ("eax", "ebx", "ecx", "edx")


class PlaceError(ValueError):
    """A fault in one table; the caller adds the file and place."""


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. FileError if it cannot be read, SpecError if it is no TOML."""
    import tomllib  # 30 ms that an installed wheel, which reads its index, need not pay

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: {error}") from error


def read_folder(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(arch, file, tables) of each spec below the folder, in a stable order."""
    if not folder.is_dir():
        raise FileError(f"{folder}: no such folder of specs")
    for arch in ("common", "x64", "arm64"):
        for path in sorted((folder / arch).rglob("*.toml")):
            yield arch, str(path.relative_to(folder)), read_toml(path)


def read_spaces(folder: Path) -> tuple[Space, ...]:
    path = folder / "spaces.toml"
    tables = read_toml(path).get("space", []) if path.exists() else []
    faults = [fault for table in tables for fault in check_keys("space", table, "spaces.toml: ")]
    if faults:
        raise SpecError("\n".join(faults))
    return tuple(Space(t["name"], t["title"], tuple(t["arch"]), t["digits"]) for t in tables)


def check_keys(kind: str, table: object, where: str) -> Iterator[str]:
    """The keys of one table that are unknown, missing or of another type, each as a line."""
    if not isinstance(table, Mapping):
        yield f"{where}must be a table, not {table!r}"
        return
    known = KEYS[kind]
    for key, value in table.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            yield f"{where}unknown key {key}" + (f"; did you mean {close[0]}?" if close else "")
        elif not isinstance(value, known[key]) or (isinstance(value, bool) and known[key] is not FLAG):
            yield f"{where}{key} must be {' or '.join(t.__name__ for t in known[key])}, not {value!r}"
    for key in REQUIRED.get(kind, ()):
        if key not in table:
            yield f"{where}{key} is missing"


def check_tables(table: Table, file: str) -> Iterator[str]:
    """check_keys over a whole file, each fault with its place."""
    yield from check_keys("file", table, f"{file}: ")
    yield from check_list("address", table.get("address"), f"{file}: address")
    yield from check_list("name", table.get("names"), f"{file}: names")
    yield from check_list("value", table.get("values"), f"{file}: values")
    yield from check_list("shorthand", table.get("shorthand"), f"{file}: shorthand")
    if "lone" in table:
        yield from check_keys("lone", table["lone"], f"{file}: lone: ")
    cases = table.get("case")
    layouts = {"layout": table.get("layout"), "output": table.get("output")}
    layouts |= {f"case.{name}": case for name, case in cases.items()} if isinstance(cases, Mapping) else {}
    for name, layout in layouts.items():
        if layout is not None:
            yield from check_layout(layout, f"{file}: {name}")


def check_layout(layout: object, where: str) -> Iterator[str]:
    yield from check_keys("layout", layout, f"{where}: ")
    if isinstance(layout, Mapping):
        yield from check_list("finding", layout.get("findings"), f"{where}: findings")
        for field in as_list(layout.get("fields")):
            yield from check_field(field, where)


def check_field(field: object, where: str) -> Iterator[str]:
    place = f"{where}: {field.get('name') or field.get('bits') or field.get('at')}" if isinstance(field, Mapping) else where
    yield from check_keys("field", field, f"{place}: ")
    if isinstance(field, Mapping):
        for reading in as_list(field.get("readings")):
            yield from check_field(reading, f"{place}: readings")


def check_list(kind: str, tables: object, where: str) -> Iterator[str]:
    for index, table in enumerate(as_list(tables)):
        yield from check_keys(kind, table, f"{where} {index}: ")


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def parse_specs(tables: Iterable[tuple[str, str, Table]]) -> tuple[list[Spec], list[str]]:
    """The specs, and the faults of the files that are none; a names file becomes one spec a name."""
    specs: list[Spec] = []
    faults: list[str] = []
    for arch, file, table in tables:
        wrong = list(check_tables(table, file))
        if not wrong:
            try:
                specs += [parse_spec(one, arch, file) for one in expand_names(table)]
            except PlaceError as error:
                wrong = [f"{file}: {error}"]
        faults += wrong
    return specs, faults


def expand_names(table: Table) -> Iterator[Table]:
    """A names file as one table a name; any other file as it is."""
    if table["kind"] != "names":
        yield table
        return
    for name in table.get("names", ()):
        address = {key: name[key] for key in ("number", "name", "also", "was") if key in name} | {"space": table.get("space", "")}
        rest = {key: name[key] for key in ("title", "doc", "note", "see", "privilege") if key in name}
        yield {"kind": table.get("space", ""), "source": name.get("source", table.get("source", [])), "address": [address]} | rest


def parse_spec(table: Table, arch: str, file: str = "") -> Spec:
    """One table (its keys known and of the right types) as a Spec. PlaceError says what cannot be read in it."""
    addresses = tuple(parse_address(address) for address in table.get("address", ()))
    source = tuple(table.get("source", ()))
    cases = {name: parse_layout(layout, source, f"case.{name}") for name, layout in table.get("case", {}).items()}
    if "name" not in table and not addresses:
        raise PlaceError("has neither a name nor an address")
    return Spec(
        name=table.get("name") or addresses[0].name,
        kind=table["kind"],
        arch=arch,
        addresses=addresses,
        layout=parse_layout(table["layout"], source, "layout") if "layout" in table else None,
        output=parse_layout(table["output"], source, "output") if "output" in table else None,
        cases=cases or None,
        shorthands=tuple(Shorthand(s["name"], s["field"], s["read"], s.get("sets", {})) for s in table.get("shorthand", ())),
        values=tuple(parse_enumerator(value, source) for value in table.get("values", ())),
        lone=Lone(table["lone"]["rank"], tuple(parse_when(when) for when in table["lone"]["when"])) if "lone" in table else None,
        source=source,
        file=file,
        **{key: tuple(table[key]) for key in ("also", "see", "case_of") if key in table},
        **{
            key: table[key]
            for key in ("title", "doc", "note", "privilege", "qemu", "width", "size", "head", "reset", "count", "extends", "open")
            if key in table
        },
    )


def parse_range(value: int | str) -> tuple[int, int]:
    """7, "16-31" or a GUID's text → (low, high)."""
    if isinstance(value, int):
        return value, value
    if GUID.fullmatch(value):
        from uuid import UUID

        number = int.from_bytes(UUID(value).bytes_le, "little")  # as the 16 bytes lie in memory
        return number, number
    match = RANGE.fullmatch(value)
    if not match:
        raise PlaceError(f"{value!r} is neither a number nor a range such as 16-31")
    low = int(match[1], 0)
    high = int(match[2], 0) if match[2] else low
    if high < low:
        raise PlaceError(f"the range {value} runs backwards")
    return low, high


def parse_address(table: Table) -> Address:
    low, high = parse_range(table["number"])
    return Address(
        table["space"],
        low,
        high,
        table.get("stride", 1),
        table["name"],
        tuple(table.get("also", ())),
        tuple(table.get("was", ())),
        table.get("note", ""),
        tuple(table.get("source", ())),
    )


def parse_enumerator(table: Table, source: tuple[str, ...]) -> Enumerator:
    low, high = parse_range(table["value"])
    own = tuple(table.get("source", ())) or source
    return Enumerator(low, high, table["name"], tuple(table.get("also", ())), table.get("doc", ""), table.get("note", ""), own)


def parse_when(table: Table) -> When:
    return {path: tuple(wanted) if isinstance(wanted, list) else (wanted,) for path, wanted in table.items()}


def parse_layout(table: Table, source: tuple[str, ...], where: str) -> Layout:
    fields = []
    for entry in table["fields"]:
        try:
            fields.append(parse_field(entry, source))
        except PlaceError as error:
            raise PlaceError(f"{where}: {entry.get('name') or entry.get('bits') or entry.get('at')}: {error}") from None
    return Layout(
        name_reserved(fields),
        tuple(table["summary"]) if "summary" in table else None,
        tuple(FindingRule(f["code"], f.get("field", ""), f["text"], parse_when(f["when"])) for f in table.get("findings", ())),
        parse_when(table["unused"]) if "unused" in table else None,
    )


def name_reserved(fields: list[Field]) -> tuple[Field, ...]:
    """Fields with their byte offsets where these are known, and reserved ones named after their place."""
    from dataclasses import replace

    named = []
    end: int | None = 0
    for field in fields:
        if field.width:  # bits of a word
            high, low = field.lsb + field.width - 1, field.lsb
        else:
            at = field.at if field.at is not None else end
            end = at + field.size if at is not None and isinstance(field.size, int) else None
            field = replace(field, at=at) if at != field.at else field
            high, low = (end or 0) - 1, at or 0
        named.append(field if field.name else replace(field, name=f"{'reserved' if field.reserved else 'bits'}_{high}_{low}"))
    return tuple(named)


def parse_bits(text: str) -> tuple[int, int]:
    """ "63:12", "16", "eax.10", "edx.31:16" or whole registers "edx:ebx" → (lsb, width)."""
    register, dot, bits = text.rpartition(".")
    if text.split(":")[0] in CPUID_REGISTERS:
        high, low = (CPUID_REGISTERS.index(part) * 32 for part in (text.split(":")[0], text.split(":")[-1]))
        return low, high + 32 - low
    if dot and register not in CPUID_REGISTERS:
        raise PlaceError(f"bits {text!r}: {register} is not one of {', '.join(CPUID_REGISTERS)}")
    base = CPUID_REGISTERS.index(register) * 32 if dot else 0
    match = re.fullmatch(r"(\d+)(?::(\d+))?", bits)
    if not match:
        raise PlaceError(f'bits {text!r} should look like "63:12", "16" or "edx.10"')
    high, low = int(match[1]), int(match[2] or match[1])
    if high < low:
        raise PlaceError(f"bits {text!r} run backwards; the high bit comes first")
    return base + low, high - low + 1


def parse_field(table: Table, source: tuple[str, ...]) -> Field:
    lsb, width = parse_bits(table["bits"]) if "bits" in table else (0, 0)
    kind, count = parse_type(table)
    size = table.get("size", SIZES.get(kind))
    if kind.endswith("]"):
        kind, size = "bytes", int(kind[kind.index("[") + 1 : -1])
    own = tuple(table.get("source", ())) or source
    cases = table.get("cases", "")
    return Field(
        name=table.get("name", ""),
        lsb=lsb,
        width=width,
        size=size,
        type=kind,
        count=count,
        values=tuple(Enumerator(*parse_range(value), name, source=own) for value, name in table.get("values", {}).items()),
        cases=cases if isinstance(cases, str) else {str(key): target for key, target in cases.items()},
        readings=tuple(parse_field(reading, own) for reading in table.get("readings", ())),
        source=own,
        **{
            key: table[key]
            for key in ("at", "reserved", "rep", "optional", "switch", "used", "show", "base", "max", "column", "doc", "note")
            if key in table
        },
    )


SIZES = INTEGER_SIZES | {"guid": 16}


def parse_type(table: Table) -> tuple[str, int | str | None]:
    """(type, count): u64[4] is four u64, u8[240] stays as it is: bytes."""
    kind, count = table.get("type", ""), table.get("count")
    match = ARRAY.fullmatch(kind)
    if match and match[1] != "u8":
        return match[1], int(match[2])
    if "[" in kind and not match:
        raise PlaceError(f"type {kind!r} should look like u8[240] or u64[4]")
    return kind, count
