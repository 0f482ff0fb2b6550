"""The words of a crash → its numbers. Who wrote them, and what they mean, is not known here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.errors import UsageError
from hvrepl.readers.number import fit, read_bare, read_number, unwrap

BITS = 64
PARAMETERS = 5
LABELLED = re.compile(r"[^\W\d]+ ?([0-5])\W{1,8}?((?:0x)?[0-9a-f]{1,16})(?![0-9a-z_])", re.IGNORECASE)
HEX = re.compile(r"(?<![0-9a-z_.])(?:0x)?[0-9a-f]{1,16}(?![0-9a-z_])", re.IGNORECASE)
DIGITS = re.compile("[0-9]+")


def read_pasted(text: str) -> list[int]:
    """P0 to P4 out of a log line as it was pasted: five numbers with labels (`ErrorCode0: 0x0, …`, `arg1=…`, `P0=…`), or five in hex
    behind the last colon (`VIRIDIAN CRASH: 1e …`). Empty if there are none."""
    labelled = [(int(label), int(value, 16)) for label, value in LABELLED.findall(text)]
    for start in range(len(labelled) - PARAMETERS + 1):
        labels, values = zip(*labelled[start : start + PARAMETERS], strict=True)
        if list(labels) in ([*range(PARAMETERS)], [*range(1, PARAMETERS + 1)]):
            return list(values)
    words = text.rpartition(": ")[2].split()
    return [int(word, 16) for word in words] if len(words) == PARAMETERS and all(map(HEX.fullmatch, words)) and ": " in text else []


def read_parameters(words: Sequence[str], labels: Sequence[str]) -> tuple[list[int], str]:
    """The numbers, each called as its label says, and how they were read: where one is hex without 0x, bare digits are hex too.

    UsageError for a word that is no number or has over 64 bits.
    """
    bare = any(read_bare(unwrap(word)[0]) for word in words)
    found = [read_parameter(word, label, bare=bare) for word, label in zip(words, labels, strict=False)]
    return [value for value, _ in found], ", ".join(dict.fromkeys(how for _, hows in found for how in hows if how))


def read_parameter(word: str, label: str, *, bare: bool) -> tuple[int, Sequence[str]]:
    """The number of a word, and the phrases of how it was read."""
    digits, around = unwrap(word)
    if bare and (DIGITS.fullmatch(digits) or read_bare(digits)):
        return fit(int(digits, 16), BITS, label), ("read as hex", around)
    try:
        reading = read_number(word)
    except UsageError as error:
        raise UsageError(f"{label}: {error}") from None
    return fit(reading.value, BITS, label), (reading.how,)
