"""find: a text, a number or a bit in the definitions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.catalog.search import find_bit, find_number, find_text
from hvrepl.commands.inputs.what import LONGEST_NAME, NUMBER
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.digits import to_int
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.readers.number import read_number
from hvrepl.render.names import list_hits
from hvrepl.wording import count_of, shorten


def find(session: Session, words: Sequence[str]) -> None:
    """find TEXT|BIT"""
    text = " ".join(words).strip()
    if not text:
        raise UsageError("find what? Give text, a number such as 0xf3, or bit:17")
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise NotFoundError(f"nothing has '{shorten(text)}' in its names, fields, values or docs")
    index = session.catalog.index
    bit = re.fullmatch(r"bits?[: ]\s*(\d{1,4})", text, re.ASCII | re.IGNORECASE)
    if bit:
        hits = find_bit(index, to_int(bit[1]))
        said = f"for bit {to_int(bit[1])}"
    elif NUMBER.fullmatch(text):
        number = read_number(text).value
        hits = find_number(index, number)
        said = f"for {number:#x}" + ("" if text.lower() == f"{number:#x}" else f" ({text})")
    else:
        hits = find_text(index, text)
        said = f'for "{text}"'
    if not hits:
        hint = "; parts of names are found without *" if "*" in text else ""
        raise NotFoundError(f"nothing has {text[:60]!r} in its names, fields, values or docs{hint}")
    emit_listing(session, list_hits(hits, session.catalog, f"{count_of(len(hits), 'match')} {said}"))
