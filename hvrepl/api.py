"""What hvrepl.encode does; apart, so that `import hvrepl` costs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.encode.assign import Assigner, Assignment
from hvrepl.codec.targets import to_bytes


def assign(decoder: Decoder, found: Found, start: int | bytes | None, fields: Mapping[str, int | str], *, output: bool) -> int | bytes:
    """The value that the fields make of the start."""
    assignments = [Assignment(path, str(value), value if isinstance(value, int) else None) for path, value in fields.items()]
    data = Assigner(decoder, found, output=output).assign(None if start is None else to_bytes(decoder, found, start), assignments)
    return int.from_bytes(data, "little") if found.spec.width else data
