"""decode_column: a column of values → a column of structs with a field for each part of a thing, and its meaning."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.codec.stream.locate import UnlocatedError
from hvrepl.codec.stream.sentences import Sentences
from hvrepl.codec.targets import find_target, open_decoder
from hvrepl.columns.block import Block
from hvrepl.columns.inputs import Objects, Reader, is_of_bytes, is_of_numbers, is_of_text, plain, refuse, to_arrays
from hvrepl.columns.leaves import leaves_of
from hvrepl.columns.shape import CODES, ERROR, FINDINGS, SUMMARY, TEXT, name_columns, struct_type
from hvrepl.columns.shifts import Shifts, TooManyError
from hvrepl.columns.table import Table, Texts, empty
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvrepl.catalog import Specs

SAMPLE = 1 << 14  # rows that are sampled
LOOK_AGAIN = 1 << 20  # rows after which they are sampled again
FEW = 512  # rows that are too few for the choice to matter
BLOCK = 1 << 15  # rows that are shifted and masked at once, so that they stay in the cache
MOST_CELLS = 1 << 22  # cells of distinct values in the cache
MOST_KEPT = 64  # decoders of columns per thread


def decode_column(what: str, column: Any, *, arch: str = "x64", specs: Specs = None, summary: bool = True, is_hex: bool = False) -> Any:
    """A column of values of one thing → a pyarrow.StructArray of the type `column_type(what)`, one row per value.

    `what`, `arch` and `specs` are as in `hvrepl.decode`. `column` is any object with the Arrow PyCapsule protocol (from pyarrow, polars,
    pandas, DuckDB and others), or a sequence: of integers (negative ones are two's complement), of numbers as text, or of bytes in
    memory order; for a struct, bytes or text in hex. With `is_hex`, text of only digits is hex too.
    A null stays null. An unreadable value is a row of nulls with the reason in `error`. Without `summary` only the numbers are made.

    Raises NotFoundError and UsageError for an unknown `what` or arch and for a thing without a fixed size, and UsageError for an
    unsuitable column.
    """
    return open_column(what, arch, specs, summary=summary, is_hex=is_hex).decode(column)


def decode_batches(
    what: str, batches: Iterable[Any], *, arch: str = "x64", specs: Specs = None, summary: bool = True, is_hex: bool = False
) -> Iterator[Any]:
    """The same for each of many columns in turn. Distinct values are decoded once for all of them."""
    one = open_column(what, arch, specs, summary=summary, is_hex=is_hex)
    return (one.decode(batch) for batch in batches)


def column_type(what: str, *, arch: str = "x64", specs: Specs = None, summary: bool = True) -> pa.StructType:
    """The type of `decode_column`'s result: it depends on the thing alone.

    `summary`; a field for each part by its path (an unsigned integer of its width, or bytes for over 64 bits; null in a row with another
    variant), followed by PATH_meaning if it can have one; the codes of `findings`; `error`.
    """
    return open_column(what, arch, specs, summary=summary, is_hex=False).type


class Kept(threading.local):
    """The decoders of columns of one thread."""

    def __init__(self) -> None:
        self.columns: dict[tuple[Decoder, str, bool, bool], ColumnDecoder] = {}


KEPT = Kept()


def open_column(what: str, arch: str, specs: Specs, *, summary: bool, is_hex: bool) -> ColumnDecoder:
    """The decoder of columns of a thing, with its cache of decoded values."""
    key = open_decoder(arch, specs), what, summary, is_hex
    if key not in KEPT.columns:
        found, output = find_target(what, arch, specs)
        made = ColumnDecoder(key[0], found, output=output, summary=summary, is_hex=is_hex)
        if len(KEPT.columns) >= MOST_KEPT:
            KEPT.columns.clear()
        KEPT.columns[key] = made
    return KEPT.columns[key]


class ColumnDecoder:
    """Decodes columns of one thing. Not thread-safe.

    Each distinct value is decoded once, like a single value, and its row is used wherever it recurs; if most values are different,
    they are shifted and masked all at once. The results are the same.
    """

    def __init__(self, decoder: Decoder, found: Found, *, output: bool = False, summary: bool = True, is_hex: bool = False) -> None:
        self._decoder = decoder
        self._found = found
        self._output = output
        self._reader = Reader(decoder, found, output=output, is_hex=is_hex)
        self._columns = name_columns(leaves_of(decoder, self._found, output=self._output), summary=summary)
        self._summary = summary
        self.type = struct_type(self._columns, summary=summary)
        layout = self._found.spec.output if self._output else self._found.spec.layout
        self._size = self._reader.width // 8 or (layout and decoder.schemas.size(self._found.spec, layout)) or 0
        self._table = self._new_table()
        self._shifts = Shifts(decoder, self._found, self._columns, output=self._output)
        self._sentences = Sentences(decoder, self._found, output=self._output)
        self._is_different = False  # the last sample's result; `_rest` counts the rows until the next
        self._rest = 0
        self._seen: list[pa.Array] = []

    def _new_table(self) -> Table:
        return Table(self._columns, self._decode_one, summary=self._summary)

    def _decode_one(self, value: Any) -> tuple[bytes, Decoded]:
        data = self._reader.read(value)
        return data, self._decoder.decode(self._found, data, output=self._output)

    def decode(self, column: Any) -> pa.StructArray:
        """The rows of a column."""
        arrays = to_arrays(column)
        if len(self._table) * self.type.num_fields > MOST_CELLS:
            self._table = self._new_table()
        if isinstance(arrays, Objects):
            return self._table.column(arrays.values)
        made = [self._decode_array(plain(array)) for array in arrays]
        return made[0] if len(made) == 1 else join(made, self.type)

    def _decode_array(self, array: pa.Array) -> pa.StructArray:
        if pa.types.is_dictionary(array.type):
            values = plain(array.dictionary)
            reason = refuse(values.type)
            return self._refused(array, reason) if reason else self._gather(values, array.indices)
        reason = refuse(array.type)
        if reason:
            return self._refused(array, reason)
        if self._are_different(array):
            try:
                return self.shift(array)
            except (UnlocatedError, TooManyError):
                pass
        return self.gather(array)

    def gather(self, array: pa.Array) -> pa.StructArray:
        """The rows of an array, with each distinct value decoded once."""
        encoded = array.dictionary_encode()
        return self._gather(encoded.dictionary, encoded.indices)

    def _refused(self, array: pa.Array, reason: str) -> pa.StructArray:
        """A column whose values cannot be read."""
        count = len(array)
        children = [pa.nulls(count, field.type) for field in self.type]
        children[-1] = pa.array([reason], pa.string()).take(pa.array([0] * count, pa.int32()))
        return pa.StructArray.from_arrays(children, fields=list(self.type), mask=array.is_null())

    def _are_different(self, array: pa.Array) -> bool:
        """Whether most values are different, judged by a sample of the rows so far."""
        if not (is_of_numbers(array.type) or is_of_bytes(array.type) or is_of_text(array.type)):
            return False
        if len(array) >= FEW and self._rest <= 0:
            self._look(array.slice(0, SAMPLE))
        self._rest -= len(array)
        return self._is_different

    def _look(self, sample: pa.Array) -> None:
        if self._seen and self._seen[0].type != sample.type:
            self._seen = []
        self._seen.append(sample)
        rows = sum(map(len, self._seen))
        distinct = pc.count_distinct(pa.chunked_array(self._seen), mode="all").as_py()
        self._is_different = 2 * distinct > rows
        if rows >= SAMPLE:
            self._seen = []
            self._rest = LOOK_AGAIN

    def _gather(self, values: pa.Array, indices: pa.Array) -> pa.StructArray:
        """The rows of distinct values, each as often as it occurs."""
        numbers = self._table.rows_of(values)
        rows = indices
        if indices.null_count or values.null_count:
            null = self._table.rows([None])
            numbers = pa.concat_arrays([numbers, pa.array(null, pa.int32())])
            rows = indices.fill_null(len(values))
        if len(numbers) != len(self._table) or not numbers.equals(first_numbers(len(numbers))):
            rows = pc.take(numbers, rows, boundscheck=False)
        return self._table.take(rows, has_null=len(numbers) > len(values) or values.null_count > 0)

    def shift(self, array: pa.Array) -> pa.StructArray:
        """The rows of an array of mostly different values, block by block. Raises UnlocatedError or TooManyError if that is impossible."""
        texts = {field.name: Texts() for field in self.type if field.type == TEXT}
        said: dict[str, tuple[int, int]] = {}
        findings: list[tuple[str, ...]] = []
        numbers: dict[tuple[str, ...], int] = {}
        chunks: dict[str, list[pa.Array]] = {field.name: [] for field in self.type}

        def say(line: str) -> tuple[int, int]:
            summary, codes = self._sentences.read(line)
            if codes not in numbers:
                numbers[codes] = len(findings)
                findings.append(codes)
            return texts[SUMMARY].number(summary), numbers[codes]

        for at in range(0, len(array), BLOCK):
            piece = array.slice(at, BLOCK)
            block, errors = self._read_block(piece)
            made = self._shifts.spread(block, texts)
            for name, part in made.items():
                chunks[name].append(part)
            chunks[ERROR].append(errors)
            if self._summary:
                rows = self._say_block(block, said, say)
                chunks[SUMMARY].append(rows[0])
                chunks[FINDINGS].append(pc.take(pa.array(findings, CODES), rows[1]))
        children = [finish(chunks.pop(field.name), field.type, texts.get(field.name)) for field in self.type]
        return pa.StructArray.from_arrays(children, fields=list(self.type), mask=array.is_null() if array.null_count else None)

    def _say_block(self, block: Block, said: dict[str, tuple[int, int]], say: Any) -> tuple[pa.Array, pa.Array]:
        """The numbers of the summaries of a block, and those of its findings."""
        values = block.values()
        mask = block.live.to_pylist() if block.live is not None else None
        if mask is not None:
            values = [value for value, is_live in zip(values, mask, strict=True) if is_live]  # type: ignore[assignment]
        if self._reader.width and values and isinstance(values[0], int):
            lines = self._sentences.lines(values)
        else:
            lines = [self._sentences.line(to_bytes(value, self._size)) for value in values]
        for line in lines:
            if line not in said:
                said[line] = say(line)
        pairs = [said[line] for line in lines]
        found = [pa.array([pair[place] for pair in pairs], pa.int32()) for place in (0, 1)]
        if mask is not None:
            places = pc.subtract(pc.cumulative_sum(block.live.cast(pa.int32())), 1)  # type: ignore[union-attr]
            rows = pc.if_else(block.live, places, pa.scalar(None, pa.int32()))
            found = [pc.take(one, rows) for one in found]
        return found[0], found[1]

    def _read_block(self, array: pa.Array) -> tuple[Block, pa.Array]:
        """The values of an array, and the reasons for those that cannot be read."""
        if is_of_numbers(array.type) and 0 < self._reader.width <= 64:
            return self._read_numbers(array)
        if is_of_bytes(array.type) and self._size not in (1, 2, 4, 8) and array.null_count == 0:
            data = packed(array, self._size)
            if data is not None:
                return Block(data, self._size, None), pa.nulls(len(array), pa.string())
        found: list[bytes | None] = []
        reasons: list[str | None] = []
        for value in array.to_pylist():
            data, reason = self._read_one(value)
            found.append(data)
            reasons.append(reason)
        live = pa.array([data is not None for data in found]) if None in found else None
        filled = [data if data is not None else bytes(self._size) for data in found]
        if self._size <= 8:
            block = pa.array([int.from_bytes(data, "little") for data in filled], pa.uint64())
        else:
            block = pa.Array.from_buffers(pa.binary(self._size), len(filled), [None, pa.py_buffer(b"".join(filled))])
        return Block(block, self._size, live), pa.array(reasons, pa.string())

    def _read_one(self, value: Any) -> tuple[bytes | None, str | None]:
        if value is None:
            return None, None
        try:
            data = self._reader.read(value)
        except UsageError as error:
            return None, str(error)
        if len(data) != self._size:  # a value that is truncated, or too long
            raise UnlocatedError(self._found.name)
        return data, None

    def _read_numbers(self, array: pa.Array) -> tuple[Block, pa.Array]:
        width = self._reader.width
        is_signed = pa.types.is_signed_integer(array.type)
        wide = array.cast(pa.int64() if is_signed else pa.uint64())
        fits = None
        if width < 64:
            low = -(1 << width - 1) if is_signed else 0
            least, most = pa.scalar(low, wide.type), pa.scalar((1 << width) - 1, wide.type)
            inside = pc.and_(pc.greater_equal(wide, least), pc.less_equal(wide, most)) if is_signed else pc.less_equal(wide, most)
            fits = None if pc.all(inside, min_count=0).as_py() else inside
        live = fits.fill_null(False) if fits is not None else array.is_valid() if array.null_count else None
        data = wide.view(pa.uint64()) if is_signed else wide
        if data.null_count:
            data = data.fill_null(0)
        if is_signed and width < 64:
            data = pc.bit_wise_and(data, pa.scalar((1 << width) - 1, pa.uint64()))
        if live is not None:
            data = pc.if_else(live, data, pa.scalar(0, pa.uint64()))
        if fits is None:
            return Block(data, self._size, live), pa.nulls(len(array), pa.string())
        reasons = [
            None if ok is not False else self._read_one(value)[1] for ok, value in zip(fits.to_pylist(), array.to_pylist(), strict=True)
        ]
        return Block(data, self._size, live), pa.array(reasons, pa.string())


@lru_cache(maxsize=8)
def first_numbers(count: int) -> pa.Array:
    """0, 1, …"""
    return pa.array(range(count), pa.int32())


def to_bytes(value: int | bytes, size: int) -> bytes:
    return value.to_bytes(size, "little") if isinstance(value, int) else value


def packed(array: pa.Array, size: int) -> pa.Array | None:
    """Bytes that all have the given size, as bytes of a fixed size; None if one has another."""
    if pa.types.is_fixed_size_binary(array.type):
        if array.type.byte_width != size:
            return None
        data = array.buffers()[1].slice(array.offset * size, len(array) * size)
    else:
        lengths = pc.min_max(pc.binary_length(array)).as_py()
        if lengths["min"] != size or lengths["max"] != size:
            return None
        offsets = pa.Array.from_buffers(
            pa.int64() if pa.types.is_large_binary(array.type) else pa.int32(), array.offset + 1, [None, array.buffers()[1]]
        )
        data = array.buffers()[2].slice(offsets[array.offset].as_py(), len(array) * size)
    return pa.Array.from_buffers(pa.binary(size), len(array), [None, data])


def finish(chunks: Sequence[pa.Array], kind: pa.DataType, texts: Texts | None) -> pa.Array:
    """A whole column from its chunks; for texts, the chunks are their numbers."""
    whole = chunks[0] if len(chunks) == 1 else pa.concat_arrays(list(chunks)) if chunks else pa.nulls(0, pa.int32() if texts else kind)
    return pa.DictionaryArray.from_arrays(whole, texts.array(), safe=False) if texts else whole


def join(arrays: Sequence[pa.StructArray], kind: pa.StructType) -> pa.StructArray:
    """The rows of several arrays, with one dictionary for each column of texts."""
    if not arrays:
        return empty(kind)
    found = pa.chunked_array(arrays, kind).unify_dictionaries().combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)
