"""Every layout of every spec, the built-in ones and those of tests/data/specs, on both archs; and bytes to try on them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hvrepl.catalog.catalog import Catalog, Found, as_word
from hvrepl.catalog.index import is_seen
from hvrepl.catalog.model import ARCHES, COMMON, Layout
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, from_dict
from hvrepl.codec.encode.assign import Assigner, Assignment
from hvrepl.codec.encode.from_tree import encode
from tests.fuzz import amount
from tests.indexes import TEST_INDEX

DECODERS = {arch: Decoder(Catalog(TEST_INDEX, arch)) for arch in ARCHES}


@dataclass(frozen=True)
class Thing:
    """One layout on one arch."""

    arch: str
    found: Found
    output: bool = False

    @property
    def decoder(self) -> Decoder:
        return DECODERS[self.arch]

    @property
    def is_again(self) -> bool:
        """Whether it is also tried on the first arch, where almost all have the same layout."""
        return self.arch != ARCHES[0] and self.found.spec.arch == COMMON

    @property
    def layout(self) -> Layout | None:
        return self.found.spec.output if self.output else self.found.spec.layout

    @property
    def width(self) -> int:
        return 0 if self.output else self.decoder.width(self.found.spec)

    @property
    def head(self) -> int:
        return self.width // 8 or self.decoder.head(self.found.spec, self.layout or Layout(()))

    @property
    def size(self) -> int:
        """Bytes of the whole; without a fixed end, enough for a few elements."""
        return self.width // 8 or self.decoder.schemas.size(self.found.spec, self.layout) or self.head + 48

    def decode(self, data: bytes, **context: str) -> Decoded:
        return self.decoder.decode(self.found, data, output=self.output, context=context)

    def encode(self, node: Decoded, **context: str) -> bytes:
        return encode(self.decoder, self.found, node, output=self.output, context=context)

    def through_json(self, node: Decoded, **context: str) -> bytes:
        return self.encode(from_dict(json.loads(json.dumps(node.to_dict()))), **context)

    def assign(self, *assignments: str, value: bytes | None = None) -> bytes:
        """FIELD=VALUE … as people write them."""
        assigner = Assigner(self.decoder, self.found, output=self.output)
        return assigner.assign(value, [read_assignment(text) for text in assignments])

    def __str__(self) -> str:
        return f"{self.arch}-{self.found.name}{'.output' if self.output else ''}"


def read_assignment(text: str) -> Assignment:
    path, _, value = text.partition("=")
    try:
        number = int(value, 0)
    except ValueError:
        number = None
    return Assignment(path, value, number)


def thing(name: str, arch: str = "x64", *, output: bool = False) -> Thing:
    return Thing(arch, DECODERS[arch].catalog.find_name(name), output)


def all_things() -> Iterator[Thing]:
    for arch in ARCHES:
        catalog = DECODERS[arch].catalog
        for key, _, _, spec_arch, _ in TEST_INDEX.specs():
            spec = as_word(catalog.load(key))
            if not is_seen(spec_arch, arch):
                continue
            found = Found(spec, arch, 0 if spec.count else None, catalog.heading(spec))
            if spec.layout or (spec.width and spec.kind in ("register", "word")):
                yield Thing(arch, found)
            if spec.output:
                yield Thing(arch, found, output=True)


THINGS = list(all_things())
LARGE = 1000  # bytes of a struct that takes long to decode


def samples(thing: Thing) -> Iterator[bytes]:
    """Zeros, ones, single bits (in a word those at the ends of fields, in a struct some), random bytes; a struct also truncated and longer.

    Few of those that were already tried on x64.
    """
    dice = random.Random(str(thing))
    size = thing.size
    is_again = amount(thing.is_again, False)
    few = amount(2, 6) if is_again or size > LARGE else amount(6, 24)
    yield bytes(size)
    yield b"\xff" * size
    every = amount(edges, lambda thing: range(8 * thing.size))
    for bit in every(thing) if thing.width and not is_again else sorted(dice.sample(range(8 * size), min(8 * size, few))):
        yield (1 << bit).to_bytes(size, "little")
    for _ in range(max(1, few // 3)):
        yield dice.randbytes(size)
    if not thing.width:
        ends = {thing.head, thing.head + 1, (thing.head + size) // 2, size - 1, size + 1, size + 7}
        for end in sorted({thing.head + 1, size - 1} if is_again or amount(size > LARGE, False) else ends):
            yield dice.randbytes(max(end, thing.head))
            if end % 2 or amount(False, True):
                yield bytes(max(end, thing.head))


def edges(thing: Thing) -> list[int]:
    """The lowest and the highest bit of each field of a word, including variants: the bits between belong to the same field."""
    found = {0, thing.width - 1}
    for data in (bytes(thing.size), b"\xff" * thing.size, *(bytes([1 << place]) + bytes(thing.size - 1) for place in range(8))):
        for leaf in leaves(thing.decode(data)):
            found |= set(absolute(leaf)) if leaf.bits else set()
    return sorted(found)


def absolute(field: Decoded) -> tuple[int, int]:
    """Bits of a CPUID leaf are counted within their register; as a 128-bit number the leaf is EDX:ECX:EBX:EAX."""
    assert field.bits is not None
    high, low = field.bits
    base = 32 * ("eax", "ebx", "ecx", "edx").index(field.register.split(":")[-1]) if field.register else 0
    return base + high, base + low


def leaves(node: Decoded) -> Iterator[Decoded]:
    children = (*node.slots, *node.fields)
    if not children:
        yield node
    for child in children:
        yield from leaves(child)


def nodes(node: Decoded) -> Iterator[Decoded]:
    yield node
    for child in (*node.slots, *node.fields):
        yield from nodes(child)


def tree(node: Decoded) -> Any:
    """Only the values of a node: name → number, hex bytes, or the same for its parts, with the meaning if there is one."""
    children = (*node.slots, *node.fields)
    if children and all(child.name.startswith("[") for child in children):
        return [tree(child) for child in children]
    if children:
        return {child.name: tree(child) for child in children}
    value = node.raw if node.value is None else node.value
    return f"{value} {node.meaning}" if node.meaning else value
