"""Pages as a browser reads them: what is wrong with their markup, their ids, and where they lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}  # what a page fetches by itself
HEADINGS = ("h1", "h2", "h3", "h4")


@dataclass
class Read:
    """What a page has."""

    faults: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    lang: str = ""
    title: str = ""
    text: str = ""
    rows_without_source: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Takes every tag to be closed where it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read()
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.row = ""
        self.row_links = 0
        self.table = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)
        self.read.faults += faults_of(tag, given)
        if len(given) < len(attrs):
            self.read.faults.append(f"<{tag}> has an attribute twice")
        if "id" in given:
            self.read.faults += [f"id {given['id']} twice"] if given["id"] in self.read.ids else []
            self.read.ids.add(given["id"])
        self._take(tag, given)

    def _take(self, tag: str, given: dict[str, str]) -> None:
        """Notes what the tag says about the page."""
        if LOADED.get(tag) in given and given.get("rel") != "canonical":
            self.read.loaded.append(given[LOADED[tag]])
        if tag in ("a", "link"):
            self.read.links += [given["href"]] if "href" in given else []
        elif tag in HEADINGS:
            self.read.headings.append(HEADINGS.index(tag) + 1)
        elif tag == "html":
            self.read.lang = given.get("lang", "")
        elif tag == "meta":
            self.read.meta[given.get("name") or given.get("http-equiv", "")] = given.get("content", "")
        elif tag == "table":
            self.table = given.get("class", "").split(" ")[0]
        elif tag == "tr":
            self.row, self.row_links = given.get("id", ""), 0
        self.row_links += tag == "a"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.read.faults.append(f"</{tag}> where it is not open")
        if tag == "tr" and self.table == "fields" and self.row and not self.row_links:
            self.read.rows_without_source.append(self.row)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["title"] and "svg" not in self.open:
            self.read.title += data
        self.pieces.append(data)


def faults_of(tag: str, given: dict[str, str]) -> list[str]:
    """Scripts and styles in the page itself."""
    faults = [f"<{tag}> has {name}" for name in given if name.startswith("on") or name == "style"]
    return faults + ([f"<{tag}> in the page"] if tag == "style" or (tag == "script" and "src" not in given) else [])


def read_page(text: str) -> Read:
    reader = Reader()
    reader.feed(text)
    reader.close()
    reader.read.faults += [f"<{tag}> is not closed" for tag in reader.open]
    reader.read.text = "".join(reader.pieces)
    return reader.read
