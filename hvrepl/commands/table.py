"""What the commands are called, take and do, and where they stand. Without the parser, for which the shell's first key need not wait."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """`where` is module:function of this folder, `usage` its words, `short` what stands in the list of commands."""

    name: str
    where: str
    usage: str
    short: str
    text: str


COMMANDS = (
    Command(
        "decode",
        "decode:decode",
        "[WHAT] VALUE...",
        "Say what values mean.",
        "Say what values mean. WHAT may be left out with a single number; @FILE and - read a file and stdin.",
    ),
    Command(
        "encode",
        "encode:encode_value",
        "WHAT [VALUE] FIELD=V...",
        "Build a value from fields.",
        "Build a value from fields, from zero or from VALUE, and print its hex.",
    ),
    Command(
        "show",
        "show:show",
        "WHAT",
        "Show a definition without a value.",
        "Show a definition without a value. Every number and name on both archs, fields, notes, sources.",
    ),
    Command(
        "list",
        "list:list_names",
        "[SPACE]",
        "List all names with their numbers.",
        "List all names with their numbers. SPACE is msr, register, hypercall, status, message, vmbus ...",
    ),
    Command(
        "find",
        "find:find",
        "TEXT|BIT",
        "Search names, fields, values and docs.",
        "Search names, fields, values and docs. `find bit:17` finds fields by a bit, `find 0xf3` by a number.",
    ),
    Command(
        "diff",
        "diff:diff",
        "WHAT A B",
        "Show the fields that differ.",
        "Show the fields that differ. Exit status 1 if any does.",
    ),
    Command(
        "check",
        "check:check",
        "WHAT VALUE FIELD=V...",
        "Assert fields of a value (= and !=).",
        "Assert fields of a value (= and !=). Exit status 1 if one does not hold.",
    ),
    Command(
        "scan",
        "scan:scan",
        "FILE...",
        "Find message pages in a memory image or vmcore.",
        """Find message pages in raw memory images, ELF cores and kdump-compressed vmcores, and decode them.

Each is told with its guest physical address and how many of its messages fit their type. @FILE:ADDRESS is a value in other commands.""",
    ),
    Command(
        "eom",
        "eom:eom",
        "PAGE SLOT [TYPE]",
        "Free a slot of a message page.",
        """Say what freeing a slot of a message page does, and which write of the end-of-message register is owed then.

PAGE is @FILE, - or hex; TYPE the message type that is expected in the slot.""",
    ),
    Command(
        "crash",
        "crash:crash",
        "P0 P1 P2 P3 P4 [CTL]",
        "Say what the crash parameters of a guest mean.",
        """Say what the crash parameters of a guest mean, told by the operating system that wrote them.

They are the five of host event 18590, or of Xen's or QEMU's log, also pasted with their labels; CTL is the crash control register.""",
    ),
    Command(
        "annotate",
        "annotate:annotate",
        "[FILE...]",
        "Pass a log through, each Hyper-V number in it explained.",
        """Pass a log through as it comes, and say under each line what the Hyper-V numbers in it mean.

The log is stdin or FILE: dmesg, a journal, host events, traces of KVM and Xen, a mail that quotes them.""",
    ),
    Command(
        "cpuid",
        "cpuid:cpuid",
        "[FILE]",
        "Explain a whole CPUID dump, or this machine's.",
        """Say who the hypervisor is, decode its CPUID leaves, and tell what does not go together.

FILE is a dump in text as tools print them, - stdin; left out: this machine. CPUs are folded where they are alike.""",
    ),
    Command(
        "live",
        "live:live",
        "[WHAT...]",
        "Read this machine's MSRs.",
        """Read MSRs of all CPUs through /dev/cpu/*/msr, and decode them. It never writes.

Without WHAT every MSR that has a name. CPUs are folded where they are alike, and those that differ are told.""",
    ),
)


def command_names() -> list[str]:
    return [command.name for command in COMMANDS]
