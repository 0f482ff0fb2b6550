"""The topics of `help`: every command, word, format, option and notation, once, each with examples to type. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from hvrepl.commands.table import COMMANDS, ENTRIES, HELP, INSTALL, PROGRAM, SHARED, Option
from hvrepl.script.shell_words import SHELL_WORDS, spelled


class Topic(NamedTuple):
    """`words` find it, its own first; `usage` is how to type it, `short` one sentence, `text` the details.

    An example is a line for hvrepl's shell or, with `$ ` in front, for the system's.
    """

    words: tuple[str, ...]
    usage: str
    short: str
    text: str
    examples: tuple[str, ...]


def of_word(name: str, text: str, examples: tuple[str, ...], *, also: tuple[str, ...] = (), usage: str = "", short: str = "") -> Topic:
    """The topic of a word of lines. `usage` and `short` replace those of the lists if help has more to say."""
    word = SHELL_WORDS[name]
    return Topic((*spelled(name), *also), usage or f"{name} {word.usage}".rstrip(), short or word.short, text, examples)


WORDS = (
    of_word("set", "It prints the new value and what changed. _ is now the new value.", ("sint2 0x200f3", "set masked=1 vector=0x30")),
    of_word(
        "arch",
        "`arch` alone shows the current one. The word applies to the lines that follow, the option to its own line. x86_64, amd64 "
        "and aarch64 work too. HVREPL_ARCH sets the default.",
        ("arch arm64", "sint2 0x10013 --arch x64"),
        also=("--arch",),
        usage="arch [ARCH], --arch ARCH",
        short="Choose x64 or arm64.",
    ),
    of_word(
        "format",
        "`format` alone shows the current one. The word applies to the lines that follow, the option to its own line. The formats "
        "are fields, table, bits, line, json, ndjson and csv; `help bits` explains one of them.",
        ("format line", "sint2 0x200f3 -f json"),
        also=("--format", "-f"),
        usage="format [FMT], -f FMT, --format FMT",
        short="Choose how answers are printed.",
    ),
    of_word("source", "What they set stays set. A file can source others. It stops at the first line that fails.", ("source lines.txt",)),
    of_word(
        "let",
        "The name then stands for the value, also in parentheses.",
        ("let base = 0x200f3", "sint2 base", "sint2 (base | 0x10000)"),
    ),
    of_word("undo", "_ is then that value again.", ("sint2 0x200f3", "set masked=1", "undo", "_")),
    of_word(
        "values",
        "Every value that is decoded, encoded or set takes the next number. _2 is the second value wherever a value can be.",
        ("sint2 0x200f3", "sint2 0x10013", "values", "diff sint2 _1 _2"),
        also=("_1", "_2"),
        usage="values, _1, _2 ...",
    ),
    of_word(
        "history",
        "With a number the last N. A line that begins with a space is not kept. Up and C-r also find lines of earlier sessions.",
        ("sint2 0x200f3", "history", "history 20"),
    ),
    of_word(
        "save",
        "`source FILE` or `hvrepl < FILE` runs it. A line that failed becomes a comment; a pasted dump becomes a line with its bytes.",
        ("sint2 0x200f3", "save session.hv"),
        short="Write the lines of this session to a file that runs again.",
    ),
    of_word("clear", "In a script, and if the output is not a terminal, it does nothing.", ("clear",)),
    of_word(
        "help",
        "Alone, it lists what you can type.",
        ("help set", "help @", "sint2?", "decode --help"),
        also=("name?", "?name", "-h", "--help"),
        usage="help [WORD], NAME?, COMMAND --help",
        short="Explain a command, word, format, option or sign, or show a name.",
    ),
    of_word("version", "", ("version",), also=("-V", "--version"), usage="version, --version"),
    of_word("quit", "", ("quit",), usage="quit, exit, q, :q, C-d", short="Leave the shell, or end the script."),
)
FORMATS = (
    Topic(
        ("fields",),
        "-f fields",
        "A line for each field, high bits first.",
        "This is how answers are printed by default.",
        ("sint2 0x200f3 -f fields",),
    ),
    Topic(
        ("table",),
        "-f table",
        "A table of the fields.",
        "--style chooses how it is drawn.",
        ("sint2 0x200f3 -f table", "sint2 0x200f3 -f table --style grid"),
    ),
    Topic(("bits",), "-f bits", "A ruler of bits, with each field below its bits.", "", ("sint2 0x200f3 -f bits", "format bits")),
    Topic(
        ("line",),
        "-f line",
        "One line per value: name, number, sentence and findings.",
        "For many values, and for grep.",
        ("sint2 0x200f3 0x10013 -f line", "sint2 @values.txt -f line | grep masked"),
    ),
    Topic(
        ("json",),
        "-f json",
        "One JSON document: an object for one value, an array for several.",
        "It is indented on a terminal and compact elsewhere. The keys are explained in the man page.",
        ("sint2 0x200f3 -f json", "list msr -f json > msrs.json"),
    ),
    Topic(
        ("ndjson",),
        "-f ndjson",
        "One JSON object per line, written as soon as it is made.",
        "For streams. With -k an error is an object too, and each object has the number of its line.",
        ("sint2 @values.txt -f ndjson", "$ hvrepl decode sint2 - -k -f ndjson < values.txt"),
    ),
    Topic(
        ("csv",),
        "-f csv",
        "One row per value, for spreadsheets.",
        "The columns are the fields of the first value. A cell that a spreadsheet would run as a formula begins with an apostrophe.",
        ("sint2 @values.txt -f csv > values.csv",),
    ),
)
NOTATIONS = (
    Topic(
        ("_",),
        "_",
        "The last value.",
        "Alone, it is decoded again. In a line it is the value; in the place of a name, the value with its name.",
        ("sint2 0x200f3", "_", "sint3 _", "sint2 (_ | 0x10000)", "diff _ 0x10013"),
    ),
    Topic(
        ("what", "name", "names"),
        "WHAT",
        "What a value belongs to: a name, a number, or SPACE:NUMBER.",
        "Case does not matter, and - and _ are the same. Every spelling of Linux, the TLFS, OpenVMM and QEMU is known, and short names "
        "such as sint2. page.2 is slot 2 of a page.",
        ("show sint2", "HvRegisterSint2 0x200f3", "msr:0x40000092 0x200f3", "page.2 @page.txt"),
    ),
    Topic(
        ("numbers", "number", "value", "0x", "0n", "0b"),
        "VALUE",
        "A number as people paste it.",
        "Hex with 0x, or without it if it can be nothing else; WinDbg's ` and 0n; 0b and 0o; decimal; suffixes of C and Rust; _ between "
        "digits. --hex reads bare digits as hex.",
        ("sint2 0x200f3", "sint2 0b1000000011110011", "guest-id 0x8100_0006_0657_0000", "sint2 00000000`000200f3"),
    ),
    Topic(
        ("parentheses", "(", ")", "()", "arithmetic"),
        "(ARITHMETIC)",
        "Arithmetic, in parentheses, is a number.",
        "+ - * / // % << >> | & ^ ~ as in Python. Quote it in your system's shell.",
        ("guest-id (0x8100 << 48)", "sint2 (1 << 17 | 0xf3)"),
    ),
    Topic(
        ("eax=", "eax", "ebx", "ecx", "edx"),
        "eax=N ebx=N ecx=N edx=N",
        "The four registers of a CPUID leaf.",
        "Those that you omit are zero.",
        ("cpuid:0x40000003 eax=0x2e7f edx=0x8",),
    ),
    Topic(
        ("@", "@file"),
        "@FILE",
        "The contents of a file, as a value.",
        "Raw bytes, a dump in text as gdb, crash, WinDbg, xxd or hexdump print it, or for a register one value per line.",
        ("page @page.txt", "sint2 @values.txt"),
    ),
    Topic(
        ("@file:address", "@:"),
        "@FILE:ADDRESS",
        "A struct at a guest physical address of a memory image or crash dump.",
        "`scan FILE` finds the message pages of an image. A raw image begins at 0 here: if it begins elsewhere, subtract that address.",
        ("page @memory.img:0x1000", "scan memory.img"),
    ),
    Topic(
        ("-", "stdin"),
        "-",
        "Values from stdin, on the system's command line.",
        "For a register one value per line, for a struct a dump or raw bytes. In a script stdin is the script itself.",
        ("$ hvrepl decode sint2 - -f line < values.txt", "$ cat page.txt | hvrepl decode page -"),
    ),
    Topic(
        ("--",),
        "--",
        "What follows is not an option.",
        "A negative number goes after it, and is two's complement at the width of the value.",
        ("decode sint2 -- -1",),
    ),
    Topic(
        ("field=value", "=", "field"),
        "FIELD=VALUE",
        "A field to set, or for `check` to compare.",
        "The value is a number, a name that the field knows, or words that it reads. The last part of a path is enough if it is "
        "unique. check also knows !=, <, <=, > and >=. `encode NAME` lists the fields.",
        ("sint2 vector=0xf3 auto_eoi=1", "guest-id os_type=linux", "guest-id kernel=6.6.87", "check sint2 0x200f3 vector>=0x10"),
    ),
    Topic(
        ("msr", "register", "hypercall", "vmbus", "space", "spaces"),
        "SPACE NUMBER, SPACE:NUMBER",
        "Say which thing is meant if several have the number.",
        "msr, register, cpuid, hypercall and vmbus can come before a number. `list SPACE` lists what a space has.",
        ("msr 0x40000003", "cpuid 0x40000003 eax=0x2e7f", "msr:0x40000092 0x200f3", "list hypercall"),
    ),
    Topic(
        ("dump", "dumps", "paste"),
        "a pasted dump",
        "A dump of several lines is a message or a message page, by its size.",
        "A name before its first row says what it is.",
        ("message 10000080180000000000000000000000000000000000000044332211000000004433221100000000",),
    ),
    Topic(("|",), "LINE | CMD", "Send the output of a line to a system command.", "", ("list msr | grep SINT",)),
    Topic(
        (">", ">>"),
        "LINE > FILE, LINE >> FILE",
        "Write the output of a line to a file; >> appends.",
        "",
        ("list msr > msrs.txt", "list vmbus >> msrs.txt"),
    ),
    Topic(("!",), "!CMD", "Run a system command.", "", ("!ls",)),
    Topic(
        ("#",), "# COMMENT", "A comment: what follows # at the start of a word is not read.", "", ("sint2 0x200f3  # from the crash dump",)
    ),
    Topic(
        ("quotes", "'", '"', "\\"),
        "'TEXT', \"TEXT\"",
        "Quotes keep a word together.",
        "So does a backslash before a blank, as in a file name.",
        ("page @'my page.txt'", "page @my\\ page.txt"),
    ),
)
# Examples of commands and options; the table of commands has the rest.
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "decode": ("decode sint2 0x200f3", "decode 0x8100000606570000", "decode page @page.txt"),
    "encode": ("encode sint2 vector=0xf3 auto_eoi=1", "encode guest-id kernel=6.6.87"),
    "show": ("show sint2", "show HVCALL_POST_MESSAGE"),
    "list": ("list hypercall", "list struct"),
    "find": ("find auto eoi", "find bit:17", "find 0xf3"),
    "diff": ("diff sint2 0x200f3 0x10013", "diff cpuid before.txt after.txt", "diff cpuid guest.xml after.txt"),
    "check": ("check sint2 0x200f3 vector=0xf3 masked=0", "check cpuid guest.xml hv-relaxed=on"),
    "scan": ("scan memory.img", "scan --info memory.img", "scan memory.img --base 0x100000000"),
    "eom": ("eom @page.txt 2",),
    "crash": ("crash 0x3b 0xc0000096 0x75b12c5 0x9e7f1580 0",),
    "annotate": ("annotate dmesg.txt", "annotate dmesg.txt --only"),
    "cpuid": ("cpuid before.txt", "cpuid guest.xml", "cpuid before.txt --flags qemu"),
    "columns": ("columns ids.parquet guest_id=guest-id", "columns ids.parquet guest_id=guest-id -o decoded.parquet"),
    "live": ("live sint2 --root saved",),
    "web": ("web", "web sint2", "web sint2 0x200f3"),
    "--style": ("sint2 0x200f3 -f table --style github",),
    "--words": ("decode page @page.txt --words 8",),
    "--hex": ("sint2 200f3 --hex", "$ hvrepl --hex decode sint2 - < values.txt"),
    "--strict": ("sint2 0x400000 --strict",),
    "--keep-going": ("sint2 0x30 zz 0x31 -k -f line",),
    "--color": ("show sint2 --color always", "$ hvrepl --color never sint2"),
    "--specs": ("list --specs specs",),
    "-c": ("$ hvrepl -c 'format line' -c 'sint2 0x200f3'",),
    "--allow-shell": ("$ hvrepl --allow-shell < lines.txt",),
    "--vi": ("$ hvrepl --vi",),
    "--gdb": ("$ hvrepl --gdb",),
    "--install-completion": ("$ hvrepl --install-completion bash",),
    "--show-completion": ("$ hvrepl --show-completion bash",),
    "--output": ("sint2 vector=0xf3 -o sint2.bin", "eom @page.txt 2 -o after.bin"),
    "--only": ("annotate dmesg.txt --only",),
    "--full": ("annotate dmesg.txt --only --full",),
    "--root": ("live sint2 --root saved",),
    "--port": ("web --port 8080",),
    "--no-open": ("web sint2 --no-open",),
    "--flags": ("cpuid before.txt --flags qemu", "cpuid guest.xml --flags proxmox"),
    "--qemu": ("cpuid guest.xml --qemu 6.2",),
    "--info": ("scan --info memory.img", "scan --info memory.img -f json"),
    "--base": ("scan memory.img --base 0x100000000", "scan memory.img --base (4 << 30)"),
}


def topic_of(option: Option) -> Topic:
    usage = ", ".join(f"{name} {option.metavar}".strip() for name in option.names)
    return Topic((*reversed(option.names),), usage, f"{option.help[:1].upper()}{option.help[1:]}.", "", EXAMPLES.get(option.names[-1], ()))


@cache
def topics() -> Mapping[str, Topic]:
    """Word → its topic, in the order of the list; the topics of commands are the commands' own help."""
    own = [*WORDS, *FORMATS, *NOTATIONS]
    known = {word for topic in own for word in topic.words}
    options = [*SHARED, *PROGRAM, HELP, *(option for command in COMMANDS for option in command.options), *INSTALL]
    own += [topic_of(option) for option in options if option.names[-1] not in known]
    found: dict[str, Topic] = {}
    for topic in own:
        for word in topic.words:
            found.setdefault(word, topic)
    return found


def find_topic(word: str) -> Topic | None:
    """The topic of a word, whatever its case; short options only differ by case."""
    return topics().get(word) or topics().get(word.lower())


def all_topics() -> list[tuple[str, str]]:
    """(word, sentence) of everything that `help` explains, except names: commands, then words, formats, signs and options."""
    found = dict.fromkeys(topics().values())
    own = [(word, topic.short) for topic in found for word in topic.words if word == topic.words[0] or word.startswith("--")]
    return [(name, command.short) for name, command in ENTRIES.items()] + own
