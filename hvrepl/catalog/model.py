"""Specs as records. No I/O, and nothing that depends on a decoded value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hvrepl.catalog.guids import number_to_guid
from hvrepl.hints import TypeAlias, TypeGuard
from hvrepl.record import record

ARCHES = ("x64", "arm64")
COMMON = "common"
SIGNATURES = "HYPERVISOR_SIGNATURE"  # the enumeration of the signatures in the first leaf of an interface
INTEGER_SIZES = {f"{sign}{bits}": bits // 8 for sign in "ui" for bits in (8, 16, 32, 64)}
GUID_DIGITS = 32
FLAG = "flag"  # the kind of the CPU flags of QEMU
ENUMERATION = "enumeration"  # the kind of things that only name values
PLAIN_TYPES = frozenset(INTEGER_SIZES) | {"", "bytes", "guid"}

CRASH_PARAMETERS = 5  # P0 to P4
PAGE_SIZE = 4096  # the interface counts pages of 4 KiB on every arch
# How a count follows from fields, HOW:PATH or HOW:PATH+PATH: a function of their sum.
COUNTS: Mapping[str, Callable[[int], int]] = {"popcount": int.bit_count, "pages": lambda size: -(-size // PAGE_SIZE)}

# A path to a field → its allowed values: numbers, "16-255", "!0", an enumerator's name, "known", "unknown"; one of them must hold.
# Conditions joined by AND must all hold.
When: TypeAlias = "Mapping[str, tuple[int | str, ...]]"
AND = " & "
SPACE = "space:"  # prefix of a space whose names are a type, or whose payloads are cases
CONTEXT = "context:"  # prefix of a switch that is not a field but part of the context


def space_of(text: str) -> str:
    """The space in a type or in the cases of a field; "" if there is none."""
    return text.removeprefix(SPACE) if text.startswith(SPACE) else ""


def context_of(switch: str) -> str:
    """The part of the context that decides a switch; "" if a field does."""
    return switch.removeprefix(CONTEXT) if switch.startswith(CONTEXT) else ""


@record(eq=True)
class Space:
    """A set of numbers, such as msr. `digits`: hex digits of its numbers (32: they are GUIDs). `bits`: width of the value at a number (0:
    there is none). `interfaces`: the numbers that belong to a hypervisor, in steps at which an interface can begin (empty: all do).
    `aside`: another interface's numbers for things that have one in other spaces too; used only if asked for. `mixed`: its names have mixed
    case, as in that interface. `signature`: the enumerator of SIGNATURES for the interface that its numbers belong to."""

    name: str
    title: str
    arches: tuple[str, ...]
    digits: int
    bits: int = 0
    interfaces: range = range(0)
    aside: bool = False
    mixed: bool = False
    signature: str = ""

    def is_hypervisors(self, number: int) -> bool:
        """Whether a number belongs to a hypervisor: most CPUID leaves belong to the processor."""
        return not self.interfaces or self.interfaces.start <= number < self.interfaces.stop

    def write(self, number: int) -> str:
        if self.digits == GUID_DIGITS:
            return number_to_guid(number)
        return f"0x{number:0{self.digits}X}"


@record(eq=True)
class Document:
    """The document of a `source`, by its key: a repository at a commit and its folder for paths, or the URL of a site's pages."""

    key: str
    title: str
    repository: str = ""
    commit: str = ""
    root: str = ""
    url: str = ""


@record
class Address:
    """A thing's number in a space. `name` and `also` can contain {n}: the index in an array with step `stride`, or in a range.

    `arch`: the only arch with this number, if a common thing has different ones.
    """

    space: str
    low: int
    high: int
    stride: int = 1
    name: str = ""
    also: tuple[str, ...] = ()
    was: tuple[str, ...] = ()
    note: str = ""
    source: tuple[str, ...] = ()
    arch: str = ""

    def number(self, element: int | None) -> int:
        return self.low + self.stride * (element or 0)

    def named(self, element: int | None) -> str:
        return fill(self.name, element)


def fill(text: str, element: int | None) -> str:
    """The text with {n} replaced by the index; without an index it stays, as in HV_X64_MSR_SINT{n}."""
    return text if element is None else text.replace("{n}", str(element))


@record(eq=True)
class Enumerator:
    """One value, or a range of values, of an enumeration; `taken`: it is defined elsewhere and included here."""

    low: int
    high: int
    name: str
    also: tuple[str, ...] = ()
    doc: str = ""
    note: str = ""
    source: tuple[str, ...] = ()
    taken: bool = False


@record
class Taking:
    """An enumeration's include: names of a space ("space:NAME") or values of an enumeration, from the number `first` on.

    That number becomes the value `value`, the next ones the values after it.
    """

    type: str
    first: int = 0
    value: int = 0


@record
class Field:
    """A run of bits of a word (`lsb`, `width`), or a member of a struct (`at`, `size` in bytes; `size` may be a path or "rest").

    `type` is an integer type, "bytes", "guid", "space:NAME", or the name of a spec. With `count` it is an array.
    """

    name: str
    lsb: int = 0
    width: int = 0
    at: int | None = None
    size: int | str | None = None
    type: str = ""
    values: tuple[Enumerator, ...] = ()
    reserved: str = ""
    count: int | str | None = None
    rep: bool = False
    optional: bool = False
    switch: str = ""
    cases: Mapping[str, str] | str = ""
    used: str = ""
    readings: tuple[Field, ...] = ()
    show: str = ""
    base: int = 16
    max: int | None = None
    column: str = ""
    each: bool = False
    also: tuple[str, ...] = ()
    doc: str = ""
    note: str = ""
    source: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, and its other names in the sources."""
        return self.name, *self.also


@record
class FindingRule:
    """A finding that a spec declares, for values that meet all of `when`."""

    code: str
    field: str
    text: str
    when: When


@record
class Layout:
    """Fields that tile a word (low to high) or a struct (ascending)."""

    fields: tuple[Field, ...]
    summary: tuple[str, ...] | None = None
    findings: tuple[FindingRule, ...] = ()
    unused: When | None = None


@record
class Remark:
    """A finding on text that matches the pattern; {name} in its text becomes the match of that group."""

    code: str
    pattern: str
    text: str
    source: tuple[str, ...] = ()


@record
class Shorthand:
    """One assignment that sets several fields: `field` gets the value that `read` reads from the text, and `sets` are set too.

    The first remark that matches the text is reported.
    """

    name: str
    field: str
    read: str
    sets: Mapping[str, int]
    remarks: tuple[Remark, ...] = ()


@record
class Lone:
    """When a number without a name is read as this spec; the lowest rank is tried first."""

    rank: int
    when: tuple[When, ...]


@record
class CrashRule:
    """When crash parameters are explained as this struct, lowest rank first, and the name of the system that wrote them."""

    rank: int
    os: str
    when: tuple[When, ...]


@record
class Interface:
    """The owners of a CPUID leaf that is not Hyper-V's, as enumerators of SIGNATURES; `leaf` counts from where the interface begins.

    `names`: its summary identifies the hypervisor.
    """

    vendors: tuple[str, ...]
    leaf: int
    subleaf: int = 0
    names: bool = False


@record
class Until:
    """What a flag sets in CPUID leaves on machine types up to a version, instead of what it sets on newer ones.

    `frees`: its requirements that these machine types do not have.
    """

    machine: str
    sets: Mapping[str, int]
    frees: tuple[str, ...] = ()


@record
class ByProxmox:
    """Since which versions of Windows and of the machine type Proxmox turns a flag on by itself, and to which value.

    `host`: the only hosts where it does; a configuration does not name its host.
    """

    windows: int
    machine: str = ""
    value: str = ""
    host: str = ""


@record
class Flag:
    """A CPU flag of QEMU: what it puts into CPUID leaves (LEAF.field → number), what it needs, and its names elsewhere.

    `value` is the field for the flag's own value; `reads` is its form: switch, number, text, or auto (on, off, auto). With the value
    `host`, the host decides the fields in `sets`, or all leaves. `until`: differences on old machine types. `any`: not a real flag, but
    what the first flag brings along; `kvm` are leaves of KVM itself. `empty`: leaves that exist with nothing in them. `apart`: a flag that
    leaves everything to the host does not turn it on. `kubevirt_adds`: flags that KubeVirt turns on with it.
    `since` is a version of QEMU, `libvirt_since` one of libvirt.
    """

    reads: str = "switch"
    sets: Mapping[str, int] = {}
    value: str = ""
    off: int | None = None
    unless: Mapping[str, str] = {}
    until: tuple[Until, ...] = ()
    host: str = ""
    enables: bool = True
    apart: bool = False
    any: bool = False
    kvm: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    since: str = ""
    advised: str = ""
    harm: str = ""
    libvirt: str = ""
    libvirt_since: str = ""
    kubevirt: str = ""
    kubevirt_adds: tuple[str, ...] = ()
    proxmox: ByProxmox | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of leaves that it sets, each as LEAF.field."""
        return (*self.sets, *([self.value] if self.value else []))


@record
class Spec:
    """One thing of the interface. `arch` is common, x64 or arm64; `width` in bits (0 for bytes), `size` and `head` in bytes."""

    name: str
    kind: str
    arch: str
    title: str = ""
    also: tuple[str, ...] = ()
    width: int = 0
    size: int | None = None
    head: int | None = None
    reset: int | None = None
    count: int | None = None
    doc: str = ""
    note: str = ""
    see: tuple[str, ...] = ()
    privilege: str = ""
    qemu: str = ""
    on_read: str = ""
    source: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    layout: Layout | None = None
    output: Layout | None = None
    cases: Mapping[str, Layout] = {}
    shorthands: tuple[Shorthand, ...] = ()
    values: tuple[Enumerator, ...] = ()
    extends: str = ""
    takes: tuple[Taking, ...] = ()
    open: bool = False
    case_of: tuple[str, ...] = ()
    lone: Lone | None = None
    crash: CrashRule | None = None
    interface: Interface | None = None
    flag: Flag | None = None
    file: str = ""

    @property
    def is_range(self) -> bool:
        """Whether it consists of ranges of numbers: {n} in their names is a number's place in the range."""
        return bool(self.addresses) and all(address.low < address.high for address in self.addresses)

    def named(self, element: int | None) -> str:
        return fill(self.name, element)

    @property
    def layouts(self) -> list[Layout]:
        """Its layout, and those of its cases."""
        return [layout for layout in (self.layout, *self.cases.values()) if layout]

    @property
    def every_layout(self) -> list[Layout]:
        """The same, and that of its output."""
        return [layout for layout in (self.layout, self.output, *self.cases.values()) if layout]

    def field(self, name: str) -> Field | None:
        """A field of its layout, or of one of its cases."""
        return next((field for layout in self.layouts for field in layout.fields if field.name == name), None)

    def case(self, name: str) -> Layout | None:
        return self.cases.get(name)

    def shorthand(self, name: str) -> Shorthand | None:
        return next((one for one in self.shorthands if one.name == name), None)


def counters(count: int | str | None) -> list[str]:
    """The paths of the fields that determine a count: none for a number or "rest"."""
    return count.partition(":")[2].split("+") if is_derived(count) else [count] if isinstance(count, str) and count != "rest" else []


def is_derived(count: int | str | None) -> TypeGuard[str]:
    """Whether a count is calculated from fields, so that it cannot be written back to them."""
    return isinstance(count, str) and count.partition(":")[0] in COUNTS and ":" in count


def count_from(count: str, numbers: Iterable[int]) -> int:
    """The count, from the numbers of its fields."""
    total = sum(numbers)
    return COUNTS[count.partition(":")[0]](total) if is_derived(count) else total


def to_key(name: str) -> str:
    """The form in which names are compared: case does not matter, nor whether it is a hyphen or an underscore."""
    return name.lower().replace("-", "_")
