"""`python -m tests.fuzz_inputs TARGET SECONDS`: tries invented inputs with a structure, or for a shell; guided by coverage with atheris.

A target takes an input in the form that a person would keep. A failing input is written into tests/data/hostile/corpus/TARGET: the next
run begins with it, and a test tries it again.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache, partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz import address_space
from tests.paths import DATA, SPECS

CORPUS = DATA / "hostile" / "corpus"
MOST_SECONDS = 20  # for one input
MEMORY = 2 << 30
ODD: Sequence[Any] = (
    0,
    -1,
    1 << 64,
    10**400,
    3_000_000_000,
    1.5,
    True,
    None,
    "",
    "0x",
    "ff" * 40,
    "[0]",
    "a.b",
    "{n}",
    "{}",
    "(a|a)*b",
    "[[",
    [],
    {},
    [[]],
)
TEXTS = (
    "\\",
    "$(touch PWNED)",
    "`touch PWNED`",
    '"',
    "'",
    ":",
    "\\$",
    ";",
    " ",
    "[/b]",
    "*",
    "~",
    "!",
    "é",
    "{x}",
    "|",
    "&",
    "<",
    "a",
    "#",
    "-",
)


def try_json(text: str) -> None:
    """A WHAT on the first line, followed by JSON for encode."""
    what, _, given = text.partition("\n")
    check_ended("encode", what, "-", stdin=given.encode("utf-8", "replace"))


def try_spec(text: str) -> None:
    """A file of specs."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "common").mkdir()
        (Path(folder) / "common" / "own.toml").write_text(text, encoding="utf-8", errors="replace")
        (Path(folder) / "sources.toml").write_text('[ours]\ntitle = "t"\n[test]\ntitle = "t"\n')
        check_ended("--specs", folder, "show", "BAD")


def check_ended(*words: str, stdin: bytes = b"") -> None:
    from tests.program import call

    ended = call(*words, stdin=stdin)
    assert ended.status in range(5), ended
    assert ended.err.isprintable() or ended.err.replace("\n", "").isprintable(), ended


ZSH = r"""_arguments() { local action=${1#*:*:}; eval ws\=\( "${${action//\\:/:}[3,-3]}" \); print -rl -- $ws }; eval $(<answer)"""
IN_SHELLS: Mapping[str, Sequence[str]] = {
    "bash": ("bash", "-c", "IFS=$'\\n'; given=( $(<answer) ); eval \"printf '%s\\n' ${given[0]}\""),
    "zsh": ("zsh", "-f", "-c", ZSH),
    "fish": ("fish", "--no-config", "-c", "complete -c hvrepl --no-files -a '(cat answer)'; complete -C 'hvrepl '"),
}


def try_completion(text: str) -> None:
    """A name, in the answer of each installed shell's completion: it is taken as text, and nothing else."""
    from hvrepl.cli.answers import DESCRIBED, to_zsh
    from hvrepl.script.lines import quote_for_shell
    from tests.at_hand import is_here

    word = "z" + "".join(c for c in text if c.isprintable()).rstrip()
    described = DESCRIBED.sub(r"\\\g<0>", word)
    answers = {
        "bash": (quote_for_shell(word), word),
        "zsh": (to_zsh([(word, word)]), f"{described}:{described}"),
        "fish": (f"{word}\t{word}", f"{word}\t{word}"),
    }
    with tempfile.TemporaryDirectory() as folder:
        for shell, (answer, wanted) in answers.items():
            if is_here(shell):
                (Path(folder) / "answer").write_text(answer + "\n")
                done = subprocess.run(
                    IN_SHELLS[shell],
                    cwd=folder,
                    capture_output=True,
                    check=False,
                    text=True,
                    env={"HOME": folder, "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
                )
                assert done.stdout == wanted + "\n", (shell, done)
                assert sorted(name for name in os.listdir(folder) if name not in (".config", ".local", ".cache")) == ["answer"], (
                    shell,
                    word,
                )


LEAST_MEMORY = 400 << 20  # for an image, in addition to this process's own


def try_images(text: str) -> None:
    """A modified sample of an image: its reader's work is counted, then pages are found and read in a process with limits."""
    from tests.images.hostile import apply_harm, survives

    data = apply_harm(text).data
    survives(data)
    finder = page_finder()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        path.write_bytes(data)
        in_child(lambda: scan_and_read(finder, str(path)))


@cache
def page_finder() -> Any:
    from hvrepl.analysis.find_pages import PageFinder
    from hvrepl.catalog.catalog import Catalog
    from hvrepl.catalog.opening import open_index
    from hvrepl.codec.decode import Decoder

    return PageFinder(Decoder(Catalog(open_index(None), "x64")))


def scan_and_read(finder: Any, path: str) -> None:
    """As `scan FILE` and `decode page @FILE:ADDRESS`. An error is one line."""
    from hvrepl.commands.scan import find_pages
    from hvrepl.errors import FileError
    from hvrepl.readers.images.formats import open_memory, read_at

    def scan() -> list[int]:
        with closing(open_memory(path)) as memory:
            return [address for address, _ in islice(find_pages(finder, memory, lambda _: None), 16)]

    def said(attempt: Callable[[], Any]) -> str:
        try:
            attempt()
        except FileError as error:
            return str(error)
        return ""

    for one in (scan, *(partial(read_at, path, address, 4096) for address in (0, 0x1000, 0x3C5A000, (1 << 64) - 1))):
        line = said(one)
        assert line.isprintable(), line


def in_child(attempt: Callable[[], None]) -> None:
    """Does something in a process with limits. Fails if it does, or is killed."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            status = 1
            try:
                held = address_space()
                resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
                resource.setrlimit(resource.RLIMIT_AS, (held + LEAST_MEMORY, held + LEAST_MEMORY))
                attempt()
                status = 0
            except BaseException:
                traceback.print_exc(file=said)
                said.flush()
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        assert not status, f"ended with {status}\n{said.read()}"


def make_images(choose: random.Random, seed: str) -> str:
    from tests.images.hostile import make_harm

    return make_harm(choose, seed)


def make_json(choose: random.Random, seed: str) -> str:
    """A thing's own JSON, or one of the corpus, with one or two odd parts."""
    from tests.program import call

    what, _, text = seed.partition("\n")
    if not text:
        what = choose.choice(
            ["simp", "page", "message", "guest-id", "sint2", "HVCALL_POST_MESSAGE", "HV_KVP_IP_MSG", "vp-assist", "hv_message"]
        )
        text = (
            call("decode", what, "-", "-f", "json", stdin=b"00 " * choose.choice([8, 16, 24, 256, 4096])).out
            or '{"fields": [{"name": "a"}]}'
        )
    return f"{what}\n{json.dumps(spoil(choose, json.loads(text)))}"


def make_spec(choose: random.Random, seed: str) -> str:
    """A built-in spec, or one of the corpus, with one or two odd keys."""
    text = seed or choose.choice(BUILT_IN or BUILT_IN.extend(sorted(SPECS.rglob("common/*/*.toml"))) or BUILT_IN).read_text()
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError):
        return text[: choose.randrange(len(text) + 1)] + choose.choice(["[[", "=", '"', "\\"])
    return "".join(f"{json.dumps(key)} = {to_toml(value)}\n" for key, value in spoil(choose, {**table, "name": "BAD"}).items())


BUILT_IN: list[Path] = []


def to_toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {to_toml(one)}" for key, one in value.items()) + "}"
    return f"[{', '.join(map(to_toml, value))}]" if isinstance(value, list) else json.dumps("" if value is None else value)


def spoil(choose: random.Random, tree: Any) -> Any:
    """The tree with some of its parts replaced, omitted or duplicated."""
    for _ in range(choose.randint(1, 3)):
        at = tree
        while isinstance(at, dict | list) and at:
            key = choose.choice(list(at) if isinstance(at, dict) else list(range(len(at))))
            if not isinstance(at[key], dict | list) or not at[key] or choose.random() < 0.2:
                if choose.random() < 0.2:
                    del at[key]
                else:
                    at[key] = choose.choice(ODD)
                break
            at = at[key]
    return tree


def make_completion(choose: random.Random, seed: str) -> str:
    return seed[: choose.randrange(len(seed) + 1)] + "".join(choose.choice(TEXTS) for _ in range(choose.randint(1, 8)))


TARGETS: Mapping[str, tuple[Callable[[random.Random, str], str], Callable[[str], None]]] = {
    "json": (make_json, try_json),
    "spec": (make_spec, try_spec),
    "completion": (make_completion, try_completion),
    "images": (make_images, try_images),
}


class Choices(random.Random):
    """Makes choices from given bytes, so that changing one byte changes one choice; always the first once they are used up."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self.left = data

    def getrandbits(self, k: int) -> int:
        size = -(-k // 8)
        taken, self.left = self.left[:size], self.left[size:]
        return int.from_bytes(taken, "little") & (1 << k) - 1

    def random(self) -> float:
        return self.getrandbits(8) / 256


def corpus(target: str) -> list[Path]:
    return sorted((CORPUS / target).glob("*"))


def fuzz(target: str, seconds: float) -> int:
    """Tries inputs of a target for this long; returns 1 if one fails, which is then in the corpus."""
    make, attempt = TARGETS[target]
    seeds = ["", *(path.read_text() for path in corpus(target))]
    tried, end = 0, time.monotonic() + seconds

    def one(data: bytes) -> None:
        nonlocal tried
        choose = Choices(data)
        text = make(choose, choose.choice(seeds))
        signal.alarm(MOST_SECONDS)
        try:
            attempt(text)
        except BaseException:
            path = CORPUS / target / f"found_{abs(hash(text)):x}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"{target}: {path} fails", file=sys.stderr)
            raise
        finally:
            signal.alarm(0)
        tried += 1
        if time.monotonic() > end:
            print(f"{target}: {tried} inputs without a fault", flush=True)
            os._exit(0)  # libFuzzer cannot be left otherwise

    def give_up(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"longer than {MOST_SECONDS} s")

    signal.signal(signal.SIGALRM, give_up)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if importlib.util.find_spec("atheris"):
        import atheris  # type: ignore[import-not-found]

        atheris.instrument_all()
        atheris.Setup([sys.argv[0], "-rss_limit_mb=0", f"-artifact_prefix={tempfile.gettempdir()}/"], one)
        atheris.Fuzz()
    while True:
        one(os.urandom(64))


if __name__ == "__main__":
    sys.exit(fuzz(sys.argv[1], float(sys.argv[2])))
