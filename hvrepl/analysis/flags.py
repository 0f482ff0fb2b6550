"""QEMU's Hyper-V flags as the specs have them; reads and writes their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hvrepl.catalog.alike import alike
from hvrepl.catalog.model import Flag, to_key
from hvrepl.digits import to_int
from hvrepl.hints import TYPE_CHECKING
from hvrepl.patterns import regex
from hvrepl.wording import shorten

if TYPE_CHECKING:
    from hvrepl.codec.decode import Decoder

ON, OFF, AUTO = "on", "off", "auto"
LONGEST_TEXT = 12  # bytes of the three registers with a vendor
NUMBER = regex(r"0[xX][0-9a-fA-F]{1,16}|0[0-7]{1,22}|0|[1-9][0-9]{0,19}")  # as C reads them: 010 is octal

Version = tuple[int, int]


class Flags:
    """The flags by name: flags[name] says what one does, `specs` where it is from. `base` is what any flag turns on."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.catalog = decoder.catalog
        every = [(spec, spec.flag) for spec in self.catalog.flags() if spec.flag]
        self.base = next(flag for _, flag in every if flag.any)
        self.specs = {spec.name: spec for spec, flag in every if not flag.any}
        self._flags = {spec.name: flag for spec, flag in every if not flag.any}
        # Fields of `base` that some flags raise, such as the largest leaf.
        self.raised = {path for flag in self._flags.values() for path in flag.sets if path in self.base.sets}
        self._names = {to_key(name): spec.name for spec in self.specs.values() for name in (spec.name, *spec.also)}

    def __getitem__(self, name: str) -> Flag:
        return self._flags[name]

    def find(self, name: str) -> str:
        """QEMU's current name of a flag, however it is spelled; "" if there is no such flag."""
        return self._names.get(to_key(name), "")

    def suggest(self, name: str) -> str:
        """The end of a sentence that a flag does not exist: one with a similar name, or ""."""
        close = alike(name, self.specs, 1)
        return f"; did you mean {close[0]}?" if close else ""

    def paths(self, attribute: str) -> dict[str, str]:
        """The flags' paths in a domain (`libvirt`) or machine (`kubevirt`), for flags that have one."""
        return {name: path for name, flag in self._flags.items() if (path := getattr(flag, attribute))}

    def room_of(self, name: str) -> int:
        """The bits of the field for a flag's number; 0 if it does not take one."""
        leaf, _, field_name = self[name].value.partition(".")
        field = self.catalog.find_name(leaf).spec.field(field_name) if self[name].reads == "number" else None
        return field.width if field else 0

    def whole(self, values: Mapping[str, str]) -> str:
        """The flag that leaves everything to the host, or ""."""
        return next((name for name, value in values.items() if self.is_hosts(name, value) and not self[name].sets), "")

    def is_hosts(self, name: str, value: str) -> bool:
        """Whether a flag with this value lets the host decide its fields."""
        return bool(self[name].host) and self[name].host == value

    def show(self, names: Iterable[str]) -> bool:
        """Whether any of these flags makes Hyper-V's interface visible to a guest."""
        return any(self[name].enables for name in names)


def is_flag_name(name: str) -> bool:
    """Whether a name is spelled like a flag, not like a field."""
    return to_key(name).startswith("hv_") and "." not in name


def to_version(text: str) -> Version:
    major, _, minor = text.partition(".")
    return to_int(major), to_int(minor or "0")


def read_value(name: str, flag: Flag, text: str) -> tuple[str, str]:
    """(the value that QEMU takes, what is wrong with the text or "")."""
    if flag.reads == "switch":
        return (text, "") if text in (ON, OFF) else (OFF, f"{name}={shorten(text)}: expected on or off")
    if flag.reads == "auto":
        return (text, "") if text in (ON, OFF, AUTO) else (OFF, f"{name}={shorten(text)}: expected on, off or auto")
    if text == OFF:
        return OFF, ""
    if flag.reads == "text":
        if text == ON:
            return OFF, f"{name} takes a text: {name}=Microsoft"
        if "," in text:
            return OFF, f"{name}={shorten(text)}: QEMU takes no comma in it"
        size = len(text.encode())
        return text, f"{name}={shorten(text)} is longer than {LONGEST_TEXT} bytes; QEMU cuts it" if size > LONGEST_TEXT else ""
    if not NUMBER.fullmatch(text):
        return OFF, f"{name} takes a number" + ("" if text == ON else f", not {shorten(text)}")
    number = to_int(text, 16 if text[:2].lower() == "0x" else 8 if text[0] == "0" else 10)
    return (OFF, "") if number == flag.off else (write_number(flag, number), "")


def to_number(flag: Flag, value: str) -> int:
    """The number that a flag's own value puts into its field."""
    if flag.reads == "text":
        return int.from_bytes(value.encode()[:LONGEST_TEXT], "little")
    return to_int(value, 16 if value[:2] == "0x" else 10)


def write_value(flag: Flag, number: int) -> str:
    """The value that makes a flag put this number into its field; "" for a text that QEMU does not take."""
    if flag.reads != "text":
        return write_number(flag, number)
    raw = number.to_bytes(LONGEST_TEXT, "little").rstrip(b"\0")
    is_taken = raw.isascii() and raw.decode("ascii").isprintable() and b"," not in raw
    return raw.decode("ascii") if is_taken else ""


def write_number(flag: Flag, number: int) -> str:
    return f"{number:#x}" if flag.off is not None else str(number)
