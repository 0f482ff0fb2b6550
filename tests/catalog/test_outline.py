"""The plain text that every match of a pattern contains: never too much, or a line would be missed."""

from __future__ import annotations

import pytest

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.log_forms import LogForm
from hvrepl.catalog.opening import open_index
from hvrepl.catalog.outline import outline
from tests.each import each

PATTERNS = [
    ("Isolation Config: Group A <eax:0x>", ("isolation config: group a 0x",), "isolation"),
    ("Hyper-?V: Nested features: <eax:0x>", ("hyper-v: nested features: 0x", "hyperv: nested features: 0x"), "features:"),
    ("(?:Host|Hypervisor) Build:? <major:dec>", ("host build:", "host build", "hypervisor build:", "hypervisor build"), "build"),
    (r"\{?<class:guid>\}?", (), ""),
    ("[a-z]{0,20}code ?0", (), "code"),
    (r"Features2\[PM\]=<ecx>", ("features2[pm]=",), "features2[pm]="),
    ("(?=0x4)<msr:0x>", ("0x",), "0x"),
    ("(?:(?:un|u)handled)? rdmsr", ("unhandled rdmsr", "uhandled rdmsr", "rdmsr"), "rdmsr"),
    ("a{0,3}bc+d", ("abc", "bc"), "bc"),
    ("(?:x+)? <leaf>", (), ""),
    ("a(?:b|c[)(]d)e", ("ab", "ac"), "a"),
    ("one|two (?:three)?", ("one", "two three", "two"), ""),
    (r"\bmsr\s+x", ("msr",), "msr"),
]
FORMS = [(form, line) for form in Catalog(open_index()).log_forms() for line in form.seen if form.pattern]


@pytest.mark.parametrize(("pattern", "starts", "part"), PATTERNS, ids=[pattern for pattern, _, _ in PATTERNS])
def test_a_pattern_has_its_plain_text(pattern: str, starts: tuple[str, ...], part: str) -> None:
    found = outline(pattern)
    assert (found.starts, found.part) == (starts, part)


@each(FORMS, lambda seen: seen[0].name)
def test_what_a_form_was_seen_in_has_its_plain_text(form: LogForm, line: str) -> None:
    found = outline(form.pattern)
    assert found.part in line.lower()
    assert not found.starts or any(start in line.lower() for start in found.starts)
