"""help: every command, word, format, option and sign is explained, with lines that run."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import to_key
from hvrepl.catalog.opening import open_index
from hvrepl.commands.session import FORMATS
from hvrepl.commands.table import COMMANDS, ENTRIES, INSTALL, PROGRAM, SHARED
from hvrepl.script.lines import quote
from hvrepl.script.shell_words import SHELL_WORDS, WORDS
from hvrepl.script.topics import EXAMPLES, Topic, all_topics, find_topic, topics
from tests.at_hand import need
from tests.paths import TESTS
from tests.program import SECONDS, call, start
from tests.shell.typed import type_lines
from tests.terminal import Terminal
from tests.transcripts import run

DATA = TESTS / "data"
OPTIONS = [*SHARED, *PROGRAM, *INSTALL, *(option for command in COMMANDS for option in command.options)]
SIGNS = ["@", "_", "|", ">", ">>", "!", "-", "--", "(", "=", "#", "'", '"', "\\", "?"]
NOTATIONS = ["@FILE", "@FILE:ADDRESS", "FIELD=VALUE", "WHAT", "numbers", "parentheses", "msr", "space", "-f", "-h", "q", "exit()"]
TOPICS = {topic.words[0]: topic for topic in topics().values()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files in the examples."""
    monkeypatch.chdir(tmp_path)
    page = DATA / "dumps" / "page.gdb.txt"
    for name in ("page.txt", "my page.txt"):
        shutil.copy(page, tmp_path / name)
    (tmp_path / "memory.img").write_bytes(bytes(0x1000) + (DATA / "dumps" / "page.bin").read_bytes())
    (tmp_path / "values.txt").write_text("0x200f3\n0x10013\n")
    (tmp_path / "lines.txt").write_text("format line\nsint2 0x200f3\n")
    for name, file in {"dmesg.txt": "logs/dmesg.txt", "before.txt": "cpuid/instlat-zen.txt", "after.txt": "cpuid/instlat-zen.txt"}.items():
        shutil.copy(DATA / file, tmp_path / name)
    shutil.copy(DATA / "qemu" / "windows11.xml", tmp_path / "guest.xml")
    shutil.copy(DATA / "fleet" / "ids.parquet", tmp_path)
    (tmp_path / "saved").symlink_to(DATA / "dev")
    (tmp_path / "specs").symlink_to(DATA / "own")
    return tmp_path


def check(lines: tuple[str, ...], folder: Path) -> None:
    """Runs lines in the shell, or with `$ ` in front in the system's."""
    if any(line.startswith("columns ") for line in lines):
        need("module:pyarrow")
    served = [line for line in lines if line.split()[0] == "web"]  # it runs until it is interrupted
    for line in served:
        check_served(line)
    for line in lines:
        if line.startswith("$ "):
            assert "[status" not in run(line.removeprefix("$ "), folder)
    typed = [line for line in lines if not line.startswith("$ ") and line not in served]
    if typed and typed != ["quit"]:
        printed = type_lines(*typed, "history")
        assert [line for line in printed.splitlines() if line.endswith("# failed")] == [], printed


def check_served(line: str) -> None:
    process = start(*line.replace("8080", "0").split())
    assert process.stdout
    assert process.stdout.readline().startswith(b"http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=SECONDS) == (b"", b"")
    assert process.returncode == 0


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_the_examples_of_a_topic_run(topic: Topic, folder: Path) -> None:
    assert topic.examples
    check(topic.examples, folder)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_examples_of_a_command_run_and_are_in_its_help(name: str, folder: Path) -> None:
    check(EXAMPLES[name], folder)
    assert all(f"\n    hvrepl {line}\n" in call(name, "--help").out for line in EXAMPLES[name])


def test_an_example_that_fails_would_be_found(folder: Path) -> None:
    for line in ("sint2 zz", "$ hvrepl sint2 zz"):
        with pytest.raises(AssertionError):
            check((line,), folder)


ASKED = [*ENTRIES, *SHELL_WORDS, *FORMATS, *(name for option in OPTIONS for name in option.names), *SIGNS, *NOTATIONS]


@pytest.mark.parametrize("word", dict.fromkeys(ASKED))
def test_every_word_is_explained(word: str) -> None:
    ended = call("-c", f"help {word}")
    assert (ended.status, ended.err) == (0, "")
    topic = find_topic(word)
    assert topic or word in ENTRIES
    if topic:
        assert ended.out.startswith(f"{topic.usage}\n  {topic.short.split()[0]} ")
        assert all(f"\n    {line}\n" in ended.out for line in topic.examples)
        assert call("help", word).out == call("-c", f"help {quote(word)}").out


def test_the_list_of_topics_has_every_word_once_with_a_sentence() -> None:
    words = [word for word, _ in all_topics()]
    assert sorted(words) == sorted(set(words))
    assert {*ENTRIES, *FORMATS, "set", "arch", "@", "|", "_", "--hex", "--arch", "--format"} <= {*words}
    assert {word.name for word in WORDS} <= {*words}
    assert all(short.endswith(".") for _, short in all_topics())


def test_help_of_a_topic_fits_a_narrow_terminal() -> None:
    out = call("help", "set", columns=40).out
    assert max(map(len, out.splitlines())) <= 40
    assert call("help", "set", columns=40, stdout_is_terminal=True, environ={"TERM": "xterm"}).out.startswith("\x1b[1mset FIELD")


@pytest.mark.parametrize("columns", [40, 80, 110])
def test_the_list_of_what_a_line_can_be_fits_and_is_in_colour_on_a_terminal(columns: int, tmp_path: Path) -> None:
    with Terminal(tmp_path, columns=columns, rows=60) as terminal:
        terminal.prompt()
        shown = terminal.run("help")
        assert "  decode  " in shown
        assert "C-d leaves." in shown.replace("\n", " ")
        assert all(word.name in shown for word in WORDS)
        terminal.run("help set")
        terminal.see("    set masked=1 vector=0x30")
        assert terminal.is_bold("set FIELD=VALUE")


def test_no_topic_hides_a_name() -> None:
    index = open_index()
    names = {to_key(name) for entry in Catalog(index).entries() for name in (entry.name, *entry.also)}
    assert {word for word in topics() if to_key(word) in names} == set()


# An unknown word → the one line about it.
UNKNOWN = {
    "sett": (3, "no help on sett; did you mean set?"),
    "formatt": (3, "did you mean format"),
    "nosuch": (3, "no such name: nosuch"),
    "--archh": (2, "no such option: --archh; did you mean --arch?"),
}


@pytest.mark.parametrize(("word", "status", "says"), [(word, *told) for word, told in UNKNOWN.items()], ids=UNKNOWN)
def test_help_on_an_unknown_word_suggests(word: str, status: int, says: str) -> None:
    ended = call("-c", f"help {word}")
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)
    assert says in ended.err
