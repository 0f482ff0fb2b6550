"""The loops that a user would write instead of hvrepl: lines of stdin, each decoded into JSON. `python -m benchmarks.loops HOW WHAT`.

construct: a BitStruct or Struct of the construct library and the json module.
bare: shifts and masks, and the fastest JSON library that is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

GUEST_ID = (("open_source", 1), ("os_type", 7), ("distro", 8), ("version", 32), ("build", 16))
SINT = (
    ("reserved_63_21", 43),
    ("proxy", 1),
    ("as_intercept", 1),
    ("polling", 1),
    ("auto_eoi", 1),
    ("masked", 1),
    ("reserved_15_8", 8),
    ("vector", 8),
)
CPUID = tuple((f"{register}_{bit}", 1) for register in ("edx", "ecx", "ebx", "eax") for bit in range(31, -1, -1))
WORDS = {"guest-id": GUEST_ID, "sint2": SINT, "cpuid": CPUID}


def read(what: str, line: str) -> int:
    if what != "cpuid":
        return int(line, 16)
    eax, ebx, ecx, edx = (int(part[4:], 16) for part in line.split())
    return edx << 96 | ecx << 64 | ebx << 32 | eax


def construct_word(what: str) -> Callable[[str], str]:
    from construct import BitsInteger, BitStruct, Flag

    fields = WORDS[what]
    size = sum(width for _, width in fields) // 8
    layout = BitStruct(*(name / (BitsInteger(width) if width > 1 or what != "cpuid" else Flag) for name, width in fields))

    def line(text: str) -> str:
        found = layout.parse(read(what, text).to_bytes(size, "big"))
        return json.dumps({name: int(found[name]) for name, _ in fields})

    return line


def construct_message(_: str) -> Callable[[str], str]:
    from construct import Bytes, Int8ul, Int16ul, Int32ul, Int64ul, Padding, Struct, Switch, this

    timer = Struct("timer_index" / Int32ul, "reserved" / Int32ul, "expiration_time" / Int64ul, "delivery_time" / Int64ul, Padding(216))
    layout = Struct(
        "message_type" / Int32ul,
        "payload_size" / Int8ul,
        "message_flags" / Int8ul,
        "reserved" / Int16ul,
        "sender" / Int64ul,
        "payload" / Switch(this.message_type, {0x80000010: timer}, Bytes(240)),
    )

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key != "_io"}
        return value.hex() if isinstance(value, bytes) else value

    return lambda text: json.dumps(plain(layout.parse(bytes.fromhex(text))))


def bare_word(what: str) -> Callable[[str], str]:
    fields, at = [], 0
    for name, width in reversed(WORDS[what]):
        fields.append(f'"{name}": n >> {at} & {(1 << width) - 1}')
        at += width
    source = f"lambda text: dumps({{{', '.join(reversed(fields))}}})"
    line: Callable[[str], str] = eval(
        source.replace("n >>", "(n := read(what, text)) >>", 1), {"dumps": fastest(), "read": read, "what": what}
    )
    return line


def fastest() -> Callable[[Any], str]:
    try:
        import orjson
    except ImportError:
        return json.dumps
    dumps = orjson.dumps
    return lambda table: dumps(table).decode()


HOW = {"construct": construct_word, "bare": bare_word}


def main(how: str, what: str) -> None:
    line = construct_message(what) if what == "message" else HOW[how](what)
    write = sys.stdout.write
    for text in sys.stdin:
        write(line(text) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
