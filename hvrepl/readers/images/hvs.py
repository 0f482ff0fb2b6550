"""Files of Hyper-V's storage, which holds values under paths: its headers, its tables, and the place of each value in the file.

The layout is that of OpenVMM's support/hvs_file (FORMAT.md and src/defs.rs), format version 4.0: two copies of a header, then the first
object table. Each object table points to the next one and to key tables. The entries of a key table have a name, a parent, and a value or
the place of a larger value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from zlib import crc32

from hvrepl.errors import FileError
from hvrepl.readers.images.source import Source, read
from hvrepl.record import record

SIGNATURE, OBJECT_TABLE, KEY_TABLE = 0x01282014, 0x01110001, 0x0002
COPY = 4096  # bytes of each copy of the header
VERSION = 0x0400
# signature, checksum, sequence, format version, data version, flags, alignment, and the offset, size and header size of the replay log.
HEADER = struct.Struct("<IIHIIIIQQI")
TABLE = struct.Struct("<II")  # signature, count of entries
OBJECT = struct.Struct("<BIQIB")  # type, checksum, offset, size, flags
KEYS = struct.Struct("<HHHI")  # signature, index, sequence, checksum
KEY = struct.Struct("<BBIHIIIB")  # type, flags, size, table and offset of the parent, checksum, order among its siblings, size of the name
LARGE = struct.Struct("<IQ")  # size, offset
LENGTH = struct.Struct("<I")
REPLAY_LOG = 0x01110003
# signature, checksum, count of entries, reserved, most entries, change tracking and where it is.
LOG = struct.Struct("<IIIBIBQII")
CHANGE = struct.Struct("<IQIQI")  # checksum, its target, size, place in the log, checksum of its bytes
MOST_CHANGES, LARGEST_CHANGE = 1 << 12, 1 << 20
IS_TABLE, IS_KEYS = 1, 2  # types of objects
INT, ARRAY, NODE = 3, 7, 9  # types of keys
IS_ELSEWHERE = 1  # flag of a key: its value is an object of the file
INT_SIZE, NODE_SIZE, LONGEST_NAME = 8, 12, 255
PIECE = 227 * OBJECT.size  # of an object table: as many entries as Hyper-V puts into a page
LARGEST_KEYS = 1 << 20  # bytes of a key table; Hyper-V's have 4096
MOST_DEEP = 16  # nodes above a value
MOST_KEPT = 256  # paths in the cache

Key = tuple[int, int, int, int, int, int, int, int]


@record
class Value:
    """A value in the file: its name, its type, the table and offset of its parent, and the place of its bytes."""

    name: bytes
    kind: int
    parent: tuple[int, int]
    offset: int
    size: int


class Store:
    """The values of a file. Damaged and missing ones are skipped and counted."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.missing = 0  # tables beyond the end of the file
        self.damaged = 0  # tables and entries that fail their checks
        self._paths: dict[tuple[int, int], bytes] = {(0, 0): b""}
        self._header = read_header(source)
        self.tables: dict[int, tuple[int, int]] = {}  # index of a key table (16 bits) → offset, size
        for offset, size in self._key_tables():
            self._add_table(offset, size)
        if overlap([one[0] for one in self.tables.values()], [one[1] for one in self.tables.values()]):
            raise FileError(f"{source.path}: is damaged: its key tables overlap")

    @property
    def fault(self) -> str:
        """The fault in its tables, or ""."""
        if self.missing:
            return f"is truncated: {self.missing} of its tables are missing"
        if self.damaged:
            return f"is damaged: {self.damaged} of its tables and entries fail their checks"
        start, size = self._header[7:9]
        if self.source.size is not None and start + size > self.source.size:
            return "is truncated: its replay log is missing"
        pending = pending_changes(self.source, start, size)
        return f"was not closed: its replay log has changes that are not in the file ({pending}), so parts of it are old" if pending else ""

    def values(self) -> Iterator[Value]:
        """All numbers and arrays of bytes, table by table."""
        for offset, size in self.tables.values():
            data = read(self.source, offset, size)
            for at, key in self._keys(data):
                if key[0] in (INT, ARRAY):
                    value = value_of(data, at, key, offset)
                    if value:
                        yield value
                    else:
                        self.damaged += 1
            self.missing += len(data) < size

    def _keys(self, data: bytes) -> Iterator[tuple[int, Key]]:
        """The offset and header of each entry of a key table."""
        at = KEYS.size
        while at + KEY.size <= len(data):
            key: Key = KEY.unpack_from(data, at)
            taken = key[2]
            if not taken:
                return
            if taken < KEY.size + key[-1] or at + taken > len(data):
                self.damaged += 1
                return
            yield at, key
            at += taken

    def path(self, node: tuple[int, int]) -> bytes | None:
        """The path of a node by its table and offset: b"/savedstate"; None if it does not exist."""
        names: list[bytes] = []
        at = node
        while at not in self._paths:
            found = self._node(at)
            if found is None or len(names) == MOST_DEEP:
                return None
            names.append(found[0])
            at = found[1]
        path = self._paths[at] + b"".join(b"/" + name for name in reversed(names))
        if len(self._paths) < MOST_KEPT:
            self._paths[node] = path
        return path

    def _node(self, at: tuple[int, int]) -> tuple[bytes, tuple[int, int]] | None:
        """The name of a node, and its parent."""
        index, inside = at
        offset, size = self.tables.get(index, (0, 0))
        if not KEYS.size <= inside <= size - KEY.size:
            return None
        data = read(self.source, offset + inside, min(size - inside, KEY.size + LONGEST_NAME + NODE_SIZE))
        key: Key = KEY.unpack_from(data.ljust(KEY.size, b"\0"))
        end = KEY.size + key[-1] + NODE_SIZE
        if key[0] != NODE or len(data) < end or key[5] != checksum_of(key, data[KEY.size : end]):
            return None
        return data[KEY.size : end - NODE_SIZE].rstrip(b"\0"), (key[3], key[4])

    def _add_table(self, offset: int, size: int) -> None:
        head = read(self.source, offset, KEYS.size)
        if len(head) < KEYS.size:
            self.missing += 1
            return
        signature, index, sequence, checksum = KEYS.unpack(head)
        if signature != KEY_TABLE or checksum != crc32(KEYS.pack(signature, index, sequence, 0)) or not index:
            self.damaged += 1
        elif index in self.tables:
            raise FileError(f"{self.source.path}: is damaged: two of its key tables have the number {index}")
        else:
            self.tables[index] = offset, size

    def _key_tables(self) -> Iterator[tuple[int, int]]:
        """(offset, size) of each key table, from the object tables."""
        seen: set[int] = set()
        at: int | None = 2 * COPY
        while at is not None and at not in seen:
            seen.add(at)
            table, at = at, None
            for is_last, kind, offset, size in self._objects(table):
                if kind == IS_KEYS:
                    yield offset, size
                elif is_last:  # only the last entry can lead to the next table
                    at = offset
        self.damaged += at is not None  # the chain is a loop

    def _objects(self, table: int) -> Iterator[tuple[bool, int, int, int]]:
        """For each sound entry of an object table that points to a table: whether it is the last, its type, offset and size."""
        head = read(self.source, table, TABLE.size)
        if len(head) < TABLE.size:
            self.missing += 1
            return
        signature, count = TABLE.unpack(head)
        if signature != OBJECT_TABLE:
            self.damaged += 1
            return
        limit = self.source.size
        for number, (kind, checksum, offset, size, flags) in self._entries(table + TABLE.size, count):
            if kind not in (IS_TABLE, IS_KEYS):
                continue
            is_sound = checksum == crc32(OBJECT.pack(kind, 0, offset, size, flags)) and offset % COPY == 0
            if not is_sound or not KEYS.size <= size <= LARGEST_KEYS:
                self.damaged += 1
            elif limit is not None and offset + KEYS.size > limit:
                self.missing += 1
            else:
                yield number == count - 1, kind, offset, size

    def _entries(self, start: int, count: int) -> Iterator[tuple[int, tuple[int, int, int, int, int]]]:
        """The number and fields of each entry of an object table; holes of the file, whose entries are empty, are skipped."""
        total = count * OBJECT.size
        done = 0
        while done < total:
            done += self.source.hole(start + done, total - done) // PIECE * PIECE
            size = min(PIECE, total - done)
            if size <= 0:
                return
            data = read(self.source, start + done, size)
            for at in range(0, len(data) - OBJECT.size + 1, OBJECT.size):
                yield (done + at) // OBJECT.size, OBJECT.unpack_from(data, at)
            if len(data) < size:
                self.missing += 1
                return
            done += size


def read_header(source: Source) -> tuple[int, ...]:
    """The newer valid copy of the header. FileError if there is none, or its version is unknown."""
    found = [read(source, copy * COPY, HEADER.size) for copy in (0, 1)]
    if not any(data.startswith(SIGNATURE.to_bytes(4, "little")) for data in found):
        raise FileError(f"{source.path}: named like a saved state of Hyper-V, but does not begin like one")
    if len(found[1]) < HEADER.size:
        raise FileError(f"{source.path}: is truncated: it ends within its header")
    headers = [HEADER.unpack(data) for data in found]
    copies = [one for one in headers if one[0] == SIGNATURE and one[1] == crc32(HEADER.pack(SIGNATURE, 0, *one[2:]))]
    if not copies:
        raise FileError(f"{source.path}: is damaged: both copies of its header fail their checks")
    newest = max(copies, key=lambda one: one[2])
    version = newest[3]
    if version != VERSION:
        name = f"{version >> 8}.{version & 0xFF}"
        raise FileError(f"{source.path}: a file of Hyper-V in format {name}; only 4.0 is documented and can be read")
    return newest


def pending_changes(source: Source, start: int, size: int) -> int:
    """The number of complete changes in a replay log that the file does not have yet."""
    signature, _, count, *_ = LOG.unpack(read(source, start, LOG.size).ljust(LOG.size, b"\0"))
    pending = 0
    if signature == REPLAY_LOG:
        for number in range(min(count, MOST_CHANGES)):
            data = read(source, start + LOG.size + number * CHANGE.size, CHANGE.size)
            if len(data) < CHANGE.size:
                break
            checksum, offset, length, inside, content = CHANGE.unpack(data)
            if checksum != crc32(CHANGE.pack(0, offset, length, inside, content)) or length > LARGEST_CHANGE or inside + length > size:
                break  # an incomplete change is not applied, nor any after it
            new = read(source, start + inside, length)
            pending += crc32(new) == content and new != read(source, offset, length)
    return pending


def checksum_of(key: Key, rest: bytes) -> int:
    """The checksum of an entry of a key table, computed with 0 in its place; `rest` is the entry's name and data."""
    return crc32(rest, crc32(KEY.pack(*key[:5], 0, *key[6:])))


def value_of(data: bytes, at: int, key: Key, table: int) -> Value | None:
    """A value from its entry at offset `at` of the key table at `table` in the file. None if it does not fit or fails its check."""
    kind, flags, taken, index, parent, checksum, _, named = key
    start, end = at + KEY.size + named, at + taken
    offset, size = table + start, INT_SIZE
    inside = INT_SIZE
    if flags & IS_ELSEWHERE:
        inside = LARGE.size
    elif kind == ARRAY:
        inside = LENGTH.size
    if start + inside > end:
        return None
    if flags & IS_ELSEWHERE:
        size, offset = LARGE.unpack_from(data, start)
    elif kind == ARRAY:
        (size,) = LENGTH.unpack_from(data, start)
        offset += inside
        inside += size
    if start + inside > end or checksum != checksum_of(key, data[at + KEY.size : start + inside]):
        return None
    return Value(data[at + KEY.size : start].rstrip(b"\0"), kind, (index, parent), offset, size)


def overlap(offsets: Sequence[int], sizes: Sequence[int]) -> bool:
    """Whether any two of these pieces overlap."""
    end = 0
    for index in sorted(range(len(offsets)), key=offsets.__getitem__):
        if offsets[index] < end:
            return True
        end = offsets[index] + sizes[index]
    return False
