"""Rules: the fields and flags that a QEMU flag refers to exist, and so does each flag that a spec refers to."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.build.book import Book
from hvrepl.catalog.model import ARCHES, FLAG, Flag, Spec
from hvrepl.patterns import regex

READS = ("switch", "number", "text", "auto")
ADVISED = ("", "always", "nested", "vmx", "sometimes")
LIBVIRT = regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
VERSION = regex(r"[0-9]{1,3}\.[0-9]{1,3}")


def check_flag(spec: Spec, book: Book) -> Iterator[str]:
    if spec.qemu and not any(is_flag(book, spec.qemu, arch) for arch in ARCHES):
        yield f"qemu: no flag {spec.qemu}"
    if spec.flag:
        yield from (f"flag: {fault}" for fault in check_table(spec.flag, spec, book))


def is_flag(book: Book, name: str, arch: str) -> bool:
    found = book.find(name, arch)
    return bool(found and found.kind == FLAG)


def check_table(flag: Flag, spec: Spec, book: Book) -> Iterator[str]:
    paths = [*flag.fields, *flag.unless, *(path for one in flag.until for path in one.sets)]
    yield from (f"no field {path} of a CPUID leaf" for path in dict.fromkeys(paths) if not is_field(path, spec, book))
    others = (*flag.needs, *flag.wants, *flag.kubevirt_adds, *flag.unless.values(), *(name for one in flag.until for name in one.frees))
    yield from (f"no flag {name}" for name in dict.fromkeys(others) if not is_flag(book, name, spec.arch))
    yield from (f"no leaf {name}" for name in (*flag.kvm, *flag.empty) if not is_leaf(book.find(name, spec.arch)))
    if flag.reads not in READS:
        yield f"reads must be one of {', '.join(READS)}"
    if flag.advised not in ADVISED:
        yield f"advised must be one of {', '.join(ADVISED[1:])}"
    if bool(flag.value) != (flag.reads in ("number", "text")):
        yield "value, and reads = number or text, need each other"
    for version in (flag.since, *(one.machine for one in flag.until), flag.proxmox.machine if flag.proxmox else ""):
        if version and not VERSION.fullmatch(version):
            yield f"{version!r} is not a version such as 3.1"
    if flag.libvirt_since and not (flag.libvirt and LIBVIRT.fullmatch(flag.libvirt_since)):
        yield f"libvirt_since: {flag.libvirt_since!r} is not a version such as 1.3.3, of what libvirt has"


def is_leaf(spec: Spec | None) -> bool:
    return bool(spec and spec.kind == "cpuid" and spec.layout)


def is_field(path: str, spec: Spec, book: Book) -> bool:
    """Whether LEAF.field is a field of a leaf, or of one of its variants."""
    name, _, field = path.partition(".")
    leaf = book.find(name, spec.arch)
    return bool(leaf and is_leaf(leaf) and leaf.field(field))
