"""A number's bits as HTML: a button per bit, which a page may let its reader press. The rows of fields are in html.py."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.codec.decoded import Decoded
from hvrepl.render.html import text

BYTE = 8
MOST_BITS = 128  # the most bits that anybody clicks one by one


def bit_buttons(node: Decoded) -> str:
    """A group of buttons, high bits first, byte by byte; "" for anything but a number with fields.

    `data-what` is the thing and `data-raw` its value; each button has its number as `data-bit`, is pressed if the bit is one, and only the
    first can be tabbed to: the page handles arrow keys. The bits of one field share a shade, which alternates, `hv-odd` or not.
    """
    places = {bit: part for part in node.fields if part.bits and not part.register for bit in range(part.bits[1], part.bits[0] + 1)}
    width = 4 * len(node.raw.removeprefix("0x"))
    if not node.is_number or not places or width > MOST_BITS or max(places) >= width:
        return ""
    width = max(places) + 1
    value = int(node.raw, 16)
    heading = f'role="toolbar" aria-label="Bits of {text(node.name)}"'
    groups = (group(node, places, value, high) for high in range(-(-width // BYTE) * BYTE - 1, -1, -BYTE))
    return f'<div class="hv-bits" {heading} data-what="{text(node.name)}" data-raw="{text(node.raw)}">{"".join(groups)}</div>'


def group(node: Decoded, places: dict[int, Decoded], value: int, high: int) -> str:
    bits = "".join(button(node, places, value, bit) for bit in range(high, high - BYTE, -1) if bit in places)
    return f'<span class="hv-byte"><span class="hv-place" aria-hidden="true">{high}</span>{bits}</span>'


def button(node: Decoded, places: dict[int, Decoded], value: int, bit: int) -> str:
    part, is_set = places[bit], bool(value >> bit & 1)
    name = text(f"bit {bit}, {'reserved' if part.reserved else part.name}")
    classes = " ".join(said(part, node.fields.index(part)))
    digit, pressed, tab = 1 if is_set else 0, str(is_set).lower(), 0 if bit == max(places) else -1
    return (
        f'<button type="button" class="{classes}" data-bit="{bit}" aria-pressed="{pressed}" aria-label="{name}: {digit}" title="{name}"'
        f' tabindex="{tab}">{digit}</button>'
    )


def said(part: Decoded, place: int) -> Iterator[str]:
    yield "hv-bit"
    if place % 2:
        yield "hv-odd"
    if part.reserved:
        yield "hv-reserved"
