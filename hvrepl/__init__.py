"""hvrepl tells what a raw Hyper-V number means, and builds such numbers back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvrepl.codec.decoded import Decoded

__all__ = ["__version__", "decode", "encode"]
__version__ = "0.1.0"


def decode(what: str, value: int | bytes, *, arch: str = "x64") -> Decoded:
    """What a value means: of a register or word an int or its bytes in memory order, of a struct its bytes.

    `what` is any name or alias. Raises hvrepl.errors.NotFoundError for an unknown name, UsageError for a value that is too wide
    or too short. `decode("guest-id", 0x8100000606570000).to_dict()` is the object that `hvrepl decode -f json` prints.
    """
    from hvrepl.api import open_decoder, to_bytes

    decoder = open_decoder(arch)
    found = decoder.catalog.find_name(what)
    return decoder.decode(found, to_bytes(decoder, found, value))


def encode(what: str, start: int | bytes | None = None, *, arch: str = "x64", **fields: int | str) -> int | bytes:
    """A value from fields, from zero or from `start`: an int of a register or word, the bytes of a struct.

    A field's value is a number, an enumerator, or words that the field reads: `encode("guest-id", kernel="6.6.87")`. Paths with
    dots are given as `**{"payload.timer_index": 1}`. Raises UsageError for what the command line would refuse.
    """
    from hvrepl.api import assign, open_decoder

    return assign(open_decoder(arch), what, start, fields)
