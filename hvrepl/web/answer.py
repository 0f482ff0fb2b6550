"""What is pasted on the page → its answer as text and HTML, by the grammar of the shell. Runs no process, opens no file by its name."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

from hvrepl.catalog.model import ARCHES
from hvrepl.codec.decoded import dump
from hvrepl.commands.inputs.file_kind import BYTES, IMAGE, kind_of_file
from hvrepl.commands.inputs.files import read_file
from hvrepl.commands.session import ARCH_WORDS, Session
from hvrepl.commands.table import ENTRIES
from hvrepl.errors import UsageError
from hvrepl.readers import kinds
from hvrepl.readers.plain_text import clean
from hvrepl.record import replace
from hvrepl.script.paste import split_text
from hvrepl.script.runner import Runner
from hvrepl.script.shell_words import SHELL_WORDS
from hvrepl.web.allowed import refuse
from hvrepl.web.run import OPENED, collect, guard
from hvrepl.web.shown import Shown
from hvrepl.wording import printable, shorten

MOST_TEXT = 8 << 20  # characters of what is pasted, far above any page in any form
MOST_LINES = 2000  # of a paste that are run one by one
MOST_ROWS = 4 << 20  # bytes of a file that is one dump in text, or one of CPUID leaves
SHORT_LOG = 1 << 20  # bytes of a log that is shown whole; of a longer one only the lines in which something was found
COLUMNS = 100
PLAIN_LINE = re.compile(r"[A-Za-z0-9][\w .,:=+-]*", re.ASCII)  # means the same to a shell of the system
GIVEN = re.compile(r"\s*([^\s=:()'\"#|>!@]+)(?:\s*=\s*|\s+)([0-9][\w`]*)\s*", re.ASCII)  # WHAT VALUE, or WHAT=VALUE


def answer(text: str, arch: str = ARCHES[0], *, columns: int = COLUMNS, session: Session | None = None) -> dict[str, Any]:
    """`kind` of what was pasted, `text` as the command line prints it, `html`, `errors` (one line; "" where there is none), `status`.

    `link` is what after # asks the same, `command` the command line that answers the same. Links in `html` are from the root of the site.
    `session` has the specs, if not hvrepl's own alone; one answer at a time may use it. Raises nothing, whatever the text.
    """
    with OPENED.using(session):
        return make_answer(text, arch, columns)


def make_answer(text: str, arch: str, columns: int) -> dict[str, Any]:
    if len(text) > MOST_TEXT:
        return refusal(f"{len(text):,} characters are more than one dump or a log of a day; drop the file on the page instead")
    text = "\n".join(printable(line, "\t") for line in clean(text).split("\n"))
    if not text.strip():
        return refusal("Paste a number, a name, a dump or a log.", "empty")
    if arch.lower() not in ARCH_WORDS:
        return refusal(f"no such arch: {shorten(arch)}; choose {' or '.join(ARCHES)}")
    kind = kind_of_text(text)
    if kind == "text":
        kind = "script" if try_line(first_line(text), arch) or not has_claims(text, arch) else "log"
    made = respond(kind, partial(RUNS.get(kind, run_pieces), text), arch, columns)
    if kind == "line" and made["errors"] and has_claims(text, arch):
        kind = "log"
        made = respond(kind, partial(run_log, text), arch, columns)
    return made | {"link": link_of(text) if kind == "line" else text.strip("\n"), "command": command_of(kind, text, arch)}


def answer_file(path: str, name: str, arch: str = ARCHES[0], *, columns: int = COLUMNS) -> dict[str, Any]:
    """The same for a file that was dropped on the page: `path` is where it is, `name` how the reader knows it."""
    if kind_of_file(OPENED.session, path) == IMAGE:
        made = respond_once("file", partial(run_file, path), arch, columns)
    else:
        made = respond("file", partial(run_file, path), arch, columns)
    name = printable(name)
    return {key: called(one, path, name) for key, one in made.items()} | {
        "html": called(made["html"], escape(path), escape(name)),
        "link": "",
        "command": "",
    }


def called(one: Any, path: str, name: str) -> Any:
    """A text with the reader's name for a file in place of where it is."""
    return one.replace(path, name) if isinstance(one, str) else one


def answer_json(text: str, arch: str, columns: int) -> str:
    return dump(answer(text, arch, columns=columns))


def answer_file_json(path: str, name: str, arch: str, columns: int) -> str:
    return dump(answer_file(path, name, arch, columns=columns))


def refusal(said: str, kind: str = "refused") -> dict[str, Any]:
    shown = Shown()
    shown.error(said)
    return {"kind": kind, "text": "", "html": "".join(shown.parts), "errors": said, "status": 2, "link": "", "command": ""}


def respond(kind: str, run: Callable[[Runner, Shown], None], arch: str, columns: int) -> dict[str, Any]:
    """Runs it twice: for the text as scripts are given it, and as a person reads it on a screen so wide."""
    plain = collect(run, arch, 0)
    return to_answer(kind, plain.out.getvalue(), plain, collect(run, arch, max(20, min(columns, 400))))


def respond_once(kind: str, run: Callable[[Runner, Shown], None], arch: str, columns: int) -> dict[str, Any]:
    """The same of what gives trees alone, such as a scan, which is as long as an image."""
    seen = collect(run, arch, max(20, min(columns, 400)), has_trees=True)
    return to_answer(kind, "\n".join(seen.trees), seen, seen)


def to_answer(kind: str, text: str, plain: Shown, seen: Shown) -> dict[str, Any]:
    return {
        "kind": kind,
        "text": text,
        "html": "".join(seen.parts),
        "errors": "; ".join(plain.errors[:1]) + (f" (and {len(plain.errors) - 1} more)" if plain.errors[1:] else ""),
        "status": plain.status,
    }


def kind_of_text(text: str) -> str:
    """line, or of several lines log, cpuid, dump or text."""
    spaces = OPENED.session.catalog.spaces
    start = text.encode("utf-8", "replace")[: kinds.SNIFFED + 1]
    kind = {kinds.LOG: "log", kinds.LEAVES: "cpuid", kinds.ROWS: "dump"}.get(kinds.kind_of(start, spaces["cpuid"]), "")
    if "\n" in text.strip("\n"):
        return kind or "text"
    return "log" if kind == "log" else "line"


def first_line(text: str) -> str:
    """The first line that is neither empty nor a comment."""
    return next((line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")), "")


def try_line(line: str, arch: str) -> bool:
    """Whether the shell would take a line."""
    return not collect(partial(run_pieces, line), arch, 0).errors


def has_claims(text: str, arch: str) -> bool:
    """Whether annotate finds anything in a text."""
    return bool(collect(partial(run_log, text, only=True), arch, 0).out.getvalue())


def run_log(text: str, runner: Runner, _: Shown, *, only: bool = False) -> None:
    dispatch(runner, ["annotate", *["--only"] * only], text)


def run_cpuid(text: str, runner: Runner, _: Shown) -> None:
    dispatch(runner, ["cpuid", "-"], text)


def dispatch(runner: Runner, words: Sequence[str], text: str) -> None:
    """Words of the command line with a text on stdin."""
    session = replace(runner.session, is_script=False)
    session.streams = replace(session.streams, stdin=io.BytesIO(text.encode("utf-8", "replace")))
    Runner(session, may_shell=False).dispatch(words)


def run_pieces(text: str, runner: Runner, shown: Shown) -> None:
    """Dumps and lines, as the shell takes them from a paste: one that fails does not stop those after it."""
    for count, piece in enumerate(split_text(text, partial(is_struct, runner.session))):
        if count >= MOST_LINES:
            raise UsageError(f"over {MOST_LINES:,} lines; drop the file on the page, or run hvrepl in a terminal")
        guard(partial(runner.run_dump, piece.text, piece.words) if piece.is_dump else partial(run_line, runner, piece.text, shown), shown)


def is_struct(session: Session, name: str) -> bool:
    """Whether a name is that of a thing whose values are dumps."""
    catalog, base = session.catalog, name.partition(".")[0]
    if not catalog.has_name(base):
        return False
    spec = catalog.find_name(base).spec
    return spec.layout is not None and not spec.width


def run_line(runner: Runner, text: str, shown: Shown) -> None:
    """One line. UsageError where it asks for what a page in a browser does not do."""
    refuse(text)
    before, has_html = runner.session.values.count, len(shown.parts)
    runner.run_line(text)
    kept = runner.session.values.last
    is_made = kept is not None and kept.found is not None and runner.session.values.count > before
    if is_made and runner.session.shows and len(shown.parts) == has_html:  # an encoded value: what it means, too
        runner.run_line("decode _")


def run_file(path: str, runner: Runner, shown: Shown) -> None:
    """A file by what it holds: an image is scanned, a log annotated, a dump decoded."""
    kind = kind_of_file(runner.session, path)
    if not kind:
        raise UsageError(f"{path} is empty, or cannot be read")
    size = os.stat(path).st_size
    if kind == IMAGE:
        runner.dispatch(["scan", path])
    elif kind == kinds.EVENTS:
        raise UsageError(f"{path} is a Windows event log: hvrepl in a terminal reads it, a page does not")
    elif kind in (kinds.ROWS, kinds.LEAVES, BYTES, kinds.VALUES):
        if size > MOST_ROWS:
            raise UsageError(f"{path}: {size:,} bytes of {kind}; a page in a browser takes {MOST_ROWS >> 20} MiB of these")
        raw = read_file(path)
        if kind == kinds.LEAVES:
            runner.dispatch(["cpuid", path])
        elif kind == BYTES:
            runner.dispatch(["decode", name_bytes(runner, size), f"@{path}"])
        elif kind == kinds.ROWS:
            runner.run_dump(raw.decode("utf-8", "replace"))
        else:
            run_pieces(raw.decode("utf-8", "replace"), runner, shown)
    else:
        runner.dispatch(["annotate", *["--only"] * (size > SHORT_LOG), path])


def name_bytes(runner: Runner, size: int) -> str:
    """What raw bytes are, by how many there are: a message, else a page."""
    session = runner.session
    message = session.decoder.schemas.size(session.catalog.find_name("message").spec)
    return "message" if size <= message else "page"


def link_of(text: str) -> str:
    """`sint2=0x200f3` for a thing and one value; any other line as it is."""
    given = GIVEN.fullmatch(text)
    return f"{given[1]}={given[2]}" if given and given[1] not in (*ENTRIES, *SHELL_WORDS) else text.strip()


def command_of(kind: str, text: str, arch: str) -> str:
    """The command line that answers the same."""
    program = "hvrepl" if arch == ARCHES[0] else f"hvrepl --arch {arch}"
    if kind != "line":
        return f"{program}{COMMAND_LINES[kind]} < FILE"
    line = text.strip()
    return f"{program} {line}" if PLAIN_LINE.fullmatch(line) else f"{program} -c {shlex.quote(line)}"


RUNS: Mapping[str, Callable[[str, Runner, Shown], None]] = {"log": run_log, "cpuid": run_cpuid}
COMMAND_LINES = {"log": " annotate", "cpuid": " cpuid -", "dump": "", "script": " -k"}
