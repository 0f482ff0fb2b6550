"""The parameters of a crash → the system that wrote them and their meaning. Which system it is, the specs decide (`crash`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import CRASH_PARAMETERS, CrashRule
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, Finding, paths
from hvrepl.codec.phrases import fill_in, holds
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.record import record

SIZE = 8  # bytes of a parameter, and of the control register after them


@record
class Crash:
    """A crash as its system reports it: `parameters` are P0 to P4 and, if given, the control register."""

    os: str
    summary: str
    parameters: tuple[Decoded, ...]
    findings: tuple[Finding, ...]
    node: Decoded

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        parameters = [{"name": one.name, "raw": one.raw, "meaning": say_parameter(one)} for one in self.parameters]
        return {
            "os": self.os,
            "summary": self.summary,
            "parameters": [{key: value for key, value in one.items() if value} for one in parameters],
        } | ({"findings": [one.to_dict() for one in self.findings]} if self.findings else {})


def say_parameter(one: Decoded) -> str:
    """A parameter's meaning in words; "" if it is only a number."""
    return one.meaning or one.summary


def tell_crash(decoder: Decoder, parameters: Sequence[int], control: int | None = None) -> Crash:
    """P0 to P4 of a crash, and the control register if known, as the first struct whose `crash` conditions they meet.

    UsageError if there are not five, or one has over 64 bits.
    """
    data = to_bytes(parameters, control)
    rule, node = next(readings(decoder, data))
    return Crash(
        os=fill_in(rule.os, node, decoder.catalog),
        summary=node.summary,
        parameters=tuple(parts_of(node)),
        findings=node.findings,
        node=node,
    )


def to_bytes(parameters: Sequence[int], control: int | None) -> bytes:
    if len(parameters) != CRASH_PARAMETERS:
        raise UsageError(f"a crash has {CRASH_PARAMETERS} parameters, P0 to P{CRASH_PARAMETERS - 1}, not {len(parameters)}")
    numbers = [*parameters] if control is None else [*parameters, control]
    for place, number in enumerate(numbers):
        if not 0 <= number < 1 << 8 * SIZE:
            raise UsageError(f"{label_of(place)}: {number:#x} is not a {8 * SIZE}-bit number")
    return b"".join(number.to_bytes(SIZE, "little") for number in numbers)


def label_of(place: int) -> str:
    """The name of the word at a place: P0 to P4, then CTL."""
    return f"P{place}" if place < CRASH_PARAMETERS else "CTL"


def readings(decoder: Decoder, data: bytes) -> Iterator[tuple[CrashRule, Decoded]]:
    """The structs that the bytes may be decoded as, the best first."""
    catalog = decoder.catalog
    for spec in catalog.crashes():
        if spec.layout is None or spec.crash is None or decoder.head(spec, spec.layout) > len(data):
            continue
        node = decoder.decode(Found(spec, catalog.arch), data)
        if any(holds(when, node) for when in spec.crash.when):
            yield spec.crash, node


def parts_of(node: Decoded) -> Iterator[Decoded]:
    """The part for each word, wherever it is in the layout."""
    return (part for _, part in paths(node) if part.size == SIZE and part.offset is not None)
