"""drgn: the meaning of its objects, and a Linux guest's SynIC pages and VMBus channels.

Scripts import what __all__ names; drgn loads drgn_plugin.py by itself.
"""

from __future__ import annotations

from drgn import Object

from hvrepl.analysis.identify import identify_number
from hvrepl.codec.decoded import Decoded
from hvrepl.codec.targets import find_target
from hvrepl.debuggers.c_values import decode_typed
from hvrepl.debuggers.drgn_kernel import channels, message_pages
from hvrepl.debuggers.drgn_objects import bytes_for, decoder_of, number_of, resolve
from hvrepl.render.display import set_displays

__all__ = ["channels", "decode", "message_pages"]


def decode(obj: Object, what: str = "") -> Decoded:
    """The meaning of an object, as from hvrepl.decode. Its type determines what it is; a pointer to such a type is followed.

    `what`, any name or alias of hvrepl, overrides the type; for a struct or page, an integer and a pointer are then its address.
    Raises NotFoundError for an unknown type or name, UsageError for an impossible value and for a program that is not x64 or arm64,
    FileError for unreadable memory.
    """
    set_displays()
    decoder = decoder_of(obj.prog_)
    if what:
        found, output = find_target(what, decoder.catalog.arch, None)
        return decoder.decode(found, bytes_for(decoder, found, obj.prog_, obj, output=output)[0], output=output)
    known = resolve(decoder, obj)
    if known is None:
        return identify_number(decoder, number_of(obj))
    found, data, _ = known
    return decode_typed(decoder, found, data)
