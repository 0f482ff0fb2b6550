"""README, man page and --help say what the program does: every command, option, format, variable and status, and no other."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

import hvrepl
from hvrepl.errors import HvreplError
from hvrepl.frontends.cli import app, command_names
from hvrepl.frontends.session import FORMATS
from tests.transcripts import ROOT, from_roff, run

MAN = ROOT / "man" / "hvrepl.1"
README = ROOT / "README.md"
WORKED = [README, ROOT / "CONTRIBUTING.md"]  # each has specs as ```toml that name their file, and ```text with what they make
PROGRAM = typer.main.get_command(app)
COMMANDS = {name: PROGRAM.get_command(None, name) for name in command_names()}  # type: ignore[attr-defined]
GENERAL = {"--help"}


def section(name: str) -> str:
    """A section of the man page, in its source."""
    found = re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH |\Z)", MAN.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{MAN.name} has no section {name}"
    return found[1]


def tags(name: str) -> list[str]:
    """What the paragraphs of a section are about: the line after each .TP, without its macro."""
    return [re.sub(r"^\.[BIR]+ ", "", line) for line in re.findall(r"^\.TP\n(.*)$", section(name), re.MULTILINE)]


def options_of(command: object) -> set[str]:
    return {name for param in command.params for name in param.opts if name.startswith("-")}  # type: ignore[attr-defined]


ALL_OPTIONS = {name for command in (PROGRAM, *COMMANDS.values()) for name in options_of(command)} | GENERAL


def test_the_man_page_has_a_section_for_each_command_and_no_other() -> None:
    assert re.findall(r"^\.SS (\S+)$", section("COMMANDS"), re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_and_its_forms_and_stands_in_readme(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert command.get_short_help_str()
    forms = [tag for tag in tags("COMMANDS") if tag.startswith(f"hvrepl {name} ") or tag == f"hvrepl {name}"]
    assert forms, "the man page shows no form"
    assert f"hvrepl {name}" in README.read_text()


@pytest.mark.parametrize("name", sorted(ALL_OPTIONS))
def test_an_option_stands_in_the_man_page(name: str) -> None:
    paragraphs = [re.split(r"[ ,]+", from_roff(tag)) for tag in tags("OPTIONS")]
    assert any(name in words for words in paragraphs)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_an_option_has_help_text(name: str) -> None:
    command = COMMANDS[name] if name else PROGRAM
    for param in command.params:
        if param.param_type_name == "option":
            assert getattr(param, "help", ""), param.opts


@pytest.mark.parametrize("path", [MAN, README], ids=lambda path: path.name)
def test_no_option_is_named_that_does_not_exist(path: Path) -> None:
    text = path.read_text().replace("\\-", "-") if path == MAN else re.sub(r"```sh\n.*?```", "", path.read_text(), flags=re.DOTALL)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= ALL_OPTIONS


def test_the_man_page_has_each_format_and_no_other() -> None:
    assert tags("FORMATS") == list(FORMATS)


def test_the_man_page_has_each_environment_variable_and_no_other() -> None:
    source = "".join(path.read_text() for path in (ROOT / "hvrepl").rglob("*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\s*[\"'](\w+)[\"']", source))
    read |= set(re.findall(r"\b(HVREPL_[A-Z]+)\b", source))
    assert read == set(tags("ENVIRONMENT"))


def test_the_man_page_has_each_exit_status_and_no_other() -> None:
    statuses = {0, 1, HvreplError.status, *(child.status for child in HvreplError.__subclasses__())}
    assert tags("EXIT STATUS") == [str(status) for status in sorted(statuses)]
    assert re.findall(r"^\| (\d) \|", README.read_text(), re.MULTILINE) == tags("EXIT STATUS")


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_mandoc_finds_nothing_wrong_with_the_man_page() -> None:
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(MAN)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_the_version_is_the_same_everywhere(tmp_path: Path) -> None:
    version = hvrepl.__version__
    assert run("hvrepl --version", tmp_path) == f"hvrepl {version}\n"
    assert f'"hvrepl {version}"' in MAN.read_text().splitlines()[0]


@pytest.mark.parametrize("path", WORKED, ids=lambda path: path.name)
def test_the_worked_example_of_a_spec_works(path: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"^```(toml|text)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    for name, text in [(re.match(r"# (\S+)\n", text), text) for kind, text in blocks if kind == "toml"]:
        assert name, f"the first line names no file: {text[:40]}"
        file = tmp_path / name[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shown = "".join(text for kind, text in blocks if kind == "text")
    commands = re.findall(r"^\$ (.*)$", shown, re.MULTILINE)
    assert commands
    # A checkout reads its specs/ as it is; here the new files of specs/ are beside the built-in ones.
    beside = "export HVREPL_SPECS=specs; " if (tmp_path / "specs").exists() else ""
    assert "".join(f"$ {command}\n{run(beside + command, tmp_path)}" for command in commands) == shown
