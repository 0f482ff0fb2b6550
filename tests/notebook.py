"""docs/hvrepl.ipynb, run by a kernel. `python -m tests.notebook` rewrites the results of its cells; read the diff as a reviewer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.paths import ROOT

NOTEBOOK = ROOT / "docs" / "hvrepl.ipynb"


def execute() -> str:
    """The notebook with its current results, without parts that differ from run to run. Its kernel runs in the current folder."""
    import nbclient
    import nbformat

    book = nbformat.reads(NOTEBOOK.read_text(encoding="utf-8"), as_version=4)
    metadata = book.metadata.copy()
    nbclient.NotebookClient(book, kernel_name="python3", timeout=60).execute()
    book.metadata = metadata
    for cell in book.cells:
        cell.metadata.pop("execution", None)
    return json.dumps(json.loads(nbformat.writes(book)), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    to = Path(sys.argv[1]) if sys.argv[1:] else NOTEBOOK
    to.write_text(execute(), encoding="utf-8")
