"""Text pasted into the page → its answer as text and HTML, by the grammar of the shell. Runs no process, opens no file by name."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape

from hvrepl.catalog.model import ARCHES
from hvrepl.codec.decoded import dump
from hvrepl.commands.inputs.file_kind import BYTES, IMAGE, kind_of_file
from hvrepl.commands.inputs.files import read_file
from hvrepl.commands.session import ARCH_WORDS, Session
from hvrepl.commands.table import ENTRIES
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
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

MOST_TEXT = 8 << 20  # characters of a paste, far more than any page in any form
MOST_LINES = 2000  # lines of a paste that run one by one
MOST_ROWS = 4 << 20  # bytes of a dump in text, or of CPUID leaves
SHORT_LOG = 1 << 20  # bytes of a log that is shown completely; a longer one shows only the lines with findings
COLUMNS, NARROWEST, WIDEST = 100, 20, 400  # columns of the reader's screen: the default, and the limits
PLAIN_LINE = regex(r"[A-Za-z0-9][\w .,:=+-]*", re.ASCII)  # has no special meaning for the system's shell
GIVEN = regex(r"\s*([^\s=:()'\"#|>!@]+)(?:\s*=\s*|\s+)([0-9][\w`]*)\s*", re.ASCII)  # WHAT VALUE, or WHAT=VALUE


def answer(text: str, arch: str = ARCHES[0], *, columns: int = COLUMNS, session: Session | None = None) -> dict[str, Any]:
    """`kind` of the paste, `text` as the command line prints it, `html`, `errors` (one line; "" if there are none), `status`.

    `link` asks the same after #, `command` is the command line with the same answer. Links in `html` start at the root of the site.
    `session` provides specs other than hvrepl's own; only one answer at a time may use it. Never raises, whatever the text.
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
    """The same for a file dropped on the page: `path` is its real path, `name` is the reader's name for it."""
    is_image = kind_of_file(OPENED.session, path) == IMAGE
    made = respond("file", partial(run_file, path), arch, columns, once=is_image)
    name = printable(name)
    named = {key: one.replace(path, name) for key, one in made.items() if isinstance(one, str)}
    return made | named | {"html": made["html"].replace(escape(path), escape(name)), "link": "", "command": ""}


def answer_json(text: str, arch: str, columns: int) -> str:
    return dump(answer(text, arch, columns=columns))


def answer_file_json(path: str, name: str, arch: str, columns: int) -> str:
    return dump(answer_file(path, name, arch, columns=columns))


def refusal(said: str, kind: str = "refused") -> dict[str, Any]:
    shown = Shown()
    shown.error(said)
    return {"kind": kind, "text": "", "html": "".join(shown.parts), "errors": said, "status": 2, "link": "", "command": ""}


def respond(kind: str, run: Callable[[Runner, Shown], None], arch: str, columns: int, *, once: bool = False) -> dict[str, Any]:
    """Runs it twice: for the text that scripts get, and for a person's screen of this width.

    `once`: for what gives only trees and takes long, such as a scan of an image; the trees are the text.
    """
    seen = collect(run, arch, max(NARROWEST, min(columns, WIDEST)), has_trees=once)
    plain = seen if once else collect(run, arch, 0)
    return {
        "kind": kind,
        "text": "\n".join(seen.trees) if once else plain.out.getvalue(),
        "html": "".join(seen.parts),
        "errors": "; ".join(plain.errors[:1]) + (f" (and {len(plain.errors) - 1} more)" if plain.errors[1:] else ""),
        "status": plain.status,
    }


def kind_of_text(text: str) -> str:
    """line or log; for several lines log, cpuid, dump or text."""
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
    """Whether a line runs in the shell."""
    return not collect(partial(run_pieces, line), arch, 0).errors


def has_claims(text: str, arch: str) -> bool:
    """Whether annotate finds anything in a text."""
    return bool(collect(partial(run_log, text, only=True), arch, 0).out.getvalue())


def run_log(text: str, runner: Runner, _: Shown, *, only: bool = False) -> None:
    dispatch(runner, ["annotate", *["--only"] * only], text)


def run_cpuid(text: str, runner: Runner, _: Shown) -> None:
    dispatch(runner, ["cpuid", "-"], text)


def dispatch(runner: Runner, words: Sequence[str], text: str) -> None:
    """Runs words of the command line with a text on stdin."""
    session = replace(runner.session, is_script=False)
    session.streams = replace(session.streams, stdin=io.BytesIO(text.encode("utf-8", "replace")))
    Runner(session, may_shell=False).dispatch(words)


def run_pieces(text: str, runner: Runner, shown: Shown) -> None:
    """Dumps and lines, as the shell reads a paste: one that fails does not stop the rest."""
    for count, piece in enumerate(split_text(text, partial(is_struct, runner.session))):
        if count >= MOST_LINES:
            raise UsageError(f"over {MOST_LINES:,} lines; drop the file on the page, or run hvrepl in a terminal")
        guard(partial(runner.run_dump, piece.text, piece.words) if piece.is_dump else partial(run_line, runner, piece.text, shown), shown)


def is_struct(session: Session, name: str) -> bool:
    """Whether values of a named thing are dumps."""
    catalog, base = session.catalog, name.partition(".")[0]
    if not catalog.has_name(base):
        return False
    spec = catalog.find_name(base).spec
    return spec.layout is not None and not spec.width


def run_line(runner: Runner, text: str, shown: Shown) -> None:
    """One line. UsageError if a page in a browser cannot do it."""
    refuse(text)
    before, has_html = runner.session.values.count, len(shown.parts)
    runner.run_line(text)
    kept = runner.session.values.last
    is_made = kept is not None and kept.found is not None and runner.session.values.count > before
    if is_made and runner.session.shows and len(shown.parts) == has_html:  # an encoded value: show its meaning too
        runner.run_line("decode _")


def run_file(path: str, runner: Runner, shown: Shown) -> None:
    """A file by its content: scans an image, annotates a log, decodes a dump."""
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
    """What raw bytes are, by their number: a message, or else a page."""
    session = runner.session
    message = session.decoder.schemas.size(session.catalog.find_name("message").spec)
    return "message" if size <= message else "page"


def link_of(text: str) -> str:
    """`sint2=0x200f3` for a thing and one value; any other line unchanged."""
    given = GIVEN.fullmatch(text)
    return f"{given[1]}={given[2]}" if given and given[1] not in (*ENTRIES, *SHELL_WORDS) else text.strip()


def command_of(kind: str, text: str, arch: str) -> str:
    """The command line with the same answer."""
    program = "hvrepl" if arch == ARCHES[0] else f"hvrepl --arch {arch}"
    if kind != "line":
        return f"{program}{COMMAND_LINES[kind]} < FILE"
    line = text.strip()
    return f"{program} {line}" if PLAIN_LINE.fullmatch(line) else f"{program} -c {shlex.quote(line)}"


RUNS: Mapping[str, Callable[[str, Runner, Shown], None]] = {"log": run_log, "cpuid": run_cpuid}
COMMAND_LINES = {"log": " annotate", "cpuid": " cpuid -", "dump": "", "script": " -k"}
