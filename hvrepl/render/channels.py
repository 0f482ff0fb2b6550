"""The VMBus channels that a debugger found in a guest → a listing, which every format has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.analysis.channels import Channel, Ring
from hvrepl.render.listing import Listing
from hvrepl.render.style import NARROW, Style, align, loud_lines

HEADERS = ("relid", "state", "cpu", "to host", "from host", "class")
UNREADABLE = "unreadable"
GAP = 2  # blanks before a column
NAMED = ("name",) * 6


def list_channels(channels: Sequence[Channel]) -> Listing:
    """A row per channel, with the bytes in use of each ring; for people the faults of a ring below."""
    rows = [channel_cells(channel) for channel in channels]
    return Listing(HEADERS, rows, [channel.to_dict() for channel in channels], lines=lambda style: channel_lines(channels, rows, style))


def channel_cells(channel: Channel) -> tuple[str, ...]:
    cpu = "" if channel.cpu is None else str(channel.cpu)
    state = f"{channel.state}, rescinded" if channel.is_rescinded else channel.state
    return str(channel.relid), state, cpu, say_ring(channel.outbound), say_ring(channel.inbound), say_class(channel)


def say_class(channel: Channel) -> str:
    if channel.sub_channel:
        of = "" if channel.primary is None else f" of {channel.primary}"
        return f"sub-channel {channel.sub_channel}{of}"
    return f"{channel.class_name}, {channel.title}" if channel.class_name else f"{channel.class_id}, not a known class"


def say_ring(ring: Ring | None) -> str:
    """`4,096 of 65,536` bytes in use."""
    if ring is None:
        return "none"
    return UNREADABLE if ring.error else f"{ring.used:,} of {ring.size:,}"


def channel_lines(channels: Sequence[Channel], rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    """Columns if they leave room for the class, otherwise each channel below the one before; then the faults."""
    rows = [(row[0], channel.state, *row[2:]) for channel, row in zip(channels, rows, strict=True)]
    fixed = sum(max(map(len, column)) + GAP for column in zip(*(row[:-1] for row in (HEADERS, *rows)), strict=True))
    if not style.width or fixed + GAP + NARROW <= style.width:
        roles = [NAMED, *(("name", "", "", "number", "number", "") for _ in rows)]
        yield from align([HEADERS, *rows], style, (), right=(0, 2, 3, 4), own_roles=roles)
    else:
        for row in rows:
            yield "  " + style.paint("name", f"{HEADERS[0]} {row[0]}")
            yield from align([*zip(HEADERS, row, strict=True)][1:], style, ("dim", ""), indent="    ")
    for channel in channels:
        for said in faults_of(channel):
            yield from loud_lines(f"relid {channel.relid}: {said}", style)


def faults_of(channel: Channel) -> Iterator[str]:
    """That it is gone, unknowns of its rings, and who waits for room in them."""
    if channel.is_rescinded:
        yield "the host has rescinded the offer"
    for ring, where, sender in ((channel.outbound, "to host", "guest"), (channel.inbound, "from host", "host")):
        if ring and ring.error:
            yield f"the ring {where}: {ring.error}"
        elif ring and ring.waits_for:
            yield f"the ring {where}: the {sender} waits until {ring.waits_for:,} bytes are free"
