"""The numbers of a thing in its heading, with the arch only if the other one lacks them."""

from __future__ import annotations

import pytest

from tests.program import call

ARCH_NAMED = {
    "an msr is x64's": (("decode", "sint2", "0x30"), "  msr 0x40000092 (x64) · HV_REGISTER_SINT2 0x000A0002"),
    "a leaf is x64's": (("decode", "0x40000006"), "  cpuid 0x40000006 (x64)"),
    "a register of x64": (("decode", "HV_X64_REGISTER_RAX", "1"), "  register 0x00020000 (x64)"),
    "a register of both": (("--arch", "arm64", "decode", "sint2", "0x30"), "  register 0x000A0002"),
    "a hypercall": (("decode", "0x5c"), "  hypercall 0x005C"),
    "a status": (("decode", "5"), "  status 0x0005"),
    "a register's number": (("decode", "1"), "  register 0x00000001"),
    "a register's number on arm64": (("--arch", "arm64", "decode", "0x20000"), "  register 0x00020000 (arm64)"),
}


@pytest.mark.parametrize(("words", "line"), ARCH_NAMED.values(), ids=ARCH_NAMED)
def test_only_what_the_other_arch_lacks_is_called_an_archs(words: tuple[str, ...], line: str) -> None:
    assert line in call(*words).out.splitlines()
