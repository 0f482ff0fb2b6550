"""The interactive shell: lines from a terminal, run like those of scripts. Does not interpret lines itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property, partial

from hvrepl.commands.session import Session, Typed, say_error
from hvrepl.errors import HvreplError, NotFoundError
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.script.pager import is_plain, paging
from hvrepl.shell.plain import PlainPrompt
from hvrepl.version import __version__

if TYPE_CHECKING:
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from hvrepl.script.complete import Completer
    from hvrepl.script.runner import Runner

GREETING = (
    f"hvrepl {__version__}: paste a number, name, dump or log; help explains, C-d leaves\n",
    f"hvrepl {__version__}: help, C-d\n",
)

LEAST_WORDS = 2  # after the first, of a line that may be one of a log
NEEDED = 6  # files that asyncio and a prompt with completion open


def can_open(count: int) -> bool:
    """Whether the process may open so many more files (`ulimit -n`)."""
    opened: list[int] = []
    try:
        opened.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    except OSError:
        return False
    finally:
        for number in opened:
            os.close(number)
    return True


def running_kernel() -> str:
    import platform

    return platform.release()


class Shell:
    """Reads lines from a terminal, or from `source`, and runs them until `quit`, C-d or the end of input."""

    def __init__(self, session: Session, *, vi: bool = False, source: Input | None = None, target: Output | None = None) -> None:
        session.is_shell = True
        session.started = session.options
        self.session = session
        self.is_over = False
        self.is_log = False  # whether the line that was run last was explained as one of a log
        self._completers: dict[str, Completer] = {}
        if session.options.specs:
            _ = session.catalog  # report faults of the user's own definitions now, not at the first key
        is_simple = is_plain(session.streams.environ) or not session.streams.stdout_is_terminal or not can_open(NEEDED)
        if source is None and is_simple:
            self.ask = PlainPrompt(session.streams.stdin.fileno(), session.streams.stdout, self.is_open).ask
            return
        from hvrepl.shell.keys import bindings
        from hvrepl.shell.prompt import Prompt

        keys = bindings(self.is_open, self.is_dump)
        self.ask = Prompt(session, lambda: self.completer, keys, vi=vi, source=source, target=target).ask

    @cached_property
    def runner(self) -> Runner:
        from hvrepl.script.runner import Runner

        return Runner(self.session)

    @property
    def completer(self) -> Completer:
        """The completer for the current arch."""
        from hvrepl.script.complete import Completer
        from hvrepl.script.shell_words import shell_commands

        arch = self.session.options.arch
        if arch not in self._completers:
            self._completers[arch] = Completer(self.session.catalog, shell_commands(), running_kernel)
        return self._completers[arch]

    def is_struct(self, name: str) -> bool:
        catalog, base = self.session.catalog, name.partition(".")[0]
        if not catalog.has_name(base):
            return False
        spec = catalog.find_name(base).spec
        return spec.layout is not None and not spec.width

    def is_open(self, lines: Sequence[str]) -> bool:
        from hvrepl.script.paste import is_open  # what reads dumps is not needed to show a prompt

        return is_open(lines, self.is_struct)

    def is_dump(self, text: str) -> bool:
        from hvrepl.script.paste import split_text

        pieces = list(split_text(text, self.is_struct))
        return len(pieces) == 1 and pieces[0].is_dump

    def run(self) -> None:
        """The loop. Errors are shown, and do not end it."""
        streams = self.session.streams
        self.session.write(GREETING[streams.stdout_is_terminal and streams.columns < len(GREETING[0])])
        self.session.streams.stdout.flush()
        while not self.is_over:
            try:
                self.run_text(self.ask(f"hv {self.session.options.arch}> "))
            except KeyboardInterrupt:
                continue
            except EOFError:
                return

    def run_text(self, text: str) -> None:
        """Runs dumps and lines, up to one that leaves; or explains a log as a whole."""
        from hvrepl.readers.kinds import LOG_LINE
        from hvrepl.script.paste import split_text

        self.measure()
        found = list(split_text(text, self.is_struct))
        if LOG_LINE.match(text) or (len(found) > 1 and not any(piece.is_dump or self.is_known(piece.text) for piece in found)):
            self.is_log = False
            is_done = self.guard(partial(self.run_log, text))
            if self.is_log or not is_done:
                self.session.typed += [Typed(one.text, (), is_dump=False, has_failed=True) for one in found if not one.text.startswith(" ")]
                return
        for piece in found:
            if not self.is_over:
                self.is_log = False
                is_done = self.guard(
                    partial(self.runner.run_dump, piece.text, piece.words) if piece.is_dump else partial(self.run_line, piece.text)
                )
                if not piece.text.startswith(" "):  # a leading blank keeps it out of the history
                    has_failed = self.is_log or not is_done  # as a line of a script
                    self.session.typed.append(Typed(piece.text, piece.words, piece.is_dump, has_failed=has_failed))

    def run_line(self, text: str) -> None:
        """A line; one that cannot be run, and does not begin with a known word, is explained as a line of a log."""
        try:
            self.runner.run_line(text)
        except HvreplError:
            from hvrepl.commands.annotate import annotate_text

            self.is_log = len(text.split()) > LEAST_WORDS and not self.is_known(text) and annotate_text(self.session, text)
            if not self.is_log:
                raise

    def is_known(self, text: str) -> bool:
        """Whether a line begins as one that can be run: with a command, the name of a thing, or not with a word."""
        from hvrepl.script.shell_words import shell_commands

        first = text.split()[0].partition("=")[0].rstrip(":,")
        return not first[:1].isalpha() or self.session.catalog.has_name(first) or first in dict(shell_commands())

    def run_log(self, text: str) -> None:
        """Lines of a log. Raises NotFoundError if they say nothing, and begin as lines of logs do."""
        from hvrepl.commands.annotate import annotate_text
        from hvrepl.readers.kinds import LOG_LINE

        self.is_log = annotate_text(self.session, text)
        if not self.is_log and LOG_LINE.match(text):
            raise NotFoundError(f"nothing to explain in {'these lines' if chr(10) in text.strip() else 'this line'} of a log")

    def measure(self) -> None:
        """The size of the terminal, which may have changed."""
        self.session.streams.measure()
        self.session.set()

    def guard(self, run: Callable[[], Any]) -> bool:
        """Runs something, and shows errors on one line; C-c only stops the run. Returns whether it finished."""
        from hvrepl.script.words import Leave

        session = self.session
        try:
            with paging(session):
                run()
            session.streams.stdout.flush()
            return True
        except HvreplError as error:
            session.warn(session.style.paint("error", say_error(error)))
        except KeyboardInterrupt:
            session.warn("stopped", start="\r")  # over the terminal's ^C
        except Leave:
            self.is_over = True
        except BrokenPipeError:
            return True  # `| head` has seen enough
        except MemoryError:
            session.warn("there is not enough memory for this input")
        except OSError as error:
            session.warn(f"cannot write: {error.strerror}")
        return False
