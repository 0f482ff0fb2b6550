"""The places of members in Linux's Hyper-V structs, from a C compiler: `python -m tests.codec.c_headers [-v]` compares the specs.

The headers come from a linux-headers-*-common package of Debian, but only Hyper-V's own are used: an empty file replaces every other one
that they include, and tests/data/headers/kernel.h replaces them all. A program that gcc compiles with each arch's headers prints the
places, one member per line; arm64 does not need its own compiler, since the types have fixed widths.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.codec.agreement import DATA, Member, Table, report
from tests.codec.c_structs import MemberPath, Structs, paths, read_structs

# The headers' inline functions call kernel functions from elsewhere, which gcc 14 and later refuse; nobody calls them here.
UNKNOWN_CALLS = ("implicit-function-declaration", "int-conversion", "incompatible-pointer-types")
FLAGS = ("-nostdinc", "-w", "-O1", "-std=gnu11", *(f"-Wno-error={one}" for one in UNKNOWN_CALLS))
ARCH_FLAGS = {"x64": ("-DCONFIG_X86=1", "-DCONFIG_X86_64=1"), "arm64": ("-DCONFIG_ARM64=1", "-U__x86_64__")}
FOLDERS = {"x64": "arch/x86/include", "arm64": "arch/arm64/include"}
WITHOUT_ATTRIBUTES = ("-D__packed=", "-D__aligned(x)=")
OURS = ("include/hyperv/*.h", "include/asm-generic/hyperv-tlfs.h", "include/linux/hyperv.h")
BEGIN = "int headers_begin_here;"
BUFFER = 1 << 16
# Bits are found by setting them; `bit` and `width` of each member, -1 for an array without an end.
PROLOGUE = f"""
int printf(const char *, ...);
static unsigned char buffer[{BUFFER}];
static void find_bits(const char *name)
{{
	int bit, first = -1, count = 0;
	for (bit = 0; bit < 8 * {BUFFER}; bit++)
		if (buffer[bit / 8] >> bit % 8 & 1) {{
			if (first < 0)
				first = bit;
			count++;
		}}
	printf("%s\\t%d\\t%d\\n", name, first, count);
}}
"""


def find_headers() -> Path | None:
    """The newest linux-headers-*-common, in the folder in HVREPL_HEADERS (or that folder itself), otherwise in /usr/src."""
    folder = Path(os.environ.get("HVREPL_HEADERS", "/usr/src"))
    found = [path for path in (folder, *folder.glob("linux-headers-*-common")) if (path / "include/linux/hyperv.h").exists()]
    return max(found, key=release, default=None)


def release(path: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path.name)]


def find_missing() -> str:
    """The reason why nothing can be compared here, or ""."""
    if shutil.which("gcc") is None:
        return "gcc"
    if subprocess.run(["gcc", "-print-file-name=crt1.o"], capture_output=True, text=True, check=True).stdout.strip() == "crt1.o":
        return "libc6-dev"
    if find_headers() is None:
        return "linux-headers-*-common in /usr/src or $HVREPL_HEADERS"
    return ""


def stage(headers: Path, arch: str, folder: Path) -> list[str]:
    """Links Hyper-V's headers into the folder, creates empty files for their other includes, and returns the names to include."""
    ours = {path.relative_to(headers / "include"): path for pattern in OURS for path in sorted(headers.glob(pattern))}
    own = headers / FOLDERS[arch] / "asm/hyperv-tlfs.h"
    if own.exists():
        ours[Path("asm/hyperv-tlfs.h")] = own
    for name, path in ours.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(path)
    for path in ours.values():
        for wanted in re.findall(r"#include <(.+)>", path.read_text(encoding="utf-8")):
            (folder / wanted).parent.mkdir(parents=True, exist_ok=True)
            (folder / wanted).touch()
    first = [name for name in ours if name.parts[0] == "hyperv"] or [Path("asm/hyperv-tlfs.h")]
    return [str(name) for name in [*first, Path("linux/hyperv.h")]]


def run_gcc(arch: str, folder: Path, *arguments: str) -> str:
    command = ["gcc", *FLAGS, *ARCH_FLAGS[arch], "-I", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
    return done.stdout


def write_program(source: str, structs: Structs) -> str:
    lines = [source, PROLOGUE, "int main(void)", "{"]
    for struct in structs:
        lines.append(f'\tprintf("{struct}\\t0\\t%d\\n", (int)(8 * sizeof({struct})));')
        for path in paths(struct, structs):
            name = f"{struct}\\t{path.text}"
            place = f"(({struct} *)buffer)->{path.text}"
            if path.bits:
                lines.append(f'\t{place} = ~0ULL; find_bits("{name}"); {place} = 0;')
            else:
                size = "-1" if path.flexible else f"8 * (int)sizeof({place})"
                lines.append(f'\tprintf("{name}\\t%d\\t%d\\n", (int)(8 * __builtin_offsetof({struct}, {path.text})), {size});')
    return "\n".join([*lines, "\treturn 0;", "}"])


def measure(headers: Path, arch: str) -> dict[str, list[Member]]:
    """struct → its size (a member without a name) and its members, on an arch."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        includes = "".join(f"#include <{one}>\n" for one in stage(headers, arch, folder))
        source = f'#include "{DATA / "kernel.h"}"\n{BEGIN}\n{includes}'
        program = folder / "program.c"
        program.write_text(source, encoding="utf-8")
        plain = run_gcc(arch, folder, "-E", "-P", *WITHOUT_ATTRIBUTES, str(program))
        structs = read_structs(plain.partition(BEGIN)[2])
        known = {f"{struct}\t{path.text}": path for struct in structs for path in paths(struct, structs)}
        program.write_text(write_program(source, structs), encoding="utf-8")
        run_gcc(arch, folder, "-o", str(folder / "program"), str(program))
        printed = subprocess.run([folder / "program"], capture_output=True, text=True, check=True).stdout
    return read_printed(printed, known)


def read_printed(printed: str, known: Mapping[str, MemberPath]) -> dict[str, list[Member]]:
    found: dict[str, list[Member]] = {}
    for line in printed.splitlines():
        name, bit, width = line.rsplit("\t", 2)
        struct, _, text = name.partition("\t")
        path = known.get(name)
        owner = (bare(path.owner), path.own) if path else (bare(struct), "")
        one = Member(text, int(bit), None if int(width) < 0 else int(width), bool(path and path.parts), *owner)
        found.setdefault(bare(struct), []).append(one)
    return found


def bare(struct: str) -> str:
    return struct.partition(" ")[2]


def main() -> Iterator[str]:
    headers = find_headers()
    if find_missing() or headers is None:
        yield f"nothing compared: {find_missing()}"
        return
    yield headers.name
    for arch in ARCH_FLAGS:
        yield from report(arch, measure(headers, arch), Table("names"), verbose="-v" in sys.argv)


if __name__ == "__main__":
    print("\n".join(main()))
