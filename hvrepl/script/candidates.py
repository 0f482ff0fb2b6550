"""Completion's offers, and those that do not need the catalogue: words of a list, options, files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from hvrepl.commands.table import Option
from hvrepl.record import record
from hvrepl.script.option_words import FILES, FOLDERS, choices_of, options_here


@record
class Candidate:
    """Text that replaces the last `length` characters before the cursor, with the text next to it in the menu; `follows` is the
    expected next word, such as FMT after --format."""

    text: str
    length: int
    number: str = ""
    title: str = ""
    follows: str = ""


def matching(choices: Iterable[str], current: str) -> Iterator[Candidate]:
    return (Candidate(choice, len(current)) for choice in choices if choice.startswith(current) and choice != current)


def explained(choices: Iterable[tuple[str, str]], current: str) -> Iterator[Candidate]:
    """Words with their descriptions; a complete word stays among them."""
    return (Candidate(choice, len(current), title=title) for choice, title in choices if choice.startswith(current))


def options(words: Sequence[str], command: str, current: str) -> Iterator[Candidate]:
    """The options that may follow the words, by their long names; after the = of --format=json that option's words."""
    name, equals, text = current.partition("=")
    for option in options_here(words, command):
        if equals and name in option.names and option.metavar:
            yield from words_of(option, text)
        elif not equals:
            shown = next((one for one in reversed(option.names) if one.startswith(current)), None)
            if shown:
                yield Candidate(shown, len(current), title=option.help, follows=option.metavar)


def words_of(option: Option, current: str) -> Iterator[Candidate]:
    """The words that an option accepts."""
    if option.metavar in (FILES, FOLDERS):
        return files(current, only_folders=option.metavar == FOLDERS)
    return matching(choices_of(option), current)


def files(text: str, before: str = "", *, only_folders: bool = False) -> Iterator[Candidate]:
    """Files and folders whose path begins with the text; `before`, an @ that was not typed, comes in front of them."""
    folder, slash, start = text.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as found:
            entries = sorted((one for one in found if may_be_meant(one.name, start)), key=lambda one: one.name)
    except (OSError, ValueError):  # no such folder, or a NUL in the name
        return
    is_bare = not (folder or slash or before)
    for one in entries:
        is_folder = is_folder_at(one)
        if is_folder or not only_folders:
            dash = "./" if is_bare and one.name.startswith("-") else ""  # otherwise it would be an option
            yield Candidate(f"{before}{dash}{folder}{slash}{one.name}{'/' if is_folder else ''}", len(text))


def may_be_meant(name: str, start: str) -> bool:
    """Whether a name begins with the typed text; a hidden one only after its dot, and an unprintable one never."""
    return name.startswith(start) and (start.startswith(".") or not name.startswith(".")) and name.isprintable()


def is_folder_at(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that cannot be followed
        return False
