"""The commands and options, once: names, arguments, texts. The command line, scripts, the shell and help use this table."""

from __future__ import annotations

from hvrepl.record import record


@record
class Option:
    """`key` is the setting; an option without `metavar` takes no word; one with `many` can be repeated, and keeps all its words."""

    key: str
    names: tuple[str, ...]
    help: str
    metavar: str = ""
    many: bool = False


@record
class Command:
    """`where` is module:function of this folder, `usage` its words, `short` its text in the list of commands."""

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
    Option("word_size", ("--words",), "read text dumps as words of N bytes: 1, 2, 4, 8 or 16", "N"),
    Option("hex", ("--hex",), "read digits without 0x as hex, the way rdmsr and WinDbg print them"),
    Option("strict", ("--strict",), "exit with status 1 if anything decoded has findings"),
    Option("keep_going", ("-k", "--keep-going"), "continue after an error; exit with the status of the first"),
    Option("color", ("--color",), "auto, always or never", "WHEN"),
    Option("specs", ("--specs",), "your own definitions in addition to the built-in ones; also HVREPL_SPECS", "DIR"),
)
# Options of the program itself, before a command or without one.
PROGRAM = (
    Option("lines", ("-c",), "run a line of the shell; can be repeated", "LINE", many=True),
    Option("allow_shell", ("--allow-shell",), "let a script on stdin use | cmd, !cmd and > file"),
    Option("vi", ("--vi",), "vi keys in the shell"),
    Option("gdb", ("--gdb",), "print the path of the file that gives gdb the command hv: gdb -x FILE"),
    Option("version", ("-V", "--version"), "print the version"),
)
HELP = Option("help", ("-h", "--help"), "show this help")
INSTALL = (
    Option("install", ("--install-completion",), "install completion for the current shell, or for the one named after it"),
    Option("show", ("--show-completion",), "show the script that completes in the current shell, or in the one named after it"),
)  # typer's own, of the program itself

COMMANDS = (
    Command(
        "decode",
        "decode:decode",
        "[WHAT] VALUE...",
        "Explain values.",
        "Explain values. WHAT can be omitted for a single number; @FILE and - read a file and stdin.",
    ),
    Command(
        "encode",
        "encode:encode_value",
        "WHAT [VALUE] FIELD=V...",
        "Build a value from fields.",
        "Build a value from fields, starting from zero or from VALUE, and print its hex.",
        (Option("output", ("-o", "--output"), "write the raw bytes to a file", "FILE"),),
    ),
    Command(
        "show",
        "show:show",
        "WHAT",
        "Show a definition without a value.",
        "Show a definition without a value: every number and name on both archs, fields, notes and sources.",
    ),
    Command(
        "list",
        "list:list_names",
        "[SPACE]",
        "List all names with their numbers.",
        """List all names with their numbers. SPACE is msr, register, hypercall, status, message, vmbus ...

A kind can be given instead: struct, word, enumeration, page, or names for what has a number but no layout.""",
    ),
    Command(
        "find",
        "find:find",
        "TEXT|BIT",
        "Search names, fields, values and docs.",
        "Search names, fields, values and docs. `find bit:17` finds fields by bit, `find 0xf3` finds by number.",
    ),
    Command(
        "diff",
        "diff:diff",
        "WHAT A B",
        "Show the fields that differ.",
        "Show the fields that differ. The exit status is 1 if any does.",
    ),
    Command(
        "check",
        "check:check",
        "WHAT VALUE FIELD=V...",
        "Assert fields of a value (=, !=, <, <=, > and >=).",
        "Assert fields of a value (=, !=, <, <=, > and >=). The exit status is 1 if any does not hold.",
    ),
    Command(
        "scan",
        "scan:scan",
        "FILE...",
        "Find message pages in a memory image or crash dump.",
        """Find message pages in memory images, cores and crash dumps, and decode them.

Each is shown with its guest physical address and how many of its messages fit their type. Other commands take
@FILE:ADDRESS as a value. The man page lists the formats.""",
        (
            Option("info", ("--info",), "show what each image is and which memory it holds, without a search"),
            Option("base", ("--base",), "where in the guest's memory a raw image begins, if not at 0", "ADDRESS"),
        ),
    ),
    Command(
        "eom",
        "eom:eom",
        "PAGE SLOT [TYPE]",
        "Explain what freeing a slot of a message page does.",
        """Explain what freeing a slot of a message page does, and whether the end-of-message register must then be written.

PAGE is @FILE, - or hex; TYPE is the message type that you expect in the slot.""",
        (Option("output", ("-o", "--output"), "write the resulting page to a file", "FILE"),),
    ),
    Command(
        "crash",
        "crash:crash",
        "P0 P1 P2 P3 P4 [CTL]",
        "Explain the crash parameters of a guest.",
        """Explain the crash parameters of a guest, by the operating system that wrote them.

Give the five numbers of host event 18590, or of Xen's or QEMU's log, with their labels if you like; CTL is the crash control
register.""",
    ),
    Command(
        "annotate",
        "annotate:annotate",
        "[FILE...]",
        "Pass a log through, explaining each Hyper-V number in it.",
        """Pass a log through as it arrives, and explain the Hyper-V numbers of each line below it.

The log is stdin or FILE: dmesg, a journal, host events, traces of KVM and Xen, or an email that quotes them. For a Windows
event log (.evtx; it needs the package evtx), it shows the events in which something was found.""",
        (
            Option("only", ("--only",), "print only the lines in which something was found"),
            Option("full", ("--full",), "print all fields of what was found"),
        ),
    ),
    Command(
        "cpuid",
        "cpuid:cpuid",
        "[FILE]",
        "Explain a whole CPUID dump, or this machine's.",
        """Identify the hypervisor, decode its CPUID leaves, and report contradictions.

FILE is a text dump as tools print it, or - for stdin; without it, this machine is read. Identical CPUs are shown once.

FILE can also be a guest's configuration: a QEMU command line, a libvirt domain, or a Proxmox or KubeVirt file. It then explains the leaves
that the hv-* flags make.""",
        (
            Option("flags", ("--flags",), "write the flags that give these leaves: qemu, libvirt or proxmox", "FORM"),
            Option("qemu", ("--qemu",), "the version of QEMU that runs the guest, such as 7.2", "VERSION"),
        ),
    ),
    Command(
        "columns",
        "columns:columns",
        "FILE... COLUMN=WHAT...",
        "Decode columns of Parquet, CSV or NDJSON files.",
        """Count what the values of columns mean, most frequent first, or with -o write the table with the decoded columns.

WHAT is a register, a CPUID leaf or a struct of fixed size; COLUMN=annotate explains text, and crash=P0,P1,P2,P3,P4 explains crashes
whose parameters are in five columns. It needs the package pyarrow.""",
        (
            Option(
                "output", ("-o", "--output"), "write a table in the format of the suffix: .parquet, .csv, .tsv, .ndjson or .jsonl", "FILE"
            ),
        ),
    ),
    Command(
        "live",
        "live:live",
        "[WHAT...]",
        "Read this machine's MSRs.",
        """Read MSRs of all CPUs through /dev/cpu/*/msr, and decode them. It never writes.

Without WHAT it reads every MSR that has a name. Identical CPUs are shown once, and those that differ are marked.""",
        (Option("root", ("--root",), "read a saved tree instead of /dev", "DIR"),),
    ),
    Command(
        "web",
        "web:serve",
        "[WHAT...]",
        "Open hvrepl in a browser.",
        """Serve a page for each name, with a box that explains values, to a browser on this machine only.

It prints the address, opens a browser there, and runs until Ctrl-C. WHAT is a name, or anything you can type into the box. It needs
the package jinja2.""",
        (
            Option("port", ("--port",), "the port on 127.0.0.1 (the default, 0, is a free one)", "N"),
            Option("no_open", ("--no-open",), "only print the address"),
        ),
    ),
)

ENTRIES = {command.name: command for command in COMMANDS}


def command_names() -> list[str]:
    return list(ENTRIES)
