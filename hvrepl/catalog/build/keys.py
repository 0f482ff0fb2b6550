"""The keys that each table of a spec may have, and the types of their values. Does not know their meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.catalog.alike import alike
from hvrepl.hints import Any

# The largest values of keys that determine memory: bits, bytes, digits and elements.
MOST = {
    "width": 4096,
    "bits": 4096,
    "size": 1 << 20,
    "head": 1 << 20,
    "at": 1 << 20,
    "digits": 32,
    "count": 4096,
    "back": 40,
    "rank": 1 << 30,
}
TYPE_NAMES: Mapping[type, str] = {str: "text", int: "a number", bool: "true or false", list: "a list", dict: "a table"}
TEXT = (str,)
NUMBER = (int,)
NUMBER_OR_TEXT = (int, str)
FLAG = (bool,)
LIST = (list,)
TABLE = (dict,)

# Keys that describe a thing without defining it.
TOLD = {"doc": TEXT, "note": TEXT, "see": LIST, "privilege": TEXT, "qemu": TEXT, "on_read": TEXT, "source": LIST}
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
        **TOLD,
        "lone": TABLE,
        "crash": TABLE,
        "interface": TABLE,
        "flag": TABLE,
        "case_of": LIST,
        "extends": TEXT,
        "takes": LIST,
        "open": FLAG,
        "address": LIST,
        "layout": TABLE,
        "output": TABLE,
        "case": TABLE,
        "shorthand": LIST,
        "values": LIST,
        "space": TEXT,
        "names": LIST,
        "form": LIST,
    },
    "form": {
        "name": TEXT,
        "title": TEXT,
        "words": LIST,
        "later": LIST,
        "pattern": TEXT,
        "says": LIST,
        "crash": LIST,
        "control": TEXT,
        "tells": TEXT,
        "begins": NUMBER,
        "text": TEXT,
        "reader": TEXT,
        "when": TABLE,
        "unless": TABLE,
        "needs": FLAG,
        "perhaps": FLAG,
        "except": LIST,
        "back": NUMBER,
        "struct": TEXT,
        "elsewhere": FLAG,
        "sign": FLAG,
        "seen": LIST,
        "source": LIST,
    },
    "saying": {"what": TEXT, "arch": TEXT, "value": TEXT, "set": TABLE, "optional": FLAG, "lone": FLAG, "sound": FLAG},
    "address": {
        "space": TEXT,
        "number": NUMBER_OR_TEXT,
        "stride": NUMBER,
        "name": TEXT,
        "also": LIST,
        "was": LIST,
        "note": TEXT,
        "source": LIST,
        "arch": TEXT,
    },
    "name": {
        "number": NUMBER_OR_TEXT,
        "name": TEXT,
        "also": LIST,
        "was": LIST,
        "title": TEXT,
        **TOLD,
    },
    "layout": {"fields": LIST, "summary": LIST, "findings": LIST, "unused": TABLE, "source": LIST},
    "field": {
        "name": TEXT,
        "also": LIST,
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
        "each": FLAG,
        "doc": TEXT,
        "note": TEXT,
        "source": LIST,
    },
    "value": {"value": NUMBER_OR_TEXT, "name": TEXT, "also": LIST, "doc": TEXT, "note": TEXT, "source": LIST},
    "taking": {"type": TEXT, "from": NUMBER, "as": NUMBER},
    "finding": {"code": TEXT, "field": TEXT, "text": TEXT, "when": TABLE},
    "shorthand": {"name": TEXT, "field": TEXT, "read": TEXT, "sets": TABLE, "remarks": LIST},
    "remark": {"code": TEXT, "pattern": TEXT, "text": TEXT, "source": LIST},
    "lone": {"rank": NUMBER, "when": LIST},
    "crash": {"rank": NUMBER, "os": TEXT, "when": LIST},
    "interface": {"vendor": LIST, "leaf": NUMBER, "subleaf": NUMBER, "names": FLAG},
    "flag": {
        "reads": TEXT,
        "sets": TABLE,
        "value": TEXT,
        "off": NUMBER,
        "unless": TABLE,
        "until": LIST,
        "host": TEXT,
        "enables": FLAG,
        "apart": FLAG,
        "any": FLAG,
        "kvm": LIST,
        "empty": LIST,
        "needs": LIST,
        "wants": LIST,
        "since": TEXT,
        "advised": TEXT,
        "harm": TEXT,
        "libvirt": TEXT,
        "libvirt_since": TEXT,
        "kubevirt": TEXT,
        "kubevirt_adds": LIST,
        "proxmox": TABLE,
    },
    "until": {"machine": TEXT, "sets": TABLE, "frees": LIST},
    "proxmox": {"windows": NUMBER, "machine": TEXT, "value": TEXT, "host": TEXT},
    "space": {
        "name": TEXT,
        "title": TEXT,
        "arch": LIST,
        "digits": NUMBER,
        "bits": NUMBER,
        "interfaces": TEXT,
        "step": NUMBER,
        "aside": FLAG,
        "mixed": FLAG,
        "signature": TEXT,
    },
    "document": {"title": TEXT, "repository": TEXT, "commit": TEXT, "root": TEXT, "url": TEXT, "date": TEXT},
}
REQUIRED = {
    "file": ("kind",),
    "address": ("space", "number", "name"),
    "name": ("number", "name"),
    "layout": ("fields",),
    "value": ("value", "name"),
    "taking": ("type",),
    "form": ("name", "words", "seen"),
    "saying": ("what",),
    "finding": ("code", "text", "when"),
    "shorthand": ("name", "field", "read"),
    "remark": ("code", "pattern", "text"),
    "lone": ("rank", "when"),
    "crash": ("rank", "os", "when"),
    "interface": ("vendor", "leaf"),
    "until": ("machine", "sets"),
    "proxmox": ("windows",),
    "space": ("name", "title", "arch", "digits"),
    "document": ("title",),
}
# Lists hold text, except these, which hold tables; and the value types of tables with free keys.
LISTS_OF_TABLES = (
    "address",
    "names",
    "values",
    "shorthand",
    "remarks",
    "fields",
    "findings",
    "readings",
    "when",
    "space",
    "form",
    "says",
    "takes",
    "until",
)
TABLES_OF: Mapping[str, type] = {"values": str, "cases": str, "sets": int, "set": str, "unless": str}
# Keys of files of a single kind.
OWN_KEYS = {
    "values": "enumeration",
    "extends": "enumeration",
    "takes": "enumeration",
    "open": "enumeration",
    "space": "names",
    "names": "names",
    "form": "log",
    "interface": "cpuid",
    "flag": "flag",
}
ALL_KEYS = {"names": ("kind", "space", "source", "names"), "log": ("kind", "source", "form")}  # kinds without other keys


def check_keys(kind: str, table: object, where: str) -> Iterator[str]:
    """Unknown and missing keys of one table, and those of a wrong type, one line each."""
    if not isinstance(table, Mapping):
        yield f"{where}must be a table, not {table!r}"
        return
    known = KEYS[kind]
    for key, value in table.items():
        if key not in known:
            close = alike(key, known, 1)
            yield f"{where}unknown key {key}" + (f"; did you mean {close[0]}?" if close else "")
        elif not isinstance(value, known[key]) or (isinstance(value, bool) and known[key] is not FLAG):
            yield f"{where}{key} must be {' or '.join(TYPE_NAMES[one] for one in known[key])}, not {value!r}"
        elif isinstance(value, int) and value > MOST.get(key, value):
            yield f"{where}{key} is at most {MOST[key]}, not {value}"
        else:
            yield from check_elements(key, value, where)
    for key in REQUIRED.get(kind, ()):
        if key not in table:
            yield f"{where}{key} is missing"


def check_elements(key: str, value: object, where: str) -> Iterator[str]:
    """Elements of a list, or values of a table with free keys, that have a wrong type."""
    if isinstance(value, list) and key not in LISTS_OF_TABLES:
        yield from (f"{where}{key} must contain text, not {one!r}" for one in value if not isinstance(one, str))
    elif isinstance(value, Mapping) and key in TABLES_OF:
        wanted = TABLES_OF[key]
        wrong = [(name, one) for name, one in value.items() if not isinstance(one, wanted) or isinstance(one, bool)]
        yield from (f"{where}{key}: {name} must be {TYPE_NAMES[wanted]}, not {one!r}" for name, one in wrong)


def check_own_keys(table: Mapping[str, Any], where: str) -> Iterator[str]:
    """Keys of a file that its kind does not allow."""
    kind = table.get("kind")
    if not isinstance(kind, str):
        return
    foreign = [key for key in table if key in KEYS["file"] and OWN_KEYS.get(key, kind) != kind]
    if kind in ALL_KEYS:
        foreign = [key for key in table if key in KEYS["file"] and key not in ALL_KEYS[kind]]
        yield from (f"{where}{key} is missing" for key in ALL_KEYS[kind] if key not in table and key != "source")
    yield from (f"{where}{key} does not apply to kind {kind}" for key in foreign)


def check_tables(table: Mapping[str, Any], file: str) -> Iterator[str]:  # noqa: C901 - one rule after the other
    """check_keys over a whole file, each fault with its place."""
    yield from check_keys("file", table, f"{file}: ")
    yield from check_own_keys(table, f"{file}: ")
    yield from check_list("address", table.get("address"), f"{file}: address")
    yield from check_list("name", table.get("names"), f"{file}: names")
    yield from check_list("value", table.get("values"), f"{file}: values")
    yield from check_list("taking", table.get("takes"), f"{file}: takes")
    yield from check_list("shorthand", table.get("shorthand"), f"{file}: shorthand")
    for shorthand in as_list(table.get("shorthand")):
        if isinstance(shorthand, Mapping):
            yield from check_list("remark", shorthand.get("remarks"), f"{file}: {shorthand.get('name')}: remarks")
    for name in ("lone", "crash"):
        if name in table:
            yield from check_rule(name, table[name], f"{file}: {name}: ")
    if "interface" in table:
        yield from check_keys("interface", table["interface"], f"{file}: interface: ")
    if "flag" in table:
        yield from check_flag(table["flag"], f"{file}: flag: ")
    yield from check_list("form", table.get("form"), f"{file}: form")
    for form in as_list(table.get("form")):
        if isinstance(form, Mapping):
            yield from check_list("saying", form.get("says"), f"{file}: {form.get('name')}: says")
    for name in ("layout", "output"):
        if isinstance(table.get(name), Mapping):
            yield from check_layout(table[name], f"{file}: {name}")
    cases = table.get("case")
    for name, case in cases.items() if isinstance(cases, Mapping) else ():
        yield from check_layout(case, f"{file}: case.{name}")


def check_rule(name: str, rule: object, where: str) -> Iterator[str]:
    """Checks a table with conditions, lone or crash, under which a spec is chosen."""
    yield from check_keys(name, rule, where)
    conditions = rule.get("when") if isinstance(rule, Mapping) else None
    yield from (f"{where}when must contain tables, not {when!r}" for when in as_list(conditions) if not isinstance(when, Mapping))


def check_flag(flag: object, where: str) -> Iterator[str]:
    yield from check_keys("flag", flag, where)
    if isinstance(flag, Mapping):
        yield from check_list("until", flag.get("until"), f"{where}until")
        if "proxmox" in flag:
            yield from check_keys("proxmox", flag["proxmox"], f"{where}proxmox: ")


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
