"""Errors of input, each with its exit status. A strange value is not an error: it is a finding."""

from __future__ import annotations


class HvreplError(Exception):
    """One clear line: what, where, and what would be right."""

    status = 2


class UsageError(HvreplError):
    """A command, field, enumerator or value that cannot be read."""

    status = 2


class NotFoundError(HvreplError):
    """No such name, number or space."""

    status = 3


class FileError(HvreplError):
    """A file or device that cannot be opened, read or written."""

    status = 4


class SpecError(HvreplError):
    """Specs that break the rules of specs/README.md: one line per fault."""

    status = 2
