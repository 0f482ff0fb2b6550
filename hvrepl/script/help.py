"""The output of `help`: an overview of lines, and each topic. The command line prints the help of a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.commands.session import Session
from hvrepl.commands.table import COMMANDS
from hvrepl.render.style import NARROW, Style, wrap
from hvrepl.script.shell_words import WORDS
from hvrepl.script.topics import Topic

HEAD = "Type a command, or just a number, a name, or both:"
SHORTER = (
    ("0x8100000606570000", "explain a number, with its other readings"),
    ("sint2, sint2 0x200f3", "show it, decode a value; sint2 vector=0xf3 builds one"),
    ("_, _1, (_ | 0x10000)", "the last value, the first; set FIELD=VALUE changes it"),
)
HINT = "`help WORD` explains each, and formats, options and signs like @."
AFTER = "After a line: | CMD, > FILE, >> FILE. !CMD runs CMD. Paste dumps and logs."
KEYS = "Tab completes, Up recalls, C-r searches, F4: vi keys, C-c clears, C-d leaves."


def say_topic(topic: Topic, style: Style) -> list[str]:
    text = f"{topic.short} {topic.text}".strip()
    examples = [f"    {style.paint('number', line)}" for line in topic.examples]
    return [style.paint("name", topic.usage), *wrap(text, style.width, "  ", "  "), *(["", *examples] if examples else [])]


def explain(session: Session) -> list[str]:
    """The kinds of lines, in a few sentences."""
    style = session.style
    words = ", ".join(word.name for word in WORDS)
    after = [AFTER, *([KEYS] if session.is_shell else [])]
    return [
        HEAD,
        *list_words(SHORTER, style),
        *list_words([(command.name, command.short) for command in COMMANDS], style),
        *(line for text in (f"Also {words}; {HINT}", *after) for line in wrap(text, style.width)),
    ]


def list_words(rows: Sequence[tuple[str, str]], style: Style) -> Iterator[str]:
    """Things to type and, next to them or on a narrow terminal below them, their effects."""
    wide = max(len(word) for word, _ in rows) + 4
    rest = " " * (wide if not style.width or style.width - wide >= NARROW else 6)
    for word, text in rows:
        first, *more = wrap(text, style.width, f"  {word}".ljust(wide), rest)
        yield first.replace(word, style.paint("name", word), 1)
        yield from more
