"""Options among the words of a line, and the words that belong to them: tables."""

from __future__ import annotations

import pytest

from hvrepl.script.option_words import awaits, positional

# A word → the option whose value is the next word.
AWAITS = {
    "long": ("--format", "format"),
    "short": ("-f", "format"),
    "behind_flags": ("-kf", "format"),
    "with_equals": ("--format=json", ""),
    "with_its_word": ("-fjson", ""),
    "flag": ("--strict", ""),
    "short_flag": ("-k", ""),
    "of_one_command": ("--root", "root"),
    "output": ("-o", "output"),
    "of_the_program": ("-c", "lines"),
    "no_option": ("--nosuch", ""),
    "negative": ("-5", ""),
    "dash": ("-", ""),
    "dashes": ("--", ""),
    "word": ("format", ""),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("word", "key"), AWAITS.values(), ids=AWAITS)
def test_an_option_waits_for_its_word(word: str, key: str) -> None:
    option = awaits(word)
    assert (option.key if option else "") == key


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("decode -f json sint2 1", "decode sint2 1"),
        ("--arch arm64 -k decode --strict sint2 --format=line 1", "decode sint2 1"),
        ("decode sint2 -", "decode sint2 -"),
        ("decode sint2 -- -1 --arch", "decode sint2 -1 --arch"),
        ("encode sint2 vector=1 -o", "encode sint2 vector=1"),
    ],
)
def test_the_words_without_options_are(line: str, words: str) -> None:
    assert positional(line.split()) == words.split()
