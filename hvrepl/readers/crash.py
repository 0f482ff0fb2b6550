"""The words of a crash → its numbers. Does not know which system wrote them, or what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hvrepl.catalog.model import CRASH_PARAMETERS
from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING
from hvrepl.patterns import regex
from hvrepl.readers.number import fit, read_bare, read_number, unwrap

if TYPE_CHECKING:
    from hvrepl.catalog.log_forms import LogForm
    from hvrepl.readers.find_forms import Match

BITS = 64
COUNTS = (CRASH_PARAMETERS, CRASH_PARAMETERS + 1)  # without the control register, and with it
LABELLED = regex(r"(?<![^\W\d])[^\W\d]+ ?([0-5])\W{1,8}?((?:0x)?[0-9a-f]{1,16})(?![0-9a-z_])", re.IGNORECASE)
NUMBER = r"((?:0x)?[0-9a-f]{1,16}(?:`[0-9a-f]{8})?)"
HEX = regex(NUMBER, re.IGNORECASE)
# A bug check with its four parameters in brackets, as Windows and WinDbg write them: 0xd1 (0x0, …), D1, {0, …}, (d1) {0, …}.
FOUR = rf"[({{]\s*{NUMBER}(?:\s*,\s*|\s+){NUMBER}(?:\s*,\s*|\s+){NUMBER}(?:\s*,\s*|\s+){NUMBER}\s*[)}}]"
BRACKETED = regex(rf"(?<![0-9a-z_.]){NUMBER}\W{{1,8}}?{FOUR}", re.IGNORECASE)
BETWEEN = regex(r"[\s,;(){}\[\]\uff0c]+")  # separators between pasted numbers
DIGITS = regex("[0-9]+")


def find_crashes(text: str, forms: Iterable[LogForm]) -> list[Match]:
    """Positions of log lines with the parameters of a crash."""
    from hvrepl.readers.find_forms import Recogniser

    return Recogniser((form for form in forms if form.crash), is_open=True).find(text)


def read_pasted(text: str) -> list[int]:
    """P0 to P4 from a text that is not in a log's form: with labels (`P0=0x1e, P1: …`), with brackets around the last four, or in hex
    after the last colon. Empty if there are none."""
    labelled = [(to_int(label), int(value, 16)) for label, value in LABELLED.findall(text)]
    for start in range(len(labelled) - CRASH_PARAMETERS + 1):
        labels, values = zip(*labelled[start : start + CRASH_PARAMETERS], strict=True)
        if list(labels) in ([*range(CRASH_PARAMETERS)], [*range(1, CRASH_PARAMETERS + 1)]):
            return list(values)
    bracketed = BRACKETED.search(text)
    words = bracketed.groups() if bracketed else text.rpartition(": ")[2].split() if ": " in text else []
    if len(words) != CRASH_PARAMETERS or not all(map(HEX.fullmatch, words)):
        return []
    return [int(word.replace("`", ""), 16) for word in words]


def split_pasted(text: str) -> list[str]:
    """The words of a text, split at the commas and brackets of pasted numbers."""
    return [word for word in BETWEEN.split(text) if word]


def read_parameters(words: Sequence[str], labels: Sequence[str]) -> tuple[list[int], str]:
    """The numbers, with the names from their labels, and how they were read: if one is hex without 0x, bare digits are hex too.

    UsageError for a word that is not a number, or has over 64 bits.
    """
    bare = any(read_bare(unwrap(word)[0]) for word in words)
    found = [read_parameter(word, label, bare=bare) for word, label in zip(words, labels, strict=False)]
    return [value for value, _ in found], ", ".join(dict.fromkeys(how for _, hows in found for how in hows if how))


def read_parameter(word: str, label: str, *, bare: bool) -> tuple[int, Sequence[str]]:
    """The number of a word, and phrases for how it was read."""
    digits, around = unwrap(word)
    if bare and (DIGITS.fullmatch(digits) or read_bare(digits)):
        return fit(int(digits, 16), BITS, label), ("read as hex", around)
    try:
        reading = read_number(word)
    except UsageError as error:
        raise UsageError(f"{label}: {error}") from None
    return fit(reading.value, BITS, label), (reading.how,)
