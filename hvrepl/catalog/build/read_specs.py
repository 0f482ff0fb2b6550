"""specs/*.toml → tables and Specs. Every fault names its file and place; rules across specs are in rules.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from hvrepl.catalog.build.keys import as_list, check_keys, check_tables
from hvrepl.catalog.model import ARCHES, COMMON, Document, Space, Spec
from hvrepl.catalog.parse_specs import PlaceError, Table, Tables, expand_names, parse_range, parse_spec
from hvrepl.errors import FileError, SpecError
from hvrepl.hints import Any
from hvrepl.record import record

MOST_BITS = 128  # of a GUID, the longest number
# Per folder, a few times the amounts of the built-in specs.
MOST_FILES = 4096
MOST_BYTES = 4 << 20
MOST_FILE_BYTES = 1 << 20
MOST_DOTS = 100  # on a line: tomllib takes quadratic time for the parts of a key


def read_toml(path: Path, file: str) -> dict[str, Any]:
    """The file's tables; messages call it `file`. FileError if it cannot be read, SpecError for invalid TOML and for forbidden content."""
    import tomllib  # 30 ms that an installed wheel saves, as it reads its index

    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe or a device, which may never end
        raise SpecError(f"{file}: not a regular file")
    try:
        with path.open("rb") as opened:  # a sparse file can have any size
            data = opened.read(MOST_FILE_BYTES + 1)
        if len(data) > MOST_FILE_BYTES:
            raise SpecError(f"{file}: larger than {MOST_FILE_BYTES >> 20} MiB")
        if any(line.count(b".") > MOST_DOTS for line in data.splitlines()):
            raise SpecError(f"{file}: a line with more than {MOST_DOTS} dots")
        table = tomllib.loads(data.decode())
        faults = list(check_values(table))
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except RecursionError:
        raise SpecError(f"{file}: nested too deeply") from None
    except ValueError as error:  # invalid TOML or UTF-8, or a number of thousands of digits
        raise SpecError(f"{file}: {error}") from error
    if faults:
        raise SpecError(f"{file}: {faults[0]}")
    return table


def check_values(value: object, where: str = "") -> Iterator[str]:
    """Texts that would move a terminal's cursor or reverse its text, and numbers that are too large for the interface."""
    if isinstance(value, str) and not value.replace("\t", "").isprintable():
        yield f"{where}: a character that is not printable in {value[:40]!r}"
    elif isinstance(value, int) and not 0 <= value < 1 << MOST_BITS:
        yield f"{where}: {value if value < 0 else hex(value)[:40]} is not a number of up to {MOST_BITS} bits"
    elif isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from check_values(one, f"{where}.{key}" if where else str(key))
            if isinstance(key, str):
                yield from check_values(key, where)


@record
class Folder:
    """The contents of a folder of specs: its files' tables, its spaces, the documents of its sources by key, and the faults in them."""

    tables: Tables
    spaces: tuple[Space, ...]
    documents: Mapping[str, Document]
    faults: tuple[str, ...]


def read_folder(folder: Path, shown: str = "") -> Folder:
    """All files of a folder, in a stable order, named by `shown` and their path in the folder. FileError if there is no folder."""
    try:
        is_folder = folder.is_dir()
    except OSError as error:  # a name that is too long
        raise FileError(f"{folder}: {error.strerror}") from None
    if not is_folder:
        raise FileError(f"{folder}: no such folder of specs")
    tables: Tables = []
    faults = []
    order = {COMMON: 0} | {arch: 1 + place for place, arch in enumerate(ARCHES)}
    # A hidden file is not a spec: Emacs makes .#NAME.toml, a broken link, while somebody edits NAME.toml.
    found = (path for path in folder.rglob("*.toml") if path.name not in ("spaces.toml", "sources.toml") and path.name[0] != ".")
    paths = [path.relative_to(folder) for path in islice(found, MOST_FILES + 1)]
    if len(paths) > MOST_FILES:
        raise SpecError(f"{folder}: more than {MOST_FILES:,} files of specs")
    room = MOST_BYTES
    for path in sorted(paths, key=lambda path: (order.get(path.parts[0], 9), path)):
        file = shown + path.as_posix()
        if path.parts[0] not in order:
            faults.append(f"{file}: is not in any of the folders {', '.join(order)}")
            continue
        room -= size_of(folder / path)
        if room < 0:
            faults.append(f"{file}: more than {MOST_BYTES >> 20} MiB of specs, including earlier files")
            break
        try:
            tables.append((path.parts[0], file, read_toml(folder / path, file)))
        except SpecError as error:
            faults.append(str(error))
    spaces, wrong_spaces = read_spaces(folder, f"{shown}spaces.toml")
    documents, wrong_documents = read_documents(folder, f"{shown}sources.toml")
    return Folder(tables, spaces, documents, (*faults, *wrong_spaces, *wrong_documents))


def size_of(path: Path) -> int:
    """As much as can be read; read_toml reports the rest."""
    try:
        return min(path.stat().st_size, MOST_FILE_BYTES)
    except OSError:
        return 0


def read_spaces(folder: Path, file: str) -> tuple[tuple[Space, ...], list[str]]:
    """(spaces, faults) of spaces.toml, which is optional."""
    table, faults = read_optional(folder / "spaces.toml", file)
    faults += [f"{file}: unknown key {key}; did you mean space?" for key in table if key != "space"]
    spaces = []
    for one in as_list(table.get("space")):
        wrong = list(check_keys("space", one, f"{file}: "))
        if not wrong and not (one["arch"] and set(one["arch"]) <= set(ARCHES)):
            wrong = [f"{file}: {one['name']}: arch must be a list of {', '.join(ARCHES)}"]
        if not wrong and one.get("bits", 0) % 8:
            wrong = [f"{file}: {one['name']}: bits must be whole bytes"]
        try:
            if not wrong:
                spaces.append(
                    Space(
                        one["name"],
                        one["title"],
                        tuple(one["arch"]),
                        one["digits"],
                        one.get("bits", 0),
                        read_interfaces(one),
                        one.get("aside", False),
                        one.get("mixed", False),
                        one.get("signature", ""),
                    )
                )
        except PlaceError as error:
            wrong = [f"{file}: {one['name']}: interfaces: {error}"]
        faults += wrong
    return tuple(spaces), faults


def read_interfaces(space: Mapping[str, Any]) -> range:
    """Raises PlaceError."""
    if "interfaces" not in space and "step" not in space:
        return range(0)
    first, last = parse_range(space.get("interfaces", ""))
    step = space.get("step", 1)
    if step < 1 or first % step:
        raise PlaceError(f"a step of {step} from {first:#x}")
    return range(first, last + 1, step)


def read_documents(folder: Path, file: str) -> tuple[dict[str, Document], list[str]]:
    """(documents by key, faults) of sources.toml, which is optional."""
    tables, faults = read_optional(folder / "sources.toml", file)
    documents = {}
    for key, table in tables.items():
        wrong = list(check_keys("document", table, f"{file}: {key}: "))
        texts = {} if wrong else {name: table[name] for name in ("title", "repository", "commit", "root", "url") if name in table}
        documents[key] = Document(key, **{"title": key, **texts})
        faults += wrong
    return documents, faults


def read_optional(path: Path, file: str) -> tuple[dict[str, Any], list[str]]:
    try:
        return (read_toml(path, file) if path.exists() else {}), []
    except SpecError as error:
        return {}, [str(error)]


def to_specs(tables: Iterable[tuple[str, str, Table]]) -> tuple[list[Spec], list[str]]:
    """The specs, and the faults of files that are not specs; a names file becomes one spec per name."""
    specs: list[Spec] = []
    faults: list[str] = []
    for arch, file, table in tables:
        wrong = list(check_tables(table, file))
        if not wrong:
            try:
                specs += parse_tables([(arch, file, table)])
            except PlaceError as error:
                wrong = [f"{file}: {error}"]
        faults += wrong
    return specs, faults


def parse_tables(tables: Iterable[tuple[str, str, Table]]) -> list[Spec]:
    """The specs of tables with valid keys: the built-in ones. Checking their many keys would take as long as everything else."""
    return [parse_spec(one, arch, file) for arch, file, table in tables for one in expand_names(table)]
