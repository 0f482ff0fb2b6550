"""What this package uses of typing: type checkers see the real names, the running program substitutes.

To import typing takes a tenth of a short run, and annotations, which are never evaluated, do not need it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO as IO
    from typing import Any as Any
    from typing import AnyStr as AnyStr
    from typing import BinaryIO as BinaryIO
    from typing import Literal as Literal
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import TextIO as TextIO
    from typing import TypeAlias as TypeAlias
    from typing import TypeGuard as TypeGuard
    from typing import TypeVar as TypeVar
    from typing import cast as cast
    from typing import dataclass_transform as dataclass_transform
    from typing import overload as overload
else:
    IO = Any = AnyStr = BinaryIO = Literal = NoReturn = Protocol = TextIO = TypeAlias = TypeGuard = object

    def TypeVar(_name, **_options):  # noqa: N802
        return object

    def cast(_kind, value):
        return value

    def overload(function):
        return function

    def dataclass_transform(**_options):
        return overload
