"""Which page each name is on, what refers to what, and where a source is read. Knows no HTML."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.index import WAS, Index, elements, is_seen
from hvrepl.catalog.model import ARCHES, COMMON, Document, Field, Layout, Spec, fill, to_key

LISTS, STATIC = "list", "static"  # what is below the root and not a name
TAKEN = (LISTS, STATIC)
SAFE = re.compile(r"[\w-][\w.-]*", re.ASCII)  # a name that is a folder as it is, on any system
SOURCE = re.compile(r"([\w.-]+):([^#]+)#(\S+)")


class Place(NamedTuple):
    """A page, and where on it: the id of what is meant, "" for all of it."""

    path: str
    anchor: str = ""

    @property
    def address(self) -> str:
        return f"{self.path}#{self.anchor}" if self.anchor else self.path


class Links:
    """The pages of a catalogue: the specs of each, one for each arch on which it is another, and the place of each name."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.catalogs = {arch: Catalog(index, arch) for arch in ARCHES}
        self.documents = index.documents()
        self.specs = {key: index.spec(key) for key, *_ in index.specs()}
        self.pages = self._find_pages()
        self.places: dict[tuple[str, str], Place] = {}
        self.aliases: dict[str, Place] = {}
        self._place_names()

    def _find_pages(self) -> dict[str, dict[str, Spec]]:
        """Path → arch → the spec that has the name there."""
        pages: dict[str, dict[str, Spec]] = defaultdict(dict)
        self.path_of: dict[int, str] = {}
        for key, spec in sorted(self.specs.items(), key=lambda one: one[1].arch == COMMON):
            arch = ARCHES[0] if spec.arch == COMMON else spec.arch
            heading = self.catalogs[arch].heading(spec) or next(iter(spec.addresses), None)
            path = (heading.name if heading else spec.name).replace("{n}", "n") + "/"
            self.path_of[key] = path
            for one in ARCHES:
                if is_seen(spec.arch, one):
                    pages[path].setdefault(one, spec)
        return dict(sorted(pages.items()))

    def _place_names(self) -> None:
        """Where each name is explained: an element of an array in its row. What is spelled alike but for case shares one alias."""
        taken = {path.rstrip("/").lower() for path in self.pages} | set(TAKEN)
        for row in sorted(self.index.all_names(), key=lambda row: (row.how, row.arch == COMMON)):
            spec = self.specs[row.spec]
            place = Place(self.path_of[row.spec], "" if row.element is None or spec.is_range else element_id(spec, row.element))
            for arch in ARCHES:
                if is_seen(row.arch, arch):
                    self.places.setdefault((to_key(row.spelling), arch), place)
            if row.how != WAS and row.spelling.lower() not in taken and SAFE.fullmatch(row.spelling):
                taken.add(row.spelling.lower())
                self.aliases[f"{row.spelling}/"] = place

    def find(self, name: str, arch: str = ARCHES[0]) -> Place | None:
        """The place of a name on an arch, or else on the other."""
        name = name.replace("{n}", "0")
        return next((place for one in (arch, *ARCHES) if (place := self.places.get((to_key(name), one)))), None)

    def users(self) -> dict[str, list[str]]:
        """Path → the paths of what has something of that type, or is a case or payload of it, or refers to it."""
        found: dict[str, set[str]] = defaultdict(set)
        for key, spec in self.specs.items():
            here = self.path_of[key]
            for name in referred(spec):
                place = self.find(name, ARCHES[0] if spec.arch == COMMON else spec.arch)
                if place and place.path != here:
                    found[place.path].add(here)
        return {path: sorted(users) for path, users in found.items()}

    def payloads(self, spec: Spec, arch: str) -> Iterator[Place]:
        """What the number of a spec announces: the struct of its message."""
        for address in spec.addresses if spec.kind not in ("register", "cpuid", "hypercall") else ():
            case = self.catalogs[arch].case_of(address.space, address.low)
            place = self.find(case.name, arch) if case and case is not spec else None
            if place:
                yield place

    def source(self, source: str) -> str:
        """The address of a source at the commit that it is pinned to; "" where there is none to give."""
        match = SOURCE.fullmatch(source)
        document = self.documents.get(match[1]) if match else None
        return address_of(document, match[2], match[3]) if match and document else ""


def element_id(spec: Spec, element: int) -> str:
    return fill(spec.addresses[0].name if spec.addresses else spec.name, element)


def referred(spec: Spec) -> Iterator[str]:
    """The names of the specs that a spec is made of, or sees."""
    layouts = [one for one in (spec.layout, spec.output, *(spec.cases or {}).values()) if one]
    for field in fields_of(layouts):
        yield from (field.type,) if field.type and ":" not in field.type else ()
        cases = field.cases.values() if isinstance(field.cases, Mapping) else ()
        yield from (case for case in cases if not spec.case(case))
    yield from spec.see
    yield from (case for case in spec.case_of if ":" not in case)
    yield from (one.type for one in spec.takes if ":" not in one.type)


def fields_of(layouts: Iterable[Layout]) -> Iterator[Field]:
    for layout in layouts:
        for field in layout.fields:
            yield field
            yield from field.readings


def address_of(document: Document, path: str, anchor: str) -> str:
    """In markdown a lower-case anchor is a heading's; in other texts it is a word, to which a browser can go; a package has no pages."""
    if document.repository.startswith("https://"):
        whole = "/".join(part for part in (document.root, path) if part)
        is_heading = path.endswith(".md") and anchor == anchor.lower()
        fragment = "" if path.endswith(".pdf") else f"#{quote(anchor)}" if is_heading else f"#:~:text={quote(anchor, safe='')}"
        return f"{document.repository}/blob/{quote(document.commit)}/{quote(whole)}{fragment}"
    if document.url.startswith("https://"):
        return f"{document.url}{quote(path, safe='/()=:,')}#{quote(anchor, safe='()=:,')}" if document.url.endswith("/") else document.url
    return ""
