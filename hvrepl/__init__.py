"""hvrepl explains raw Hyper-V numbers, and builds such numbers.

`decode` and `encode` work like the commands of these names; `catalog` knows what `list` and `show` know. Importing costs nothing: modules
are loaded when they are first used.
"""

from __future__ import annotations

from hvrepl.hints import TYPE_CHECKING
from hvrepl.version import __version__

if TYPE_CHECKING:
    from hvrepl import catalog
    from hvrepl.codec.decoded import Decoded, Finding
    from hvrepl.errors import FileError, HvreplError, NotFoundError, SpecError, UsageError

__all__ = [
    "Decoded",
    "FileError",
    "Finding",
    "HvreplError",
    "NotFoundError",
    "SpecError",
    "UsageError",
    "__version__",
    "catalog",
    "decode",
    "encode",
]


def decode(what: str, value: int | bytes, *, arch: str = "x64", specs: catalog.Specs = None) -> Decoded:
    """Decodes a value: an int, or bytes in memory order, of a register or other word; the bytes of a struct or page.

    `what` is any name or alias, `"space:number"`, or a hypercall's `"NAME.output"`; `arch` is x64 or arm64, `specs` a folder
    of your own specs, read once and added to the built-in ones. An int may be negative: two's complement of the width.
    `decode("guest-id", 0x8100000606570000).to_dict()` is the object that `hvrepl decode -f json` prints.
    `print` shows it as on a terminal, a notebook as a table.
    A strange value is not an error: see `findings`. A struct that ends after its fixed part has the finding truncated.

    Raises NotFoundError for a name or number that the arch does not have (the message suggests similar names, or the other arch),
    UsageError for an unknown arch, for a value that is too wide or too short, and for a number where bytes are needed;
    SpecError for specs that break a rule, FileError for a folder that cannot be read.
    """
    from hvrepl.codec.targets import find_target, open_decoder, to_bytes
    from hvrepl.render.display import set_displays

    set_displays()
    decoder = open_decoder(arch, specs)
    found, output = find_target(what, arch, specs)
    return decoder.decode(found, to_bytes(decoder, found, value), output=output)


def encode(
    what: str, start: int | bytes | None = None, /, *, arch: str = "x64", specs: catalog.Specs = None, **fields: int | str
) -> int | bytes:
    """Builds a value from fields, from zero or from `start`: an int of a register or other word, the bytes of a struct or page.

    `what`, `arch`, `specs` and `start` are as in `decode`. A field's value is a number, an enumerator, or words that the field reads:
    `encode("guest-id", kernel="6.6.87")`. A path with dots is given as `**{"payload.timer_index": 1}`; its last part is enough if only
    one field has that name. Bits reserved as one are 1; sizes, counts and the fields that pick a variant are computed.

    Raises NotFoundError as `decode` does, UsageError for an unknown or ambiguous field, an unknown enumerator, a number wider than its
    field, and a field that is set twice.
    """
    from hvrepl.codec.encode.assign import Assigner, Assignment
    from hvrepl.codec.targets import find_target, open_decoder, to_bytes

    decoder = open_decoder(arch, specs)
    found, output = find_target(what, arch, specs)
    assignments = [Assignment(path, str(value), value if isinstance(value, int) else None) for path, value in fields.items()]
    data = Assigner(decoder, found, output=output).assign(None if start is None else to_bytes(decoder, found, start), assignments)
    return int.from_bytes(data, "little") if found.spec.width else data


if not TYPE_CHECKING:  # a type checker would accept every name because of it

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "catalog":
            return import_module("hvrepl.catalog")
        if name in __all__:
            module = "hvrepl.codec.decoded" if name in ("Decoded", "Finding") else "hvrepl.errors"
            return getattr(import_module(module), name)
        raise AttributeError(f"module 'hvrepl' has no attribute {name!r}")
