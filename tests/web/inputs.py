"""What is put into the box in tests, with the command line and stdin that must print the same."""

from __future__ import annotations

from dataclasses import dataclass

from tests.paths import DATA


@dataclass(frozen=True)
class Input:
    """`name` of the test, the text and arch of the box, and the words and stdin of the program."""

    name: str
    text: str
    words: tuple[str, ...]
    arch: str = "x64"
    stdin: str = ""
    environ: tuple[tuple[str, str], ...] = ()


def line(name: str, text: str, arch: str = "x64") -> Input:
    return Input(name, text, ("--arch", arch, "-c", text), arch)


def file(path: str, *words: str, arch: str = "x64") -> Input:
    text = (DATA / path).read_text(encoding="utf-8")
    return Input(path.replace("/", "_"), text, words, arch, text, (("HVREPL_ARCH", arch),))


INPUTS = (
    line("a register", "sint2 0x200f3"),
    line("a register of the other arch", "sint2=0x10013", "arm64"),
    line("a guest id alone", "0x8100000606570000"),
    line("a status as HRESULT", "0xC0350005"),
    line("a number with several meanings", "0x40000003"),
    line("a name", "simp"),
    line("a name of the other arch only", "sint2", "arm64"),
    line("a hypercall", "HVCALL_POST_MESSAGE"),
    line("fields", "sint2 vector=0xf3 auto_eoi=1"),
    line("a guest id from a release", "guest-id kernel=6.6.87"),
    line("arithmetic", "(0x200f3 & 0xff)"),
    line("two values side by side", "sint2 0x200f3 0x10000"),
    line("reserved bits that are set", "sint2 0x04000000000200f3"),
    line("a leaf", "cpuid 0x40000003 eax=0x2e7f ebx=0x3b8030"),
    line("a difference", "diff sint2 0x200f3 0x10000"),
    line("a search", "find auto_eoi"),
    line("a list", "list status"),
    line("json", "sint2 0x200f3 -f json"),
    line("a table", "sint2 0x200f3 -f table"),
    line("a crash", "crash 0x0 0x81000004132B0000 0x2050CC 0xFFFFFFFFFFFFFFDA 0x7FFD0EC01888"),
    line("help", "help @"),
    line("a name that does not exist", "nosuch_register 0x1"),
    line("a field that does not exist", "sint2 vectr=1"),
    line("a value that is too wide", "sint2 0x1ffffffffffffffff"),
    line("an open quote", "sint2 '0x1"),
    Input(
        "lines",
        "sint2 0x200f3\nguest-id 0x8100000606570000\n_ -f line\n",
        ("-k",),
        stdin="sint2 0x200f3\nguest-id 0x8100000606570000\n_ -f line\n",
    ),
    file("dumps/page.gdb.txt"),
    file("dumps/page.windbg.txt"),
    file("dumps/page.xxd.txt"),
    file("logs/dmesg.txt", "annotate"),
    file("logs/dmesg.txt", "annotate", arch="arm64"),
    file("logs/event-18590.txt", "annotate"),
    file("cpuid/xen.txt", "cpuid", "-"),
    file("cpuid/kvm-two-cpus.txt", "cpuid", "-"),
)
NAMES = [f"{one.name}-{one.arch}" for one in INPUTS]
