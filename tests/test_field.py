"""Real inputs and their meanings: from reports, logs and dumps that hvrepl once missed or got wrong.

tests/data/field/*.jsonl has one per line: `run` (arguments), `stdin`, `must` and `must_not` (searched in the output, without the lines of
the input), `status` (default: 0). `of` is the row of which it is a similar case, and `source` its origin.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from tests.each import each
from tests.paths import DATA
from tests.program import call

SIBLINGS = 2  # similar cases of each row, at least
ROWS: list[dict[str, Any]] = [
    json.loads(line) for path in sorted((DATA / "field").glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()
]


@each(ROWS, lambda row: row["id"], parts=8)
def test_a_real_input_is_explained_correctly(row: dict[str, Any]) -> None:
    done = call(*row["run"], stdin=row["stdin"].encode(), columns=0)
    given = set(row["stdin"].splitlines())
    told = "\n".join(line for line in (done.out + done.err).splitlines() if line not in given)
    assert done.status == row.get("status", 0), told
    assert [pattern for pattern in row["must"] if not re.search(pattern, told, re.MULTILINE)] == [], told
    assert [pattern for pattern in row["must_not"] if re.search(pattern, told, re.MULTILINE)] == [], told


def test_each_kind_has_siblings_with_their_source() -> None:
    siblings = Counter(row["of"] for row in ROWS if "of" in row)
    assert [row["id"] for row in ROWS if "of" not in row and siblings[row["id"]] < SIBLINGS] == []
    assert [row["id"] for row in ROWS if "of" in row and not row.get("source")] == []
    assert len({row["id"] for row in ROWS}) == len(ROWS)
