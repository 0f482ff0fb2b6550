"""The catalogue → the pages of the site, and the files of it in a folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import jinja2

from hvrepl.catalog.opening import open_index
from hvrepl.version import __version__

HERE = os.path.dirname(os.path.abspath(__file__))
STATIC = os.path.join(HERE, "static")
# Nothing comes from elsewhere, nothing goes elsewhere, and no text of a page can become a script of it.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'"
)


class Site:
    """The pages by path, below the root of the site: "" is the first. `answers` says what answers the box: a worker, or this server."""

    def __init__(self, index: Any, answers: str = "worker") -> None:
        self.index = index
        loader = jinja2.FileSystemLoader(os.path.join(HERE, "templates"))
        self.templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self.templates.globals |= {"policy": POLICY, "answers": answers, "version": __version__, "spaces": ()}

    def paths(self) -> Iterator[str]:
        yield ""

    def render(self, path: str) -> str:
        """The page at a path: "" or one that ends with a slash. KeyError if there is none."""
        if path:
            raise KeyError(path)
        about = {"title": "hvrepl", "description": "Raw Hyper-V numbers, explained", "what": ""}
        return self.templates.get_template("index.html").render(root="../" * path.count("/"), **about)


def write_site(folder: str) -> int:
    """All files of the site into a folder, which is made anew; returns how many pages there are."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(STATIC, os.path.join(folder, "static"))
    site = Site(open_index())
    count = 0
    for count, path in enumerate(site.paths(), 1):
        place = os.path.join(folder, path)
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, "index.html"), "w", encoding="utf-8", newline="\n") as file:
            file.write(site.render(path))
    return count


def main(arguments: Sequence[str]) -> int:
    """`python -m hvrepl.web.site FOLDER`"""
    print(f"{write_site(arguments[0])} pages in {arguments[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
