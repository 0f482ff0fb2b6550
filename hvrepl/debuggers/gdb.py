"""Sourced by gdb, from the path that `hvrepl --gdb` prints: registers the command hv, or explains in one line why it cannot.

gdb's Python is seldom the one that hvrepl is installed for. So this file finds its own package, and the libraries next to it, by its own
path. It must be readable for a Python that is too old for the rest.
"""

import glob
import importlib.util
import os
import sys

import gdb

OLDEST = (3, 11)
FOLDER = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(FOLDER)
INSTEAD = "Without it: pipe x/512gx ADDRESS | hvrepl decode page -"


def find_libraries() -> None:
    """Adds hvrepl's dependencies to the end of Python's path: next to the package, or in the environment of a checkout."""
    beside = os.path.dirname(PACKAGE)
    for folder in [beside, *sorted(glob.glob(os.path.join(beside, ".venv", "lib", "python3*", "site-packages")))]:
        if importlib.util.find_spec("construct") is not None:
            return
        sys.path.append(folder)
        importlib.invalidate_caches()


def load_package() -> None:
    """Imports this file's own package as hvrepl, whatever else has that name on the path."""
    known = sys.modules.get("hvrepl")
    if known is not None and known.__file__ and os.path.dirname(os.path.abspath(known.__file__)) == PACKAGE:
        return
    start = os.path.join(PACKAGE, "__init__.py")
    spec = importlib.util.spec_from_file_location("hvrepl", start, submodule_search_locations=[PACKAGE])
    if spec is not None and spec.loader is not None:
        sys.modules["hvrepl"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def why_not() -> str:
    """Why this Python cannot run hvrepl; "" if it can."""
    has = ".".join(map(str, sys.version_info[:2]))
    if sys.version_info < OLDEST:
        return f"it needs Python {'.'.join(map(str, OLDEST))}, and this gdb has {has}"
    find_libraries()
    if importlib.util.find_spec("construct") is None:
        return f"the Python {has} of this gdb does not find construct: start gdb with PYTHONPATH=FOLDER, as `pip show construct` names it"
    return ""


def start() -> None:
    """Registers the command. Never raises, as gdb would print a traceback."""
    reason = why_not()
    if reason:
        gdb.write(f"hvrepl: {reason}. {INSTEAD}\n", gdb.STDERR)
        return
    load_package()
    from hvrepl.debuggers.gdb_command import Command

    Command()


start()
