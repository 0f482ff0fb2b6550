"""The tables of a spec → Spec. A fault is a PlaceError, to which the caller adds the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.catalog.guids import GUID_SIZE, guid_to_number
from hvrepl.catalog.model import (
    INTEGER_SIZES,
    Address,
    ByProxmox,
    CrashRule,
    Enumerator,
    Field,
    FindingRule,
    Flag,
    Interface,
    Layout,
    Lone,
    Remark,
    Shorthand,
    Spec,
    Taking,
    Until,
    When,
)
from hvrepl.digits import to_int
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import replace

Table = Mapping[str, Any]
Tables = list[tuple[str, str, dict[str, Any]]]  # (arch, file, its tables)

LOG = "log"  # the kind of a file of log forms
NAMES = "names"  # the kind of a file of plain names
GUID = regex(r"([0-9a-f]{8}|x{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER = "0x[0-9a-fA-F]{1,32}|0|[1-9][0-9]{0,38}"
RANGE = regex(rf"({NUMBER})(?:-({NUMBER}))?")
ARRAY = regex(r"([ui](?:8|16|32|64))\[(\d{1,4})\]")
CPUID_REGISTERS = ("eax", "ebx", "ecx", "edx")
REGISTER_BITS = 32
BITS = regex(r"(?:(e[a-d]x)\.)?([0-9]{1,4})(?::([0-9]{1,4}))?")
WHOLE_REGISTERS = regex(r"(e[a-d]x)(?::(e[a-d]x))?")


class PlaceError(ValueError):
    """A fault in one table; the caller adds the file and place."""


def expand_names(table: Table) -> Iterator[Table]:
    """A names file as one table per name, a file of log forms as none; any other file unchanged."""
    if table["kind"] == LOG:
        return
    if table["kind"] != NAMES:
        yield table
        return
    for name in table.get("names", ()):
        address = {key: name[key] for key in ("number", "name", "also", "was") if key in name} | {"space": table.get("space", "")}
        rest = {key: name[key] for key in ("title", "doc", "note", "see", "privilege", "qemu", "on_read") if key in name}
        yield {"kind": table.get("space", ""), "source": name.get("source", table.get("source", [])), "address": [address]} | rest


PLAIN_KEYS = ("title", "doc", "note", "privilege", "qemu", "on_read", "width", "size", "head", "reset", "count", "extends", "open")


def parse_spec(table: Table, arch: str, file: str = "") -> Spec:
    """One table with valid keys as a Spec. PlaceError says what cannot be read."""
    addresses = tuple(parse_address(address) for address in table.get("address", ()))
    source = tuple(table.get("source", ()))
    cases = {name: parse_layout(layout, source, f"case.{name}") for name, layout in table.get("case", {}).items()}
    texts: dict[str, Any] = {key: tuple(table[key]) for key in ("also", "see", "case_of") if key in table}
    plain = {key: table[key] for key in PLAIN_KEYS if key in table}
    if not table.get("name") and not addresses:
        raise PlaceError("has neither a name nor an address")
    return Spec(
        name=table.get("name") or addresses[0].name,
        kind=table["kind"],
        arch=arch,
        addresses=addresses,
        layout=parse_layout(table["layout"], source, "layout") if "layout" in table else None,
        output=parse_layout(table["output"], source, "output") if "output" in table else None,
        cases=cases,
        shorthands=tuple(parse_shorthand(shorthand) for shorthand in table.get("shorthand", ())),
        values=(
            *(parse_enumerator(value, source) for value in table.get("values", ())),
            *(replace(parse_enumerator(value, ()), taken=True) for value in table.get("taken", ())),
        ),
        takes=tuple(Taking(one["type"], one.get("from", 0), one.get("as", 0)) for one in table.get("takes", ())),
        lone=Lone(table["lone"]["rank"], parse_whens(table["lone"])) if "lone" in table else None,
        crash=CrashRule(table["crash"]["rank"], table["crash"]["os"], parse_whens(table["crash"])) if "crash" in table else None,
        interface=parse_interface(table["interface"]) if "interface" in table else None,
        flag=parse_flag(table["flag"]) if "flag" in table else None,
        source=source,
        file=file,
        **texts,
        **plain,
    )


def parse_interface(table: Table) -> Interface:
    return Interface(tuple(table["vendor"]), table["leaf"], table.get("subleaf", 0), table.get("names", False))


def parse_flag(table: Table) -> Flag:
    lists: dict[str, Any] = {key: tuple(table[key]) for key in ("kvm", "empty", "needs", "wants", "kubevirt_adds") if key in table}
    plain = {key: value for key, value in table.items() if key not in (*lists, "until", "proxmox")}
    until = tuple(Until(one["machine"], one["sets"], tuple(one.get("frees", ()))) for one in table.get("until", ()))
    return Flag(**plain, **lists, until=until, proxmox=ByProxmox(**table["proxmox"]) if "proxmox" in table else None)


def parse_range(value: int | str) -> tuple[int, int]:
    """7, "16-31" or a GUID's text → (low, high). xxxxxxxx in a GUID is any eight digits: the lowest 32 bits of its number."""
    if isinstance(value, int):
        return value, value
    if GUID.fullmatch(value):
        return guid_to_number(value.replace("x", "0")), guid_to_number(value.replace("x", "f"))
    match = RANGE.fullmatch(value)
    if not match:
        raise PlaceError(f"{value[:40]!r} is neither a number nor a range such as 16-31")
    low = to_int(match[1], 0)
    high = to_int(match[2], 0) if match[2] else low
    if high < low:
        raise PlaceError(f"the range {value} is backwards")
    return low, high


def parse_shorthand(table: Mapping[str, Any]) -> Shorthand:
    remarks = tuple(Remark(one["code"], one["pattern"], one["text"], tuple(one.get("source", ()))) for one in table.get("remarks", ()))
    return Shorthand(table["name"], table["field"], table["read"], table.get("sets", {}), remarks)


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
        table.get("arch", ""),
    )


def parse_enumerator(table: Table, source: tuple[str, ...]) -> Enumerator:
    low, high = parse_range(table["value"])
    own = tuple(table.get("source", ())) or source
    return Enumerator(low, high, table["name"], tuple(table.get("also", ())), table.get("doc", ""), table.get("note", ""), own)


def parse_when(table: Table) -> When:
    return {path: tuple(wanted) if isinstance(wanted, list) else (wanted,) for path, wanted in table.items()}


def parse_whens(table: Table) -> tuple[When, ...]:
    return tuple(parse_when(when) for when in table["when"])


def parse_layout(table: Table, source: tuple[str, ...], where: str) -> Layout:
    fields = []
    source = tuple(table.get("source", ())) or source
    for entry in table["fields"]:
        try:
            fields.append(parse_field(entry, source))
        except PlaceError as error:
            raise PlaceError(f"{where}: {entry.get('name') or entry.get('bits') or entry.get('at')}: {error}") from None
    try:
        named = name_reserved(fields)
    except PlaceError as error:
        raise PlaceError(f"{where}: {error}") from None
    return Layout(
        named,
        tuple(table["summary"]) if "summary" in table else None,
        tuple(FindingRule(f["code"], f.get("field", ""), f["text"], parse_when(f["when"])) for f in table.get("findings", ())),
        parse_when(table["unused"]) if "unused" in table else None,
    )


def name_reserved(fields: list[Field]) -> tuple[Field, ...]:
    """Fields with their byte offsets, if known; reserved ones are named after their place."""
    named = []
    end: int | None = 0
    for field in fields:
        if field.width:  # bits of a word
            high: int | None = field.lsb + field.width - 1
            low: int | None = field.lsb
        else:
            low = field.at if field.at is not None else end
            end = end_of(field, low)
            high = None if end is None else end - 1
            field = replace(field, at=low)
        if not field.name:
            if high is None:
                raise PlaceError("a member without a name needs at and size")
            field = replace(field, name=f"{'reserved' if field.reserved else 'bits'}_{high}_{low}")
        named.append(field)
    return tuple(named)


def end_of(field: Field, at: int | None) -> int | None:
    """The end of a struct's member, as far as it is known without other specs."""
    if at is None or not isinstance(field.size, int) or isinstance(field.count, str):
        return None
    return at + field.size * (1 if field.count is None else field.count)


def parse_bits(text: str) -> tuple[int, int]:
    """ "63:12", "16", "eax.10", "edx.31:16" or whole registers "edx:ebx" → (lsb, width)."""
    whole = WHOLE_REGISTERS.fullmatch(text)
    match = BITS.fullmatch(text)
    if whole:
        first, last = (CPUID_REGISTERS.index(part) * REGISTER_BITS for part in (whole[1], whole[2] or whole[1]))
        high, low = first + REGISTER_BITS - 1, last
    elif match:
        base = CPUID_REGISTERS.index(match[1]) * REGISTER_BITS if match[1] else 0
        high, low = base + to_int(match[2]), base + to_int(match[3] or match[2])
    else:
        raise PlaceError(f'bits {text!r} should look like "63:12", "16", "edx.10" or "edx:ebx"')
    if high < low:
        raise PlaceError(f"bits {text!r} are backwards; the high bit comes first")
    if match and match[1] and high >= base + REGISTER_BITS:
        raise PlaceError(f"bits {text!r}: {match[1]} has bits 31:0")
    return low, high - low + 1


def place_in_leaf(lsb: int, width: int) -> tuple[str, int, int]:
    """(register, high, low) of bits of a CPUID leaf: within one register, or within "edx:ecx" from the lowest of ecx on."""
    high = lsb + width - 1
    registers = dict.fromkeys((CPUID_REGISTERS[high // REGISTER_BITS], CPUID_REGISTERS[lsb // REGISTER_BITS]))
    low = lsb % REGISTER_BITS
    return ":".join(registers), low + width - 1, low


def join_registers(values: Mapping[str, int]) -> int | None:
    """EDX:ECX:EBX:EAX of a leaf; None if a register is missing."""
    if len(values) < len(CPUID_REGISTERS):
        return None
    return sum(values[name] << REGISTER_BITS * place for place, name in enumerate(CPUID_REGISTERS))


def parse_field(table: Table, source: tuple[str, ...]) -> Field:
    lsb, width = parse_bits(table["bits"]) if "bits" in table else (0, 0)
    kind, count = parse_type(table)
    size = table.get("size", SIZES.get(kind))
    if kind.endswith("]"):
        kind, size = "bytes", to_int(kind[kind.index("[") + 1 : -1])
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
        also=tuple(table.get("also", ())),
        source=own,
        **{
            key: table[key]
            for key in ("at", "reserved", "rep", "optional", "switch", "used", "show", "base", "max", "column", "each", "doc", "note")
            if key in table
        },
    )


SIZES = INTEGER_SIZES | {"guid": GUID_SIZE}


def parse_type(table: Table) -> tuple[str, int | str | None]:
    """(type, count): u64[4] is four u64; u8[240] stays unchanged, as bytes."""
    kind, count = table.get("type", ""), table.get("count")
    match = ARRAY.fullmatch(kind)
    if match and match[1] != "u8":
        return match[1], to_int(match[2])
    if ("[" in kind or "]" in kind) and not match:
        raise PlaceError(f"type {kind!r} should look like u8[240] or u64[4]")
    return kind, count
