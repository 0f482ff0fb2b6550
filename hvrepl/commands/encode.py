"""encode: a value from fields, from zero, from a value or from decode's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from hvrepl.codec.decoded import from_dict
from hvrepl.commands.inputs.field_words import join_fields
from hvrepl.commands.inputs.files import read_rest
from hvrepl.commands.inputs.operands import read_values
from hvrepl.commands.inputs.shorthands import say_shorthand
from hvrepl.commands.inputs.what import Target, find_target, thing_in, to_assignment
from hvrepl.commands.output import emit
from hvrepl.commands.output_files import open_output
from hvrepl.commands.session import Session
from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.patterns import regex
from hvrepl.record import replace
from hvrepl.render.formats import Item
from hvrepl.render.parts import say_finding
from hvrepl.wording import say_reason, shorten

if TYPE_CHECKING:
    from hvrepl.codec.encode.assign import Assignment

LINES = regex(r"\}[^\S\n]*\n\s*\{")  # objects on lines of their own


def encode_value(session: Session, words: Sequence[str], output: str = "") -> None:
    """encode WHAT [VALUE] FIELD=V..."""
    if not words:
        raise UsageError("encode what? `encode WHAT FIELD=VALUE`")
    target = find_target(session, words[0])
    if (target.found.spec.output if target.output else target.found.spec.layout) is None:
        raise UsageError(f"{target.found.called} has no fields to set")
    rest, joined = join_fields(session, target, words[1:])
    values = [word for word in rest if "=" not in word or word.startswith("@")]
    assignments = [to_assignment(word) for word in rest if word not in values]
    if not values and not assignments and session.is_shell:
        show_fields(session, target)
        return
    if not values and not assignments:
        raise UsageError(f"{target.found.called}: no FIELD=VALUE; its fields are in `show {target.found.called}`")
    if len(values) > 1:
        hint = say_shorthand(session, target.found, values)
        raise UsageError(f"one value to start from, not {len(values)}{hint or '; fields are written FIELD=VALUE'}")
    if joined:
        session.warn(f"read as {' '.join(joined)}")
    starts = starts_of(session, target, values)
    target = replace(target, found=thing_in(session, target, None)[0], slot=None)
    made = []
    for start in starts:
        made.append(encode_one(session, target, start, assignments))
        if not target.output:
            session.values.keep(target.found, made[-1])
    write_values(session, target, made, output)


def write_values(session: Session, target: Target, made: Sequence[bytes], output: str) -> None:
    """Writes to a file as raw bytes; otherwise prints only the hex, or in another format the decoded value."""
    if output:
        with open_output(session, output, "wb") as file:
            file.write(b"".join(made))
    elif session.options.format != "fields":
        emit(session, (Item(session.decoder.decode(target.found, data, output=target.output)) for data in made))
    else:
        session.write("".join(f"{write_value(target, data)}\n" for data in made))


def write_value(target: Target, data: bytes) -> str:
    """A word as a number with all its digits, a struct as its bytes in memory order."""
    width = target.found.spec.width
    return f"0x{int.from_bytes(data, 'little'):0{width // 4}x}" if width and not target.output else data.hex()


def show_fields(session: Session, target: Target) -> None:
    """The fields that `encode WHAT` can set, with their places and enumerators."""
    from hvrepl.render.definition import fields_of
    from hvrepl.render.describe import describe

    table = describe(session.catalog, target.found)
    fields = [one for one in table["output" if target.output else "fields"] if "reserved" not in one]
    for shorthand in target.found.spec.shorthands:
        session.write(f"  {shorthand.name}=  sets {', '.join((shorthand.field, *shorthand.sets))}\n")
    session.write("".join(f"{line}\n" for line in fields_of(fields, session.style)))


def starts_of(session: Session, target: Target, values: Sequence[str]) -> Iterator[bytes | None]:
    """The value that an encoding starts from: none, a given one, or decode's JSON on stdin."""
    if not values:
        yield None
    elif values == ["-"]:
        from hvrepl.codec.encode.from_tree import encode

        for table in read_json(session):
            yield encode(session.decoder, target.found, from_dict(table), output=target.output)
    else:
        for value in read_values(session, target.found, values, output=target.output):
            if value.error:
                raise value.error
            yield thing_in(session, target, value.data)[1]


def read_json(session: Session) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON document: one, an array, or one per line."""
    import json

    if session.is_script:
        raise UsageError("- is the script itself; give the value, or @FILE")
    text = read_rest(session).decode("utf-8", "replace").strip()
    load = partial(json.loads, parse_int=to_int)
    try:
        found = load(text) if not LINES.search(text) else [load(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError, UsageError) as error:
        raise UsageError(f"stdin is not the JSON of decode: {shorten(say_reason(error), 80)}") from None
    for table in found if isinstance(found, list) else [found]:
        if not isinstance(table, dict) or not ({"fields", "slots", "raw"} & set(table)):
            raise UsageError("stdin is not the JSON of decode: expected an object with fields or raw")
        yield table


def encode_one(session: Session, target: Target, start: bytes | None, assignments: Sequence[Assignment]) -> bytes:
    from hvrepl.codec.encode.assign import Assigner

    assigner = Assigner(session.decoder, target.found, output=target.output)
    data = assigner.assign(start, assignments) if assignments or start is None else start
    node = session.decoder.decode(target.found, data, output=target.output)
    remarked = {finding.code for finding in assigner.findings}
    findings = [*assigner.findings, *(finding for finding in node.findings if finding.code not in remarked)]
    for finding in findings:
        session.warn(f"! {say_finding(finding)}")
    session.note_findings(findings)
    return data
