"""The index, in a file and in memory; and a user's own specs together with the built-in ones, in a checkout and installed."""

from __future__ import annotations

import gc
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hvrepl.catalog import opening
from hvrepl.catalog.build.rules import read_tables
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.index import Index
from hvrepl.catalog.model import ARCHES, Spec
from hvrepl.catalog.opening import open_index
from hvrepl.errors import FileError, NotFoundError, SpecError
from tests.catalog.own import write_own
from tests.paths import DATA, SPECS

TEST_SPECS = DATA / "specs"


class CountingIndex(Index):
    """An index that knows which specs were read."""

    read: list[str]

    def spec(self, key: int) -> Spec:
        spec = super().spec(key)
        self.read = [*getattr(self, "read", ()), spec.name]
        return spec


def build(path: str, *folders: Path) -> Index:
    parts = [read_tables(folder) for folder in folders]
    tables, spaces, documents = ([one for part in parts for one in part[place]] for place in range(3))
    return Index.build(tables, spaces, documents, path)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the built-in and the test specs."""
    path = tmp_path_factory.mktemp("index") / "specs.sqlite"
    build(str(path), SPECS, TEST_SPECS).database.close()
    return path


@pytest.fixture
def opened(file: Path) -> Iterator[CountingIndex]:
    index = CountingIndex.open(file)
    assert isinstance(index, CountingIndex)
    yield index
    index.database.close()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the built-in specs, as in a wheel."""
    path = tmp_path_factory.mktemp("installed") / "specs.sqlite"
    build(str(path), SPECS).database.close()
    return path


@pytest.fixture(params=["checkout", "installed"])
def built_in(request: pytest.FixtureRequest, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two sources of built-in specs: TOML, or an index as in a wheel."""
    if request.param == "installed":
        monkeypatch.setattr(opening, "BUILT_INDEX", installed)


def everything(index: Index) -> dict[str, object]:
    """Everything that an index can answer."""
    numbers = index.all_numbers()
    names = index.all_names()
    spaces = list(index.spaces)
    return {
        "spaces": index.spaces,
        "names": names,
        "numbers": numbers,
        "specs": index.specs(),
        "parsed": [repr(index.spec(key)) for key, *_ in index.specs()],
        "name": {row.spelling: index.names(row.spelling.lower().replace("-", "_")) for row in names},
        "number": {
            (row.space, number): index.numbers(row.space, number) for row in numbers for number in (row.low, row.high, row.high + 1)
        },
        "of a space": {space: index.all_numbers(space) for space in spaces},
        "cases": {space: index.cases(space) for space in spaces},
        "case": {(space, number): index.case_of(space, number) for space in spaces for number, _, _ in index.cases(space)},
        "lone": index.lone(),
        "crashes": index.crashes(),
        "tables": list(index.tables()),
        "documents": index.documents(),
    }


def test_an_index_in_a_file_answers_as_one_in_memory_and_as_one_that_is_made_of_it(opened: Index) -> None:
    answers = everything(opened)
    assert everything(build(":memory:", SPECS, TEST_SPECS)) == answers
    assert everything(Index.build(opened.tables(), opened.spaces.values(), opened.documents().values())) == answers


def test_an_index_in_a_file_is_read_only(opened: Index) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        opened.database.execute("DELETE FROM name")


def test_a_database_is_closed_when_nobody_has_its_index(file: Path) -> None:
    index = Index.open(file)
    database = index.database
    del index
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")


def test_an_index_is_opened_by_a_relative_path_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    index = Index.open(Path(file.name))
    assert "msr" in index.spaces
    index.database.close()


@pytest.mark.parametrize("content", [None, b"no database, though long enough to be one " * 100, b""], ids=["missing", "other", "empty"])
def test_what_is_not_an_index_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "specs.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=f"^{re.escape(str(path))}: "):
        Index.open(path)


@pytest.mark.parametrize(
    ("ask", "read"),
    [
        (lambda catalog: catalog.find_name("sint2"), ["HV_X64_MSR_SINT{n}"]),
        (lambda catalog: catalog.find_name("HV_STATUS_ACCESS_DENIED"), ["HV_STATUS_ACCESS_DENIED"]),
        (lambda catalog: catalog.find_number(0x40000092), ["HV_X64_MSR_SINT{n}"]),
        (lambda catalog: catalog.find_named("status", 6), []),
        (lambda catalog: catalog.find_name("page").spec.layout.fields[0].type, ["HV_MESSAGE_PAGE"]),
        (lambda catalog: [catalog.type("HV_MESSAGE") for _ in range(3)], ["HV_MESSAGE"]),
        (lambda catalog: catalog.case_of("message", 0x80000010), ["HV_TIMER_MESSAGE_PAYLOAD"]),
    ],
    ids=["alias", "name", "number", "enumerator", "page", "type", "payload"],
)
def test_a_look_up_reads_only_the_spec_that_is_asked_for(ask: object, read: list[str], opened: CountingIndex) -> None:
    assert callable(ask)
    ask(Catalog(opened))
    assert getattr(opened, "read", []) == read


OWN_REGISTER = """
kind   = "register"
also   = ["own"]
width  = 8
source = ["test:own#register"]

[[address]]
space  = "register"
number = 0x7E000000
name   = "OWN_REGISTER"

[[address]]
space  = "own"
number = 7
name   = "OWN_SEVEN"

[layout]
fields = [
  { bits = "7:0", name = "all", type = "OPEN_SOURCE_OS" },
]
"""
OWN_SPACE = """
[[space]]
name   = "own"
title  = "numbers of one's own"
arch   = ["x64", "arm64"]
digits = 2
"""


@pytest.mark.usefixtures("built_in")
def test_own_specs_are_found_with_the_built_in_ones(tmp_path: Path) -> None:
    write_own(tmp_path, OWN_REGISTER)
    (tmp_path / "spaces.toml").write_text(f'{OWN_SPACE}interfaces = "0x10-0x1f"\nstep = 4\naside = true\nmixed = true\n')
    for arch in ARCHES:
        catalog = Catalog(open_index(tmp_path), arch)
        assert catalog.find_name("own").name == "OWN_REGISTER"
        assert catalog.find_number(7, "own").spec.name == "OWN_REGISTER"
        assert catalog.find_name("sint2").element == 2
        assert list(catalog.spaces)[-1] == "own"
        own = catalog.spaces["own"]
        assert (own.interfaces, own.aside, own.mixed) == (range(0x10, 0x20, 4), True, True)


@pytest.mark.usefixtures("built_in")
def test_without_own_specs_the_built_in_ones_are_there() -> None:
    index = open_index()
    assert Catalog(index).find_name("guest-id").number == 0x40000000
    with pytest.raises(NotFoundError):
        Catalog(index).find_name("TEST_REGISTER0")
    index.database.close()


def test_own_specs_may_add_to_an_enumeration_that_the_built_in_ones_extend(
    monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path
) -> None:
    own = """
kind    = "enumeration"
name    = "TEST_COLOR"
extends = "TEST_COLOR"
source  = ["test:own#color"]
values  = [
  {{ value = {value}, name = "blue" }},
]
"""
    monkeypatch.setattr(opening, "BUILT_INDEX", file)
    spec = Catalog(open_index(write_own(tmp_path / "good", own.format(value=3), arch="x64"))).find_name("TEST_COLOR").spec
    assert [one.name for one in spec.values] == ["black", "red", "grey", "green", "blue"]
    assert [one.source for one in spec.values[-2:]] == [("test:enumerations#extends",), ("test:own#color",)]
    with pytest.raises(SpecError, match=r"own0.toml: values: blue shares a value with green$"):
        open_index(write_own(tmp_path / "bad", own.format(value=2), arch="x64"))


@pytest.mark.usefixtures("built_in")
def test_what_own_specs_add_to_a_space_counts_where_its_names_are_taken_in(tmp_path: Path) -> None:
    own = """
kind   = "names"
space  = "status"
source = ["test:own#status"]
names  = [{ number = 0xF0, name = "HV_STATUS_OWN", also = ["HvOwn"] }]
"""
    catalog = Catalog(open_index(write_own(tmp_path, own)))
    spec = catalog.find_name("NTSTATUS_CODE").spec
    assert [(one.low, one.also, one.taken) for one in spec.values if one.name == "HV_STATUS_OWN"] == [(0xC03500F0, ("HvOwn",), True)]
    assert [one.low for one in spec.values if one.name == "HV_STATUS_INVALID_PARAMETER"] == [0xC0350005]


BAD_FIELD = OWN_REGISTER.replace("7:0", "6:0").replace('"own"', '"register"').replace("= 7\n", "= 0x7E000001\n")


@pytest.mark.usefixtures("built_in")
@pytest.mark.parametrize(
    ("files", "faults"),
    [
        ({"common/own.toml": BAD_FIELD}, ["common/own.toml: layout: ends at bit 6, should end at bit 7"]),
        (
            {"common/registers/sint.toml": BAD_FIELD},  # the name of a built-in file
            ["common/registers/sint.toml: layout: ends at bit 6, should end at bit 7"],
        ),
        (
            {
                "common/own.toml": 'kind = "word"\nwidht = 8\n',
                "x64/own.toml": BAD_FIELD,
                "spaces.toml": "[[space]]\n",
                "sources.toml": "test = 1\n",
            },
            [
                "spaces.toml: name is missing",
                "spaces.toml: title is missing",
                "spaces.toml: arch is missing",
                "spaces.toml: digits is missing",
                "sources.toml: test: must be a table, not 1",
                "common/own.toml: unknown key widht; did you mean width?",
                "x64/own.toml: layout: ends at bit 6, should end at bit 7",
            ],
        ),
        (
            {"common/own.toml": "kind =\n", "x64/own.toml": BAD_FIELD},
            ["common/own.toml: Invalid value (at line 1, column 7)", "x64/own.toml: layout: ends at bit 6, should end at bit 7"],
        ),
        ({"own.toml": BAD_FIELD}, ["own.toml: is not in any of the folders common, x64, arm64"]),
        (
            {"x64/own.toml": OWN_REGISTER.replace('"own"', '"sint3"', 1).replace('"own"', '"msr"')},
            ["x64/own.toml: sint3 is also a name in common/registers/sint.toml"],
        ),
        (
            {"x64/own.toml": OWN_REGISTER.replace("= 7\n", "= 0x40000093\n").replace('space  = "own"', 'space  = "msr"')},
            ["x64/own.toml: OWN_SEVEN shares a number with HV_X64_MSR_SINT3 in common/registers/sint.toml"],
        ),
        ({"spaces.toml": OWN_SPACE.replace('"own"', '"msr"')}, ["space msr is defined twice"]),
    ],
    ids=["field", "same file name", "all at once", "syntax", "no arch", "name", "number", "space"],
)
def test_own_specs_that_break_a_rule_are_refused(files: dict[str, str], faults: list[str], tmp_path: Path) -> None:
    for name, text in {"sources.toml": '[test]\ntitle = "Made up"\n', **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(SpecError) as caught:
        open_index(tmp_path)
    assert str(caught.value).splitlines() == [fault if fault.startswith("space ") else f"{tmp_path}/{fault}" for fault in faults]
    assert caught.value.status == 2


@pytest.mark.usefixtures("built_in")
def test_own_specs_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=f"^{re.escape(str(tmp_path))}/none: no such folder of specs$"):
        open_index(tmp_path / "none")


def test_own_specs_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "common" / "folder.toml").mkdir(parents=True)
    with pytest.raises(FileError, match=r"/common/folder\.toml: Is a directory$"):
        open_index(tmp_path)
