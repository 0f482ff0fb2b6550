"""The listing of `cpuid --flags`: the flags of each machine, ready to paste, and what no flag gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hvrepl.analysis.flags import Flags
from hvrepl.analysis.leaves_to_flags import Granted
from hvrepl.codec.decoded import Decoded
from hvrepl.hints import Any
from hvrepl.render.flag import describe_flag
from hvrepl.render.flag_forms import WRITERS, unwritable
from hvrepl.render.listing import Listing
from hvrepl.render.parts import meaning_of, value_of
from hvrepl.render.style import Style, loud_lines

HEADERS = ("kind", "name", "value", "gives")


def list_flags(flags: Flags, form: str, machines: Sequence[Granted]) -> Listing:
    """The flags of one or several machines; `form` is a key of WRITERS."""
    tables = [to_table(flags, form, one) for one in machines]
    rows = [row for table in tables for row in rows_of(table)]
    unexplained = [one.unexplained for one in machines]
    return Listing(HEADERS, rows, tables, single=len(tables) == 1, lines=lambda style: lines_of(tables, unexplained, style))


def write_text(flags: Flags, form: str, values: Mapping[str, str]) -> str:
    """The line or lines to paste; "" without flags."""
    return WRITERS[form](values, flags) if values else ""


def to_table(flags: Flags, form: str, one: Granted) -> dict[str, Any]:
    """The JSON object."""
    return {
        "text": write_text(flags, form, one.values),
        "flags": [flag_table(flags, name, value, one.missing[name]) for name, value in one.values.items()],
        "unexplained": [unexplained_table(leaf, part) for leaf, part in one.unexplained],
        "findings": [found.to_dict() for found in (*one.findings, *unwritable(one.values, flags, form))],
    }


def flag_table(flags: Flags, name: str, value: str, missing: Sequence[str]) -> dict[str, Any]:
    sets = describe_flag(flags.catalog, flags.specs[name]).get("sets", [])
    grants = [{"name": one["name"], "reg": one["reg"], "bits": one["bits"]} for one in sets]
    return {"name": name, "value": value, "grants": grants, "needs": list(flags[name].needs), "missing": list(missing)}


def unexplained_table(leaf: str, part: Decoded) -> dict[str, Any]:
    table = {"name": f"{leaf}.{part.name}", "reg": part.register, "bits": part.bits, "raw": part.raw, "meaning": meaning_of(part)}
    return {key: value for key, value in table.items() if value}


def rows_of(table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in table["flags"]:
        yield "flag", one["name"], one["value"], " ".join(grant["name"] for grant in one["grants"])
    for one in table["unexplained"]:
        yield "unexplained", one["name"], one["raw"], ""
    for one in table["findings"]:
        yield "!", one["code"], one.get("field", ""), one["text"]


def lines_of(tables: Sequence[Mapping[str, Any]], unexplained: Sequence[Sequence[tuple[str, Decoded]]], style: Style) -> Iterator[str]:
    """The line or lines to paste, then the fields that no flag gives, then findings."""
    for place, (table, parts) in enumerate(zip(tables, unexplained, strict=True)):
        if place:
            yield ""
        yield from table["text"].split("\n") if table["text"] else ["no Hyper-V flag"]
        leaves: dict[str, list[str]] = {}
        for leaf, part in parts:
            shown = value_of(part)
            leaves.setdefault(leaf, []).append(part.name if shown == "1" else f"{part.name} {shown}")
        for leaf, fields in leaves.items():
            yield from loud_lines(f"no flag gives what {leaf} has: {', '.join(fields)}", style)
        for one in table["findings"]:
            yield from loud_lines(one["text"], style)
