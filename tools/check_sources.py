"""Checks the sources of specs/: `python tools/check_sources.py KEY=FOLDER...`, a document's root by its key. Only reads files.

A fault is a line `file: place: source: what is wrong`; a count per key follows. The exit status is 1 if there are faults.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hvrepl.catalog.build.read_specs import read_folder
from hvrepl.catalog.build.references import SOURCE
from hvrepl.errors import HvreplError

SPECS = Path(__file__).resolve().parent.parent / "specs"
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t#]*$", re.MULTILINE)
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
FENCED = re.compile(r"^ {0,3}```.*?^ {0,3}```", re.MULTILINE | re.DOTALL)
PLACES = ("name", "bits", "at", "value", "number")


class Citation(NamedTuple):
    """One source of one thing in a spec: `place` is its place in the file, "" for the file itself."""

    file: str
    place: str
    source: str


def find_citations(table: object, file: str, place: str = "") -> Iterator[Citation]:
    """Every source below a table of a spec, with the names of the tables around it."""
    if isinstance(table, Mapping):
        own = next((str(table[key]) for key in PLACES if key in table), "") if place else ""
        place = f"{place} {own}".rstrip()
        yield from (Citation(file, place, source) for source in table.get("source", ()))
        for key, below in table.items():
            if key != "source":
                yield from find_citations(below, file, f"{place} {key}".lstrip())
    elif isinstance(table, list):
        for below in table:
            yield from find_citations(below, file, place)


def to_slug(heading: str) -> str:
    """A heading's anchor in GitHub's spelling: the text of links, lower case, without punctuation, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", LINK.sub(r"\1", heading).lower()).replace(" ", "-")


@cache
def find_slugs(text: str) -> frozenset[str]:
    """The anchors of a markdown text. The second heading of a name gets -1, as on GitHub."""
    seen: Counter[str] = Counter()
    slugs = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        slug = to_slug(heading)
        slugs.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(slugs)


@cache
def read_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def check_citation(path: str, anchor: str, root: Path) -> str:
    """The fault of a source, or "". In markdown a lower-case anchor is a heading; anything else is a whole word of the text."""
    text = read_text(root / path)
    if text is None:
        return "no such document"
    if path.endswith(".md") and anchor == anchor.lower():
        return "" if anchor in find_slugs(text) else "no such heading"
    return "" if re.search(rf"(?<!\w){re.escape(anchor)}(?!\w)", text) else "no such identifier"


def check(specs: Path, roots: Mapping[str, Path]) -> tuple[list[str], Counter[str]]:
    """(faults, citations by key) of a folder of specs, for the keys that have a root. Raises HvreplError."""
    faults = []
    counts: Counter[str] = Counter(dict.fromkeys(roots, 0))
    for _, file, table in read_folder(specs, f"{specs.name}/").tables:
        for citation in find_citations(table, file):
            match = SOURCE.fullmatch(citation.source)
            if match is None or match[1] not in roots:
                continue
            counts[match[1]] += 1
            fault = check_citation(match[2], match[3], roots[match[1]])
            if fault:
                faults.append(": ".join(part for part in (*citation, fault) if part))
    return faults, counts


def main(arguments: Sequence[str]) -> int:
    roots = {key: Path(folder) for key, equals, folder in (argument.partition("=") for argument in arguments) if equals}
    missing = [f"{folder}: no such folder" for folder in roots.values() if not folder.is_dir()]
    if not roots or len(roots) < len(arguments) or missing:
        print("\n".join(missing) or "usage: python tools/check_sources.py KEY=FOLDER...", file=sys.stderr)
        return 2
    try:
        faults, counts = check(SPECS, roots)
    except HvreplError as error:
        print(error, file=sys.stderr)
        return error.status
    for line in (*faults, *(f"{key}: {count} citations" for key, count in sorted(counts.items()))):
        print(line)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
