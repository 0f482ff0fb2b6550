"""`record` and `mutable`: this package's data classes.

They do the part of the standard library's dataclasses that is used here. That module imports inspect, ast, dis and tokenize, and compiles
the methods of each class when it is defined: together a quarter of the time of a short run. Here only `__init__` is compiled, when the
first object is made.
"""

from __future__ import annotations

from collections.abc import Callable

from hvrepl.hints import Any, TypeVar, dataclass_transform, overload

Made = TypeVar("Made")


class Factory:
    """Makes a new default of a field for each object."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], Any]) -> Any:
    """A default that must not be shared, such as a list."""
    return Factory(default_factory)


@overload
def record(made: type[Made], /) -> type[Made]: ...
@overload
def record(*, eq: bool = False, kw_only: bool = False) -> Callable[[type[Made]], type[Made]]: ...


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def record(made: type[Any] | None = None, /, *, eq: bool = False, kw_only: bool = False) -> Any:
    """An immutable record, as far as the type checker enforces it; with `eq`, objects compare and hash by value."""

    def make(one: Any) -> Any:
        names = tuple(one.__annotations__)
        kept = {name: value for name, value in vars(one).items() if name not in (*names, "__dict__", "__weakref__")}
        slotted: Any = type(one)(one.__name__, one.__bases__, {**kept, "__slots__": names})
        if eq:
            slotted.__eq__, slotted.__hash__ = is_same, to_hash
        return finish(slotted, names, {name: vars(one)[name] for name in names if name in vars(one)}, kw_only)

    return make if made is None else make(made)


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def mutable(made: type[Made], /) -> type[Made]:
    """A record that is filled in step by step."""
    names = tuple(made.__annotations__)
    finish(made, names, {name: vars(made)[name] for name in names if name in vars(made)}, kw_only=False)
    return made


def finish(one: Any, names: tuple[str, ...], defaults: dict[str, Any], kw_only: bool) -> Any:
    """Gives a class its fields, those of its base first, and the methods that use them."""
    base = one.__mro__[1]
    all_names = (*getattr(base, "FIELDS", ()), *names)
    all_defaults = {**getattr(base, "DEFAULTS", {}), **defaults}

    def first(self: Any, *given: Any, **named: Any) -> None:
        """A placeholder until the first object is made."""
        one.__init__ = write_init(all_names, all_defaults, kw_only)
        one.__init__(self, *given, **named)

    one.FIELDS, one.DEFAULTS = all_names, all_defaults
    one.__init__ = first
    one.__repr__ = show
    return one


def write_init(names: tuple[str, ...], defaults: dict[str, Any], kw_only: bool) -> Callable[..., None]:
    factories = {f"make_{name}": default.make for name, default in defaults.items() if isinstance(default, Factory)}
    values = {f"default_{name}": None if isinstance(default, Factory) else default for name, default in defaults.items()}
    words = ["self", *(["*"] if kw_only else []), *(f"{name}=default_{name}" if name in defaults else name for name in names)]
    lines = [
        f"self.{name} = " + (f"make_{name}() if {name} is None else {name}" if f"make_{name}" in factories else name) for name in names
    ]
    namespace: dict[str, Any] = {**factories, **values}
    exec(f"def __init__({', '.join(words)}):\n " + "\n ".join(lines or ["pass"]), namespace)
    made: Callable[..., None] = namespace["__init__"]
    return made


def replace(one: Made, **changes: Any) -> Made:
    """A copy with some fields changed. TypeError for a field that does not exist."""
    kind: Any = type(one)
    if "COPY" not in kind.__dict__:
        kind.COPY = write_copy(kind.FIELDS)
    made: Made = kind.__new__(kind)
    kind.COPY(one, made)
    for name, value in changes.items():
        if name not in kind.FIELDS:
            raise TypeError(f"{kind.__name__} has no field {name}")
        setattr(made, name, value)
    return made


def write_copy(names: tuple[str, ...]) -> staticmethod[[Any, Any], None]:
    """A function that copies all fields of an object; written out, it takes a tenth of the time of a loop."""
    namespace: dict[str, Any] = {}
    exec("def copy(one, made):\n " + "\n ".join([f"made.{name} = one.{name}" for name in names] or ["pass"]), namespace)
    return staticmethod(namespace["copy"])


def is_same(one: Any, other: object) -> bool:
    return type(one) is type(other) and values_of(one) == values_of(other)


def to_hash(one: Any) -> int:
    return hash(values_of(one))


def values_of(one: Any) -> tuple[Any, ...]:
    return tuple(getattr(one, name) for name in one.FIELDS)


def show(one: Any) -> str:
    """The class name, and the fields that are not empty."""
    values = ((name, getattr(one, name)) for name in one.FIELDS)
    return f"{type(one).__name__}({', '.join(f'{name}={value!r}' for name, value in values if value or value == 0)})"
