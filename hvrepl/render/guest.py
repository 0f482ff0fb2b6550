"""A debugger's findings in a guest → listings, which every format has: the SynIC pages of its CPUs, and its VMBus channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.analysis.guest import MESSAGES, Channel, Ring, SynicPage
from hvrepl.render.listing import Listing
from hvrepl.render.parts import say_finding
from hvrepl.render.style import NARROW, Style, align, loud_lines

PAGE_HEADERS = ("cpu", "online", "page", "address", "used", "owed", "text")
CHANNEL_HEADERS = ("relid", "state", "cpu", "to host", "from host", "class")
NULL, UNREADABLE = "NULL", "unreadable"
PENDING = "message_pending"
GAP = 2  # blanks before a column
LOUD = ("finding",) * 4
NAMED = ("name",) * 6


def list_pages(pages: Sequence[SynicPage]) -> Listing:
    """A row per page; for people also the content of its slots."""
    return Listing(
        PAGE_HEADERS, [cells_of(page) for page in pages], [page.to_dict() for page in pages], lines=lambda style: page_lines(pages, style)
    )


def cells_of(page: SynicPage) -> tuple[str, ...]:
    cpu, online = ("", "") if page.cpu is None else (str(page.cpu), "yes" if page.is_online else "no")
    slots = [" ".join(map(str, numbers)) for numbers in (page.used, page.owed)]
    return cpu, online, kind_of(page), address_of(page), *slots, say_page(page)


def kind_of(page: SynicPage) -> str:
    return f"{page.kind} ({page.owner})" if page.owner else page.kind


def address_of(page: SynicPage) -> str:
    return f"{page.address:#x}" if page.address else "" if page.error else NULL


def say_page(page: SynicPage) -> str:
    """A sentence: the slots in use, and whether an end of message is owed for one."""
    said = [] if page.is_online else ["the CPU is offline"]
    if not page.node:
        return "; ".join([*said, page.error.removeprefix(f"{page.address:#x} ") or "no page"])
    said.append(page.node.summary)
    if page.kind == MESSAGES and page.used:
        slots = " and ".join(map(str, page.owed))
        said.append(f"an end of message is owed when slot {slots} is freed" if slots else "no end of message is owed")
    return "; ".join(said)


def page_lines(pages: Sequence[SynicPage], style: Style) -> Iterator[str]:
    """Each CPU once, its pages below one another, and below each page its slots in use and its findings."""
    rows: list[tuple[str, ...]] = [("cpu", "page", "address", "")]
    roles: list[Sequence[str]] = [NAMED]
    before = None
    for page in pages:
        cpu = "" if page.cpu is None else str(page.cpu)
        rows.append((cpu if cpu != before else "", kind_of(page), address_of(page), say_page(page)))
        roles.append(("name", "", "number", "" if page.used else "dim"))
        before = cpu
        for number in page.used:
            slot = page.node.slots[number] if page.node else None
            rows.append(("", "", f"{'slot' if page.kind == MESSAGES else 'SINT'} {number}", slot.summary if slot else ""))
            roles.append(("", "", "dim", ""))
        for finding in page.node.findings if page.node else ():
            if finding.code == PENDING:  # the page's own line explains it
                continue
            rows.append(("", "", "!", say_finding(finding)))
            roles.append(LOUD)
    if all(page.cpu is None for page in pages):  # no column if all are unknown
        rows = [row[1:] for row in rows]
        roles = [own[1:] for own in roles]
        yield from align(rows, style, (), own_roles=roles)
        return
    yield from align(rows, style, (), right=(0,), own_roles=roles)


def list_channels(channels: Sequence[Channel]) -> Listing:
    """A row per channel, with the bytes in use of each ring; for people the faults of a ring below."""
    rows = [channel_cells(channel) for channel in channels]
    return Listing(
        CHANNEL_HEADERS, rows, [channel.to_dict() for channel in channels], lines=lambda style: channel_lines(channels, rows, style)
    )


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
    fixed = sum(max(map(len, column)) + GAP for column in zip(*(row[:-1] for row in (CHANNEL_HEADERS, *rows)), strict=True))
    if not style.width or fixed + GAP + NARROW <= style.width:
        roles = [NAMED, *(("name", "", "", "number", "number", "") for _ in rows)]
        yield from align([CHANNEL_HEADERS, *rows], style, (), right=(0, 2, 3, 4), own_roles=roles)
    else:
        for row in rows:
            yield "  " + style.paint("name", f"{CHANNEL_HEADERS[0]} {row[0]}")
            yield from align([*zip(CHANNEL_HEADERS, row, strict=True)][1:], style, ("dim", ""), indent="    ")
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
