"""The structs of hvdef and vmbus_core, laid out as Rust does: `python -m tests.codec.rust_types [-v]` compares the specs.

It reads `#[repr(C)]` and transparent structs, `#[bitfield(…)]`, and the integers of enumerations; a struct that has a member of any other
type (a reference, a vector) is not a layout, and is left out. HVREPL_OPENVMM is the path of a checkout.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hvrepl.catalog.model import ARCHES
from tests.codec.agreement import Member, Table, report
from tests.codec.c_structs import skip, split

FILES = ("vm/hv1/hvdef/src/lib.rs", "vm/devices/vmbus/vmbus_core/src/protocol.rs")
TOKEN = re.compile(r"[A-Za-z_]\w*|\d\w*|::|->|=>|\S")
NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'\w+\b(?!')|'(?:\\.|[^'])'", re.DOTALL)
NUMBERS = {f"{sign}{bits}": bits // 8 for sign in "ui" for bits in (8, 16, 32, 64, 128)} | {"bool": 1, "f64": 8}
GUID_SIZE, GUID_ALIGNMENT = 16, 4


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: tuple[str, ...]
    bits: str = ""


@dataclass(frozen=True, slots=True)
class Struct:
    """A member in the source: `bits` is the integer of a bitfield."""

    fields: tuple[Field, ...]
    bits: str = ""
    alignment: int = 1


@dataclass(frozen=True, slots=True)
class Size:
    size: int
    alignment: int


class UnknownTypeError(Exception):
    pass


class Source:
    """The contents of one file, in addition to those of the files `before` it: structs, the types of other names, constants."""

    def __init__(self, text: str, before: Source | None = None) -> None:
        self.own: list[str] = []
        self.structs: dict[str, Struct] = dict(before.structs) if before else {}
        self.types: dict[str, tuple[str, ...]] = dict(before.types) if before else {}
        self.constants: dict[str, list[str]] = dict(before.constants) if before else {}
        self._read(TOKEN.findall(NOISE.sub(" ", text)))

    def _read(self, tokens: list[str]) -> None:
        """The items of a file or module, each with the attributes before it."""
        at = 0
        attributes: list[list[str]] = []
        while at < len(tokens):
            if tokens[at] == "#":
                end = skip(tokens, at + 1)
                attributes.append(tokens[at + 2 : end - 1])
            elif tokens[at : at + 2] == ["pub", "("]:
                end = skip(tokens, at + 1)
            elif tokens[at] == "pub":
                end = at + 1
            else:
                end = self._read_item(tokens, at, attributes)
                attributes = []
            at = end

    def _read_item(self, tokens: list[str], at: int, attributes: list[list[str]]) -> int:
        """Records the item that begins there, if it is one of these; returns the position after it, or after its first token."""
        match tokens[at : at + 3]:
            case ["struct", name, "{" | "("]:
                end = skip(tokens, at + 2)
                self._add_struct(name, attributes, tokens[at + 2 : end])
            case ["type", name, "="]:
                end = tokens.index(";", at)
                self.types[name] = tuple(tokens[at + 3 : end])
            case ["const", name, ":"]:
                end = tokens.index(";", at)
                self.constants[name] = tokens[tokens.index("=", at) + 1 : end]
            case ["mod", _, "{"]:
                end = skip(tokens, at + 2)
                self._read(tokens[at + 3 : end - 1])
            case ["!", "{", *_]:
                end = skip(tokens, at + 1)
                self._read_enumeration(tokens[at + 2 : end - 1])
            case _:
                end = skip(tokens, at)
        return end

    def _read_enumeration(self, tokens: list[str]) -> None:
        """The contents of `open_enum! { pub enum X: u32 {…} }`; or of `registers! { X {…} }`, which makes 32-bit ones."""
        if "enum" in tokens:
            at = tokens.index("enum")
            self.types[tokens[at + 1]] = (tokens[at + 3],)
        elif tokens[1:2] == ["{"]:
            self.types[tokens[0]] = ("u32",)

    def _add_struct(self, name: str, attributes: list[list[str]], body: list[str]) -> None:
        heads = {one[0]: one[1:] for one in attributes if one}
        bits = heads["bitfield"][1] if "bitfield" in heads else ""
        shape = heads.get("repr", [])
        if bits or "C" in shape or "transparent" in shape:
            alignment = int(shape[shape.index("align") + 2]) if "align" in shape else 1
            parts = [one for one in split(body[1:-1], ",") if one]
            fields = tuple(read_field(one, str(place) if body[0] == "(" else "") for place, one in enumerate(parts))
            self.own.append(name)
            self.structs[name] = Struct(fields, bits, alignment)

    def size(self, kind: tuple[str, ...]) -> Size:
        """Size and alignment; raises UnknownTypeError."""
        match kind:
            case ["[", *inner, "]"] if ";" in inner:
                element, count = split(inner, ";")
                one = self.size(tuple(element))
                return Size(one.size * self.number(count), one.alignment)
            case ["Unalign", "<", *inner, ">"]:
                return Size(self.size(tuple(inner)).size, 1)
            case [*_, "Guid"]:
                return Size(GUID_SIZE, GUID_ALIGNMENT)
            case [*_, name] if name in NUMBERS:
                return Size(NUMBERS[name], NUMBERS[name])
            case [*_, name] if name in self.structs:
                return self._struct_size(self.structs[name])
            case [*_, name] if name in self.types:
                return self.size(self.types[name])
        raise UnknownTypeError(" ".join(kind))

    def _struct_size(self, struct: Struct) -> Size:
        if struct.bits:
            return self.size((struct.bits,))
        sizes = [self.size(field.type) for field in struct.fields]
        alignment = max([struct.alignment, *(one.alignment for one in sizes)])
        end = 0
        for one in sizes:
            end = round_up(end, one.alignment) + one.size
        return Size(round_up(end, alignment), alignment)

    def number(self, tokens: list[str]) -> int:
        """`256`, or a constant with such a value; raises UnknownTypeError for a sum."""
        if len(tokens) == 1 and tokens[0] in self.constants:
            return self.number(self.constants[tokens[0]])
        try:
            return int("".join(tokens), 0)
        except ValueError:
            raise UnknownTypeError(" ".join(tokens)) from None

    def members(self, name: str, base: int = 0, above: str = "") -> Iterator[Member]:
        """Every member, and the members of those that are structs; for an array those of its first element."""
        struct = self.structs[name]
        at = 0
        for field in struct.fields:
            if struct.bits:
                width = self.number([field.bits]) if field.bits else 1 if field.type == ("bool",) else 8 * self.size(field.type).size
                start = at
            else:
                size = self.size(field.type)
                start, width = 8 * round_up(at // 8, size.alignment), 8 * size.size
            at = start + width
            inner = self._inner(field)
            yield Member(above + field.name, base + start, width, bool(inner), name, field.name)
            if inner:
                step = f"{field.name}[0]." if field.type[0] == "[" else f"{field.name}."
                yield from self.members(inner, base + start, above + step)

    def _inner(self, field: Field) -> str:
        """The struct type of a field, or of its element; "" for a number, even if it has its own type."""
        name = next((one for one in field.type if one in self.structs), "")
        return name if name and self.structs[name].fields[:1] and self.structs[name].fields[0].name != "0" else ""


def read_field(tokens: list[str], name: str) -> Field:
    """`#[bits(n)] pub name: type`; in a tuple struct only a type, and the name is its place."""
    bits = ""
    while tokens[0] in ("#", "pub"):
        end = skip(tokens, 1) if tokens[0] == "#" or tokens[1] == "(" else 1
        bits = tokens[4] if tokens[2:3] == ["bits"] else bits
        tokens = tokens[end:]
    return Field(name, tuple(tokens)) if name else Field(tokens[0], tuple(tokens[2:]), bits)


def round_up(number: int, step: int) -> int:
    return -(-number // step) * step


def find_checkout() -> Path | None:
    named = os.environ.get("HVREPL_OPENVMM")
    return Path(named) if named and all((Path(named) / file).exists() for file in FILES) else None


def find_missing() -> str:
    """The reason why nothing can be compared here, or ""."""
    return "" if find_checkout() else "a checkout of OpenVMM in $HVREPL_OPENVMM"


def measure(checkout: Path) -> dict[str, list[Member]]:
    """struct → its size (a member without a name) and its members."""
    found: dict[str, list[Member]] = {}
    source = None
    for file in FILES:
        source = Source((checkout / file).read_text(encoding="utf-8"), source)
        for name in source.own:
            try:
                whole = Member("", 0, 8 * source.size((name,)).size, owner=name)
                members = list(source.members(name))
            except UnknownTypeError:
                continue
            if members:
                found[name] = [whole, *members]
    return found


def main() -> Iterator[str]:
    checkout = find_checkout()
    if checkout is None:
        yield f"nothing compared: {find_missing()}"
        return
    structs = measure(checkout)
    for arch in ARCHES:
        yield from report(arch, structs, Table("hvdef", loose=True), verbose="-v" in sys.argv)


if __name__ == "__main__":
    print("\n".join(main()))
