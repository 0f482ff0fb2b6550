"""All texts follow CONTRIBUTING.md's list of words: messages, texts of specs, transcripts, docstrings and comments."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.paths import DATA, PACKAGE, ROOT, SPECS, TESTS

TEXTS = ("title", "doc", "note", "text", "on_read", "summary", "os", "values")  # the keys of specs with printed texts
COMMENT = re.compile(r"(?:^|\s)#.*")  # also within a string, as tokenizing all code takes four times as long
Place = tuple[str, str]  # the place of a text, and the text


class Row(NamedTuple):
    """A row of the list: phrases to refuse, what to write instead, and correct phrases that contain them."""

    refused: tuple[str, ...]
    instead: str
    right: tuple[str, ...]

    def find(self, text: str) -> list[str]:
        """The refused phrases in the text."""
        rest = whole(self.right).sub("\n", text) if self.right else text
        return [match[0] for match in whole(self.refused).finditer(rest)]


def whole(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the phrases, as whole words; one that begins with a mark needs no word boundary there."""
    return re.compile("|".join((r"\b" if phrase[0].isalpha() else "") + re.escape(phrase) + r"\b" for phrase in phrases), re.IGNORECASE)


def read_rows() -> Iterator[Row]:
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## Words\n")[2].partition("\n## ")[0]
    for line in re.findall(r"^\| (`.*) \|$", section, re.MULTILINE):
        refused, instead, right = (f" {line} ").split(" | ")
        yield Row(tuple(re.findall("`(.*?)`", refused)), instead, tuple(re.findall("`(.*?)`", right)))


ROWS = tuple(read_rows())
PHRASES = tuple(phrase.lower() for row in ROWS for phrase in row.refused)


def refused_in(text: str) -> list[str]:
    low = text.lower()
    if not any(phrase in low for phrase in PHRASES):  # nearly always, and ten times as fast to find as whole words
        return []
    return [phrase for row in ROWS for phrase in row.find(text)]


def messages() -> Iterator[Place]:
    """The strings of more than one word in the code, except docstrings; … replaces the gaps of an f-string."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            text = said(node) if id(node) not in docs | parts else ""
            if " " in text.strip():
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", text


def said(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(said(part) or "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def spec_texts() -> Iterator[Place]:
    for path in sorted(SPECS.rglob("*.toml")):
        yield from ((str(path.relative_to(ROOT)), text) for text in printed_in(tomllib.loads(path.read_text()), ""))


def printed_in(value: Any, key: str) -> Iterator[str]:
    """The texts of a table under the keys that are printed, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from printed_in(inner, key if key == "values" else name)
    elif isinstance(value, list):
        for inner in value:
            yield from printed_in(inner, key)
    elif isinstance(value, str) and key in TEXTS:
        yield value


def comments() -> Iterator[Place]:
    """The docstrings and comments of the code, and the comments of specs."""
    for folder in (PACKAGE, ROOT / "benchmarks", ROOT / "tools", TESTS):
        for path in sorted(folder.rglob("*.py")):
            name = str(path.relative_to(ROOT))
            yield from ((f"{name}:{line}", " ".join(text.split())) for line, text in comments_in(path.read_text()))
    for path in sorted(SPECS.rglob("*.toml")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("#"):
                yield f"{path.relative_to(ROOT)}:{number}", line


def comments_in(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of each docstring and comment."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    for number, line in enumerate(source.splitlines(), 1):
        if comment := COMMENT.search(line):
            yield number, comment[0]


def shown() -> Iterator[Place]:
    """The lines of transcripts and screens, except commands."""
    for path in (*sorted((TESTS / "transcripts").glob("*.txt")), *sorted((DATA / "screens").rglob("*.txt"))):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.startswith(("$", "#")):
                yield f"{path.relative_to(ROOT)}:{number}", line


def test_the_list_is_read_and_does_not_refuse_what_it_offers() -> None:
    assert len(ROWS) >= 15
    for row in ROWS:
        assert all(row.find(f"it{phrase}" if phrase[0] in ",;:" else f"it {phrase}.") for phrase in row.refused)
        assert not any(row.find(phrase) for phrase in row.right)
        assert not [found for other in ROWS for found in other.find(row.instead)]


@pytest.mark.parametrize("source", [messages, spec_texts, shown, comments], ids=["messages", "specs", "transcripts", "comments"])
def test_no_text_has_a_refused_word(source: Callable[[], Iterator[Place]]) -> None:
    texts = list(source())
    assert len(texts) > 100
    assert [f"{place}: {phrase}: {text[:200]}" for place, text in texts for phrase in refused_in(text)] == []
