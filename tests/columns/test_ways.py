"""Values decoded one by one, by distinct value, and shifted and masked at once give the same, for everything of a fixed size."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="needs pyarrow")

import pyarrow as pa

from hvrepl.codec.decoded import Decoded, paths
from hvrepl.codec.stream.locate import UnlocatedError
from hvrepl.columns.decode import ColumnDecoder
from hvrepl.columns.leaves import Leaf, leaves_of
from hvrepl.columns.shifts import TooManyError
from hvrepl.errors import UsageError
from tests.codec.layouts import LARGE, THINGS, Thing, samples
from tests.each import each
from tests.fuzz import amount, sampled


def is_fixed(one: Thing) -> bool:
    try:
        leaves_of(one.decoder, one.found, output=one.output)
    except UsageError:
        return False
    return True


FIXED = [one for one in THINGS if is_fixed(one)]
SHIFTED = 0.95  # the fraction of things that must go the fast way


def values_of(one: Thing) -> list[bytes]:
    found = [data for data in samples(one) if len(data) == one.size]
    return list(islice(found[:2] + found[2 :: max(1, len(found) // amount(16, 64))], 4 if one.size > LARGE else None))


def column_of(one: Thing, values: list[bytes]) -> pa.Array:
    if one.width and one.width <= 64:
        return pa.array([int.from_bytes(value, "little") for value in values], pa.uint64())
    return pa.array(values, pa.binary())


def expected(one: Thing, leaves: dict[str, Leaf], data: bytes) -> dict[str, Any]:
    """The result of decoding, without the code of columns: every part with a value, by path."""
    node = one.decode(data)
    found: dict[str, Any] = {"summary": node.summary, "findings": [finding.code for finding in node.findings], "error": None}
    parts: dict[str, Decoded] = dict(paths(node)) or {"value": node}
    for path, part in parts.items():
        name = f"{path}_value" if path in ("summary", "findings", "error") else path
        leaf = leaves.get(path)
        if leaf is None:
            assert not part.raw or is_within(path, leaves), path
            continue
        found[name] = [child.value for child in part.fields] if leaf.count else part.value if leaf.bits else bytes_of(leaf, part, data)
        if part.meaning:
            found[f"{name}_meaning"] = part.meaning
    return {name: value for name, value in found.items() if value is not None}


def bytes_of(leaf: Leaf, part: Decoded, data: bytes) -> bytes | None:
    if part.raw:
        return part.to_bytes()
    return data[part.offset or 0 :][: part.size] if leaf.whole and part.size else None


def is_within(path: str, leaves: dict[str, Leaf]) -> bool:
    """Whether a part is inside one that is given as bytes or as a list."""
    around = [leaf for leaf in leaves.values() if path.startswith((f"{leaf.path}.", f"{leaf.path}["))]
    return any(leaf.count or leaf.whole for leaf in around)


def said(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@sampled
@each(FIXED, parts=16)
def test_all_ways_give_what_decoding_gives(one: Thing) -> None:
    columns = ColumnDecoder(one.decoder, one.found, output=one.output)
    leaves = {leaf.path: leaf for leaf in leaves_of(one.decoder, one.found, output=one.output)}
    values = values_of(one)
    column = column_of(one, values)
    gathered = columns.gather(column)
    gathered.validate(full=True)
    assert gathered.type == columns.type
    assert said(gathered.to_pylist()) == [expected(one, leaves, data) for data in values]
    try:
        shifted = columns.shift(column)
    except (UnlocatedError, TooManyError):
        return
    shifted.validate(full=True)
    assert shifted.type == columns.type
    assert shifted.to_pylist() == gathered.to_pylist()


@sampled
def test_almost_everything_can_be_shifted_and_masked() -> None:
    """Everything in a word; few structs have an array with a length in a field."""
    done = 0
    few = FIXED[:: amount(8, 1)]
    for one in few:
        columns = ColumnDecoder(one.decoder, one.found, output=one.output, summary=False)
        try:
            columns.shift(column_of(one, [bytes(one.size)] * 2))
            done += 1
        except UnlocatedError:
            assert not one.width
    assert done >= SHIFTED * len(few)
