"""`record`: how this package writes down what does not change once it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform, overload

Made = TypeVar("Made")


@overload
def record(made: type[Made], /) -> type[Made]: ...
@overload
def record(*, eq: bool = False, kw_only: bool = False) -> Callable[[type[Made]], type[Made]]: ...


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def record(made: type[Any] | None = None, /, *, eq: bool = False, kw_only: bool = False) -> Any:
    """A dataclass with slots. That nobody sets its fields is for the type checker to see; with `eq` its objects compare and hash by value.

    dataclass(frozen=True) writes and compiles six methods for each class where this needs one: an eighth of the time of a start.
    """

    def make(one: type[Made]) -> type[Made]:
        one.__repr__ = show  # type: ignore[method-assign]
        if eq:
            one.__eq__ = is_same  # type: ignore[method-assign]
            one.__hash__ = to_hash  # type: ignore[method-assign,assignment]
        return dataclass(slots=True, repr=False, eq=False, kw_only=kw_only)(one)

    return make if made is None else make(made)


def is_same(one: Any, other: object) -> bool:
    return type(one) is type(other) and values_of(one) == values_of(other)


def to_hash(one: Any) -> int:
    return hash(values_of(one))


def values_of(one: Any) -> tuple[Any, ...]:
    return tuple(getattr(one, part.name) for part in fields(one))


def show(one: Any) -> str:
    """Its class, and the fields that are not empty."""
    values = ((part.name, getattr(one, part.name)) for part in fields(one))
    return f"{type(one).__name__}({', '.join(f'{name}={value!r}' for name, value in values if value or value == 0)})"
