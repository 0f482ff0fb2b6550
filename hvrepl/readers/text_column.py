"""The text next to the groups of a dump's row → where the groups end, and the byte order that the text proves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hvrepl.errors import UsageError
from hvrepl.wording import shorten

MOST_TEXT_GROUPS = 1024  # no tool prints a text column after more; the search for it takes quadratic time
WIDEST_GAP = 3  # blanks between groups of a row
BARS = (("|", "|"), (">", "<"), ("*", "*"))
ORDERS = {(True, True): "", (True, False): "big", (False, True): "little"}  # whether the bytes as printed, and reversed, match the text
PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else ord(".") for byte in range(256))


def split_text(body: str, groups: list[bytes], ends: list[int], gap: int = 2) -> tuple[int, str, str]:
    """(number of groups before the text column, the byte order that it proves, its kind).

    Text can look like hex (`dead beef`), so the column begins where the text matches the groups before it. `gap`: blanks before it.
    """
    if len(groups) <= MOST_TEXT_GROUPS:
        for count in range(len(groups), 0, -1):
            order = prove(body, groups[:count], ends[count - 1], gap)
            if order is not None:
                return count, order, bar_of(body[ends[count - 1] :]) or "proved"
    rest = body[ends[-1] :]
    text = rest.strip()
    if not text or bar_of(text):
        return len(groups), "", bar_of(text)
    # Text in another character set proves nothing, but is as long as its bytes, apart from spaces, and nothing in it looks like a group.
    size, width = sum(map(len, groups)), len(groups[0]) * 2
    group = re.search(rf"(?<!\S)[0-9a-f]{{{width}}}(?!\S)", text, re.IGNORECASE)
    if rest[:gap].isspace() and size <= 2 * len(text) <= 2 * size and not group:
        return len(groups), "", "unproved"
    odd = re.match(r"(?:[0-9a-f]{2})*[0-9a-f](?!\S)", text, re.IGNORECASE)
    wrong = "has an odd number of hex digits" if odd else "is not hex of that width"
    raise UsageError(f"'{shorten(odd[0] if odd else text)}' after {shorten(body[: ends[-1]].strip(), 60)} {wrong}")


def split_ruled(body: str, groups: list[bytes], ends: list[int], width: int) -> tuple[int, str, str]:
    """split_text with a ruler that gives the bytes per row: anything after them, or after a wide gap, is text."""
    count, size = 1, len(groups[0])
    for group, before, end in zip(groups[1:], ends, ends[1:], strict=False):
        between = body[before : end - 1]
        if size + len(group) > width or len(between) - len(between.lstrip()) > WIDEST_GAP:
            break
        count, size = count + 1, size + len(group)
    text = body[ends[count - 1] :].strip()
    if not text:
        return count, "", ""
    if len(text) > width + 2:  # bars
        raise UsageError(f"'{shorten(text)}' is more than the text of the {width} bytes that the columns above have")
    order = prove(body, groups[:count], ends[count - 1], 1)
    return count, order or "", bar_of(body[ends[count - 1] :]) or ("unproved" if order is None else "proved")


def prove(body: str, groups: list[bytes], end: int, gap: int) -> str | None:
    """The byte order in which the groups match the text after them: "" for either, None for neither."""
    text = body[end:].strip()
    if not body[end : end + gap].isspace() or not text:
        return None
    big, little = b"".join(groups), b"".join(group[::-1] for group in groups)
    for same in (equals, shows):
        for inner in within_bars(text, len(big)):
            order = ORDERS.get((same(big, inner), same(little, inner)))
            if order is not None:
                return order
    return None


def bar_of(rest: str) -> str:
    """The left bar of a text column; "" if it has no bars."""
    text = rest.strip()
    return text[0] if len(text) > 1 and (text[0], text[-1]) in BARS else ""


def within_bars(text: str, size: int) -> Iterator[str]:
    """The text column without bars, around it and within."""
    yield text
    if bar_of(text):
        yield text[1:-1]
        if text[0] == "|" and len(text) - 2 > size:
            yield text[1:-1].replace("|", "")
    elif text[0] in "#|":
        yield text[1:]


def equals(data: bytes, text: str) -> bool:
    return as_text(data).strip() == text.strip()


def shows(data: bytes, text: str) -> bool:
    """Whether the text matches the bytes in a tool with its own signs for unprintable characters and blanks."""
    expected = as_text(data)
    if len(expected) != len(text):
        expected, text = expected.strip(), text.strip()
    return len(expected) == len(text) and all(
        here == sign or (here == "." and (not sign.isascii() or sign in " _")) or (here == " " and sign in "._")
        for here, sign in zip(expected, text, strict=True)
    )


def as_text(data: bytes) -> str:
    return data.translate(PRINTABLE).decode("ascii")
