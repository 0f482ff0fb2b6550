"""`show` for a QEMU flag: the fields of CPUID leaves that it sets, its requirements, when it is advised, and its names elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ByProxmox, Field, Flag, Spec
from hvrepl.catalog.parse_specs import place_in_leaf
from hvrepl.hints import Any

# The kind of its value, and for whom QEMU's documentation advises it, in words.
READS = {"switch": "", "number": "a number", "text": "a text of up to 12 characters", "auto": "on, off or auto"}
ADVISED = {
    "always": "every Windows guest",
    "nested": "guests that run a hypervisor themselves",
    "vmx": "guests that run a hypervisor themselves, on Intel",
    "sometimes": "some guests",
}


def describe_flag(catalog: Catalog, spec: Spec) -> dict[str, Any]:
    """The object that `show` adds for a flag."""
    flag = spec.flag or Flag()
    table = {
        "reads": flag.reads,
        "sets": [describe_set(catalog, path, flag) for path in flag.fields],
        "needs": list(flag.needs),
        "wants": list(flag.wants),
        "turns_on": catalog.turned_on_by(spec.name),
        "since": flag.since,
        "advised": flag.advised,
        "harm": flag.harm,
        "libvirt": flag.libvirt,
        "libvirt_since": flag.libvirt_since,
        "proxmox": say_proxmox(flag.proxmox) if flag.proxmox else "",
        "kubevirt": flag.kubevirt,
    }
    return {key: value for key, value in table.items() if value}


def describe_set(catalog: Catalog, path: str, flag: Flag) -> dict[str, Any]:
    """A field that a flag sets, with its place and value; without a value it takes the flag's."""
    leaf, _, name = path.partition(".")
    found = catalog.find_name(leaf)
    table: dict[str, Any] = {"name": path, "leaf": catalog.spaces["cpuid"].write(found.number or 0)}
    field = found.spec.field(name)
    table |= describe_place(field) if field else {}
    table |= {"value": flag.sets[path]} if path in flag.sets else {}
    return table | ({"unless": flag.unless[path]} if path in flag.unless else {})


def with_flags(catalog: Catalog, spec: Spec, fields: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Fields; those of a CPUID leaf with the QEMU flags that set them."""
    setting = flags_setting(catalog, spec) if spec.kind == "cpuid" else {}
    for field in fields:
        yield field | ({"qemu": setting[field["name"]]} if field["name"] in setting else {})


def flags_setting(catalog: Catalog, spec: Spec) -> dict[str, list[str]]:
    """The flags that set each field of a leaf, except fields that any flag sets, or that some only raise."""
    flags = [(one.name, one.flag) for one in catalog.flags() if one.flag]
    by_any = {path for _, flag in flags if flag.any for path in flag.sets}
    found: dict[str, list[str]] = {}
    for name, flag in flags:
        for path in flag.fields if not flag.any else ():
            leaf, _, field = path.partition(".")
            if leaf == spec.name and (path == flag.value or path not in by_any):
                found.setdefault(field, []).append(name)
    return found


def describe_place(field: Field) -> dict[str, Any]:
    """The registers of a leaf and the bits within them."""
    register, high, low = place_in_leaf(field.lsb, field.width)
    return {"reg": register, "bits": [high, low]}


def flag_facts(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(heading, text) of each thing that describe_flag found."""
    yield "takes", READS[table.get("reads", "switch")]
    yield "sets", ", ".join(map(say_set, table.get("sets", ())))
    yield "turns on", ", ".join(table.get("turns_on", ()))
    yield "needs", ", ".join(table.get("needs", ()))
    yield "goes with", ", ".join(table.get("wants", ()))
    yield "since", f"QEMU {table['since']}" if "since" in table else ""
    yield "advised for", ADVISED.get(table.get("advised", ""), "")
    yield "caution", table.get("harm", "")
    yield "libvirt", table.get("libvirt", "") + (f", since libvirt {table['libvirt_since']}" if "libvirt_since" in table else "")
    yield "Proxmox", table.get("proxmox", "")
    yield "KubeVirt", table.get("kubevirt", "")


def say_set(one: Mapping[str, Any]) -> str:
    """access_synic_regs (CPUID 0x40000003 EAX bit 2); a number comes with it."""
    name = one["name"].partition(".")[2]
    high, low = one["bits"]
    register = one["reg"].upper()
    bits = f" bit {low}" if high == low else "" if low == 0 and (high + 1) % 32 == 0 else f" bits {high}:{low}"
    value = f" = {one['value']:#x}" if "value" in one and high != low else ""
    unless = f", unless {one['unless']}" if "unless" in one else ""
    return f"{name}{value} (CPUID {one['leaf']} {register}{bits}{unless})"


def say_proxmox(rule: ByProxmox) -> str:
    value = f" with {rule.value}" if rule.value else ""
    machine = f" and machine {rule.machine}" if rule.machine else ""
    host = f" on {rule.host}" if rule.host else ""
    return f"on{value} for Windows guests{host}, from version {rule.windows}{machine} on"
