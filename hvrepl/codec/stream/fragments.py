"""Texts that depend on some bits of a number → the source of one function; those of few bits become tables. Does not know layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hvrepl.codec.decoded import quote_json
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import record

NAME = regex(r"\{x\d+\}")
WORD = 64
WIDEST_KEPT = 32  # bits: wider numbers, such as times and addresses, rarely recur
TABLE_BITS = 10  # bits of a table's key: at most 1024 texts
MOST_KEPT = 1 << 14  # texts in one memo
MOST_SHARED = 1 << 17  # texts in all memos of a function, unless it has very many
MOST_STRUCTS = 1 << 12  # texts for all small structs within a struct, which are longer


class Memo(dict[Any, Any]):
    """Caches the results of a function by its keys. It starts over when it is full, so a long stream needs no more memory."""

    __slots__ = ("make", "most")

    def __init__(self, make: Callable[[Any], Any], most: int = MOST_KEPT) -> None:
        super().__init__()
        self.make = make
        self.most = most

    def __missing__(self, key: Any) -> Any:
        if len(self) >= self.most:
            self.clear()
        found = self[key] = self.make(key)
        return found


def share(values: Iterable[Any]) -> None:
    """Gives each large memo of one function its share of MOST_SHARED, so that a struct of many numbers needs no more memory."""
    large = [value for value in values if isinstance(value, Memo) and value.most > 1 << TABLE_BITS]
    for memo in large:
        memo.most = min(memo.most, max(MOST_SHARED // len(large), 1 << TABLE_BITS))


class Code:
    """A function `(n, raw, tail)` under construction: n is the number, raw its bytes in hex, tail the end of the text.

    Its text is an f-string. Its braces contain only a name with a format or an index, as Python 3.11 does not allow quotes in them.
    With `names` it makes a text that such a function looks up, and has no `raw`.
    """

    def __init__(self, width: int, names: dict[str, Any] | None = None) -> None:
        self.width = width  # of n
        self.has_raw = names is None
        self.names = {} if names is None else names
        self.variables: dict[str, str] = {}

    def bits(self, lsb: int, width: int) -> str:
        """The name of a variable with some bits of n. In a struct they come from a word of it, as shifting the whole struct costs more."""
        word = lsb - lsb % WORD
        size = min(WORD, self.width - word)
        if self.width > 2 * WORD and width < size and lsb + width <= word + size:
            return self._part(self.bits(word, size), size, lsb - word, width)
        return self._part("n", self.width, lsb, width)

    def _part(self, name: str, size: int, lsb: int, width: int) -> str:
        """Some bits of a variable of `size` bits."""
        shifted = f"{name} >> {lsb}" if lsb else name
        if lsb + width < size:
            return self.let(f"{shifted} & {(1 << width) - 1:#x}")
        return self.let(shifted) if lsb else name

    def let(self, expression: str) -> str:
        """The name of a variable with the value of an expression; equal expressions share it."""
        return self.variables.setdefault(expression, f"x{len(self.variables)}")

    def text(self, fragment: Fragment) -> str:
        """The name of a variable with the text of a fragment."""
        return self.name_of(fragment.write(self))

    def name_of(self, text: str) -> str:
        """The name of a variable with a text."""
        return text[1:-1] if NAME.fullmatch(text) else self.let(f"f'{text}'")

    def bind(self, value: Any) -> str:
        """The name under which the function finds an object."""
        return next((name for name, known in self.names.items() if known is value), None) or self._name(value)

    def _name(self, value: Any) -> str:
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, text: str) -> Callable[..., str]:
        names = self.names
        exec(self.source(text), names)
        made: Callable[..., str] = names.pop("function")
        return made

    def source(self, text: str) -> str:
        body = "".join(f"    {name} = {expression}\n" for expression, name in self.variables.items())
        return f"def function(n, raw='', tail=''):\n{body}    return f'{text}'\n"


@record
class Fragment:
    """Text that depends on the bits of `mask`; `write` returns it as a part of an f-string."""

    mask: int
    write: Callable[[Code], str]


def quote(text: str) -> str:
    """Text as written in an f-string between single quotes."""
    for plain, quoted in (("\\", "\\\\"), ("'", "\\'"), ("{", "{{"), ("}", "}}")):
        text = text.replace(plain, quoted)
    return text


def literal(text: str) -> Fragment:
    """Text, or JSON, that never changes."""
    quoted = quote(text)
    return Fragment(0, lambda _: quoted)


def escape(text: str) -> str:
    """Text as written in a JSON string."""
    return quote_json(text)[1:-1]


def called(lsb: int, width: int, make: Callable[[int], str]) -> Fragment:
    """The result of a function for some bits."""
    return Fragment(mask_of(lsb, width), lambda code: f"{{{code.bind(make)}({code.bits(lsb, width)})}}")


def looked_up(lsb: int, width: int, make: Callable[[int], str]) -> Fragment:
    """The result of a function for some bits, cached by their value if that is likely to recur."""
    if width > WIDEST_KEPT:
        return called(lsb, width, make)
    made = Memo(make, most_of(width))
    return Fragment(mask_of(lsb, width), lambda code: f"{{{code.bind(made)}[{code.bits(lsb, width)}]}}")


def most_of(bits: int) -> int:
    """The most texts that a memo may keep whose keys have this many bits."""
    return min(1 << bits, MOST_KEPT)


def in_hex(at: int, size: int) -> Fragment:
    """Bytes in hex. Inside a look-up there are no raw bytes, so they come from the number."""

    def write_hex(code: Code) -> str:
        if size == 1:
            return f"{{{code.bits(8 * at, 8)}:02x}}"
        if code.has_raw:
            return f"{{raw[{2 * at}:{2 * (at + size)}]}}"
        bits = code.bits(8 * at, 8 * size)
        digits = code.let(f"{bits}.to_bytes({size}, 'little').hex()")
        return f"{{{digits}}}"

    return Fragment(mask_of(8 * at, 8 * size), write_hex)


def mask_of(lsb: int, width: int) -> int:
    return (1 << width) - 1 << lsb


def joined(fragments: Sequence[Fragment]) -> Fragment:
    return Fragment(union(fragments), lambda code: write(fragments, code))


def union(fragments: Iterable[Fragment]) -> int:
    mask = 0
    for fragment in fragments:
        mask |= fragment.mask
    return mask


def write(fragments: Sequence[Fragment], code: Code) -> str:
    return "".join(fragment.write(code) for fragment in fragments)


def tabled(fragments: Iterable[Fragment], structs: Sequence[int] = ()) -> list[Fragment]:
    """The fragments, with each run of them that depends on few bits, or on one of the structs, as one look-up.

    A struct is the mask of its bits: the same header comes again and again, though it has many bits.
    """
    found: list[Fragment] = []
    run: list[Fragment] = []
    for fragment in fragments:
        mask = union(run) | fragment.mask
        if mask.bit_count() > TABLE_BITS and not struct_of(mask, structs):
            found += close(run, structs)
            run = []
        run.append(fragment)
    return found + close(run, structs)


def close(run: list[Fragment], structs: Sequence[int]) -> list[Fragment]:
    """A run as a table, without the constant text at its ends."""
    moving = [at for at, fragment in enumerate(run) if fragment.mask]
    mask = union(run)
    is_small = mask.bit_count() <= TABLE_BITS
    if not moving or not (is_small or (len(moving) > 1 and struct_of(mask, structs))):
        return run
    first, last = moving[0], moving[-1] + 1
    kept = table(run[first:last]) if is_small else table(run[first:last], struct_of(mask, structs), max(32, MOST_STRUCTS // len(structs)))
    return [*run[:first], kept, *run[last:]]


def struct_of(mask: int, structs: Sequence[int]) -> int:
    """The struct that has all of these bits; 0 if none does."""
    return next((struct for struct in structs if not mask & ~struct), 0)


def table(run: Sequence[Fragment], mask: int = 0, most: int = 0) -> Fragment:
    """A run as a look-up by the bits that it follows from."""
    mask = mask or union(run)
    low = (mask & -mask).bit_length() - 1

    def write_table(code: Code) -> str:
        inner = Code(code.width, code.names)
        make = inner.function(write(run, inner))
        bits = code.bits(low, (mask >> low).bit_length())
        key = bits if (mask >> low) + 1 & mask >> low == 0 else f"{bits} & {mask >> low:#x}"
        return f"{{{code.bind(Memo(lambda key: make(key << low), most or most_of(mask.bit_count())))}[{key}]}}"

    return Fragment(mask, write_table)
