"""Regular expressions that are compiled at their first use: a run needs few of them, and to compile all is a tenth of a start. Pure."""

from __future__ import annotations

import re

from hvrepl.hints import Any, AnyStr, cast

METHODS = ("search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn", "pattern", "flags", "groups", "groupindex")


class Pattern:
    """Used like the result of re.compile."""

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
    """The pattern that re.compile would make, compiled when one of its methods is first called."""
    return cast("re.Pattern[AnyStr]", Pattern(text, flags))
