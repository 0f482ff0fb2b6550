"""web: the catalogue as pages in a browser, from this machine alone."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.commands.session import Session
from hvrepl.errors import FileError, UsageError

TEMPLATES = ("jinja2", "markupsafe")  # packages that make the pages


def serve(session: Session, words: Sequence[str], port: str | None = None, no_open: bool = False) -> None:
    """web [WHAT...]"""
    if session.ways is None:
        raise UsageError("web is for the command line and the shell")
    try:
        session.ways.serve_pages(session, words, port, not no_open)
    except ModuleNotFoundError as error:
        if error.name not in TEMPLATES:
            raise
        raise FileError("hvrepl web needs Jinja for its pages; install the package jinja2") from None
