"""The output of tools that print bytes: for each form a function that makes its text. All print 16 bytes per line."""

from __future__ import annotations

import base64
import binascii
import json
import pprint
from collections.abc import Callable

BASE = 0xFFFF888003C5A000
LOW = 0x3C5A000  # in physical memory


def words_of(data: bytes, size: int) -> list[str]:
    return [data[at : at + size][::-1].hex() for at in range(0, len(data), size)]


def text_of(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)


def rows_of(data: bytes) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + 16]) for at in range(0, len(data), 16)]


def print_gdb(data: bytes, size: int) -> str:
    return "".join(
        f"0x{BASE + at:x} <hv_page+{at}>:\t" + "\t".join("0x" + word for word in words_of(row, size)) + "\n" for at, row in rows_of(data)
    )


def print_qemu(data: bytes, size: int) -> str:
    return "".join(f"{at:016x}: " + " ".join("0x" + word for word in words_of(row, size)) + "\n" for at, row in rows_of(data))


def print_crash(data: bytes, size: int) -> str:
    return "".join(f"{BASE + at:016x}:  {' '.join(words_of(row, size))}   {text_of(row)}\n" for at, row in rows_of(data))


def with_tick(word: str) -> str:
    return word[:8] + "`" + word[8:] if len(word) == 16 else word


def print_windbg(data: bytes, size: int) -> str:
    lines = []
    for at, row in rows_of(data):
        groups = " ".join(map(with_tick, words_of(row, size)))
        if size == 1:
            groups = f"{groups[:23]}-{groups[24:]}".rstrip("-").ljust(47) + "  " + text_of(row)
        lines.append(f"{with_tick(f'{BASE + at:016x}')}  {groups}\n")
    return "".join(lines)


def print_windbg_x86(data: bytes, size: int) -> str:
    return "".join(f"{0x12F934 + at:08x}  {' '.join(words_of(row, size))}\n" for at, row in rows_of(data))


def print_windbg_physical(data: bytes, size: int) -> str:
    return "".join(f"#{0xFA1000 + at:8x} {' '.join(map(with_tick, words_of(row, size)))}\n" for at, row in rows_of(data))


def print_kernel(data: bytes, size: int) -> str:
    lines = []
    for at, row in rows_of(data):
        own = size if len(row) % size == 0 else 1  # as lib/hexdump.c does
        width = 16 * 2 + 16 // own
        lines.append(f"[    0.440952] [    T1] hv_page: {at:08x}: {' '.join(words_of(row, own)):{width}} {text_of(row)}\n")
    return "".join(lines)


def print_kernel_unplaced(data: bytes, size: int) -> str:
    """DUMP_PREFIX_NONE."""
    return "".join(f"[    0.440952] hv page: {' '.join(words_of(row, size)):{33 + 16 // size}}{text_of(row)}\n" for _, row in rows_of(data))


def print_kernel_words(data: bytes, size: int) -> str:
    return "".join(f"[    0.440952] hv_page: {' '.join(words_of(row, size))}\n" for _, row in rows_of(data))


def print_windbg_physical_text(data: bytes, size: int) -> str:
    return "".join(f"#{at:8x} {' '.join(map(with_tick, words_of(row, size)))} {text_of(row)}\n" for at, row in rows_of(data))


def print_lldb(data: bytes, _size: int) -> str:
    return "".join(f"0x{BASE + at:x}: {row.hex(' ')}  {text_of(row)}\n" for at, row in rows_of(data))


def print_literal(data: bytes, _size: int) -> str:
    return f"data = {data!r}\n"


def print_decimals(data: bytes, _size: int) -> str:
    return f"bytes({list(data)!r})"


def print_kernel_bare(data: bytes, size: int) -> str:
    return "".join(f"<6>[ 1.5] hv page: {BASE + at:016x}: {' '.join(words_of(row, size))}\n" for at, row in rows_of(data))


def print_c(data: bytes, size: int) -> str:
    elements = ", ".join(f"0x{word}" for word in words_of(data, size))
    return f"/* a page */\nstatic const u{8 * size} page[{len(data) // size}] = {{ {elements} }};\n"


def print_rust(data: bytes, size: int) -> str:
    return "[" + ", ".join(f"0x{word}" for word in words_of(data, size)) + "]"


def print_hex(data: bytes, size: int) -> str:
    return "\n".join(" ".join(row[at : at + size].hex() for at in range(0, len(row), size)) for _, row in rows_of(data))


def print_escapes(data: bytes, _size: int) -> str:
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'


PRINTERS: dict[str, tuple[Callable[[bytes, int], str], int]] = {
    **{f"gdb x{size}": (print_gdb, size) for size in (1, 2, 4, 8)},
    **{f"QEMU xp {size}": (print_qemu, size) for size in (1, 2, 4, 8)},
    **{f"crash rd {size}": (print_crash, size) for size in (1, 2, 4, 8)},
    **{f"WinDbg {size}": (print_windbg, size) for size in (1, 2, 4, 8)},
    **{f"WinDbg x86 {size}": (print_windbg_x86, size) for size in (1, 2, 4)},
    **{f"WinDbg physical {size}": (print_windbg_physical, size) for size in (1, 4, 8)},
    **{f"kernel {size}": (print_kernel, size) for size in (1, 2, 4, 8)},
    **{f"kernel bare {size}": (print_kernel_bare, size) for size in (1, 2, 4, 8)},
    **{f"C array {size}": (print_c, size) for size in (1, 2, 4, 8)},
    **{f"Rust array {size}": (print_rust, size) for size in (1, 2, 4, 8)},
    **{f"hex {size}": (print_hex, size) for size in (1, 16)},
    **{f"WinDbg physical with text {size}": (print_windbg_physical_text, size) for size in (1, 2, 4, 8)},
    **{f"kernel without places {size}": (print_kernel_unplaced, size) for size in (1, 2, 4, 8)},
    **{f"kernel words alone {size}": (print_kernel_words, size) for size in (1, 2, 4, 8)},
    "lldb": (print_lldb, 1),
    "escapes": (print_escapes, 1),
    "bytes literal": (print_literal, 1),
    "decimals": (print_decimals, 1),
}


def row_printer(line: Callable[[int, bytes], str], before: str = "", after: str = "") -> Callable[[bytes], str]:
    return lambda data: before + "".join(line(at, row) + "\n" for at, row in rows_of(data)) + after


def spaced(row: bytes, size: int = 1, width: int = 0) -> str:
    return " ".join(words_of(row, size)).ljust(width)


def shown(row: bytes, sign: str = ".", blank: str = " ") -> str:
    return "".join(chr(byte) if 0x20 < byte < 0x7F else blank if byte == 0x20 else sign for byte in row)


def halves(row: bytes, between: str) -> str:
    return (row[:8].hex(" ") + between + row[8:].hex(" ")).rstrip("- ")


def boxed(row: bytes) -> str:
    cells = "\u250a".join(f" {row[at : at + 8].hex(' '):24}" for at in (0, 8))
    signs = [chr(byte) if 0x20 <= byte < 0x7F else "0" if not byte else "\u2022" if byte < 0x80 else "\u00d7" for byte in row]
    return f"{cells}\u2502{''.join(signs[:8]):8}\u250a{''.join(signs[8:]):8}\u2502"


def print_intel(data: bytes) -> str:
    lines = [bytes([2, 0, 0, 4]) + (LOW >> 16).to_bytes(2, "big")]
    lines += [bytes([len(row)]) + ((LOW + at) & 0xFFFF).to_bytes(2, "big") + b"\0" + row for at, row in rows_of(data)]
    lines.append(bytes([0, 0, 0, 1]))
    return "".join(f":{line.hex()}{-sum(line) & 0xFF:02x}\n".upper() for line in lines)


def print_motorola(data: bytes) -> str:
    lines = [(3, bytes([len(row) + 5]) + (LOW + at).to_bytes(4, "big") + row) for at, row in rows_of(data)]
    lines.append((7, bytes([5]) + LOW.to_bytes(4, "big")))
    return "".join(f"S{kind}{line.hex()}{~sum(line) & 0xFF:02x}\n".upper() for kind, line in lines)


def print_gdb_array(data: bytes) -> str:
    """p/x, which folds ten or more equal values."""
    parts: list[str] = []
    at = 0
    while at < len(data):
        count = len(data) - at - len(data[at:].lstrip(data[at : at + 1]))
        parts += [f"{data[at]:#x} <repeats {count} times>"] if count >= 10 else [f"{data[at]:#x}"] * count
        at += count
    return f"$1 = {{{', '.join(parts)}}}\n"


# Forms whose rows have addresses: name → printer.
ROWS: dict[str, Callable[[bytes], str]] = {
    "EDK2": row_printer(
        lambda at, row: f"  {LOW + at:08X}: {halves(row, '-').upper():47}  *{shown(row)}*", "Memory Address 03C5A000 1000 Bytes\n"
    ),
    "HxD": row_printer(
        lambda at, row: f"{at:08X}  {row.hex(' ').upper():47}  {shown(row)}",
        "Offset(h) 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\n\n",
    ),
    "010 Editor": row_printer(
        lambda at, row: f"{at:04X}h: {row.hex(' ').upper():47}  {shown(row)} ",
        "       0  1  2  3  4  5  6  7  8  9  A  B  C  D  E  F  0123456789ABCDEF\n",
    ),
    "PowerShell 5": row_printer(
        lambda at, row: f"{at:08X}   {row.hex(' ').upper():47}  {shown(row)}",
        "\n           Path: C:\\page.bin\n\n           00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\n\n",
    ),
    "PowerShell 7": row_printer(
        lambda at, row: (
            f"{at:016X} {row.hex(' ').upper():47} "
            + "".join(chr(byte) if 0x20 <= byte < 0x7F else "\ufffd" if byte else " " for byte in row)
        ),
        "   Label: C:\\page.bin\n\n          Offset Bytes                                           Ascii\n"
        "                 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\n"
        "          ------ ----------------------------------------------- -----\n",
    ),
    "radare2 px": row_printer(
        lambda at, row: f"0x{LOW + at:08x}  {' '.join(row[i : i + 2].hex() for i in range(0, len(row), 2)):39}  {shown(row)}",
        "- offset -   0 1  2 3  4 5  6 7  8 9  A B  C D  E F  0123456789ABCDEF\n",
    ),
    "radare2 pxw": row_printer(lambda at, row: f"0x{LOW + at:08x}  {' '.join('0x' + word for word in words_of(row, 4))}  {shown(row)}"),
    "radare2 pxq": row_printer(lambda at, row: f"0x{LOW + at:08x}  {'  '.join('0x' + word for word in words_of(row, 8))}   {shown(row)}"),
    "IDA": row_printer(lambda at, row: f"seg000:{BASE + at:016X} {row.hex(' ').upper():47}  {shown(row)}"),
    "DOS": row_printer(lambda at, row: f"0B3F:{0x100 + at:04X}  {halves(row, '-').upper():47}   {shown(row)}"),
    "TRACE32": row_printer(
        lambda at, row: f"  SD:{LOW + at:08X}|>{spaced(row, 4).upper()} {shown(row)}",
        "     address|________0________4________8________C_0123456789ABCDEF\n",
    ),
    "lldb uint8_t[]": row_printer(lambda at, row: f"0x{BASE + at:x}: {{{' '.join(f'0x{byte:02x}' for byte in row)}}}"),
    "VirtualBox db": row_printer(lambda at, row: f"%{BASE + at:016x}: {halves(row, '-')}  {shown(row)}"),
    "VirtualBox physical": row_printer(lambda at, row: f"%%{LOW + at:016x}: {spaced(row, 4)}"),
    "WinDbg dps": lambda data: "".join(
        f"{with_tick(f'{BASE + at:016x}')}  {with_tick(data[at : at + 8][::-1].hex())}{' nt!KiStartup+0x10' if data[at] else ''}\n"
        for at in range(0, len(data), 8)
    ),
    "WinDbg dc": row_printer(lambda at, row: f"{with_tick(f'{BASE + at:016x}')}  {spaced(row, 4)}  {shown(row)}"),
    "kdb md": row_printer(lambda at, row: f"0x{BASE + at:016x} {spaced(row, 8)}   {shown(row)}"),
    "kdb md4": row_printer(lambda at, row: f"0x{BASE + at:016x} {spaced(row, 4)}   {shown(row)}"),
    "volshell db": row_printer(lambda at, row: f"0x{LOW + at:x}    {row.hex(' ')}    {shown(row, blank='.')}"),
    "volshell dq": row_printer(lambda at, row: f"0x{LOW + at:x}    {spaced(row, 8)}    {shown(row, blank='.')}"),
    "Visual Studio": row_printer(lambda at, row: f"0x{BASE + at:016X}  {row.hex(' ')}  {shown(row)}"),
    "Visual Studio words": row_printer(lambda at, row: f"0x{BASE + at:016X}  {spaced(row, 8)}  {shown(row)}"),
    "GEF hexdump byte": row_printer(lambda at, row: f"0x{BASE + at:016x}     {row.hex(' ')}    {shown(row)}"),
    "GEF hexdump qword": lambda data: "".join(
        f"0x{BASE + at:016x}\u2502+0x{at:04x}   0x{data[at : at + 8][::-1].hex()}   \n" for at in range(0, len(data), 8)
    ),
    "pwndbg hexdump": row_printer(
        lambda at, row: (
            f"+{at:04x} 0x{BASE + at:x}  "
            + "  ".join(row[i : i + 4].hex(" ") for i in range(0, len(row), 4))
            + "  \u2502"
            + "\u2502".join(shown(row[i : i + 4]) for i in range(0, len(row), 4))
            + "\u2502"
        )
    ),
    "hexyl": row_printer(
        lambda at, row: f"\u2502{at:08x}\u2502{boxed(row)}",
        "\u250c" + "\u2500" * 8 + "\u252c" + "\u2500" * 25 + "\n",
        "\u2514" + "\u2500" * 8 + "\u2534" + "\u2500" * 25 + "\n",
    ),
    "U-Boot md.b": row_printer(lambda at, row: f"{LOW + at:08x}: {row.hex(' '):47}    {shown(row)}"),
    "U-Boot md.l": row_printer(lambda at, row: f"{LOW + at:08x}: {spaced(row, 4)}    {shown(row)}"),
    "U-Boot md.q": row_printer(lambda at, row: f"{LOW + at:08x}: {spaced(row, 8)}  {shown(row)}"),
    "OpenOCD mdw": row_printer(lambda at, row: f"0x{LOW + at:08x}: {spaced(row, 4)} "),
    "J-Link mem32": row_printer(lambda at, row: f"{LOW + at:08X} = {spaced(row, 4).upper()} "),
    "Wireshark": row_printer(lambda at, row: f"{at:04x}   {row.hex(' '):47}   {shown(row)}"),
    "certutil": row_printer(lambda at, row: f"    {at:04x}  {halves(row, '  '):48}   {shown(row)}"),
    "srec_cat": row_printer(lambda at, row: f"{LOW + at:08X}: {row.hex(' ').upper():47}  #{shown(row)}"),
    "Delve": row_printer(lambda at, row: f"0x{BASE + at:x}:   {'   '.join(f'0x{byte:02x}' for byte in row)}   "),
    "Bochs": row_printer(lambda at, row: f"0x{LOW + at:016x} <bogus+{at:8d}>:\t" + "\t".join(f"0x{word}" for word in words_of(row, 4))),
    "xxd -b": lambda data: "".join(
        f"{at:08x}: {' '.join(f'{byte:08b}' for byte in data[at : at + 6]):53}  {shown(data[at : at + 6])}\n"
        for at in range(0, len(data), 6)
    ),
    "WinDbg dyb": lambda data: "".join(
        f"0012f{at:03x}  {' '.join(f'{byte:08b}' for byte in data[at : at + 4])}  {data[at : at + 4].hex(' ')}\n"
        for at in range(0, len(data), 4)
    ),
    "Intel HEX": print_intel,
    "S-records": print_motorola,
    "Verilog, each row": row_printer(lambda at, row: f"@{LOW + at:08X} {row.hex(' ').upper()}"),
}
# Forms without addresses.
VALUES: dict[str, Callable[[bytes], str]] = {
    "Verilog": row_printer(lambda _, row: row.hex(" ").upper(), f"@{LOW:08X}\n"),
    "gdb p/x": print_gdb_array,
    "lldb p/x": lambda data: f"(uint8_t[{len(data)}]) $0 = ({', '.join(f'[{at}] = {byte:#04x}' for at, byte in enumerate(data))})\n",
    "Python repr": repr,
    "Python pprint": lambda data: pprint.pformat(data) + "\n",
    "Python bytes of ints": lambda data: f"bytes({list(data)})",
    "Python array": lambda data: f"array('B', {list(data)})",
    "Python hexlify": lambda data: repr(binascii.hexlify(data)),
    "Python hex with separators": lambda data: repr(data.hex("-")),
    "Python pprint of hex": lambda data: pprint.pformat([f"0x{byte:02x}" for byte in data]),
    "Rust {:02x?}": lambda data: f"[{', '.join(f'{byte:02x}' for byte in data)}]",
    "Rust {:#x?}": lambda data: "[\n" + "".join(f"    {byte:#x},\n" for byte in data) + "]\n",
    "Go %#v": lambda data: f"[]byte{{{', '.join(f'{byte:#x}' for byte in data)}}}",
    "Node Buffer": lambda data: f"<Buffer {data.hex(' ')}>",
    "Node JSON": lambda data: json.dumps({"type": "Buffer", "data": list(data)}),
    "Node Uint8Array": lambda data: f"Uint8Array({len(data)}) [\n  {', '.join(map(str, data))}\n]",
    "Java source": lambda data: f"byte[] page = {{{', '.join(f'(byte) {byte:#x}' for byte in data)}}};",
    "C# source": lambda data: f"byte[] page = new byte[] {{ {', '.join(f'0x{byte:02X}' for byte in data)} }};",
    "C# BitConverter": lambda data: data.hex("-").upper(),
    "PEM": lambda data: f"-----BEGIN PAGE-----\n{base64.encodebytes(data).decode()}-----END PAGE-----\n",
}
