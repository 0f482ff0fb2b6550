"""README, reference, man page and --help agree with the program: every command, option, format, variable and status, and no others."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import hvrepl
from hvrepl.catalog.build.book import FORMATTERS
from hvrepl.catalog.build.keys import KEYS
from hvrepl.codec.meanings import MEANINGS
from hvrepl.commands.session import FORMATS
from hvrepl.commands.table import COMMANDS, ENTRIES, HELP, INSTALL, PROGRAM, SHARED
from hvrepl.errors import HvreplError
from hvrepl.readers.images.formats import FORMATS as IMAGES
from hvrepl.script.shell_words import SHELL_WORDS
from tests.at_hand import need
from tests.transcripts import ROOT, from_roff, run

MAN = ROOT / "man" / "hvrepl.1"
SPECS_MAN = ROOT / "man" / "hvrepl-specs.5"
SPECS_README = ROOT / "specs" / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference.md"
WORKED = [REFERENCE, TUTORIAL]  # each has specs as ```toml that name their file, and ```text with their output
OPTIONS = [*SHARED, *PROGRAM, *INSTALL, HELP, *(option for command in COMMANDS for option in command.options)]
ALL_OPTIONS = {name for option in OPTIONS for name in option.names}


def section(name: str, page: Path = MAN) -> str:
    """A section of a man page, in its source."""
    found = re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section {name}"
    return found[1]


def tags(name: str, page: Path = MAN) -> list[str]:
    """The subjects of a section's paragraphs: the line after each .TP, without its macro."""
    return [re.sub(r"^\.[BIR]+ ", "", line) for line in re.findall(r"^\.TP\n(.*)$", section(name, page), re.MULTILINE)]


def test_the_man_page_has_a_section_for_each_command_and_no_other() -> None:
    assert re.findall(r"^\.SS (\S+)$", section("COMMANDS"), re.MULTILINE) == list(ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_command_has_help_and_its_forms_and_is_in_readme(name: str) -> None:
    assert ENTRIES[name].text
    assert ENTRIES[name].short
    forms = [tag for tag in tags("COMMANDS") if tag.startswith(f"hvrepl {name} ") or tag == f"hvrepl {name}"]
    assert forms, "the man page shows no form"
    assert f"hvrepl {name}" in README.read_text()


def test_every_option_has_help_text_and_is_in_the_man_page() -> None:
    assert [option.key for option in OPTIONS if not option.help] == []
    assert ALL_OPTIONS - {word for tag in tags("OPTIONS") for word in re.split(r"[ ,]+", from_roff(tag))} == set()


@pytest.mark.parametrize("path", [MAN, README, REFERENCE], ids=lambda path: path.name)
def test_no_option_is_named_that_does_not_exist(path: Path) -> None:
    text = path.read_text().replace("\\-", "-") if path == MAN else re.sub(r"```sh\n.*?```", "", path.read_text(), flags=re.DOTALL)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= ALL_OPTIONS


def test_the_man_page_has_each_format_and_no_other() -> None:
    assert tags("FORMATS") == list(FORMATS)


def test_every_word_of_the_shell_is_in_the_man_page() -> None:
    found = {word for name in ("SHELL", "SCRIPTS") for tag in tags(name) for word in re.split(r'[ ,"]+', from_roff(tag))}
    assert SHELL_WORDS.keys() - found == set()


def begins(magic: bytes) -> str:
    """A magic in the man page's form: text, or each byte in hex if it is not text."""
    return magic.decode().strip() if magic.isascii() and magic.decode().isprintable() else magic.hex(" ")


@pytest.mark.parametrize("magic", sorted({one.magic for one in IMAGES}), ids=begins)
def test_a_format_of_images_is_in_the_man_page_by_how_it_begins(magic: bytes) -> None:
    assert re.search(rf"^\.BR? .*{begins(magic)}", section("MEMORY IMAGES"), re.MULTILINE)


def test_the_man_page_has_each_environment_variable_and_no_other() -> None:
    source = "".join(path.read_text() for path in (ROOT / "hvrepl").rglob("*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\s*[\"']([A-Z]\w+)[\"']", source))
    read |= set(re.findall(r"\b(HVREPL_[A-Z]+)\b", source))
    assert read == set(tags("ENVIRONMENT"))


def test_the_man_page_has_each_exit_status_and_no_other() -> None:
    statuses = {0, 1, HvreplError.status, *(child.status for child in HvreplError.__subclasses__())}
    assert tags("EXIT STATUS") == [str(status) for status in sorted(statuses)]
    assert re.findall(r"^\| (\d) \|", REFERENCE.read_text(), re.MULTILINE) == tags("EXIT STATUS")


# Checkers of man pages; their remaining output is faults only.
CHECKERS = [["mandoc", "-T", "lint", "-W", "warning"], ["groff", "-ww", "-man", "-z", "-Tutf8"]]


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda checker: checker[0])
@pytest.mark.parametrize("path", [MAN, SPECS_MAN], ids=lambda path: path.name)
def test_nothing_is_wrong_with_a_man_page(path: Path, checker: list[str]) -> None:
    need(checker[0])
    done = subprocess.run([*checker, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


# Table of a spec → the section with its keys.
SECTIONS = {
    "file": "KEYS OF A FILE",
    "address": "ADDRESSES",
    "layout": "LAYOUTS",
    "field": "FIELDS",
    "finding": "FINDINGS",
    "value": "ENUMERATIONS",
    "taking": "TAKINGS",
    "name": "NAMES",
    "shorthand": "SHORTHANDS",
    "remark": "REMARKS",
    "lone": "LONE NUMBERS",
    "crash": "CRASH PARAMETERS",
    "interface": "INTERFACES",
    "flag": "FLAGS",
    "until": "MACHINE TYPES",
    "proxmox": "PROXMOX",
    "form": "LOG FORMS",
    "saying": "SAYINGS",
    "document": "SOURCES",
    "space": "SPACES",
}


@pytest.mark.parametrize("table", KEYS)
def test_the_man_page_of_the_specs_has_each_key_and_no_other(table: str) -> None:
    assert sorted(from_roff(tag) for tag in tags(SECTIONS[table], SPECS_MAN)) == sorted(KEYS[table])


@pytest.mark.parametrize("table", KEYS)
def test_the_readme_of_the_specs_has_each_key(table: str) -> None:
    said = " ".join(re.findall(r"```.*?```|`[^`]+`", SPECS_README.read_text(), re.DOTALL))
    assert [key for key in KEYS[table] if not re.search(rf"\b{key}\b", said)] == []


def test_the_man_page_of_the_specs_has_each_formatter_and_no_other() -> None:
    assert sorted(tags("FORMATTERS", SPECS_MAN)) == sorted(FORMATTERS)
    assert [name for name in FORMATTERS if ("*" in formatter_text(name)) != bool(MEANINGS[name].read)] == []


def formatter_text(name: str) -> str:
    found = re.search(rf"^\.TP\n\.B {name}\n(.*?)(?=^\.TP|\Z)", section("FORMATTERS", SPECS_MAN), re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


@pytest.mark.parametrize("path", [MAN, SPECS_MAN], ids=lambda path: path.name)
def test_a_man_page_is_installed(path: Path) -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert data[f"man/{path.name}"] == f"share/man/man{path.suffix[1:]}/{path.name}"


def test_the_version_is_the_same_everywhere(tmp_path: Path) -> None:
    version = hvrepl.__version__
    assert run("hvrepl --version", tmp_path) == f"hvrepl {version}\n"
    for page in (MAN, SPECS_MAN):
        assert f'"hvrepl {version}"' in page.read_text().splitlines()[0]


def worked_example(path: Path) -> tuple[dict[str, str], str]:
    """The spec files of a document, by the name in their first line, and its commands with their output."""
    blocks = re.findall(r"^```(toml|text)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    files = {}
    for text in (text for kind, text in blocks if kind == "toml"):
        name = re.match(r"# (\S+)\n", text)
        assert name, f"the first line names no file: {text[:40]}"
        files[name[1]] = text
    return files, "".join(text for kind, text in blocks if kind == "text")


def put_files(files: Mapping[str, str], folder: Path) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def run_shown(shown: str, folder: Path, home: Path = ROOT) -> str:
    """The current output of an example's commands, by the program of a checkout."""
    commands = re.findall(r"^\$ (.*)$", shown, re.MULTILINE)
    assert commands
    return "".join(f"$ {command}\n{run(command, folder, home)}" for command in commands)


@pytest.mark.parametrize("path", WORKED, ids=lambda path: path.name)
def test_the_worked_example_of_own_specs_works(path: Path, tmp_path: Path) -> None:
    files, shown = worked_example(path)
    put_files(files, tmp_path)
    assert run_shown(shown, tmp_path) == shown


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with the specs of CONTRIBUTING.md added, as a contributor adds them."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("hvrepl", "specs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite"))
    put_files(worked_example(CONTRIBUTING)[0], copy)
    return copy


def test_the_specs_that_contributing_adds_keep_the_rules_and_work(extended: Path, tmp_path: Path) -> None:
    assert run("python -m hvrepl.catalog.build.rules specs", extended, extended) == "the specs follow the rules\n"
    shown = worked_example(CONTRIBUTING)[1]
    assert run_shown(shown, tmp_path, extended) == shown


def test_a_gap_is_reported_as_in_contributing(extended: Path) -> None:
    name = "specs/common/registers/example.toml"
    told = re.search(rf"`({name}: .*?)`", CONTRIBUTING.read_text())
    assert told
    whole = (extended / name).read_text()
    (extended / name).write_text("".join(line for line in whole.splitlines(keepends=True) if '"11:3"' not in line))
    assert told[1] in run("python -m hvrepl.catalog.build.rules specs", extended, extended)
    (extended / name).write_text(whole)
