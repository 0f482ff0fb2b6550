"""decode: words → a thing and its values → trees → text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from hvrepl.codec.decoded import Decoded
from hvrepl.commands.inputs.operands import Value, no_value
from hvrepl.commands.inputs.resolve import no_words, or_refuse, resolve
from hvrepl.commands.inputs.what import Target, thing_in
from hvrepl.commands.output import answer, emit
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.readers.number import GUID, is_arithmetic
from hvrepl.record import replace
from hvrepl.render.formats import Item


def decode(session: Session, words: Sequence[str]) -> None:
    """decode [WHAT] VALUE..."""
    target, values = resolve(session, words)
    is_named = bool(words[1:]) or (target is None and bool(words))  # otherwise the values come from stdin
    given = words[1:] or ["-"]
    if target and target.slot is None and session.options.format == "ndjson" and any(word == "-" or word.startswith("@") for word in given):
        items = stream_values(session, target, given)
    else:
        make = partial(decode_and_keep, session, target) if target else partial(identify, session)
        items = (item for value in values for item in answer(session, value, partial(make, value)))
    few = len(given) > 1 and not any(word.startswith("@") for word in given)
    emit(session, items if is_named else or_refuse(items, no_value(target.found) if target else no_words()), few=few)


def decode_and_keep(session: Session, target: Target, value: Value) -> Decoded:
    """The tree of one value, which becomes the last value; a part of a thing does not."""
    node = decode_value(session, target, value)
    if not target.is_part:
        session.values.keep(target.found, value.data, how=value.how)
    return node


def decode_value(session: Session, target: Target, value: Value) -> Decoded:
    """The tree of one value."""
    if value.error:
        raise value.error
    found, data = thing_in(session, target, value.data)
    node: Decoded = session.decoder.decode(found, data, output=target.output)
    return replace(node, read=value.how, other=others_of(target), dumped=target.slot is not None)


def identify(session: Session, value: Value) -> Decoded:
    """A number without a name as the most likely thing, with the other possibilities."""
    from hvrepl.analysis.identify import compute, identify_number

    if value.error:
        raise value.error
    if is_arithmetic(value.text):
        node = compute(session.decoder, value.text.strip(), value.number)
        session.values.keep(None, bare=value.number)
        return node
    try:
        # A search for each of many numbers would take long.
        node = identify_number(session.decoder, value.number, searches=value.line is None)
    except UsageError:
        if GUID.fullmatch(value.text.strip()):
            raise UsageError(f"{value.text.strip()} is not a known GUID") from None
        raise
    if node.fields:
        session.values.keep(session.catalog.find_name(node.name), node.to_bytes())
    else:
        session.values.keep(None, bare=value.number)
    return replace(node, read=", ".join(how for how in (value.how, node.read) if how))


def stream_values(session: Session, target: Target, words: Sequence[str]) -> Iterator[Item]:
    """Values from files and stdin as lines of ndjson, without a tree for each."""
    from hvrepl.codec.stream.lines import Stream
    from hvrepl.commands.inputs.ndjson_lines import line_of, read_stream

    stream = Stream(session.decoder, target.found, output=target.output, other=others_of(target))
    for one in read_stream(session, target, stream, list(words)):
        if isinstance(one, Item):
            yield one
        else:
            yield from answer(session, one, partial(line_of, session, target, stream, one))


def others_of(target: Target) -> tuple[Decoded, ...]:
    """The other meanings of the number that was asked for."""
    return tuple(
        Decoded(name=other.name, space=other.space.name, number=other.space.write(other.number), summary=other.title)
        for other in target.found.others
    )
