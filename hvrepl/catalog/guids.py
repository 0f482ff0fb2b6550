"""GUIDs as text, and as the number of their bytes in memory: the first three parts have the lowest byte first."""

from __future__ import annotations

GUID_SIZE = 16


def guid_to_number(text: str) -> int:
    """ValueError for text that is not a GUID."""
    from uuid import UUID  # 5 ms that only GUIDs cost

    return int.from_bytes(UUID(text).bytes_le, "little")


def number_to_guid(number: int) -> str:
    from uuid import UUID

    return str(UUID(bytes_le=number.to_bytes(GUID_SIZE, "little")))
