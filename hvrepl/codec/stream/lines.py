"""Layout → one function from int or bytes to a JSON line, for long streams: the text of dump(decode(…).to_dict()), many times faster.

Values whose trees have the same shape (the same variants, sizes and counts) share a function, which is made from the tree of one of them.
Values without such a function go through the tree.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, dump
from hvrepl.codec.stream.fragments import Memo, mask_of
from hvrepl.codec.stream.locate import Choice, LocatedTree, Locator, UnlocatedError
from hvrepl.codec.stream.write_tree import Line, write_function
from hvrepl.record import replace

Picks = tuple[Hashable, ...]
MOST_STEPS = 2000
WORTH = 8  # values of a shape after which a function for it pays off


class Stream:
    """Writes the lines of values of one thing. Not thread-safe."""

    def __init__(
        self, decoder: Decoder, found: Found, *, output: bool = False, other: tuple[Decoded, ...] = (), worth: int = WORTH
    ) -> None:
        self.found = found
        self.output = output
        self.width = 0 if output else decoder.width(found.spec)
        self.size = self.width // 8 or decoder.schemas.size(found.spec, found.spec.output if output else found.spec.layout)
        self.made = 0
        self._decoder = decoder
        self._locator = Locator(decoder.catalog, decoder.schemas)
        self._other = other
        self._worth = worth
        self._tails = Memo(self._write_tail)
        # Decides the shape of a value, step by step: the picks so far → the next choice, or the function that writes its lines.
        self._steps: dict[Picks, Choice | Line] = {}
        self._seen: dict[Picks, int] = {}
        self._mask = 0  # the bits of all choices
        self._lines = Memo(self._find)

    def line(self, data: bytes, how: str = "") -> str:
        """The line of a value's bytes; `how` is how they were read. UsageError for fewer bytes than the head of a struct."""
        if len(data) != self.size:
            return self._decode(data, self._tails[how])
        number = int.from_bytes(data, "little")
        line: str = self._lines[number & self._mask](number, "" if self.width else data.hex(), self._tails[how])
        return line

    def lines(self, values: Sequence[int | bytes]) -> list[str]:
        """The lines of a word's numbers, or of the bytes of structs."""
        tail = self._tails[""]
        if self.width:
            return [self._lines[value & self._mask](value, "", tail) for value in values if isinstance(value, int)]
        numbers = [(int.from_bytes(value, "little"), value.hex()) for value in values if isinstance(value, bytes)]
        return [self._lines[number & self._mask](number, raw, tail) for number, raw in numbers]

    def to_bytes(self, value: int | bytes) -> bytes:
        return value.to_bytes(self.width // 8, "little") if isinstance(value, int) else value

    def _write_tail(self, how: str) -> str:
        """The end of a line: everything after the findings."""
        table = Decoded(name="", other=self._other, read=how, source=self.found.spec.source).to_dict()
        return "," + dump(table)[1:] if table else "}"

    def _decode(self, data: bytes, tail: str) -> str:
        """The line of a value, through the tree."""
        node = self._decoder.decode(self.found, data, output=self.output)
        return dump(replace(node, source=()).to_dict())[:-1] + tail

    def _find(self, bits: int) -> Line:
        """The function for values with these bits of all choices."""
        return self._walk(bits)[1] or (self._explore if len(self._steps) < MOST_STEPS else self._slowly)

    def _walk(self, number: int) -> tuple[Picks, Line | None]:
        picks: Picks = ()
        step = self._steps.get(picks)
        while isinstance(step, Choice):
            picks += (step.of(number),)
            step = self._steps.get(picks)
        return picks, step

    def _slowly(self, number: int, _: str, tail: str) -> str:
        return self._decode(number.to_bytes(self.size or 0, "little"), tail)

    def _explore(self, number: int, raw: str, tail: str) -> str:
        """Handles the first value of a shape, and notes the choices that lead to it."""
        located = self._locate(number)
        picks: Picks = ()
        for choice in located.choices if located else ():
            self._steps[picks] = Choice(choice.spot, Memo(choice.pick).__getitem__)
            self._mask |= mask_of(choice.spot.lsb, choice.spot.width)
            picks += (choice.of(number),)
        self._steps[picks] = line = self._count if located else self._slowly
        self._lines = Memo(self._find)
        return line(number, raw, tail)

    def _count(self, number: int, raw: str, tail: str) -> str:
        """Handles a value of a shape that does not have a function yet."""
        picks = self._walk(number)[0]
        self._seen[picks] = self._seen.get(picks, 0) + 1
        if self._seen[picks] < self._worth:
            return self._slowly(number, raw, tail)
        self._steps[picks] = line = self._write(number)
        self._lines = Memo(self._find)
        return line(number, raw, tail)

    def _write(self, number: int) -> Line:
        located = self._locate(number)
        try:
            line = self._function(located) if located else self._slowly
        except UnlocatedError:
            return self._slowly
        self.made += located is not None
        return line

    def _function(self, located: LocatedTree) -> Line:
        """The function for all values of a shape. Raises UnlocatedError."""
        return write_function(located, self._decoder.catalog)

    def _locate(self, number: int) -> LocatedTree | None:
        """The tree with places, or None if something in it has no place of its own."""
        try:
            return self._locator.locate(self.found, number.to_bytes(self.size or 0, "little"), output=self.output)
        except UnlocatedError:
            return None
