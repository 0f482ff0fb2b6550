"""The SynIC pages that a debugger found in a guest → a listing, which every format has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.analysis.synic_pages import MESSAGES, SynicPage
from hvrepl.render.listing import Listing
from hvrepl.render.parts import say_finding
from hvrepl.render.style import Style, align

HEADERS = ("cpu", "online", "page", "address", "used", "owed", "text")
NULL = "NULL"
PENDING = "message_pending"
LOUD = ("finding",) * 4
NAMED = ("name",) * 4


def list_pages(pages: Sequence[SynicPage]) -> Listing:
    """A row per page; for people also the content of its slots."""
    return Listing(
        HEADERS, [cells_of(page) for page in pages], [page.to_dict() for page in pages], lines=lambda style: page_lines(pages, style)
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
