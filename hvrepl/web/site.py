"""The catalogue → the pages of the site by their paths, and the site as files in a folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import groupby

import jinja2
from markupsafe import Markup

from hvrepl.catalog.catalog import Entry
from hvrepl.catalog.index import Index
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import record, replace
from hvrepl.render.names import arch_of_all, heading_of, number_of, say_arch
from hvrepl.version import __version__
from hvrepl.web.definition_page import Cite, DefinitionPage, Unit, make_page
from hvrepl.web.links import LISTS, STATIC, Links
from hvrepl.web.search_index import make_index

HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES, STATIC_FILES = (os.path.join(HERE, name) for name in ("templates", "static"))
MOST_BYTES = 50_000  # of a page; a longer one is split into parts
ROWS_A_UNIT = 20
ANCHOR = regex('href="#([fv]-[^"]+)"')
HERE_ROOT = "\0/"  # the root in pieces whose page is not yet known; no text of a spec contains it
SEARCH = f"{STATIC}/search.json"
MISSING = "404.html"
# Pages load nothing from elsewhere, send nothing elsewhere, and no text on a page can become a script.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'"
)
ABOUT = "Hyper-V's registers, MSRs, CPUID leaves, hypercalls, statuses and messages on x64 and arm64: every field and value with its source"
EXAMPLES = (
    ("x64/sint2=0x200f3", "sint2 0x200f3", "a synthetic interrupt source"),
    ("arm64/sint2=0x10013", "sint2 0x10013 on arm64", "the same on arm64"),
    ("x64/guest-id=0x8100000606570000", "guest-id 0x8100000606570000", "which Linux a guest says it is"),
    ("x64/status=0xC0350005", "status 0xC0350005", "why a hypercall failed"),
)


@record
class Part:
    """Some units of a page that is too long for one part, and their label in links from the other parts."""

    path: str
    label: str
    units: tuple[tuple[int, Unit, Markup], ...]  # (section, unit, its HTML)


class Site:
    """The pages by path, below the root of the site. `answers`: who answers the box, a "worker" of the page or the "server"."""

    def __init__(self, index: Index, answers: str = "worker") -> None:
        self.index = index
        self.links = Links(index)
        loader = jinja2.FileSystemLoader(TEMPLATES)
        self.templates = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self.templates.globals |= {
            "policy": Markup(POLICY),
            "answers": answers,
            "version": __version__,
            "what": "",
            "description": "",
            "kind": "",
        }

    @cached_property
    def users(self) -> Mapping[str, Sequence[str]]:
        return self.links.users()

    @cached_property
    def lists(self) -> Mapping[str, tuple[str, list[Entry]]]:
        """Path → (heading, entries) of each space, and of each kind without a space."""
        found: dict[str, list[Entry]] = {}
        for entry in self.links.catalogs[ARCHES[0]].entries():
            found.setdefault(entry.space.name if entry.space else entry.kind, []).append(entry)
        return {f"{LISTS}/{group}/": (heading_of(entries, arch_of_all(entries)), entries) for group, entries in found.items()}

    @cached_property
    def search_index(self) -> str:
        return make_index(self.links, self.render)

    def starts(self) -> Iterator[str]:
        """The paths of all pages, without the later parts of long ones: `render` takes each."""
        yield from ("", f"{LISTS}/", *self.lists, *self.links.pages, *self.links.aliases)

    def render(self, path: str) -> dict[str, str]:
        """The page at a path, and its later parts, by path. KeyError for an unknown path."""
        if path in self.links.pages:
            return self._render_definition(path)
        if path in self.links.aliases:
            return {path: self._render_alias(path)}
        if path in self.lists:
            return self._render_list(path)
        if path in ("", f"{LISTS}/"):
            return {path: self._render_overview(path)}
        raise KeyError(path)

    def render_missing(self, root: str) -> str:
        """The page for an address without a page."""
        return self._render("missing.html", root, title="There is no such page · hvrepl", kind="missing")

    def _render(self, template: str, root: str, **said: Any) -> str:
        return self.templates.get_template(template).render(root=root, **said)

    def _render_overview(self, path: str) -> str:
        groups = [(one, heading) for one, (heading, _) in self.lists.items()]
        spaces = [one for one in groups if one[0].split("/")[1] in self.index.spaces]
        kinds = [one for one in groups if one not in spaces]
        if path:
            return self._render(
                "lists.html", root_of(path), title="All names · hvrepl", description=ABOUT, spaces=spaces, kinds=kinds, kind="list"
            )
        total = sum(len(entries) for _, entries in self.lists.values())
        return self._render(
            "index.html",
            "",
            title="hvrepl: raw Hyper-V numbers, explained",
            description=ABOUT,
            spaces=spaces,
            kinds=kinds,
            kind="index",
            total=total,
            examples=EXAMPLES,
        )

    def _render_alias(self, path: str) -> str:
        target = self.links.aliases[path]
        name, alias = target.rstrip("/"), path.rstrip("/")
        return self._render("alias.html", root_of(path), path=target, name=name, title=alias, description=f"{alias} is {name}")

    def _render_list(self, path: str) -> dict[str, str]:
        heading, entries = self.lists[path]
        rows = [
            {
                "number": number_of(one),
                "name": one.name,
                "path": self.links.find(one.name, one.arch if one.arch in ARCHES else ARCHES[0]),
                "arch": say_arch(one.arch),
                "title": one.title,
            }
            for one in entries
        ]
        units = [
            Unit("list", heading, {"rows": rows[at : at + ROWS_A_UNIT]}, (), rows[at]["number"] or rows[at]["name"])
            for at in range(0, len(rows), ROWS_A_UNIT)
        ]
        said = {"title": heading, "description": f"{heading}, with their numbers and what they are", "kind": "list"}
        around = len(self._render("list.html", root_of(path), pieces="", parts=(), part=1, **said).encode())
        drawn = [(0, unit, self._draw(unit, HERE_ROOT, direct=True, level=2)) for unit in units]
        parts = [rooted(part) for part in pack(path, drawn, around, around)]
        return {
            part.path: self._render(
                "list.html",
                root_of(part.path),
                pieces=Markup().join(piece for _, _, piece in part.units),
                parts=[(one.path, one.label) for one in parts] if len(parts) > 1 else (),
                part=number,
                **said,
            )
            for number, part in enumerate(parts, 1)
        }

    def _draw(self, unit: Unit, root: str, *, direct: bool, level: int) -> Markup:
        macros: Any = self.templates.get_template("units.html").module
        draw = {"picture": macros.picture, "fields": macros.field_rows, "values": macros.value_rows, "list": macros.list_rows}[unit.kind]
        drawn: Markup = draw(unit, root, direct, level)
        return drawn

    def _render_definition(self, path: str) -> dict[str, str]:
        """As one page with links to sources at each field; if that is too long, with links only at the bottom; or else in parts."""
        page = make_page(self.links, path)
        for direct in (True, False):
            whole = self._render_part(page, [Part(path, "", tuple(self._units(page, root_of(path), direct=direct)))], 1, direct=direct)
            if len(whole.encode()) < MOST_BYTES:
                return {path: whole}
        parts = self._parts(page)
        at = {row["id"]: part.path for part in parts for _, unit, _ in part.units for row in unit.data.get("rows", ())}

        def lead(match: re.Match[str], here: Part) -> str:
            """The target of a link in a picture may be in another part."""
            there = at.get(match[1], here.path)
            return match[0] if there == here.path else f'href="{root_of(here.path)}{there}#{match[1]}"'

        return {
            part.path: ANCHOR.sub(partial(lead, here=part), self._render_part(page, parts, number, direct=False))
            for number, part in enumerate(parts, 1)
        }

    def _parts(self, page: DefinitionPage) -> list[Part]:
        """The parts of a page that is too long."""
        empty = Part(page.path, "", ())
        before, around = (len(self._render_part(page, [empty, empty], number, direct=False).encode()) for number in (1, 2))
        return [rooted(part) for part in pack(page.path, list(self._units(page, HERE_ROOT, direct=False)), before, around)]

    def _units(self, page: DefinitionPage, root: str, *, direct: bool) -> Iterator[tuple[int, Unit, Markup]]:
        for at, section in enumerate(page.sections):
            for unit in section.units:
                yield at, unit, self._draw(unit, root, direct=direct, level=4 if section.arches else 3)

    def _render_part(self, page: DefinitionPage, parts: Sequence[Part], number: int, *, direct: bool) -> str:
        part = parts[number - 1]
        root = root_of(part.path)
        sections: list[tuple[Any, list[Any]]] = []
        for at, section in enumerate(page.sections):
            own = [(unit, piece) for where, unit, piece in part.units if where == at]
            groups = groupby(own, key=lambda one: (one[0].heading, one[0].kind, one[0].block))
            sections.append(
                (
                    section,
                    [
                        (*key, [unit for unit, _ in some], Markup().join(piece for _, piece in some))
                        for key, some in ((key, list(some)) for key, some in groups)
                    ],
                )
            )
        if len(parts) == 1:
            cites = page.cites.all()
        else:
            used = {cite.source for _, unit, _ in part.units for cite in unit.cites}
            first = {cite.source for section in page.sections for cite in section.cites} if number == 1 else set()
            cites = [cite for cite in page.cites.all() if cite.source in used | first]
        of = f", part {number} of {len(parts)}" if len(parts) > 1 else ""
        return self._render(
            "definition.html",
            root,
            page=page,
            sections=sections,
            part=number,
            parts=[(one.path, one.label) for one in parts] if len(parts) > 1 else (),
            direct=direct,
            cites=cites,
            users=[(one, self.links.called(one)) for one in self.users.get(page.path, ())],
            array_name=self.links.called(page.array) if page.array else "",
            title=f"{page.name}{f': {page.title}' if page.title else ''}{of} · hvrepl",
            description=page.description,
            what=page.what,
            has_values=any(kind == "values" for _, groups in sections for _, kind, *_ in groups),
        )


def pack(path: str, units: Sequence[tuple[int, Unit, Markup]], before: int, around: int) -> list[Part]:
    """The units in parts that are short enough: `before` and `around` are the bytes of the first and of a later part without units."""
    groups: list[list[tuple[int, Unit, Markup]]] = [[]]
    size, listed = before + 2 * len(units), set[str]()
    for one in units:
        cost = len(one[2].encode())
        new = {cite.source: cite_cost(cite) for cite in one[1].cites if cite.source not in listed}
        if groups[-1] and size + cost + sum(new.values()) > MOST_BYTES - 2000:
            groups.append([])
            size, listed = around, set()
            new = {cite.source: cite_cost(cite) for cite in one[1].cites}
        groups[-1].append(one)
        listed |= set(new)
        size += cost + sum(new.values())
    return [
        Part(path if number == 1 else f"{path}{number}/", group[0][1].first or str(number) if group else str(number), tuple(group))
        for number, group in enumerate(groups, 1)
    ]


def rooted(part: Part) -> Part:
    """The part with its links completed: its pieces were drawn before its depth was known."""
    root = root_of(part.path)
    return replace(part, units=tuple((at, unit, Markup(str(piece).replace(HERE_ROOT, root))) for at, unit, piece in part.units))


def cite_cost(cite: Cite) -> int:
    return 160 + len(cite.address) + len(cite.source)


def root_of(path: str) -> str:
    """The way from a page up to the root of the site."""
    return "../" * path.count("/")


def write_site(folder: str, index: Index | None = None, base: str = "") -> dict[str, int]:
    """Writes all files of the site into a folder, replacing what is there; returns the bytes of each page by path.

    `base` is where the site will be, such as /hvrepl/, for the page that a web server shows in place of any missing one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(STATIC_FILES, os.path.join(folder, STATIC))
    site = Site(index or open_index())
    sizes = {}
    for start in site.starts():
        for path, text in site.render(start).items():
            data = text.encode()
            place = os.path.join(folder, path)
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, "index.html"), "wb") as file:
                file.write(data)
            sizes[path] = len(data)
    for path, text in ((MISSING, site.render_missing(base)), (SEARCH, site.search_index)):
        with open(os.path.join(folder, path), "wb") as file:
            file.write(text.encode())
    return sizes


def main(arguments: Sequence[str]) -> int:
    """`python -m hvrepl.web.site FOLDER [BASE]`"""
    sizes = write_site(arguments[0], base="".join(arguments[1:]))
    print(f"{len(sizes):,} pages in {arguments[0]}, the largest of {max(sizes.values()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
