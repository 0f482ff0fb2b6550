"""Text → CPUID leaves, a line at a time or a whole dump, CPU by CPU. A digit that cannot be read is told, never guessed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hvrepl.catalog.model import Space
from hvrepl.errors import UsageError
from hvrepl.readers.dump import decode
from hvrepl.readers.explain_number import explain_letter
from hvrepl.readers.number import REGISTERS
from hvrepl.record import field, mutable, record, replace
from hvrepl.wording import shorten

REGISTER_BITS = 32
FLAGS = re.IGNORECASE | re.ASCII | re.VERBOSE
HEX = r"(?:0x)?[0-9a-f]{1,8}"
WORD = r"[0-9a-z]{1,40}"  # a register, also one with a letter typed for a digit
BARE = "|".join(("0000", "4000", "8000", "8fff", "c000"))  # how leaves begin: what stands without any name must be one
NAMED = rf"""["']?e[a-d]x["']?\s{{0,9}}[=:]\s{{0,9}}["']?{WORD}["']?"""
RUN = rf"(?P<run>{NAMED}(?:[\s,;]{{0,9}}{NAMED}){{0,3}})"
FOUR = rf"(?P<eax>{WORD})SEP(?P<ebx>{WORD})SEP(?P<ecx>{WORD})SEP(?P<edx>{WORD})"
CPU = r"(?:\bcpu\s{0,9}\#?(?P<cpu>[0-9]{1,5})\b[:,]?\s{0,9})?"

Leaf = tuple[int, int]  # leaf, subleaf


class Form(NamedTuple):
    """A way to print a leaf: what its lines hold in lower case, an example, and the pattern."""

    mark: str
    example: str
    pattern: re.Pattern[str]


def form(mark: str, example: str, pattern: str, separator: str = "") -> Form:
    return Form(mark, example, re.compile(pattern.replace("SEP", separator), FLAGS))


# Tried in this order; where two match the same text, the first is meant. A new form is one entry.
# Runs of blanks are bounded where two of them can meet: a long line would take time with the square of its length.
FORMS = (
    form(
        "<register",
        '<register eax="40000003" ecx="00000000">00003FFF,...</register>',
        rf"""<register\s+eax=["'](?P<leaf>{HEX})["'](?:\s+ecx=["'](?P<subleaf>{HEX})["'])?\s{{0,9}}>\s{{0,9}}{FOUR}\s{{0,9}}(?=<)""",
        r"\s{0,9},\s{0,9}",
    ),
    form(
        "cpuid",
        "CPUID 40000003: 00003FFF-...",
        rf"{CPU}\bcpuid[ \t]+(?P<leaf>(?:0x)?[0-9a-f]{{8}})(?:[:./](?P<subleaf>[0-9a-f]{{1,8}}))?(?:\s{{0,9}}[:=]\s{{0,9}}|\s+){FOUR}\b"
        rf"(?:\s{{0,9}}\[?\bSL\s+(?P<sl>{HEX})\b)?",
        r"(?:\s{0,9}[-,]\s{0,9}|\s+)",
    ),
    form(
        "eax",
        "cpuid leaf=0x40000003, eax=0x00003fff, ebx=...",
        rf"""{CPU}(?:leaf|function|\beax[_ ]in|\bin_eax)["']?\s{{0,9}}[=:]?\s{{0,9}}["']?(?P<leaf>{HEX})\b["']?
        (?:[\s,:;]{{0,9}}["']?(?:sub-?_?leaf|index|ecx[_ ]in|in_ecx)["']?\s{{0,9}}[=:]?\s{{0,9}}["']?(?P<subleaf>{HEX})\b["']?)?
        (?:[^=\n]{{0,80}}?[^=\w])?{RUN}""",
    ),
    form(
        "eax",
        "0x40000003 0x00: eax=0x00003fff ebx=...",
        rf"""{CPU}(?<![=\w])(?<!=[\s"'])(?P<leaf>0x[0-9a-f]{{8}})(?:[\s/]+(?P<subleaf>0x[0-9a-f]{{1,8}}))?["']?
        \s{{0,9}}(?:[:=]|->)?\s{{0,9}}\{{?\s{{0,9}}{RUN}""",
    ),
    form(
        "->",
        "40000003:ffffffff -> 00003fff:...",
        rf"(?P<leaf>[0-9a-f]{{8}}):(?P<subleaf>[0-9a-f]{{8}})\s{{0,9}}->\s{{0,9}}{FOUR}",
        r"\s{0,9}:\s{0,9}",
    ),
    form(
        "",
        "40000003 3fff 2bb9ff 2 10fffbf2",
        rf"""^(?:.*?\bGst:)?\s*(?P<leaf>(?:0x)?(?:{BARE})[0-9a-f]{{4}})(?:[/\s]\s{{0,9}}(?P<subleaf>{HEX}))?\s+
        {FOUR.replace(WORD, "(?:0x)?[0-9a-fo]{1,8}")}\s{{0,9}}(?:\[[^\]]*\]\s{{0,9}})?$""",
        r"\s+",
    ),
)
NO_SUBLEAF = 0xFFFFFFFF  # how Xen writes that a leaf has none

HEADING = re.compile(
    r"""^\s*CPU(?:\s+(\d{1,5}))?\s*:\s*$ | Logical\s+CPU\s*\#\s*(\d{1,5}) | ^\s*CPU\s*\#\s*(\d{1,5})\b | ^\s*CPU\s+Thread\s+(\d{1,5})
      | <processor\b(?:\s+\w+=["'](\d{1,5})["'])? | ["']cpu["']\s*:\s*(\d{1,5})""",
    FLAGS,
)
REGISTER = re.compile(rf"""(["']?)(e[a-d]x)["']?\s*[=:]\s*(["']?)({WORD})""", FLAGS)


@record
class LeafLine:
    """A leaf as a line has it, from `start` to `end`. A register that cannot be read is missing, and `remark` says why."""

    leaf: int
    subleaf: int
    registers: Mapping[str, int]
    cpu: int | None
    start: int
    end: int
    remark: str = ""


Leaves = dict[Leaf, LeafLine]


def whole_of(line: LeafLine) -> int | None:
    """EDX:ECX:EBX:EAX of a leaf; None if a register cannot be read."""
    if len(line.registers) < len(REGISTERS):
        return None
    return sum(line.registers[name] << REGISTER_BITS * place for place, name in enumerate(REGISTERS))


class Taken:
    """The parts of a text that belong to something; they do not overlap."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> bool:
        """Takes a part, unless some of it is taken already."""
        at = bisect_left(self._starts, end)
        if at and self._ends[at - 1] > start:
            return False
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        return True


def find_leaves(line: str) -> Iterator[LeafLine]:
    """The leaves in a line, in any of FORMS, from left to right."""
    lower = line.lower()
    found: list[LeafLine] = []
    taken = Taken()
    for mark, _, pattern in FORMS:
        if mark in lower:
            found += (read_match(match) for match in pattern.finditer(line) if taken.take(*match.span()))
    yield from sorted(found, key=lambda one: one.start)


def read_match(match: re.Match[str]) -> LeafLine:
    parts = match.groupdict()
    if parts.get("run"):
        texts, bases = read_run(parts["run"])
    else:
        texts, bases = {name: parts[name] for name in REGISTERS}, {}
    registers, remarks = {}, []
    for name, text in texts.items():
        value = to_register(text, bases.get(name, 16))
        if value is None:
            remarks.append(f"{name}: {explain_letter(text) or f'{shorten(text)!r} is no number of {REGISTER_BITS} bits'}")
        else:
            registers[name] = value
    missing = [name for name in REGISTERS if name not in texts]
    remarks += [f"{', '.join(missing)}: not there"] if missing else []
    subleaf = int(parts.get("subleaf") or parts.get("sl") or "0", 16)
    cpu = parts.get("cpu")
    return LeafLine(
        int(parts["leaf"], 16),
        0 if subleaf == NO_SUBLEAF else subleaf,
        registers,
        int(cpu) if cpu else None,
        match.start(),
        match.end(),
        "; ".join(remarks),
    )


def read_run(run: str) -> tuple[dict[str, str], dict[str, int]]:
    """The texts of `eax=… ebx=…`, and their base: JSON's numbers without quotes are decimal."""
    texts: dict[str, str] = {}
    bases = {}
    for quote, register, quoted, text in REGISTER.findall(run):
        name = register.lower()
        texts.setdefault(name, text)
        bases[name] = 10 if quote and not quoted and text.isdigit() else 16
    return texts, bases


def to_register(text: str, base: int) -> int | None:
    digits = text if base == 10 else re.sub("^0[xX]", "", text)
    if not re.fullmatch("[0-9a-fA-F]+", digits):
        return None
    value = int(digits, base)
    return None if value >> REGISTER_BITS else value


@mutable
class Block:
    """The leaves of one CPU as they are gathered; it has a number where the dump says one."""

    number: int | None = None
    leaves: Leaves = field(default_factory=dict)


def read_dump(text: str, space: Space) -> list[Leaves]:
    """The leaves of each CPU, by (leaf, subleaf): a heading begins another CPU, and so does a leaf that comes again.

    `space` says which leaves are a hypervisor's: those have no subleaves.
    """
    blocks = [Block()]
    for line in lines_of(text):
        for heading in HEADING.finditer(line):
            number = next((int(group) for group in heading.groups() if group), None)
            if blocks[-1].leaves or number is not None:
                blocks.append(Block(number))
        for one in find_leaves(line):
            add_leaf(blocks, one, space)
    return number_blocks([block for block in blocks if block.leaves])


def lines_of(text: str) -> list[str]:
    """The lines; of JSON its objects, each on one."""
    if text.lstrip()[:1] in ("{", "["):
        return re.split(r"(?<=\})", " ".join(text.split()))
    return text.splitlines()


def add_leaf(blocks: list[Block], one: LeafLine, space: Space) -> None:
    if one.cpu is not None and one.cpu != blocks[-1].number:
        known = next((block for block in blocks if block.number == one.cpu), None)
        blocks.append(known or Block(one.cpu))
    key = (one.leaf, one.subleaf)
    leaves = blocks[-1].leaves
    if key in leaves and one.leaf == next(reversed(leaves))[0] and not space.is_hypervisors(one.leaf):
        key = (one.leaf, next(reversed(leaves))[1] + 1)  # a tool that does not print subleaves
    if key in leaves:
        blocks.append(Block())
    blocks[-1].leaves[key] = replace(one, subleaf=key[1])


def number_blocks(blocks: list[Block]) -> list[Leaves]:
    """The blocks once each, with their CPU's number in each leaf; those without one, or with one that was there, take free ones."""
    once = list({id(block): block for block in blocks}.values())
    taken = {block.number for block in once if block.number is not None}
    free = (number for number in range(len(once) + len(taken)) if number not in taken)
    given: set[int] = set()
    found = []
    for block in once:
        number = block.number if block.number is not None and block.number not in given else next(free)
        given.add(number)
        found.append({key: replace(one, cpu=number) for key, one in block.leaves.items()})
    return found


def read_file(raw: bytes, name: str, space: Space) -> list[Leaves]:
    """read_dump of a file's bytes, in any encoding that tools write. UsageError if there is no leaf in it."""
    found = read_dump(to_text(raw), space)
    if not found:
        raise UsageError(f"{name}: no CPUID leaf in it; known are lines such as " + ", ".join(f"`{one.example}`" for one in FORMS))
    return found


def to_text(raw: bytes) -> str:
    """UTF-8 or UTF-16; whatever else is ASCII as far as it matters."""
    if raw[1:2] == b"\0" and raw[:1] != b"\0":  # UTF-16 without its mark
        return raw.decode("utf-16-le", "replace")
    text = decode(raw)
    return raw.decode("latin-1") if text is None else text
