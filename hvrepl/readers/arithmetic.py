"""Arithmetic in parentheses → a number, with the operators that C and Python share."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.limits import MOST_BITS
from hvrepl.wording import shorten

LONGEST_ARITHMETIC = 1000
OPERATORS = "the operators are + - * / // % << >> | & ^ ~ and parentheses"
OPERAND = regex(r"[0-9A-Za-z_`]+")


def calculate(text: str, read: Callable[[str], int]) -> int:
    """The value of a text whose operands `read` reads. UsageError if it is not arithmetic, or the result is too wide."""
    if len(text) > LONGEST_ARITHMETIC:
        raise UsageError(f"'{shorten(text)}' is {len(text)} characters long; arithmetic has at most {LONGEST_ARITHMETIC}")
    unread = re.search(r"[^-+*/%<>|&^~()\s]", OPERAND.sub("", text))
    if unread:
        raise UsageError(f"'{shorten(unread[0])}' in '{shorten(text)}' is not an operator; {OPERATORS}")
    try:
        # Only digits and operators reach the parser, on one line: no name, no call, no string.
        tree = ast.parse(" ".join(OPERAND.sub(lambda match: f" {read(match[0]):#x} ", text).split()), mode="eval")
        return evaluate(tree.body)
    # Depending on Python's version, too deep nesting is a SyntaxError, RecursionError or MemoryError.
    except (SyntaxError, RecursionError, MemoryError):
        raise UsageError(f"'{shorten(text)}' is not arithmetic; write it as (0x8100 << 48)") from None


def evaluate(node: ast.AST) -> int:
    match node:
        case ast.Constant(int(value)):
            return value
        case ast.UnaryOp(op, operand) if type(op) in UNARY:
            return UNARY[type(op)](evaluate(operand))
        case ast.BinOp(left, op, right) if type(op) in BINARY:
            value = BINARY[type(op)](evaluate(left), evaluate(right))
            return bounded(value, value.bit_length())
    raise UsageError(f"arithmetic can contain only numbers and operators; {OPERATORS}")


def bounded(value: int, bits: int) -> int:
    if bits > MOST_BITS:
        raise UsageError(f"the result is wider than {MOST_BITS} bits")
    return value


def multiply(a: int, b: int) -> int:
    bounded(0, a.bit_length() + b.bit_length())
    return a * b


def shift_left(a: int, b: int) -> int:
    check_shift(b)
    bounded(0, a.bit_length() + b)
    return a << b


def shift_right(a: int, b: int) -> int:
    check_shift(b)
    return a >> min(b, MOST_BITS)


def check_shift(count: int) -> None:
    if count < 0:
        raise UsageError(f"a shift by {shorten(str(count))}: a shift count cannot be negative")


def divide(a: int, b: int) -> int:
    """Exact division only: C rounds towards zero and Python down, so a remainder is refused."""
    if remainder(a, b):
        raise UsageError(f"{shorten(hex(a))} / {shorten(hex(b))} leaves a remainder; // rounds down")
    return a // b


def floor_divide(a: int, b: int) -> int:
    return (a - remainder(a, b)) // b


def remainder(a: int, b: int) -> int:
    if b == 0:
        raise UsageError("division by zero")
    return a % b


UNARY: Mapping[type[ast.unaryop], Callable[[int], int]] = {ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Invert: operator.invert}
BINARY: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: multiply,
    ast.Div: divide,
    ast.FloorDiv: floor_divide,
    ast.Mod: remainder,
    ast.LShift: shift_left,
    ast.RShift: shift_right,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
