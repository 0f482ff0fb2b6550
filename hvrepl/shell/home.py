"""The user's home folder, and files in it that other programs or the user may have made anything of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from stat import S_ISREG


def home(environ: Mapping[str, str]) -> str:
    """The home folder; "" if the user has none, or $HOME is not the path of a folder from the root on."""
    path = environ.get("HOME") or os.path.expanduser("~")
    return path if os.path.isabs(path) and os.path.isdir(path) else ""


def expand(path: str, environ: Mapping[str, str]) -> str:
    """A path from a variable, where no shell has replaced ~; "" if it begins in the home folder and there is none."""
    if path != "~" and not path.startswith("~/"):
        return path
    folder = home(environ)
    return folder and folder + path[1:]


def is_regular(path: str) -> bool:
    """Whether a file exists and can be read to its end: a pipe or terminal would wait for somebody, and some devices have no end."""
    return S_ISREG(os.stat(path).st_mode) if os.path.exists(path) else False
