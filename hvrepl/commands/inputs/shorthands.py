"""Recognises words for a shorthand of a thing: a kernel version, where the guest id that it makes is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.index import is_seen
from hvrepl.catalog.model import Shorthand, Spec, to_key
from hvrepl.commands.session import Session


def say_shorthand(session: Session, found: Found, words: Sequence[str]) -> str:
    """`; with the kernel: `encode guest-id kernel=6.6.87`` if a shorthand reads the last of the words; otherwise "".

    The words before it can only be names of values that the shorthand sets too.
    """
    said = next(commands_of(session, found.spec, found.called, words), "")
    return f"; write `{said}`" if said else ""


def find_shorthand(session: Session, words: Sequence[str], *, is_alone: bool = False) -> str:
    """The command for words that begin with a value that a shorthand sets, or with its name, instead of a thing: `encode linux 6.6.87`."""
    index = session.catalog.index
    keys = index.database.execute("""SELECT id FROM spec WHERE body LIKE '%"shorthand":%' ORDER BY id""").fetchall()
    specs = (index.spec(key) for (key,) in keys)
    said = (
        one
        for spec in specs
        if is_seen(spec.arch, session.options.arch)
        for one in commands_of(session, spec, short(spec), words, is_alone)
    )
    return next(said, "")


def find_alone(session: Session, word: str) -> str:
    """The command for a word alone that a shorthand reads and gives back as it is: 6.6.87, but not the fraction 6.6."""
    return find_shorthand(session, [word], is_alone=True)


def short(spec: Spec) -> str:
    return spec.also[0] if spec.also else spec.name


def commands_of(session: Session, spec: Spec, called: str, words: Sequence[str], is_alone: bool = False) -> Iterator[str]:
    from hvrepl.codec.meanings import MEANINGS

    for one in spec.shorthands if words else ():
        read = MEANINGS[one.read].read
        names = {to_key(name) for name in (one.name, *names_set(session, spec, one))}
        if read is None or not all(to_key(word) in names for word in words[:-1]):
            continue
        try:
            value = read(words[-1])
        except ValueError:
            continue
        if is_alone and MEANINGS[one.read].say(value) not in words[-1]:
            continue
        yield f"encode {called} {one.name}={words[-1]}"


def names_set(session: Session, spec: Spec, shorthand: Shorthand) -> Iterator[str]:
    """The names of the values that a shorthand sets."""
    for field in (field for layout in spec.layouts for field in layout.fields if field.name in shorthand.sets):
        for one in session.catalog.enumerators(field):
            if one.low <= shorthand.sets[field.name] <= one.high:
                yield from (one.name, *one.also)
