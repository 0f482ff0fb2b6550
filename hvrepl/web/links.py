"""The page of each name, references between pages, and addresses of sources. Knows no HTML."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple
from urllib.parse import quote

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.constants import fields_in
from hvrepl.catalog.index import WAS, Index, is_seen
from hvrepl.catalog.model import ARCHES, COMMON, Document, Spec, to_key
from hvrepl.digits import to_int
from hvrepl.patterns import regex
from hvrepl.render.names import fill_range

LISTS, STATIC = "list", "static"  # paths below the root that are not names
TAKEN = (LISTS, STATIC)
SAFE = regex(r"[\w-][\w.-]*", re.ASCII)  # a name that any system accepts as a folder
SOURCE = regex(r"([\w.-]+):([^#]+)#(\S+)")


class Subject(NamedTuple):
    """The subject of a page: the spec on each arch with the name, and the element of an array (None: all of them)."""

    specs: dict[str, Spec]
    element: int | None = None


class Links:
    """The pages of a catalogue, and the page of each name. `aliases` are the paths of other names, which lead to the page."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.catalogs = {arch: Catalog(index, arch) for arch in ARCHES}
        self.documents = index.documents()
        self.specs = {key: index.spec(key) for key, *_ in index.specs()}
        self._keys = {id(spec): key for key, spec in self.specs.items()}
        self.pages: dict[str, Subject] = {}
        self._headings: dict[str, str] = {}
        self.path_of: dict[tuple[int, int | None], str] = {}
        self.places: dict[tuple[str, str], str] = {}
        self.aliases: dict[str, str] = {}
        self._find_pages()
        self._place_names()

    def _find_pages(self) -> None:
        for key, spec in sorted(self.specs.items(), key=lambda one: (one[1].arch == COMMON, one[1].name)):
            for element in (None, *range(spec.count or 0)):
                name = name_of_page(self.catalogs, spec, element)
                path = self.path_of[key, element] = to_path(name)
                self._headings.setdefault(path, name)
                subject = self.pages.setdefault(path, Subject({}, element))
                for one in ARCHES:
                    if is_seen(spec.arch, one):
                        subject.specs.setdefault(one, spec)

    def _place_names(self) -> None:
        """The path for each name. Of names that differ only in case, one has a path, as some systems ignore case."""
        taken = {path.rstrip("/").lower() for path in self.pages} | set(TAKEN)
        for row in sorted(self.index.all_names(), key=lambda row: (row.how, row.arch == COMMON)):
            path = self.path_of[row.spec, None if self.specs[row.spec].is_range else row.element]
            for arch in ARCHES:
                if is_seen(row.arch, arch):
                    self.places.setdefault((to_key(row.spelling), arch), path)
            if row.how != WAS and row.spelling.lower() not in taken and SAFE.fullmatch(row.spelling):
                taken.add(row.spelling.lower())
                self.aliases[f"{row.spelling}/"] = path

    def path_of_spec(self, spec: Spec, element: int | None = None) -> str:
        return self.path_of[self._keys[id(spec)], element]

    def called(self, path: str) -> str:
        """The name of a page in links to it."""
        specs, element = self.pages[path]
        spec = next(iter(specs.values()))
        return fill_range(path.rstrip("/") if element is not None or not spec.count else self._headings[path], spec)

    def find(self, name: str, arch: str = ARCHES[0]) -> str:
        """The path of a name on an arch, or else on the other; "" for an unknown name."""
        return next((path for one in (arch, *ARCHES) if (path := self.places.get((to_key(name), one)))), "")

    def find_called(self, name: str, arch: str) -> str:
        """The same for a name as it appears in text, also of an array: HV_X64_MSR_SINT0-15."""
        return self._called.get(name) or self.find(name, arch)

    @cached_property
    def _called(self) -> Mapping[str, str]:
        return {self.called(path): path for path in self.pages}

    def users(self) -> dict[str, list[str]]:
        """Path → the paths of everything that contains that type, is a case or payload of it, or refers to it."""
        found: dict[str, set[str]] = defaultdict(set)
        for key, spec in self.specs.items():
            here = self.path_of[key, None]
            for name in referred(spec):
                path = self.find(name, ARCHES[0] if spec.arch == COMMON else spec.arch)
                if path and path != here:
                    found[path].add(here)
        return {path: sorted(users) for path, users in found.items()}

    def payloads(self, spec: Spec, arch: str) -> Iterator[str]:
        """The path of the payload struct, if a number of the spec is the type of a message."""
        for address in spec.addresses if spec.kind not in ("register", "cpuid", "hypercall") else ():
            case = self.catalogs[arch].case_of(address.space, address.low)
            if case and case is not spec:
                yield self.find(case.name, arch)

    def granting(self, privilege: str) -> str:
        """The path to the bit of a privilege: cpuid:0x40000003.access_synic_regs."""
        where, _, name = privilege.rpartition(".")
        space, _, number = where.partition(":")
        row = self.catalogs[ARCHES[0]].find_named(space, to_int(number, 0))
        return f"{self.path_of[row.spec, row.element]}#f-{name}" if row else ""

    def source(self, source: str) -> str:
        """The address of a source at its pinned commit; "" if it has none."""
        match = SOURCE.fullmatch(source)
        document = self.documents.get(match[1]) if match else None
        return address_of(document, match[2], match[3]) if match and document else ""


def name_of_page(catalogs: Mapping[str, Catalog], spec: Spec, element: int | None) -> str:
    """The name of a thing, or an element of an array, on its page: that of its first address."""
    heading = catalogs[ARCHES[0] if spec.arch == COMMON else spec.arch].heading(spec) or next(iter(spec.addresses), None)
    return heading.named(element) if heading else spec.named(element)


def to_path(name: str) -> str:
    return name.replace("{n}", "n") + "/"


def referred(spec: Spec) -> Iterator[str]:
    """The names of the specs that a spec contains or refers to."""
    for field in fields_in(spec.every_layout):
        yield from (field.type,) if field.type and ":" not in field.type else ()
        cases = field.cases.values() if isinstance(field.cases, Mapping) else ()
        yield from (case for case in cases if not spec.case(case))
    yield from spec.see
    yield from (case for case in spec.case_of if ":" not in case)
    yield from (one.type for one in spec.takes if ":" not in one.type)
    yield from (*spec.flag.needs, *spec.flag.wants) if spec.flag else ()


def address_of(document: Document, path: str, anchor: str) -> str:
    """A lower-case anchor in markdown is a heading; in other texts it is a word that a browser can find; a package has no pages."""
    if document.repository.startswith("https://"):
        whole = "/".join(part for part in (document.root, path) if part)
        is_heading = path.endswith(".md") and anchor == anchor.lower()
        fragment = "" if path.endswith(".pdf") else f"#{quote(anchor)}" if is_heading else f"#:~:text={quote(anchor, safe='')}"
        return f"{document.repository}/blob/{quote(document.commit)}/{quote(whole)}{fragment}"
    if document.url.startswith("https://"):
        return f"{document.url}{quote(path, safe='/()=:,')}#{quote(anchor, safe='()=:,')}" if document.url.endswith("/") else document.url
    return ""
