"""Regular expressions that are compiled at their first use: a run needs few of them, and to compile all is a tenth of a start. Pure."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

METHODS = ("search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn", "pattern", "flags", "groups", "groupindex")


class Pattern:
    """Stands in for what re.compile gives."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        compiled = re.compile(self._text, self._flags)
        vars(self).update({method: getattr(compiled, method) for method in METHODS})
        return vars(self)[name]


def regex(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What re.compile gives, but compiled when it is first asked for something."""
    return cast("re.Pattern[AnyStr]", Pattern(text, flags))
