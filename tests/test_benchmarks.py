"""The loops that streams are compared with read the same as hvrepl."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.measure import ROOT
from benchmarks.streams import STREAMS
from tests.at_hand import need
from tests.program import call


@pytest.mark.parametrize("how", ["construct", "bare"])
@pytest.mark.parametrize(("what", "loop", "line"), [(one[0], one[1], one[2]()) for one in STREAMS], ids=[one[1] for one in STREAMS])
def test_a_loop_reads_the_values_that_hvrepl_reads(how: str, what: str, loop: str, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loops", how, loop], input=f"{line}\n", capture_output=True, text=True, check=True, cwd=ROOT
    )
    theirs = json.loads(done.stdout)
    ours = json.loads(call("decode", what, "-", "-f", "ndjson", stdin=f"{line}\n".encode()).out)
    if loop == "message":
        assert theirs["payload"]["timer_index"] == ours["fields"][1]["fields"][0]["value"]
    else:
        number = "".join(f"{value:b}" for value in theirs.values()) if loop == "cpuid" else ""
        expected = int(number, 2) if number else sum_up(theirs, ours)
        assert expected == int(ours["raw"], 16)


@pytest.mark.parametrize("how", ["guest-id", "numbers", "sentences"])
def test_columns_are_compared_with_the_same_numbers(how: str) -> None:
    need("module:pyarrow", "module:numpy")
    from benchmarks.column_loops import HOW
    from hvrepl.columns import decode_column

    what, make, by_hand, _ = HOW[how]
    (array,) = make(1000, 1000)
    found = decode_column(what, array)
    theirs = by_hand(array)
    if how == "guest-id":
        assert len(theirs.dictionary) == len({(row["os_type"], row["distro"], row["version"], row["build"]) for row in found.to_pylist()})
        return
    names = [field.name for field in found.type if field.name not in ("summary", "findings", "error")]
    assert [found.field(name).to_pylist() for name in reversed(names)] == [part.tolist() for part in theirs]


def sum_up(theirs: dict[str, int], ours: dict[str, object]) -> int:
    """The number that the fields of a loop make up, at hvrepl's places."""
    places = {field["name"]: field["bits"][1] for field in ours["fields"]}  # type: ignore[attr-defined]
    return sum(value << places[name] for name, value in theirs.items())
