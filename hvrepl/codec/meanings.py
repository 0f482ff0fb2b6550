"""The named formatters for a spec's `show`: number or bytes → words, and back if people write such words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hvrepl.catalog.guids import guid_to_number, number_to_guid
from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.digits import to_int
from hvrepl.record import record

PAGE_SHIFT = PAGE_SIZE.bit_length() - 1


@record
class Meaning:
    """`say` puts a value into words; `read` turns such words into a value, or raises ValueError, saying what would be right.

    `remark` gives (code, sentence) for parts of the words that the value cannot hold. Plain words are never empty, and have neither
    quotes nor backslashes.
    """

    say: Callable[[int], str]
    read: Callable[[str], int] | None = None
    remark: Callable[[str], Iterator[tuple[str, str]]] | None = None
    is_plain: bool = True


def say_linux_version(code: int) -> str:
    """LINUX_VERSION_CODE: major, minor and sublevel in a byte each (the sublevel stops at 255)."""
    return f"{code >> 16}.{code >> 8 & 0xFF}.{code & 0xFF}"


def read_linux_version(text: str) -> int:
    """6.6.87, 6.6 or a whole `uname -r` → LINUX_VERSION_CODE. The kernel writes 255 for any sublevel above it.

    A fourth number, as in 6.6.87.2-microsoft-standard-WSL2, is the distributor's own. A longer third one is a build of Windows.
    """
    match = re.match(r"v?(\d{1,5})\.(\d{1,3})(?:\.(\d{1,3})(?:\.\d{1,5})?)?(?![\d.])", text, re.ASCII)
    if not match:
        raise ValueError(f"{text!r} is not a kernel version such as 6.6.87")
    major, minor, sublevel = (to_int(part or "0") for part in match.groups())
    if major > 0xFFFF or minor > 0xFF:
        raise ValueError(f"{text!r}: a kernel version is at most 65535.255.255")
    return major << 16 | minor << 8 | min(sublevel, 0xFF)


def remark_linux_version(text: str) -> Iterator[tuple[str, str]]:
    """The part of a release that its version code cannot hold: a sublevel over 255."""
    match = re.match(r"v?\d+\.\d+\.(\d+)", text, re.ASCII)
    if match and to_int(match[1]) > 0xFF:
        yield "sublevel_capped", f"sublevel {match[1]} is over 255, where the version code stops"


def say_freebsd_version(version: int) -> str:
    """__FreeBSD_version: 1400097 is 14.0; before 5.0 the scheme was different, and only the number is shown."""
    major, minor = version // 100000, version // 1000 % 100
    return f"{major}.{minor} ({version})" if major >= 5 else str(version)


def read_freebsd_version(text: str) -> int:
    match = re.fullmatch(r"(\d{1,2})\.(\d{1,2})", text, re.ASCII)
    if not match:
        raise ValueError(f"{text!r} is neither a FreeBSD release such as 14.0 nor a number")
    return to_int(match[1]) * 100000 + to_int(match[2]) * 1000


def say_netbsd_version(version: int) -> str:
    """__NetBSD_Version__, MMmmrrpp00: 1000000000 is 10.0."""
    major, minor, patch = version // 100000000, version // 1000000 % 100, version // 100 % 10000
    return f"{major}.{minor}" + (f".{patch}" if patch else "")


UNITS = (("s", 10_000_000), ("ms", 10_000), ("us", 10))


def say_100ns(ticks: int) -> str:
    """A time in units of 100 ns: 68 is 6.8 us."""
    length = abs(ticks)
    for unit, size in UNITS:
        if length >= size:
            return f"{round(ticks / size, 3):g} {unit}" if length < 1000 * size else f"{ticks / size:.3f} {unit}"
    return f"{ticks * 100} ns"


def say_filetime(ticks: int) -> str:
    """A time in units of 100 ns since 1601, UTC, as Windows and the host count."""
    from datetime import datetime, timedelta

    seconds, part = divmod(ticks, UNITS[0][1])
    try:
        moment = datetime(1601, 1, 1) + timedelta(seconds=seconds)
    except OverflowError:
        return "after the year 9999"
    return f"{moment}.{part:07} UTC"


def say_hz(hertz: int) -> str:
    for unit, size in (("GHz", 10**9), ("MHz", 10**6), ("kHz", 10**3)):
        if hertz >= size:
            return f"{round(hertz / size, 6):g} {unit}"
    return f"{hertz} Hz"


def say_khz(kilohertz: int) -> str:
    return say_hz(kilohertz * 1000)


KERNEL_HZ = (100, 250, 300, 1000)  # the choices in a Linux kernel's configuration


def say_hz_per_tick(count: int) -> str:
    """A frequency that was divided by a kernel's HZ, for each possible HZ."""
    return ", ".join(f"{say_hz(count * hz)} at HZ {hz}" for hz in KERNEL_HZ)


def read_page(text: str) -> int:
    """gpa 0xfa1000 → its page number."""
    match = re.fullmatch(r"gpa[: ]?(0x[0-9a-f]+)", text.lower())
    if not match or int(match[1], 16) & (1 << PAGE_SHIFT) - 1:
        raise ValueError(f"{text!r} is neither a page number nor the address of a page such as gpa:0xfa1000")
    return int(match[1], 16) >> PAGE_SHIFT


def remark_page(text: str) -> Iterator[tuple[str, str]]:
    """A page number that looks like an address: hex with twelve zero bits at its end. A power of two is more likely a size or a limit."""
    match = re.fullmatch(r"0x([0-9a-f_]+)", text.lower())
    number = int("0" + match[1].replace("_", ""), 16) if match else 0
    if number & number - 1 and not number & PAGE_SIZE - 1:
        yield (
            "perhaps_address",
            f"a page number: {number:#x} is gpa {number << PAGE_SHIFT:#x}; "
            f"for gpa {number:#x} write gpa:{number:#x} or {number >> PAGE_SHIFT:#x}",
        )


def read_guid(text: str) -> int:
    try:
        return guid_to_number(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a GUID such as 0e0b6031-5213-4934-818b-38d90ced39db") from None


def to_bytes(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


def say_ascii(value: int) -> str:
    """Bytes as text, first byte first, up to the zeros at the end; everything except printable ASCII is escaped."""
    return escape(to_bytes(value).rstrip(b"\0").decode("latin-1"))


def say_utf16(value: int) -> str:
    data = to_bytes(value)
    return escape((data + b"\0" * (len(data) % 2)).decode("utf-16-le", "replace").rstrip("\0"))


def escape(text: str) -> str:
    """Escapes everything except printable ASCII, so that nothing moves a terminal's cursor or reverses its text."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


SHOWN_RUNS = 32  # runs of set bits


def say_set_bits(value: int) -> str:
    """The numbers of the bits that are set, runs as first-last: 0x8e is 1-3, 7."""
    runs = [match.span() for match in re.finditer("1+", f"{value:b}"[::-1])]
    said = [str(first) if last == first + 1 else f"{first}-{last - 1}" for first, last in runs[:SHOWN_RUNS]]
    more = [f"and {len(runs) - SHOWN_RUNS} more"] if len(runs) > SHOWN_RUNS else []
    return ", ".join(said + more) or "none"


def say_signed(value: int) -> str:
    return str(value - (1 << 64) if value >> 63 else value)


def say_signed32(value: int) -> str:
    return str(value - (1 << 32) if value >> 31 else value)


MOST_ERRNO = 4095  # errors are returned as -4095 to -1


def say_errno(value: int) -> str:
    """A small negative number, which a function may have returned as an error; otherwise ""."""
    return str(value - (1 << 64)) if value >= (1 << 64) - MOST_ERRNO else ""


MEANINGS: Mapping[str, Meaning] = {
    "100ns": Meaning(say_100ns),
    "ascii": Meaning(say_ascii, is_plain=False),
    "decimal": Meaning(str),
    "errno": Meaning(say_errno, is_plain=False),
    "filetime": Meaning(say_filetime),
    "freebsd_version": Meaning(say_freebsd_version, read_freebsd_version),
    "gpa": Meaning(lambda address: f"gpa {address:#x}"),
    "gpa_page": Meaning(lambda page: f"gpa {page << PAGE_SHIFT:#x}", read_page, remark_page),
    "guid": Meaning(number_to_guid, read_guid),
    "hz": Meaning(say_hz),
    "hz_per_tick": Meaning(say_hz_per_tick),
    "khz": Meaning(say_khz),
    "linux_release": Meaning(say_linux_version, read_linux_version, remark_linux_version),
    "linux_version": Meaning(say_linux_version, read_linux_version, remark_linux_version),
    "netbsd_version": Meaning(say_netbsd_version),
    "set_bits": Meaning(say_set_bits),
    "signed": Meaning(say_signed),
    "signed32": Meaning(say_signed32),
    "utf16": Meaning(say_utf16, is_plain=False),
}


def say(show: str, value: int) -> str:
    """A value by a spec's `show`: a formatter's name, or a text with {}."""
    return show.replace("{}", str(value)) if "{}" in show else MEANINGS[show].say(value)
