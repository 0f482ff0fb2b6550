"""Hostile specs and files: each ends in its line and status, in little time and memory."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import limits
from tests.at_hand import needs
from tests.catalog.own import write_own
from tests.fuzz import amount, sampled
from tests.fuzz_inputs import TARGETS, corpus
from tests.paths import DATA
from tests.program import Ended

HOSTILE = DATA / "hostile"
pytestmark = needs("sh", POSIX=os.name == "posix")


def run(*arguments: str, stdin: str = "") -> Ended:
    """The program within its limits."""
    return Ended(*limits.run(*arguments, stdin=stdin))


MANY_FIELDS = "more than 20,000 fields or values, counting those of its types and cases each time they appear"
WAYS = (
    "it would try too many ways on a line that does not match; limit how often something repeats, as in {0,40}, "
    "do not repeat a repeat or a choice, or give nothing back, as in [a-z]++"
)
# A folder of specs → the end of the line that refuses it.
REFUSED = {
    "spec_4096_names_x_300_aliases": "types/a.toml: more than 50,000 names, including those of earlier files; "
    "an array has its names once per element",
    "spec_log_set_010": "logs/x.toml: x: says HV_X64_MSR_SIMP: set: 0: '010' is not a number such as 8 or 0x10",
    "spec_nested_counts": f"types/a2.toml: ZZ_A2: {MANY_FIELDS}",
    "spec_nested_types": f"types/a14.toml: ZZ_A14: {MANY_FIELDS}",
    "spec_redos": f"logs/x.toml: x: pattern: {WAYS}",
    "spec_show_too_wide": "types/a.toml: layout: x: show guid needs a fixed width of up to 128 bits",
}


@pytest.mark.parametrize("name", REFUSED)
def test_specs_that_cost_too_much_are_refused(name: str) -> None:
    folder = HOSTILE / name
    ended = run("--specs", str(folder), "list", "msr")
    line = re.sub(r" \(and [0-9]+ more\)\n", "\n", ended.err)
    assert (ended.status, ended.out, line) == (2, "", f"{folder}/common/{REFUSED[name]}\n")


def struct(name: str, *fields: str, more: str = "") -> str:
    return f'kind = "struct"\nname = "{name}"\nsource = ["test:a#b"]\n{more}[layout]\nfields = [{",".join(fields)}]\n'


def enumeration(place: int, last: int) -> str:
    values = (
        '[[values]]\nvalue = 0\nname = "Z"\n'
        if place == last
        else f'takes = [{{ type = "E{place + 1}" }}, {{ type = "E{place + 1}", as = {1 << place} }}]\n'
    )
    return f'kind = "enumeration"\nname = "E{place}"\nwidth = 32\nsource = ["test:a#b"]\n{values}'


def form(pattern: str, seen: str) -> str:
    return (
        f"kind = 'log'\nsource = ['test:a#b']\n[[form]]\nname = 'f'\nwords = ['a']\npattern = '{pattern}'\nseen = ['{seen}']\ntext = 'x'\n"
    )


# Specs that are too large → text of the refusal ("": they are accepted).
MADE = {
    "fields": ([struct("A", *(f'{{ name = "f{one}", type = "u8" }}' for one in range(20_001)))], "more than 20,000 fields"),
    "fields_that_are_taken": ([struct("A", *(f'{{ name = "f{one}", type = "u8" }}' for one in range(15_000)))], ""),
    "types_in_types": (
        [struct(f"A{one}", f'{{ name = "x", type = "A{one - 1}" }}' if one else '{ name = "x", type = "u8" }') for one in range(1500)],
        "nested more than 32 deep",
    ),
    "taking_in": ([enumeration(place, 25) for place in range(26)], "more than 20,000 fields or values"),
    "dots": (["a." * 400_000 + "a = 1"], "a line with more than 100 dots"),
    "brackets": (["a = " + "[" * 100_000], "nested too deeply"),
    "a_set_in_a_set": ([form("a[[]<n>", "a[1")], "Possible nested set"),
    "large": (["#" * (1 << 20) + "\n"], "larger than 1 MiB"),
    "large_together": ([f"# {'x' * 1_000_000}\n" for _ in range(5)], "more than 4 MiB of specs"),
    "polynomial": ([form("a.*b.*c.*<n>", "abc1")], "too many ways"),
}


@pytest.mark.parametrize(("specs", "fault"), MADE.values(), ids=MADE)
def test_specs_have_a_budget(specs: list[str], fault: str, tmp_path: Path) -> None:
    ended = run("--specs", str(write_own(tmp_path / "own", *specs)), "list", "msr")
    assert ended.status == (2 if fault else 0), ended.err
    assert fault in ended.err
    assert ended.err.count("\n") == bool(fault)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def test_a_sparse_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    folder = write_own(tmp_path / "own")
    sparse(folder / "common" / "a.toml")
    ended = run("--specs", str(folder), "list", "msr")
    assert (ended.status, ended.err) == (2, f"{folder}/common/a.toml: larger than 1 MiB\n")


@pytest.mark.parametrize(("name", "status"), [(".#a.toml", 0), ("a.toml", 4)])
def test_a_link_to_nothing_in_a_folder_of_specs(name: str, status: int, tmp_path: Path) -> None:
    folder = write_own(tmp_path / "own")
    (folder / "common" / name).symlink_to("somebody@somewhere.1234")
    ended = run("--specs", str(folder), "show", "simp")
    assert (ended.status, ended.err) == (status, f"{folder}/common/{name}: No such file or directory\n" if status else "")


def test_a_form_of_somebody_is_looked_for_only_where_a_line_begins(tmp_path: Path) -> None:
    folder = write_own(tmp_path / "own", form("a.*b <n>", "a b 1"))
    assert "↳ x" in run("--specs", str(folder), "annotate", stdin="a hyper-v line b 12\n").out
    ended = run("--specs", str(folder), "annotate", stdin="hyper-v " + "a " * 500_000 + "b 12\n")
    assert (ended.status, "↳" in ended.out) == (0, False)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def digits(path: Path) -> None:
    path.write_text("4" * 100_000 + " 1\n")


# A file msr of a saved tree → the message.
SAVED: dict[str, tuple[Callable[[Path], None], str]] = {
    "fifo": (fifo, "not a regular file"),
    "sparse": (sparse, "larger than 1 MiB"),
    "folder": (Path.mkdir, "not a regular file"),
    "digits": (digits, "is not NUMBER VALUE, both in hex, nor NUMBER EIO"),
}


@pytest.mark.parametrize(("make", "text"), SAVED.values(), ids=SAVED)
def test_a_saved_tree_is_refused_in_a_line(make: Callable[[Path], None], text: str, tmp_path: Path) -> None:
    (tmp_path / "cpu" / "0").mkdir(parents=True)
    make(tmp_path / "cpu" / "0" / "msr")
    ended = run("live", "--root", str(tmp_path), "simp")
    assert (ended.status, ended.out, ended.err.count("\n")) == (4, "", 1)
    assert text in ended.err


@pytest.mark.parametrize("name", ["²", "٣", "9" * 200, "-1", "00"])
def test_a_folder_that_no_cpu_is_called_is_not_one(name: str, tmp_path: Path) -> None:
    for one in ("0", name):
        (tmp_path / "cpu" / one).mkdir(parents=True)
        (tmp_path / "cpu" / one / "msr").write_text("40000083 1\n")
    ended = run("live", "--root", str(tmp_path), "simp", "-f", "ndjson")
    assert (ended.status, ended.err, ended.out.count('"cpu":')) == (0, "", 1)


FOUND = [(target, path) for target in TARGETS for path in corpus(target)]


@pytest.mark.parametrize(("target", "path"), FOUND, ids=[f"{target}-{path.name}" for target, path in FOUND])
def test_what_the_fuzzer_has_found_is_harmless(target: str, path: Path) -> None:
    TARGETS[target][1](path.read_text())


@sampled
@pytest.mark.parametrize("target", ["spec", "completion", "images"])
def test_what_is_made_up_is_harmless(target: str) -> None:
    make, attempt = TARGETS[target]
    seeds = ["", *(path.read_text() for path in corpus(target))]
    for number in range(amount(2, 200)):
        choose = random.Random(number)
        attempt(make(choose, choose.choice(seeds)))
