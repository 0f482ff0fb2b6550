"""The values of a session under `_`, `_3` and names from `let`; replaces these words in a line with the values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hvrepl.catalog.catalog import Found
from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.record import field, mutable, record

MOST_KEPT = 1000
NUMBERED = regex(r"_(\d*)")
NAME = regex(r"[A-Za-z]\w*")
WORD = regex(r"(?<![\w`.])[A-Za-z_]\w*")
# FIELD= and FIELD>=, before a value.
ASSIGNED = regex(r"([^=!<>@()]+(?:==|!=|<=|>=|=|<|>))(.+)", re.DOTALL)


@record
class Kept:
    """A value: the thing and its bytes in memory order; without `found` a number of unknown meaning.

    `how` is how a struct was read, and from which address.
    """

    called: str
    found: Found | None = None
    data: bytes = b""
    bare: int = 0
    how: str = ""

    @property
    def number(self) -> int | None:
        """None for a struct."""
        if self.found is None:
            return self.bare
        return int.from_bytes(self.data, "little") if self.found.spec.width else None

    @property
    def word(self) -> str:
        """Its form in a line: a number as such, a struct by its name in hand."""
        return self.called if self.number is None else f"{self.number:#x}" if self.number >= 0 else f"({self.number:#x})"


@mutable
class InHand:
    """The last values by number, which is never reused; and those with a name.

    `trail` holds the numbers of the values that `_` has had, so that it can go back.
    """

    count: int = 0
    numbered: dict[int, Kept] = field(default_factory=dict)
    trail: list[int] = field(default_factory=list)
    named: dict[str, Kept] = field(default_factory=dict)

    def keep(self, found: Found | None, data: bytes = b"", *, bare: int = 0, how: str = "") -> None:
        """Makes a value the meaning of `_`."""
        self.count += 1
        self.numbered[self.count] = Kept(f"_{self.count}", found, data, bare, how)
        self.trail.append(self.count)
        if len(self.numbered) > MOST_KEPT:
            del self.numbered[next(iter(self.numbered))]
            while self.trail[0] not in self.numbered:
                del self.trail[0]

    def copy(self) -> InHand:
        """A copy with the same values, which can lose some and get others independently."""
        return InHand(self.count, dict(self.numbered), list(self.trail), dict(self.named))

    def skip(self, count: int) -> None:
        """Skips numbers, as if values had used them."""
        self.count += count

    @property
    def last(self) -> Kept | None:
        return self.numbered[self.trail[-1]] if self.trail else None

    @property
    def found(self) -> Found | None:
        """The thing of the last value."""
        return self.last.found if self.last else None

    def undo(self) -> Kept:
        """Makes the value before the last one the last again."""
        if len(self.trail) < 2:
            raise UsageError("there is no value before the last one" if self.trail else "there is no value yet")
        self.trail.pop()
        return self.numbered[self.trail[-1]]

    def get(self, word: str) -> Kept | None:
        """The value of a whole word; None if the word is not of that form. UsageError if there is no such value."""
        match = NUMBERED.fullmatch(word)
        if match is None:
            return self.named.get(word)
        if self.last is None:
            raise UsageError(f"{word[:40]} is the value of an earlier line of a script or the shell, and there is none")
        if not match[1]:
            return self.last
        kept = self.numbered.get(to_int(match[1])) if len(match[1]) <= len(str(self.count)) else None
        if kept is None:
            raise UsageError(f"there is no value {word[:40]}; the values are _{next(iter(self.numbered))} to _{self.count}")
        return kept

    def replace_in(self, word: str) -> str:
        """A word with values filled in: for the whole word, after FIELD=, or within parentheses."""
        kept = self.get(word)
        if kept:
            return kept.word
        if "(" in word:
            return WORD.sub(self._replace_operand, word)
        match = ASSIGNED.fullmatch(word)
        kept = self.get(match[2]) if match else None
        return f"{match[1]}{self.need_number(kept)}" if match and kept else word

    def _replace_operand(self, match: re.Match[str]) -> str:
        kept = self.get(match[0])
        return self.need_number(kept) if kept else match[0]

    def need_number(self, kept: Kept) -> str:
        if kept.number is None:
            size = len(kept.data)
            raise UsageError(
                f"{kept.called} is a struct of {size} byte{'s' * (size > 1)}, not a number; it can be a value only as a word by itself"
            )
        return kept.word

    def all(self) -> Iterator[Kept]:
        yield from self.numbered.values()
        yield from self.named.values()
