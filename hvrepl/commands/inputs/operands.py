"""VALUE words, files, places in images and stdin → the bytes of each value, and how they were read. Streams, in little memory."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.parse_specs import REGISTER_BITS
from hvrepl.commands.inputs.file_kind import say_command
from hvrepl.commands.inputs.files import CHUNK, is_file, numbered_lines, read_chunk, read_file, read_rest
from hvrepl.commands.inputs.register_value import read_word
from hvrepl.commands.session import Session
from hvrepl.errors import HvreplError, UsageError
from hvrepl.hints import TYPE_CHECKING
from hvrepl.patterns import regex
from hvrepl.readers.number import read_cpuid, read_number
from hvrepl.readers.plain_text import decode
from hvrepl.record import record, replace

if TYPE_CHECKING:
    from hvrepl.readers.cpuid import Dump

PAGE = 4096  # bytes that are read at an address for a struct without a fixed size
HEX = regex("[0-9a-fA-F]+")
ADDRESS = regex("0[xX][0-9a-fA-F_]+|[0-9]+")


@record
class Value:
    """One value as it was given: its bytes in memory order, or its error. `line` is its line of stdin.

    The width of a number without a name is unknown: it is `number`, without bytes.
    """

    text: str
    data: bytes = b""
    how: str = ""
    line: int | None = None
    error: HvreplError | None = None
    number: int = 0


def read_values(session: Session, found: Found, words: Sequence[str], *, output: bool = False) -> Iterator[Value]:
    """The values in the words of a command line."""
    if not words:
        raise no_value(found)
    if "-" in words and len(words) > 1:
        raise UsageError("- must be the only value: all values then come from stdin")
    if list(words) == ["-"]:
        refuse_in_script(session)
    if session.decoder.width(found.spec) and not output:
        return read_words_of_bits(session, found, words)
    return read_structs(session, found, words, output=output)


def no_value(found: Found) -> UsageError:
    return UsageError(f"{found.called}: no value; see `show {found.called}`")


def refuse_in_script(session: Session) -> None:
    """UsageError in a script: its lines come from stdin, so a value cannot."""
    if session.is_script:
        raise UsageError("- is the script itself; give the value, or @FILE")


def read_words_of_bits(session: Session, found: Found, words: Sequence[str]) -> Iterator[Value]:
    read = partial(read_word, session, found)
    if list(words) == ["-"]:
        for line, text in numbered_lines(session):
            yield attempt(text, line, partial(read, text))
        return
    if any("=" in word for word in words) and read_cpuid(words):
        words = [" ".join(words)]
    is_leaf = session.options.format == "fields" and found.address is not None and found.address.space == "cpuid"
    for word in words:
        kept = session.values.get(word)
        if kept:
            raise UsageError(f"{word} is a struct of {len(kept.data)} bytes; {found.called} is a number")
        size = session.decoder.width(found.spec) // 8
        if word.startswith("@"):
            values = read_place(word[1:], size) if is_place(word[1:]) else read_word_file(session, found, word[1:], size, read)
            yield from attempt_file(word, values)
        else:
            value = attempt(word, None, partial(read, word))
            if value.error and is_file(word):
                yield from (from_file(one, word) for one in attempt_file(word, read_word_file(session, found, word, size, read)))
            elif is_leaf and "=" not in word and not value.error and not any(value.data[REGISTER_BITS // 8 :]):
                # Four of them may have been meant as the registers of one leaf.
                yield replace(value, how=", ".join(how for how in (value.how, "read as EAX alone") if how))
            else:
                yield value


def from_file(value: Value, path: str) -> Value:
    """Adds that a word was taken for a file, which was not asked for."""
    return replace(value, how=", ".join(how for how in (value.how, f"from the file {path}") if how))


def attempt(text: str, line: int | None, read: Callable[[], tuple[bytes, str]]) -> Value:
    """The value, or its error as a value: the stream decides whether to continue."""
    try:
        data, how = read()
    except HvreplError as error:
        return Value(text, line=line, error=error)
    return Value(text, data, how, line)


def attempt_file(word: str, values: Iterator[Value]) -> Iterator[Value]:
    """The values of a file; an error that ends them becomes a value."""
    try:
        yield from values
    except HvreplError as error:
        yield Value(word, error=error)


def read_word_file(session: Session, found: Found, path: str, size: int, read: Callable[[str], tuple[bytes, str]]) -> Iterator[Value]:
    """A file of values: one per line, or raw with `size` bytes each; or a dump that contains the thing."""
    raw = read_file(path)
    dump = READ_DUMPS.get(found.address.space if found.address else "")
    held = dump(session, found, raw, path) if dump else None
    if held is not None:
        yield from held
        return
    text = decode(raw)
    if text is None and len(raw) % size == 0:
        for at in range(0, len(raw), size):
            yield Value(f"@{path}", raw[at : at + size], f"read as {size} raw bytes, lowest first")
        return
    is_first = True
    for number, line in enumerate((raw.decode("utf-8", "replace") if text is None else text).splitlines(), 1):
        one = line.strip()
        if not one or one.startswith("#"):
            continue
        value = attempt(one, None, partial(read, one))
        if value.error:
            other = say_command(session, path) if is_first else ""
            said = f"{path}: no value of {found.called} in it; {other}" if other else f"{path}:{number}: {value.error}"
            value = replace(value, error=UsageError(said))
        yield value
        is_first = False


def read_leaves(session: Session, found: Found, raw: bytes, path: str) -> list[Value] | None:
    """A CPUID leaf from a dump: each distinct value of it among the CPUs of each machine; None if the file is not a dump.

    UsageError if the leaf is missing, or belongs to another hypervisor.
    """
    from hvrepl.readers.cpuid import read_machines, to_text

    dumps = read_machines(to_text(raw), session.catalog.spaces["cpuid"])
    if not dumps:
        return None
    machines = [f"machine {number}, " if len(dumps) > 1 else "" for number in range(1, len(dumps) + 1)]
    values = [value for machine, dump in zip(machines, dumps, strict=True) for value in read_leaf(session, found, dump, machine, path)]
    if not values:
        raise UsageError(f"{path}: a CPUID dump without leaf 0x{found.number:08X} ({found.name})")
    return values


def read_leaf(session: Session, found: Found, dump: Dump, machine: str, path: str) -> Iterator[Value]:
    """Each distinct value of a leaf among the CPUs of a machine."""
    from hvrepl.analysis.cpus import fold, say_cpus, say_owner, to_cpus
    from hvrepl.catalog.parse_specs import join_registers

    lines = {line.cpu or 0: line for leaves in dump.cpus for key, line in leaves.items() if key == (found.number, 0)}
    owner = say_owner(session.decoder, to_cpus(dump.cpus), found) if lines else ""
    where = f"{path}: {machine}leaf 0x{found.number:08X}"
    for whole, cpus in fold({cpu: join_registers(line.registers) for cpu, line in lines.items()}):
        how = f"read from a CPUID dump, {machine}{say_cpus(cpus)}"
        error = UsageError(f"{where}: {lines[cpus[0]].remark}") if whole is None else None
        error = UsageError(f"{where} is {owner}, not {found.name}") if owner else error
        yield Value(f"@{path}", b"" if whole is None else whole.to_bytes(16, "little"), how, error=error)


# Space → the values from a file with more than the one thing; None if the file is not such a dump.
READ_DUMPS: dict[str, Callable[[Session, Found, bytes, str], list[Value] | None]] = {"cpuid": read_leaves}


def is_place(text: str) -> bool:
    """Whether the text is FILE:ADDRESS, and not the name of an existing file."""
    path, _, address = text.rpartition(":")
    if not path or not ADDRESS.fullmatch(address):
        return False
    try:
        return not os.path.exists(text)
    except (OSError, ValueError):  # a name that a file cannot have
        return True


def read_place(text: str, size: int) -> Iterator[Value]:
    """The bytes at an address of a memory image."""
    from hvrepl.readers.images.formats import read_at

    path, _, address = text.rpartition(":")
    at = read_number(address).value
    yield Value(f"@{text}", read_at(path, at, size), f"read at {at:#x} of {path}")


def read_structs(session: Session, found: Found, words: Sequence[str], *, output: bool) -> Iterator[Value]:
    layout = found.spec.output if output else found.spec.layout
    size = session.decoder.schemas.size(found.spec, layout)
    if list(words) == ["-"]:
        yield from read_struct_stream(session, size, read_start(session))
        return
    from hvrepl.readers.dump import read_dump

    in_hand = {word: kept for word in words if (kept := session.values.get(word))}
    plain = [word for word in words if not word.startswith("@") and word not in in_hand]
    if plain and len(plain) < len(words):
        whole = " ".join(words)
        if whole.startswith("@") and is_file(whole[1:]):
            import shlex

            raise UsageError(f"a path with blanks goes in quotes: {shlex.quote(whole)}")
        raise UsageError(f"the bytes of a dump and {'a value in hand' if in_hand else '@FILE'} cannot be combined")
    if plain:
        try:
            dumps = read_dump(" ".join(plain), session.options.word_size, is_hex=session.options.hex, size=size)
        except UsageError:
            if not all(map(is_file, plain)):
                raise
            for path in plain:
                yield from (from_file(one, path) for one in attempt_file(path, read_struct_file(session, path, size)))
            return
        yield from (Value(" ".join(plain)[:80], dump.data, dump.how) for dump in dumps)
    for word in words if not plain else ():
        if word in in_hand:
            yield Value(word, in_hand[word].data, in_hand[word].how)
            continue
        path = word[1:]
        yield from attempt_file(word, read_place(path, size or PAGE) if is_place(path) else read_struct_file(session, path, size))


def read_struct_file(session: Session, path: str, size: int | None) -> Iterator[Value]:
    from hvrepl.readers.dump import read_bytes

    raw = read_file(path)
    try:
        dumps = read_bytes(raw, session.options.word_size, is_hex=session.options.hex, size=size)
    except UsageError as error:
        other = say_command(session, path, "a dump in text")
        raise UsageError(f"{path}: " + (f"no dump; {other}" if other else str(error))) from None
    yield from (Value(f"@{path}", dump.data, dump.how) for dump in dumps)


def read_start(session: Session) -> bytes:
    """The beginning of stdin, enough to recognise it: at least a line."""
    start = read_chunk(session)
    while start and b"\n" not in start and len(start) < CHUNK:
        more = read_chunk(session)
        if not more:
            break
        start += more
    return start


def holds_lines(start: bytes, size: int) -> bool:
    """Whether each line is a value: at least one is exactly `size` bytes of hex, and the first, even if damaged, is not a row of a dump.

    The last line of hexdump -C, an address alone, is four bytes of hex too.
    """
    first = re.search(rb"^[ \t]*([^#\s].*)", start, re.MULTILINE)
    line = rb"^[ \t]*[0-9a-fA-F]{%d}[ \t\r]*$" % (2 * size)
    return first is not None and len(first[1].split()) == 1 and bool(re.search(line, start, re.MULTILINE))


def read_struct_stream(session: Session, size: int | None, start: bytes) -> Iterator[Value]:
    """Lines of exactly `size` bytes of hex, raw bytes of k × size, or one dump; only a dump is read as a whole."""
    if size and holds_lines(start, size):
        yield from read_struct_lines(session, size, start)
        return
    from hvrepl.readers.dump import read_bytes, refuse_damaged

    if size and decode(start, cut=True) is None:
        refuse_damaged(start)
        yield from read_raw_stream(session, start, size)
        return
    whole = read_rest(session, start)
    text = decode(whole) if size else None
    if size and text is None:  # only the start looked like text
        refuse_damaged(whole)
        yield from read_raw_stream(session, whole, size)
    elif size and text and holds_lines(text.encode(), size):  # lines in UTF-16
        yield from read_struct_lines(session, size, text.encode())
    else:
        dumps = read_bytes(whole, session.options.word_size, is_hex=session.options.hex, size=size)
        yield from (Value("-", dump.data, dump.how) for dump in dumps)


def read_struct_lines(session: Session, size: int, start: bytes) -> Iterator[Value]:
    for line, text in numbered_lines(session, start):
        yield attempt(text, line, partial(read_exactly, session, text, size))


def read_exactly(session: Session, text: str, size: int) -> tuple[bytes, str]:
    if len(text) != 2 * size or not HEX.fullmatch(text):
        raise UsageError(f"{text[:40]!r} is not {size} bytes of hex, as the other lines are")
    word_size = session.options.word_size
    if not word_size:
        return bytes.fromhex(text), ""
    from hvrepl.readers.plain import force, forced

    return force(bytes.fromhex(text), word_size, 1), f"read as {forced('hex bytes', word_size)}"


def read_raw_stream(session: Session, start: bytes, size: int) -> Iterator[Value]:
    held = start
    while held:
        whole = len(held) - len(held) % size
        for at in range(0, whole, size):
            yield Value("-", held[at : at + size])
        held = held[whole:]
        more = read_chunk(session)
        if not more:
            break
        held += more
    if held:
        yield Value("-", held)
