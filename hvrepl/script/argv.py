"""Words of a command line → options, the command, and its words. Says for each wrong word what would be right. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hvrepl.catalog.alike import alike
from hvrepl.commands.table import ENTRIES, HELP, INSTALL, PROGRAM, SHARED, Option
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.record import field, record
from hvrepl.script.shell_words import spelled
from hvrepl.wording import shorten

ASKING = spelled("help")  # they explain the next word, even an option


@record(eq=True)
class CommandLine:
    """`command` is "" if the first word is not one. `shared` sets options of the session, `own` are the command's or the program's."""

    command: str = ""
    words: tuple[str, ...] = ()
    shared: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)


def read_argv(arguments: Sequence[str]) -> CommandLine:
    """Options can come before or after the command and its words; a word after -- is not an option. UsageError."""
    known = options_by_name((*SHARED, *PROGRAM, *INSTALL, HELP))
    words: list[str] = []
    given: dict[str, Any] = {}
    waiting = list(reversed(arguments))
    while waiting:
        argument = waiting.pop()
        is_asked = not waiting and len(words) == 1 and words[0] in ASKING  # help --arch
        if argument == "--" and not is_asked:
            words += reversed(waiting)
            break
        if argument.startswith("-") and argument != "-" and not is_asked:
            take_option(argument, waiting, known, given)
            continue
        words.append(argument)
        if len(words) == 1:
            known = options_by_name((*SHARED, *options_after(argument), HELP))
    command = words[0] if words and words[0] in ENTRIES else ""
    shared = {option.key: given.pop(option.key) for option in SHARED if option.key in given}
    return CommandLine(command, tuple(words[1:] if command else words), shared, given)


def options_after(word: str) -> tuple[Option, ...]:
    """The options of a command; without one also those of encode, as FIELD=VALUE means encode."""
    return ENTRIES[word if word in ENTRIES else "encode"].options


def options_by_name(options: Iterable[Option]) -> dict[str, Option]:
    return {name: option for option in options for name in option.names}


def take_option(argument: str, waiting: list[str], known: Mapping[str, Option], given: dict[str, Any]) -> None:
    """--name, --name=word, --name word; -n, -nword, -n word, and several -n -m as -nm."""
    name, equals, text = argument.partition("=")
    if not argument.startswith("--"):
        name, equals, text = argument[:2], "", argument[2:]
    option = known.get(name)
    if option is None:
        raise UsageError(say_unknown(name if argument.startswith("--") else argument, name, known))
    if option.metavar:
        if not (text or equals):
            if not waiting:
                raise UsageError(f"option {name} takes a word: {name} {option.metavar}")
            text = waiting.pop()
        given[option.key] = [*given.get(option.key, ()), text] if option.many else text
        return
    if equals:
        raise UsageError(f"option {name} takes no word")
    given[option.key] = True
    if text:
        waiting.append(f"-{text}")


def say_unknown(argument: str, name: str, known: Mapping[str, Option]) -> str:
    said = f"no such option: {shorten(argument)}"
    if name[1:2].isdigit():
        return f"{said}; put a negative number after --"
    meant = find_word(argument.lstrip("-").lower()) or next(iter(alike(name, [one for one in known if one.startswith("--")])), "")
    return f"{said}; did you mean {meant}?" if meant else said


def find_word(word: str) -> str:
    """What to type for a word that is not an option but the word of one, as in --json and --arm64, or a command; "" if it is neither."""
    from hvrepl.catalog.model import ARCHES
    from hvrepl.commands.session import FORMATS

    if word in FORMATS:
        return f"-f {word}"
    if word in ARCHES:
        return f"--arch {word}"
    return word if word in ENTRIES else ""
