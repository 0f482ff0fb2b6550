"""Explains why a text is not a number, and what would be right."""

from __future__ import annotations

import re

from hvrepl.digits import LONGEST_DECIMAL
from hvrepl.readers.limits import MOST_BITS
from hvrepl.wording import shorten

# Texts that no reader accepts → what would be right.
REFUSALS = (
    (r"", "an empty value; expected a number such as 0x8100_0006 or 42"),
    (rf"[-+]?(?:0n)?[0-9_]{{{LONGEST_DECIMAL + 1},}}", f"'{{0}}' is wider than {MOST_BITS} bits, the most that a number can have"),
    (r"[-+]?0[xnoyt]_*", "'{0}' has no digits after the prefix"),
    (r"[-+]?0[0-7][0-7_]*", "'{0}' is octal or decimal; write 0o{1}, {1} or 0x{1}"),
    (r"[-+]?0[0-9][0-9_]*", "'{0}' starts with a zero; write {1} or 0x{1}"),
    (r"[-+]?0b.*", "'{0}' is neither binary, which has the digits 0 and 1, nor hex without its 0x"),
    (r"[-+]?[0-9]{1,3}(,[0-9]{3})+", "'{0}' has commas; write it without them"),
    (r"[^,()]*[0-9a-f],[^,()]*(?:,[^,()]*)*", "'{0}' has a comma; separate values with blanks"),
    (r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[kmg]?hz|[num]?s|sec|min|[kmgt]i?b)", "'{0}' has a unit; write a number without one"),
    (r"v?[0-9]+(?:\.[0-9]+){2,}.*", "'{0}' is a version, not a number"),
    (r"[-+]?[0-9_]*\.[0-9_]*", "'{0}' is not a whole number"),
    (r"[0-9a-fx]+`[0-9a-f]*", "'{0}' does not have eight hex digits after the backtick"),
    (r"[^()]*\w\s*(?:[-+*/%|&^]|<<|>>)\s*[\w~].*", "'{0}' is not a number; put arithmetic in parentheses, such as (0x8100 << 48)"),
    (r"[0-9a-fx_]+\s.*", "'{0}' is more than one word; expected one number"),
)
TYPED_FOR_DIGITS = {"o": ("O", "zero", "0"), "O": ("O", "zero", "0"), "l": ("l", "one", "1"), "I": ("I", "one", "1")}


def explain(number: str) -> str:
    """Why no reader accepts the text, and what would be right."""
    shown = shorten(number)
    for at, character in enumerate(number):
        if not character.isascii():
            return f"'{shorten(character)}' (U+{ord(character):04X}) at character {at + 1} of '{shown}' is not an ASCII digit"
    return explain_letter(number) or explain_shape(number) or explain_digit(number)


def explain_letter(number: str) -> str:
    """Letters O, l and I from a screenshot: named if digits in their place would make it a number."""
    fixed = number[:2] + "".join(TYPED_FOR_DIGITS[c][2] if c in TYPED_FOR_DIGITS else c for c in number[2:])
    fixed = "0" + fixed[1:] if fixed[:1] in ("o", "O") else fixed
    fixed = fixed[:1] + "0" + fixed[2:] if fixed[1:2] == "O" else fixed
    at = next((i for i, (a, b) in enumerate(zip(number, fixed, strict=True)) if a != b), None)
    if at is None or not re.fullmatch(r"[-+]?(?:0x)?[0-9a-f_`]+", fixed, re.IGNORECASE):
        return ""
    letter, digit, _ = TYPED_FOR_DIGITS[number[at]]
    return f"letter {letter} at character {at + 1} of '{shorten(number)}'; did you mean {digit}?"


def explain_shape(number: str) -> str:
    for pattern, message in REFUSALS:
        if re.fullmatch(pattern, number, re.IGNORECASE | re.DOTALL):
            return message.format(shorten(number), shorten(number.lstrip("-+0").replace("_", "")) or "0")
    return ""


def explain_digit(number: str) -> str:
    shown = shorten(number)
    prefix = re.match(r"[-+]?0[xX]", number)
    bad = re.compile(r"[^0-9a-fA-F_]").search(number, prefix.end()) if prefix else None
    if bad:
        return f"'{shorten(bad[0])}' at character {bad.start() + 1} of '{shown}' is not a hex digit"
    return f"'{shown}' is not a number; write it as 0x1f, 31, 1fh, 0b11111 or (1 << 5)"
