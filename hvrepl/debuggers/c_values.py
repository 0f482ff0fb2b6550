"""Types of a program's values, as each debugger reads them → definitions of Hyper-V's interface."""

from __future__ import annotations

from hvrepl.catalog.c_types import find_type, is_one_of_several
from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.record import record, replace


@record
class CType:
    """A debugger's knowledge of a type. `names` are its own, from the typedef of the declaration to the tag of its struct; `first` are
    those of its first member; `size` is None for an incomplete type."""

    title: str
    names: tuple[str, ...]
    size: int | None
    first: tuple[str, ...] = ()


def find_known(decoder: Decoder, kind: CType) -> Found | None:
    """The definition of a type; None if it is unknown. UsageError if its size differs from the interface's.

    A type that begins with the header of a message that gives its own length is such a message, as in VMBus.
    """
    head = find_first(decoder, kind.first)
    if head and head.spec.layout and decoder.schemas.size(head.spec) is None and kind.size is not None:
        return head
    found = find_first(decoder, kind.names)
    if found is None:
        return None
    expected = decoder.schemas.size(found.spec)
    if kind.size is not None and expected in (None, kind.size):
        return found
    here = f"has {kind.size} bytes here, so it is not {found.name}, which has {expected}"
    raise UsageError(f"{kind.title} {'is only declared here' if kind.size is None else here}; name what it is: decode WHAT EXPR")


def find_first(decoder: Decoder, names: tuple[str, ...]) -> Found | None:
    return next((found for name in names if (found := find_type(decoder.catalog, name))), None)


def not_known(title: str) -> NotFoundError:
    return NotFoundError(f"{title} is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR")


def wrong_arch(name: str) -> UsageError:
    return UsageError(f"the program is of {name}; Hyper-V's interface is known for x64 and arm64")


def decode_typed(decoder: Decoder, found: Found, data: bytes) -> Decoded:
    """A value by its type. A register of an array gets the name of the type, as its number is unknown."""
    node = decoder.decode(found, data)
    return replace(node, name=found.asked, space="", number="", subtitle="") if is_one_of_several(found) else node


def as_unsigned(number: int, size: int) -> int:
    """A number of so many bytes; C may have given it as a negative one."""
    return number & (1 << 8 * size) - 1 if number < 0 else number
