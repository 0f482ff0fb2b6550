"""Each rule of specs/README.md has a bad example in tests/data/bad_specs, whose first lines contain the expected fault.

An example is NAME.toml, a file of common/, or a folder NAME/ in the form of specs/. In `# expect: …`, {good} is the folder of the good
specs that are checked along with it, and {folder} its own.
"""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hvrepl.catalog import parse_specs
from hvrepl.catalog.build import budget, keys, log_rules, patterns, read_specs, references, rules, texts, tiles
from hvrepl.catalog.build.book import FORMATTERS, Book
from hvrepl.catalog.build.read_specs import read_folder, to_specs
from hvrepl.catalog.build.rules import RULES, check_folders, main, read_tables
from hvrepl.codec.meanings import MEANINGS
from hvrepl.errors import FileError, SpecError
from tests.each import each
from tests.paths import DATA, SPECS

TEST_SPECS = DATA / "specs"
BAD_SPECS = DATA / "bad_specs"
GOOD = BAD_SPECS / "good"
EXAMPLES = sorted(path for path in BAD_SPECS.iterdir() if path != GOOD)
EXPECT = re.compile(r"# expect: (.*)\n")


def place(example: Path, folder: Path) -> Path:
    """The example as a folder of specs."""
    if example.is_dir():
        return example
    (folder / "common").mkdir()
    shutil.copy(example, folder / "common")
    return folder


def expected(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.toml")):
        for fault in EXPECT.findall(path.read_text()):
            yield f"{path}: {fault}".replace("{good}", str(GOOD)).replace("{folder}", str(folder))


@each(EXAMPLES, lambda path: path.stem, parts=4)
def test_a_bad_example_gives_its_fault_and_no_other(example: Path) -> None:
    with TemporaryDirectory() as empty:
        folder = place(example, Path(empty))
        wanted = list(expected(folder))
        assert wanted
        assert sorted(check_folders([GOOD, folder])) == sorted(wanted)


def test_the_good_specs_of_the_examples_follow_the_rules() -> None:
    assert check_folders([GOOD]) == []


def test_the_built_in_specs_keep_the_rules() -> None:
    assert check_folders([SPECS]) == []


def test_the_test_specs_follow_the_rules_with_the_built_in_ones() -> None:
    assert check_folders([SPECS, TEST_SPECS]) == []


def fault_texts() -> Iterator[str]:
    """The texts that checks yield and PlaceErrors have, if longer than one word, with … for the parts that are filled in."""
    for module in (budget, keys, log_rules, patterns, parse_specs, read_specs, references, rules, texts, tiles):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, (ast.Yield, ast.YieldFrom)) or (isinstance(node, ast.Raise) and "PlaceError" in ast.unparse(node)):
                yield from (text for part in ast.walk(node) if (text := fault_text(part)))


def fault_text(node: ast.AST) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    words = [part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "…" for part in parts]
    text = "".join(words).lstrip("…: ")  # the file and place
    return text if any(re.search(r"[a-z]:? [a-z]", word) for word in words) else ""


FAULTS = [fault for path in BAD_SPECS.rglob("*.toml") for fault in EXPECT.findall(path.read_text())]


@each(sorted(set(fault_texts())))
def test_every_text_of_a_fault_has_an_example(text: str) -> None:
    pattern = re.escape(text).replace("…", ".*")
    assert any(re.search(pattern, fault) for fault in FAULTS)


def test_every_rule_has_an_example(tmp_path: Path) -> None:
    without = list(RULES)
    good = read_folder(GOOD)
    for number, example in enumerate(EXAMPLES):
        (tmp_path / str(number)).mkdir()
        read = [good, read_folder(place(example, tmp_path / str(number)))]
        specs, _ = to_specs(table for one in read for table in one.tables)
        book = Book(specs, good.spaces, good.documents)
        without = [rule for rule in without if not any(fault for spec in specs for fault in rule(spec, book))]
    assert [rule.__name__ for rule in without] == []


def test_the_rules_know_the_formatters_that_the_codec_has() -> None:
    assert set(MEANINGS) == FORMATTERS


def test_the_command_reports_all_faults() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "hvrepl.catalog.build.rules", GOOD, BAD_SPECS / "spaces_arch"], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout.splitlines()) == (1, list(expected(BAD_SPECS / "spaces_arch")))


def test_the_command_says_that_specs_keep_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(GOOD)]) == 0
    assert capsys.readouterr().out == "the specs follow the rules\n"


def test_the_command_refuses_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([str(tmp_path / "none")]) == FileError.status
    assert capsys.readouterr().err == f"{tmp_path}/none: no such folder of specs\n"


def test_a_space_that_two_folders_define_is_refused() -> None:
    assert check_folders([GOOD, GOOD])[:2] == ["space msr is defined twice", "space register is defined twice"]


def test_tables_for_an_index_are_refused_where_a_file_cannot_be_read(tmp_path: Path) -> None:
    folder = place(BAD_SPECS / "syntax.toml", tmp_path)
    with pytest.raises(SpecError, match=re.escape(f"{folder}/common/syntax.toml: Expected '='")):
        read_tables(folder)


def test_a_file_that_is_not_text_is_refused_like_one_that_is_not_toml(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "latin.toml").write_bytes(b'title = "\xe9"')
    (fault,) = check_folders([tmp_path])
    assert fault.startswith(f"{tmp_path}/common/latin.toml: 'utf-8' codec can't decode byte 0xe9")
