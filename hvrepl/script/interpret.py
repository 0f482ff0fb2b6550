"""The grammar of a line without its options: which command it means, on the command line, in scripts and in the shell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from hvrepl.catalog.alike import alike
from hvrepl.catalog.model import to_key
from hvrepl.commands.inputs.file_kind import command_for
from hvrepl.commands.inputs.files import is_file
from hvrepl.commands.inputs.shorthands import find_shorthand
from hvrepl.commands.inputs.what import LONGEST_NAME, find_thing, is_number_word
from hvrepl.commands.session import Session
from hvrepl.commands.table import ENTRIES
from hvrepl.errors import HvreplError, NotFoundError
from hvrepl.patterns import regex
from hvrepl.readers.number import is_given
from hvrepl.wording import plural, shorten

FIELD = regex(r"(?!e[abcd]x=)[a-z_][\w.\[\]]*=(?!=)", re.IGNORECASE)  # FIELD=VALUE, which does not look like a value
GIVEN = regex(r"([^=:\s]+(?::[^=:\s]+)?)(=|:)(.*)", re.DOTALL)  # X=V and X:, as logs and debuggers print them
TAKES_WHAT = ("decode", "encode", "show", "diff", "check")  # commands whose first word is WHAT
PART = regex(r"\d+|input|output")  # the words after the dot of a name
# Spaces whose name can precede a number; the names of other spaces are also things.
SPACES = ("msr", "register", "cpuid", "hypercall", "vmbus", "whp_register")
TAGS = ("struct", "union", "enum")
MOST_ALIKE = 3
DIFFERS = 2  # the fewest values for diff
LONGEST_ALIKE = 1 << 12  # characters of a word that is compared with names
INDEXED = regex(r"(\w+)[\[(]\s*(\w+)\s*[\])]([=:]?.*)", re.DOTALL)  # MSR[0x40000082], as logs print it
ONLY_OF_LEAF = regex(r"e[bc]x=.*", re.IGNORECASE | re.DOTALL)  # an MSR has only EDX and EAX
SUBLEAF = regex(r"(?:0x)?0+:", re.IGNORECASE)  # `cpuid -r` prints it before the registers
PUNCTUATION = ".,;:!?\"'`"  # around a word of a sentence
WIDE = regex(r"(?:0x)?(?:[0-9a-f]_?){8,16}h?", re.IGNORECASE)  # a number of 32 bits or more, which says by itself what it is
# First words from other programs → the equivalent here.
OTHERS = {
    "rdmsr": "`live WHAT` reads the MSRs of this machine, `msr NUMBER` explains one",
    "wrmsr": "hvrepl writes no MSRs; `msr NUMBER VALUE` explains a value",
    "bit": "`find bit:17` finds the fields that have bit 17",
    "search": "`find TEXT` searches",
    "grep": "`find TEXT` searches",
    "dmesg": "`annotate FILE` explains the numbers in a log",
}
# First words of questions, if nothing else of the line is known.
ASKED = {
    "explain": "`decode WHAT VALUE` explains a value, `show WHAT` a name",
    "describe": "`show WHAT` describes a name",
    "info": "`show WHAT` describes a name",
    **dict.fromkeys(("what", "how"), "`help` lists what you can type, `find TEXT` searches names and descriptions"),
    **dict.fromkeys(("commands", "usage", "options"), "`help` lists what you can type"),
}


def interpret(session: Session, command: str, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command that is meant, and its words; `command` is the given one, or "". NotFoundError if nothing is meant."""
    if command == "cpuid" and words and is_number_word(session, words[0]):
        command, words = "", ["cpuid", *words]
    if command not in ("", *TAKES_WHAT):
        return command, words
    given = drop_tag(session, tidy(session, words))
    if command:
        words = join_leaf(session, join_space(session, take_apart(session, given) if command == "decode" and given else given))
        said = say_meant(session, command, words) if words else ""
        if said:
            raise NotFoundError(said)
        return command, words
    words = join_leaf(session, join_space(session, take_apart(session, given)))
    first, *rest = words
    if any(FIELD.match(word) for word in rest):
        command = "encode"
    elif rest or is_value(session, first):
        command = "decode"
    else:
        command = "show"
    if not is_known(session, first):
        raise NotFoundError(say_unknown(session, words))
    said = say_meant(session, "", words)
    if said:
        raise NotFoundError(said)
    return command, words


def tidy(session: Session, words: Sequence[str]) -> Sequence[str]:
    """The words, with the first free of pasted punctuation (`sint2,`), and `msr[0x40000082]…` as `msr:0x40000082…`."""
    if not words:
        return words
    first, *rest = words
    indexed = INDEXED.fullmatch(first)
    if indexed and indexed[1].lower() in SPACES and is_number_word(session, indexed[2]):
        return [f"{indexed[1].lower()}:{indexed[2]}{indexed[3]}", *rest]
    bare = first.rstrip(",;")
    return [bare, *rest] if bare and bare != first and is_name(session, bare) else words


def say_meant(session: Session, command: str, words: Sequence[str]) -> str:
    """A suggestion for words that are right except for their order, or for blanks within a name; "" if there is none."""
    first, *rest = words
    if is_file(first) or not (rest or command == "encode"):
        return ""
    if not is_name(session, first) and (shorthand := find_shorthand(session, words)):
        return f"no such name: {shorten(first)}; did you mean `{shorthand}`?"
    if is_value(session, first) or FIELD.match(first):
        name = next((word for word in rest if is_name(session, word) and not is_given(word, is_hex=session.options.hex)), "")
        if not name or (not FIELD.match(first) and names_something(session, first)):
            return ""
        others = [word for word in words if word is not name]
        does = command or ("encode" if any(FIELD.match(word) for word in others) else "decode")
        return f"{shorten(first)} does not name anything; did you mean `{does} {' '.join([name, *others])}`?"
    if is_name(session, first) or is_called_so(session, first):
        return ""
    from hvrepl.catalog.near import find_joined

    spaced = first.lower() in (*SPACES, *session.catalog.spaces)
    joined = find_joined(session.catalog.index, words, session.options.arch)
    joined = joined or (find_joined(session.catalog.index, rest, session.options.arch) if spaced else "")
    values = len(joined.split()) - 1
    if not joined or (command == "diff" and values < DIFFERS):
        return ""
    does = "" if command == "decode" and not values else command  # without a value, it means show
    return f"no such name: {shorten(first)}; did you mean `{f'{does} {joined}'.strip()}`?"


def names_something(session: Session, word: str) -> bool:
    """Whether a number has a name, or cannot be read for another reason."""
    try:
        find_thing(session, word)
    except NotFoundError:
        return False
    except HvreplError:
        return True
    return True


def take_apart(session: Session, words: Sequence[str]) -> Sequence[str]:
    """X=V, X:V, X: V, X = V and X : V as X V, if X is a known name or number, even after the name of a space; SPACE:NUMBER stays whole."""
    if len(words) > 1 and words[0].lower() in SPACES and words[1].lower() not in SPACES:
        return [words[0], *take_apart(session, words[1:])]
    first, *rest = words
    if rest[:1] == ["="] or (rest[:1] == [":"] and rest[1:]):
        return [first, *(rest[1:] or [""])]
    match = GIVEN.fullmatch(first)
    if match is None or not is_known(session, match[1]):
        return words
    if match[2] == ":" and match[3] and (match[1].lower() in session.catalog.spaces or not is_name(session, match[1])):
        return words
    is_empty = not match[3] and (rest or match[2] == ":")
    return [match[1], *([] if is_empty else [match[3]]), *rest]


def join_space(session: Session, words: Sequence[str]) -> Sequence[str]:
    """`msr 0x40000082 …` as `msr:0x40000082 …`."""
    if len(words) > 1 and words[0].lower() in SPACES and is_number_word(session, words[1]):
        return [f"{words[0]}:{words[1]}", *words[2:]]
    return words


def join_leaf(session: Session, words: Sequence[str]) -> Sequence[str]:
    """`0x40000003 0x00: eax=… ebx=…`, as `cpuid -r` prints a leaf, as `cpuid:0x40000003 eax=… ebx=…`."""
    if not any(map(ONLY_OF_LEAF.fullmatch, words[1:])):
        return words
    first, *rest = words
    return [f"cpuid:{first}" if is_number_word(session, first) else first, *(rest[1:] if SUBLEAF.fullmatch(rest[0]) else rest)]


def drop_tag(session: Session, words: Sequence[str]) -> Sequence[str]:
    """`struct hv_message …`, as C writes a type, without `struct`."""
    return words[1:] if len(words) > 1 and words[0] in TAGS and not is_value(session, words[1]) else words


def is_value(session: Session, word: str) -> bool:
    """Whether a word alone is a number, or a number with a fault; a name that is also hex is a name."""
    if word[:1].isdigit() or word[:1] in ("(", "=", "-"):
        return True
    return not is_name(session, word) and is_given(word, is_hex=session.options.hex)


def is_known(session: Session, word: str) -> bool:
    """Whether a first word is a number or a name, on any arch; if it is not quite one, the commands explain why."""
    return not word.strip() or is_value(session, word) or is_name(session, word) or is_called_so(session, word)


def is_called_so(session: Session, word: str) -> bool:
    """Whether it is a name except for underscores, or a constant. A number in hex is not taken for such a name."""
    from hvrepl.catalog.constants import find_constants

    base, _, part = word.partition(".")
    if len(word) > LONGEST_NAME or (part and (not PART.fullmatch(part) or is_file(word))):
        return False
    index = session.catalog.index
    return bool(index.names_but_for_underscores(to_key(base)) or find_constants(index, word, session.options.arch))


def is_name(session: Session, word: str) -> bool:
    space, colon, rest = word.rpartition(":")
    base, _, part = rest.partition(".")
    if part and not PART.fullmatch(part) and is_file(word):
        return False
    if space and (len(word.split()) > 1 or not (rest or space.lower() in session.catalog.spaces)):  # text with a colon
        return False
    return bool(colon) or not base.strip() or bool(session.catalog.index.names(to_key(base)))


def find_named(session: Session, words: Sequence[str]) -> str:
    """The first name or long number within a sentence or after a prompt, with the values that follow; "" if there is none."""
    for at, word in enumerate(words[1:], 1):
        bare = word.strip(PUNCTUATION)
        if bare and ":" not in bare and (WIDE.fullmatch(bare) if is_value(session, bare) else is_name(session, bare)):
            return " ".join([bare, *takewhile(lambda one: FIELD.match(one) or is_given(one), words[at + 1 :])])
    return ""


def say_unknown(session: Session, words: Sequence[str]) -> str:
    """The error for an unknown first word, with what was probably meant; or the command for a file of that name."""
    word = words[0]
    said = f"no such command or name: {shorten(word)}"
    if is_file(word):
        return f"{said}; for the file: {command_for(session, word)}"
    if len(word.split()) > 1:
        hint = "" if is_known(session, word.split()[0]) else "; `annotate` explains lines of a log from stdin"
        return f"{said}; the quotes make it one word{hint}"
    if word.lower() in OTHERS:
        return f"{said}; {OTHERS[word.lower()]}"
    meant = say_meant(session, "", words)
    if meant:
        return meant.replace("no such name: ", "no such command or name: ", 1)
    named = find_named(session, words) if word.lower() in session.catalog.spaces else ""
    if named:
        return f"{said}; did you mean `{named}`?"
    if word.lower() in session.catalog.spaces:
        return f"{word} is a space of numbers: write `{word} NUMBER`, or `list {word}`"
    hint = say_sentence(session, words)
    return f"{said}; {hint}" if hint else said + say_similar(session, words)


def say_sentence(session: Session, words: Sequence[str]) -> str:
    """What to type for a word in the plural, a shorthand without its thing, or a question; "" if there is nothing."""
    word = words[0].lower()
    group = next((group for group in session.catalog.groups() if word == plural(group)), "") if not words[1:] else ""
    if group:
        return f"`list {group}` lists them"
    named = find_shorthand(session, words[0].split("=")) if "=" in word and not words[1:] else ""
    if not named and not alike(word, ENTRIES) and not session.catalog.like(word):  # `chek sint2 1` and `sintt2 0x40000000` are misspelt
        named = find_named(session, words)
    return f"did you mean `{named}`?" if named else ASKED.get(word, "")


def say_similar(session: Session, words: Sequence[str]) -> str:
    """Similar spellings, commands before names, and the results of a search."""
    word = words[0]
    if re.search(r"\w[|>]", word):
        return "; put a blank before | and >"
    if len(word) >= LONGEST_ALIKE:
        return ""
    from hvrepl.catalog.near import find_arrays, say_found, say_near

    index, arch = session.catalog.index, session.options.arch
    commands = alike(word, ENTRIES, 2)
    phrase = " ".join(words[:MOST_ALIKE])
    found = say_found(index, phrase) if words[1:] and not commands and all(one.isalpha() for one in words) else ""
    if found:
        return f"; {found}"
    close = list(dict.fromkeys([*commands, *session.catalog.like(word)]))[:MOST_ALIKE]
    if commands and not find_arrays(index, word, arch):
        return f"; did you mean {' or '.join(close)}?"
    return say_near(index, word, arch, close)
