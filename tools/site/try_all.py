"""Runs in the site's Pyodide when the site is made: every part of hvrepl in it can be imported, and answers."""

import importlib
from pathlib import Path

import construct
import elftools.elf.elffile
import tabulate

import hvrepl
from hvrepl.web.answer import answer

HERE = Path(hvrepl.__path__[0])
ELSEWHERE = ("__main__", "event_log_child", "processes", "progress")  # for terminals and other programs
for path in sorted((*HERE.rglob("*.py"), *HERE.rglob("*.pyc"))):
    if path.stem not in ELSEWHERE:
        importlib.import_module(".".join(path.relative_to(HERE.parent).with_suffix("").parts).removesuffix(".__init__"))
for question in (
    "sint2 0x200f3",
    "0x8100000606570000 -f table",
    "sint2 0x200f3 -f json",
    "list msr",
    "find bit:17",
    "sint2 vector=0xf3",
    "-f csv sint2 1",
):
    said = answer(question, "x64")
    assert (bool(said["text"]), said["status"]) == (True, 0), (question, said)
assert None not in (construct, elftools, tabulate)
