"""[WHAT] VALUE... → the thing and its values; or a number without a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hvrepl.commands.inputs.file_kind import say_command
from hvrepl.commands.inputs.files import numbered_lines
from hvrepl.commands.inputs.operands import Value, read_values, refuse_in_script
from hvrepl.commands.inputs.what import Target, find_target
from hvrepl.commands.session import Session
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.hints import TypeVar
from hvrepl.readers.number import read_given
from hvrepl.wording import shorten

Item = TypeVar("Item")


def resolve(session: Session, words: Sequence[str]) -> tuple[Target | None, Iterable[Value]]:
    """The thing, and its values as they are read; None and numbers if there is no thing. Raises UsageError, NotFoundError.

    A missing value comes from stdin, unless that is a terminal or a script.
    """
    if not words and not session.takes_stdin:
        raise no_words()
    what, *values = words or "-"
    if not values:
        return resolve_alone(session, what)
    try:
        target = find_target(session, what)
    except NotFoundError as error:
        if attempt_number(session, what).error is None:
            raise NotFoundError(f"{str(error).partition('; ')[0]}; several values need a name: decode WHAT {what[:40]} ...") from None
        raise
    return target, read_values(session, target.found, values, output=target.output)


def resolve_alone(session: Session, word: str) -> tuple[Target | None, Iterable[Value]]:
    """A number, or those of stdin; otherwise the error for a name without a value, or for unreadable words."""
    if word == "-":
        refuse_in_script(session)
        return None, (attempt_number(session, text, line) for line, text in numbered_lines(session))
    if word.startswith("@"):
        raise UsageError(say_what(session, word[1:]))
    value = attempt_number(session, word)
    if value.error is None:
        return None, [value]
    try:
        target = find_target(session, word)
    except NotFoundError as error:
        if not word[:1].isalpha():
            from hvrepl.commands.inputs.shorthands import find_alone

            shorthand = find_alone(session, word)
            raise (UsageError(f"'{shorten(word)}' is not a number; did you mean `{shorthand}`?") if shorthand else value.error) from None
        raise UsageError(str(error)) from None
    return target, read_values(session, target.found, ["-"] if session.takes_stdin else [], output=target.output)


def say_what(session: Session, path: str) -> str:
    """Suggests how to read a file of unknown content."""
    other = say_command(session, path, "a dump in text")
    if other:
        return f"{path}: {other}"
    return f"what is in {path}? `decode WHAT @{path}`, such as page or message"


def no_words() -> UsageError:
    return UsageError("decode what? `decode WHAT VALUE`, or a single number")


def or_refuse(items: Iterable[Item], error: UsageError) -> Iterator[Item]:
    """The items made from stdin; the error if it is empty."""
    is_empty = True
    for item in items:
        is_empty = False
        yield item
    if is_empty:
        raise error


def attempt_number(session: Session, text: str, line: int | None = None) -> Value:
    """A number without a name, or why the word is not one."""
    try:
        reading = read_given(text, is_hex=session.options.hex)
    except UsageError as error:
        return Value(text, line=line, error=error)
    return Value(text, how=reading.how, line=line, number=reading.value)
