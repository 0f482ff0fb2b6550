"""The commands and options, once: what they are called, take and do. The command line, scripts, the shell and help read it."""

from __future__ import annotations

from typing import NamedTuple


class Option(NamedTuple):
    """`key` is what it sets; one without `metavar` takes no word; one that is `many` may be given again, and keeps all."""

    key: str
    names: tuple[str, ...]
    help: str
    metavar: str = ""
    many: bool = False


class Command(NamedTuple):
    """`where` is module:function of this folder, `usage` its words, `short` what stands in the list of commands."""

    name: str
    where: str
    usage: str
    short: str
    text: str
    options: tuple[Option, ...] = ()


# The same before and after every command: each sets an option of the session.
SHARED = (
    Option("arch", ("--arch",), "x64 (the default) or arm64; also HVREPL_ARCH", "ARCH"),
    Option("format", ("-f", "--format"), "fields, table, bits, line, json, ndjson or csv", "FMT"),
    Option("style", ("--style",), "tabulate's style of --format table: grid, github, html ...", "STYLE"),
    Option("word_size", ("--words",), "read dumps in text as words of N bytes: 1, 2, 4, 8 or 16", "N"),
    Option("hex", ("--hex",), "read digits without 0x as hex, as rdmsr and WinDbg print them"),
    Option("strict", ("--strict",), "exit status 1 if something decoded has findings"),
    Option("keep_going", ("-k", "--keep-going"), "go on after an error; exit with the first one's status"),
    Option("color", ("--color",), "auto, always or never", "WHEN"),
    Option("specs", ("--specs",), "your own definitions beside the built-in ones; also HVREPL_SPECS", "DIR"),
)
# Those of the program itself, before a command or without one.
PROGRAM = (
    Option("lines", ("-c",), "run a line of the shell; may be given again", "LINE", many=True),
    Option("allow_shell", ("--allow-shell",), "let a script on stdin use | cmd, !cmd and > file"),
    Option("vi", ("--vi",), "vi keys in the shell"),
    Option("version", ("-V", "--version"), "print the version"),
)
HELP = Option("help", ("-h", "--help"), "show this help")
INSTALL = (
    Option("install", ("--install-completion",), "install completion for the current shell"),
    Option("show", ("--show-completion",), "show the script that completes in the current shell"),
)  # typer's own, of the program itself

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
        (Option("output", ("-o", "--output"), "write the raw bytes to a file", "FILE"),),
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
        """List all names with their numbers. SPACE is msr, register, hypercall, status, message, vmbus ...

A kind can stand in its place: struct, word, enumeration, page, or names for what has a number and no layout.""",
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
        "Assert fields of a value (=, !=, <, <=, > and >=).",
        "Assert fields of a value (=, !=, <, <=, > and >=). Exit status 1 if one does not hold.",
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
        (Option("output", ("-o", "--output"), "write the page after it to a file", "FILE"),),
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
        (
            Option("only", ("--only",), "only the lines in which something was found"),
            Option("full", ("--full",), "all fields of what was found"),
        ),
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
        (Option("root", ("--root",), "read a saved tree in place of /dev", "DIR"),),
    ),
)

ENTRIES = {command.name: command for command in COMMANDS}


def command_names() -> list[str]:
    return list(ENTRIES)
