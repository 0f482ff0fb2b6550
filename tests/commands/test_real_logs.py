"""Lines from public logs: annotate's notes on them, and its silence about logs of other systems."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hvrepl.analysis.annotator import Annotator
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.commands.annotate import LONGEST_LINE, UTF16_MARKS, decoder_of, pieces
from tests.commands.test_annotate import MARK, SESSION, VMBUS, notes, passed, told
from tests.each import each
from tests.fuzz import amount, examples, sampled
from tests.paths import DATA
from tests.program import call

DATA = DATA / "logs"
SEEN: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "seen.jsonl").read_text().splitlines()]
REAL: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "real.jsonl").read_text().splitlines()]
SAYS: dict[str, list[str]] = json.loads((DATA / "real.says.json").read_text())
UNRELATED = (DATA / "unrelated.txt").read_bytes()
FORMS = [line for form in Catalog(open_index()).log_forms() for line in form.seen]
PARTED = {line for form in Catalog(open_index()).log_forms() for line in form.seen if form.back}  # whose parts may have notes too


@each(SEEN, lambda line: line["id"], parts=4)
def test_a_line_of_a_log_of_hyper_v_is_explained(line: dict[str, Any]) -> None:
    said = told(VMBUS + line["raw"].encode() + b"\n")[1:]
    assert len(said) == len(line["says"]), said
    assert all(says in note for says, note in zip(line["says"], said, strict=True)), said


@pytest.mark.parametrize("sample", REAL, ids=[sample["id"] for sample in REAL])
def test_a_real_sample_is_explained(sample: dict[str, Any]) -> None:
    said = told(sample["raw"].encode())
    assert said == SAYS[sample["id"]]
    assert said or sample["kind"] == "irq"  # rows of zeros, which also occur without a hypervisor


def test_nothing_is_claimed_in_logs_of_other_systems() -> None:
    assert passed(UNRELATED, "--only") == b""
    assert passed(UNRELATED) == UNRELATED


def test_little_is_claimed_in_what_only_looks_like_it_inside_a_log_of_hyper_v() -> None:
    said = notes(passed(VMBUS + UNRELATED))[1:]
    assert all(note.startswith("perhaps ") or "(message 0x" in note for note in said), said
    assert len(said) < 60, said


@sampled
@each(FORMS, parts=8)
def test_a_form_that_a_mail_has_wrapped_at_any_blank_is_explained_nevertheless(line: str) -> None:
    plain = [note.removeprefix("perhaps ") for note in told(VMBUS + line.encode() + b"\n")]
    blanks = [at for at, c in enumerate(line) if c == " " and line[:at].strip() and line[at:].strip()]
    for at in [at for at in blanks if line[at - 1] != "="][:: amount(3, 1)]:  # = at the end of a line is a soft break in quoted-printable
        wrapped = f"> {line[:at]}\n> {line[at + 1 :]}\n"
        said = [note.removeprefix("perhaps ") for note in told(VMBUS + wrapped.encode())]
        if any(note not in plain for note in said):  # a part may have fewer notes
            alone = {note for part in (line[:at], line[at + 1 :]) for note in told(VMBUS + part.encode() + b"\n")}
            said = [note for note in said if note in plain or not (line in PARTED or note in alone)]
        assert said[0] == plain[0], wrapped
        assert said == [note for note in plain if note in said], wrapped


def annotated(*chunks: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The log as it was passed on, and how many claims were where."""
    done = list(pieces(SESSION, chunks))
    claims = [(piece.line, len(piece.claims)) for piece in done if piece.claims]
    return b"".join(piece.data for piece in done), claims


LINES = [line.encode() + b"\n" for line in FORMS] + UNRELATED.splitlines(keepends=True)[:100] + [b"\xff\xfe\0\n", b"\r\n", b"msr=\n"]


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.sampled_from(LINES) | st.binary(max_size=40), max_size=12), st.lists(st.integers(0, 2000), max_size=6))
def test_where_a_chunk_ends_changes_nothing(lines: list[bytes], cuts: list[int]) -> None:
    log = b"".join(lines)
    places = [0, *sorted(min(cut, len(log)) for cut in cuts), len(log)]
    whole = annotated(log)
    assert whole[0] == log
    assert annotated(*(log[start:end] for start, end in itertools.pairwise(places))) == whole


@pytest.mark.parametrize("size", [1000, LONGEST_LINE // 2, 3 * LONGEST_LINE])
def test_a_line_after_a_long_one_is_explained_wherever_a_chunk_ends(size: int) -> None:
    long = VMBUS.rstrip() + b" " + b"x" * LONGEST_LINE * 2 + b"\n"
    log = long + VMBUS
    assert annotated(*(log[at : at + size] for at in range(0, len(log), size))) == (log, [(1, 1), (2, 1)])


def test_a_long_line_is_passed_whole_with_its_note_after_its_end() -> None:
    line = VMBUS.rstrip() + b" " + b"x" * LONGEST_LINE * 3 + b"\n"
    text = passed(line)
    assert text.startswith(line)
    assert len(notes(text[len(line) :])) == 1


@pytest.mark.parametrize("option", ["--full", "--only", ""])
def test_the_notes_of_an_annotated_log_are_not_annotated(option: str) -> None:
    log = b"".join(line for line in LINES if b"\xff" not in line)
    once = passed(log, *filter(None, [option]))
    twice = passed(once)
    again = [line for line in twice.splitlines() if line.startswith(MARK.encode())]
    assert len(again) <= 2 * len([line for line in once.splitlines() if line.startswith(MARK.encode())])
    for size in (100, 1000):
        assert annotated(*(once[at : at + size] for at in range(0, len(once), size))) == annotated(once)


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("option", ["--full", "--only"])
def test_notes_keep_within_the_screen(option: str, columns: int) -> None:
    done = call("annotate", option, "--color", "never", stdin=b"".join(LINES[: len(FORMS)]), stdout_is_terminal=True, columns=columns)
    lines = [line for line in done.out.splitlines() if line.startswith((MARK, "      "))]
    wide = [line for line in lines if len(line) > columns and len(line.split()) > 1 and line.encode() not in b"".join(LINES)]
    assert [line for line in wide if not line.startswith(MARK)] == []


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_pass(data: bytes) -> None:
    assume(data[:2] not in UTF16_MARKS)  # these are recoded
    assert annotated(data)[0] == data
    annotator = Annotator(SESSION.catalog, partial(decoder_of, SESSION))
    annotator.recogniser.open()
    assert b"".join(piece.data for piece in annotator.read(data)) == data
