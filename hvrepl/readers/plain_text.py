"""Bytes → text in any encoding, without terminal escapes; None for bytes that are not text."""

from __future__ import annotations

import codecs
import re

from hvrepl.patterns import regex

# The byte order marks of UTF-16; that of UTF-8 adds nothing.
MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
LEAST_UTF_16 = 8  # this many bytes without a mark are UTF-16 if every second one is zero
ESCAPE = regex(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]"  # colours and cursor movement
    "|\\][^\x07\x1b\n]*(?:\x07|\x1b\\\\)"  # window titles
    "|[ -/]+[0-~]|[0-Z\\\\^-~])"  # character sets and the rest
)
CUT_ESCAPE = regex("\x1b[^\x1b\n]*\\Z")
BINARY = regex("[\x00-\x08\x0e-\x1f\x7f]")
QUOTED_PRINTABLE = regex("=3d", re.IGNORECASE)  # what a mail makes of =
SOFT_BREAKS = regex(r"=[ \t]*\n")  # with which it breaks a long line
ASCII = bytes([*b"\t\n\v\f\r", *range(0x20, 0x7F)])


def decode(raw: bytes, *, cut: bool = False) -> str | None:
    """The text, or None. With `cut` the bytes are the beginning of more, and may end within a character or an escape."""
    encoding = encoding_of(raw)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw, final=not cut)
    except UnicodeDecodeError:
        if encoding != "utf-8" or not is_nearly_ascii(raw):
            return None
        text = raw.decode("latin-1")  # a comment in an old character set; which one does not matter
    text = clean(text)
    if cut:
        text = CUT_ESCAPE.sub("", text)
    return None if BINARY.search(text) else text


def encoding_of(start: bytes) -> str:
    """The encoding: UTF-16 by its mark, or by the zeros that it has at least in line ends; otherwise UTF-8."""
    encoding = MARKS.get(start[:2])
    if encoding and (len(start) == len(start[:2]) or b"\0" in start[:4096]):
        return encoding
    head = start[:64]
    if len(head) >= LEAST_UTF_16 and not any(head[1::2]) and not head[::2].translate(None, delete=ASCII):
        return "utf-16-le"
    return "utf-8"


def is_nearly_ascii(raw: bytes) -> bool:
    return len(raw.translate(None, delete=ASCII)) * 8 <= len(raw)


def without_mail(text: str) -> str:
    """Without what a mail makes of = and of long lines (quoted-printable); text that has none of it stays as it is."""
    return QUOTED_PRINTABLE.sub("=", SOFT_BREAKS.sub("", text)) if QUOTED_PRINTABLE.search(text) else text


def clean(text: str) -> str:
    """The text without marks, escapes, bells and erased characters, and with plain line ends."""
    text = text.replace("\ufeff", "")
    if "\x1b" in text:
        text = ESCAPE.sub("", text)
    if "\x07" in text or "\x08" in text:
        text = "\n".join(map(erase, text.replace("\x07", "").split("\n")))
    if "\r" in text:
        text = re.sub("\r+\n?", lambda ends: "\n" if ends[0][-1] == "\n" else "\n" * len(ends[0]), text)  # one pass, each once
    return text


def erase(line: str) -> str:
    """The line as it looks after its backspaces."""
    kept: list[str] = []
    for character in line:
        if character != "\x08":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)
