"""Text → CPUID leaves, line by line or a whole dump, CPU by CPU. An unreadable digit is reported, never guessed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from hvrepl.catalog.model import Space
from hvrepl.catalog.parse_specs import CPUID_REGISTERS, REGISTER_BITS
from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.explain_number import explain_letter
from hvrepl.readers.plain_text import decode, without_mail
from hvrepl.record import field, mutable, record, replace
from hvrepl.wording import shorten

FLAGS = re.IGNORECASE | re.ASCII | re.VERBOSE
HEX = r"(?:0x)?[0-9a-f]{1,8}"
WORD = r"[0-9a-z]{1,40}"  # a register, even with a letter typed for a digit
BARE = "|".join(("0000", "4000", "8000", "8fff", "c000"))  # how leaves begin: a line without names must begin with one
NAMED = rf"""["']?e[a-d]x["']?\s{{0,9}}[=:]\s{{0,9}}["']?{WORD}["']?"""
RUN = rf"(?P<run>{NAMED}(?:[\s,;]{{0,9}}{NAMED}){{0,3}})"
FOUR = rf"(?P<eax>{WORD})SEP(?P<ebx>{WORD})SEP(?P<ecx>{WORD})SEP(?P<edx>{WORD})"
CPU = r"(?:\bcpu\s{0,9}\#?(?P<cpu>[0-9]{1,5})\b[:,]?\s{0,9})?"

Leaf = tuple[int, int]  # leaf, subleaf


class Form(NamedTuple):
    """A way to print a leaf: a text that its lines contain in lower case, an example, and the pattern."""

    mark: str
    example: str
    pattern: re.Pattern[str]


def form(mark: str, example: str, pattern: str, separator: str = "") -> Form:
    return Form(mark, example, re.compile(pattern.replace("SEP", separator), FLAGS))


# Tried in this order; where two match the same text, the first counts. A new form is one entry.
# Runs of blanks are bounded where two of them can meet: otherwise a long line would take quadratic time.
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
JSON = ("{", "[")
NO_SUBLEAF = 0xFFFFFFFF  # Xen's number for a leaf without subleaves

HEADING = regex(
    r"""^\s*CPU(?:\s+(\d{1,5}))?\s*:\s*$ | Logical\s+CPU\s*\#\s*(\d{1,5}) | ^\s*CPU\s*\#\s*(\d{1,5})\b | ^\s*CPU\s+Thread\s+(\d{1,5})
      | <processor\b(?:\s+\w+=["'](\d{1,5})["'])? | ["']cpu["']\s*:\s*(\d{1,5})""",
    FLAGS,
)
REGISTER = regex(rf"""(["']?)(e[a-d]x)["']?\s*[=:]\s*(["']?)({WORD})""", FLAGS)


@record
class LeafLine:
    """A leaf in a line, from `start` to `end`. An unreadable register is missing, and `remark` says why.

    `lettered`: the text of each register with a letter where a digit must be.
    """

    leaf: int
    subleaf: int
    registers: Mapping[str, int]
    cpu: int | None
    start: int
    end: int
    remark: str = ""
    lettered: Mapping[str, str] = field(default_factory=dict)


Leaves = dict[Leaf, LeafLine]


class Taken:
    """The matched parts of a text; they do not overlap."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, int]] = []
        self._run: list[tuple[int, int]] = []  # the latest parts, in ascending order, as a single form finds them

    def take(self, start: int, end: int) -> bool:
        """Takes a part, unless it overlaps one that is taken already."""
        if self._run and start < self._run[-1][1]:
            # The runs are merged as a whole: inserting the parts of one form one by one between those of another takes quadratic time.
            self._parts = sorted([*self._parts, *self._run])
            self._run = []
        at = bisect_left(self._parts, (end, 0))
        if at and self._parts[at - 1][1] > start:
            return False
        self._run.append((start, end))
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
        texts, bases = {name: parts[name] for name in CPUID_REGISTERS}, {}
    registers: dict[str, int] = {}
    lettered: dict[str, str] = {}
    remarks = []
    for name, text in texts.items():
        value = to_register(text, bases.get(name, 16))
        if value is None:
            letter = explain_letter(text)
            remarks.append(f"{name}: {letter or f'{shorten(text)!r} is not a {REGISTER_BITS}-bit number'}")
            lettered |= {name: text} if letter else {}
        else:
            registers[name] = value
    missing = [name for name in CPUID_REGISTERS if name not in texts]
    remarks += [f"{', '.join(missing)}: missing"] if missing else []
    subleaf = int(parts.get("subleaf") or parts.get("sl") or "0", 16)
    cpu = parts.get("cpu")
    return LeafLine(
        int(parts["leaf"], 16),
        0 if subleaf == NO_SUBLEAF else subleaf,
        registers,
        to_int(cpu) if cpu else None,
        match.start(),
        match.end(),
        "; ".join(remarks),
        lettered,
    )


def read_run(run: str) -> tuple[dict[str, str], dict[str, int]]:
    """The texts of `eax=… ebx=…`, and their base: unquoted numbers in JSON are decimal."""
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
    value = to_int(digits, base)
    return None if value >> REGISTER_BITS else value


@record
class Dump:
    """The leaves of each CPU of one machine, by (leaf, subleaf), and the line where they begin: from 1, or 0 in JSON."""

    cpus: list[Leaves]
    line: int


@mutable
class Block:
    """Collects the leaves of one CPU, with its number if the dump has one. `run` counts how often the CPU numbers restarted."""

    number: int | None = None
    run: int = 0
    line: int = 0
    leaves: Leaves = field(default_factory=dict)


def read_dump(text: str, space: Space) -> list[Leaves]:
    """The leaves of each CPU of each machine, by (leaf, subleaf)."""
    return [leaves for dump in read_machines(text, space) for leaves in dump.cpus]


def read_machines(text: str, space: Space) -> list[Dump]:
    """The machines in a text. A heading begins another CPU, and so does a repeated leaf.

    Another machine begins where the CPU numbers restart, and where a CPU without a number has another value in a hypervisor leaf:
    `cpuid -1` prints no CPU numbers. `space` knows which leaves are a hypervisor's.
    """
    blocks = Blocks()
    is_json = text.lstrip()[:1] in JSON
    for number, line in enumerate(lines_of(text), 1):
        for heading in HEADING.finditer(line):
            cpu = next((to_int(group) for group in heading.groups() if group), None)
            if blocks.last.leaves or cpu is not None:
                blocks.begin(Block(cpu, blocks.last.run))
            blocks.last.line = 0 if is_json else number
        for one in find_leaves(line):
            add_leaf(blocks, one, space)
            blocks.last.line = blocks.last.line or (0 if is_json else number)
    once = {id(block): block for block in blocks.all if block.leaves}
    return [Dump(number_cpus(machine.blocks), machine.line) for machine in split_machines(once.values(), space)]


class Blocks:
    """The blocks in order of appearance, some more than once; `last` is the one that leaves are added to."""

    def __init__(self) -> None:
        self.all: list[Block] = []
        self._of_cpu: dict[tuple[int, int | None], Block] = {}
        self.begin(Block())

    def begin(self, block: Block) -> None:
        self.last = block
        self.all.append(block)
        self._of_cpu[block.run, block.number] = block

    def go_on(self, cpu: int) -> None:
        """Continues the block of a CPU in the current run of numbers, or begins a new one."""
        run = self.last.run
        self.begin(self._of_cpu.get((run, cpu)) or Block(cpu, run))


@mutable
class Group:
    """Collects the blocks of one machine by CPU (-1, -2, … without numbers), and the first occurrence of each leaf."""

    run: int
    line: int
    blocks: dict[int, Block] = field(default_factory=dict)
    first: Leaves = field(default_factory=dict)
    is_numbered: bool = True  # whether each block has a number

    def has_room(self, block: Block, space: Space) -> bool:
        """Whether a block can belong to this machine: a CPU that it does not have yet, or other leaves of one that it has."""
        if block.run != self.run:
            return False
        if block.number is not None and self.is_numbered:
            return block.number not in self.blocks or self.blocks[block.number].leaves.keys().isdisjoint(block.leaves)
        return not differ(self.first, block.leaves, space)

    def add(self, block: Block) -> None:
        number = -1 - len(self.blocks) if block.number is None else block.number
        self.is_numbered = self.is_numbered and number >= 0
        if number in self.blocks:  # a CPU in two places of the dump
            self.blocks[number].leaves |= block.leaves
        else:
            self.blocks[number] = block
        for key, one in block.leaves.items():
            self.first.setdefault(key, one)


def split_machines(blocks: Iterable[Block], space: Space) -> list[Group]:
    machines: list[Group] = []
    for block in blocks:
        if not machines or not machines[-1].has_room(block, space):
            machines.append(Group(block.run, block.line))
        machines[-1].add(block)
    return machines


def differ(a: Leaves, b: Leaves, space: Space) -> bool:
    """Whether any readable register of a hypervisor's leaf differs."""
    shared = [key for key in b if key in a and space.is_hypervisors(key[0])]
    return any(b[key].registers.get(name, value) != value for key in shared for name, value in a[key].registers.items())


def lines_of(text: str) -> list[str]:
    """The lines of the text; for JSON, one line per object."""
    if text.lstrip()[:1] in JSON:
        return re.split(r"(?<=\})", " ".join(text.split()))
    return text.splitlines()


def add_leaf(blocks: Blocks, one: LeafLine, space: Space) -> None:
    if one.cpu is not None and one.cpu != blocks.last.number:
        blocks.go_on(one.cpu)
    key = (one.leaf, one.subleaf)
    leaves = blocks.last.leaves
    if key in leaves and one.leaf == next(reversed(leaves))[0] and not space.is_hypervisors(one.leaf):
        key = (one.leaf, next(reversed(leaves))[1] + 1)  # from a tool that does not print subleaves
    if key in leaves:
        number = blocks.last.number
        blocks.begin(Block(number, blocks.last.run + (number is not None)))
    blocks.last.leaves[key] = replace(one, subleaf=key[1])


def number_cpus(blocks: Mapping[int, Block]) -> list[Leaves]:
    """The CPUs of one machine, with their numbers in each leaf; CPUs without one get free numbers."""
    free = (number for number in range(len(blocks)) if number not in blocks)
    found = []
    for number, block in blocks.items():
        cpu = next(free) if number < 0 else number
        found.append({key: replace(one, cpu=cpu) for key, one in block.leaves.items()})
    return found


def read_file(raw: bytes, name: str, space: Space) -> list[Dump]:
    """read_machines for the bytes of a file, in any encoding that tools write. UsageError if there is no leaf in it."""
    found = read_machines(to_text(raw), space)
    if not found:
        raise UsageError(f"{name}: no CPUID leaf found; expected lines such as " + ", ".join(f"`{one.example}`" for one in FORMS))
    return found


def to_text(raw: bytes) -> str:
    """The text in UTF-8 or UTF-16; in any other encoding, only ASCII matters."""
    if raw[1:2] == b"\0" and raw[:1] != b"\0":  # UTF-16 without a byte order mark
        return raw.decode("utf-16-le", "replace")
    text = decode(raw)
    return raw.decode("latin-1") if text is None else without_mail(text)
