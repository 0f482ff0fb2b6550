"""Runs in Pyodide when the site is made: the standard library and wheels → two archives with the parts that hvrepl needs.

Modules for most answers are in them as bytecode, which starts at once; all others as source, which is smaller.
"""

import ast
import importlib
import importlib.util
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib._bootstrap_external import _code_to_hash_pyc
from types import MappingProxyType

# Other ways into hvrepl, and modules that only these use.
LEFT_OUT = ("shell/", "cli/", "columns/", "debuggers/", "catalog/build/", "commands/columns", "commands/live", "web/")
OF_WEB = tuple(f"web/{name}.py" for name in ("__init__", "allowed", "answer", "links", "run", "shown"))
# Modules that Python and Pyodide import by name, without an import statement.
BY_NAME = frozenset(
    (
        "encodings.utf_8",
        "encodings.utf_8_sig",
        "encodings.latin_1",
        "encodings.ascii",
        "encodings.utf_16",
        "encodings.utf_16_le",
        "encodings.utf_16_be",
        "encodings.utf_32",
        "encodings.cp437",
        "encodings.cp1252",
        "encodings.raw_unicode_escape",
        "encodings.unicode_escape",
        "encodings.idna",
        "encodings.aliases",
        "_sysconfigdata__emscripten_wasm32-emscripten",
        "_sysconfigdata__emscripten_",
        "site",
        "sitecustomize",
        "pyodide",
        "_pyodide",
    )
)
# Modules that the standard library only imports for developers, for other programs and for networks.
NEVER = frozenset(
    (
        "_pyrepl",
        "asyncio.__main__",
        "bdb",
        "cmd",
        "curses",
        "doctest",
        "ensurepip",
        "ftplib",
        "http",
        "idlelib",
        "imaplib",
        "mailbox",
        "multiprocessing",
        "pdb",
        "pydoc",
        "pydoc_data",
        "smtplib",
        "socketserver",
        "test",
        "tkinter",
        "turtle",
        "unittest",
        "webbrowser",
        "wsgiref",
        "xmlrpc",
    )
)
STUBS = {"pdb.py": b""}  # construct imports it only for its Debugger
QUESTIONS = (
    "sint2 0x200f3",
    "0x8100000606570000",
    "show sint2",
    "HVCALL_POST_MESSAGE",
    "nosuch",
    "[    0.000000] Hyper-V: privilege flags low 0x2e7f",
)


def make(stdlib: str, wheels: Sequence[str], targets: Sequence[str]) -> None:
    """Writes the archives to `targets`: one of the standard library, one of the wheels, whose modules can be imported already."""
    from hvrepl.web.answer import answer

    for question in QUESTIONS:
        answer(question)
        answer(question + "\n" + question, "arm64")
    at_once = set(sys.modules)
    library = zipfile.ZipFile(stdlib)
    kept = closure(library, at_once, imports_of(wheels))
    write(targets[0], [stdlib], lambda name: module_of(name) in kept or name.startswith(("pyodide/", "_pyodide/")), at_once, STUBS)
    write(targets[1], wheels, is_needed, at_once)


def is_needed(name: str) -> bool:
    """Whether a file of a wheel is for this way in."""
    own = name.removeprefix("hvrepl/")
    return not (".dist-info/" in name or ".data/" in name or (own != name and own.startswith(LEFT_OUT) and own not in OF_WEB))


def module_of(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(wheels: Iterable[str]) -> set[str]:
    """Everything that modules of wheels import, anywhere in them."""
    found: set[str] = set()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in filter(is_needed, archive.namelist()):
                if name.endswith(".py"):
                    found |= set(imported(archive.read(name), module_of(name)))
    return found


def imported(source: bytes, module: str, *, is_package: bool = False) -> Iterator[str]:
    """The modules that a module may import; for `from a import b` both a and a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            whole = ".".join([*base, *filter(None, [node.module])])
            yield whole
            yield from (f"{whole}.{alias.name}" for alias in node.names)


def closure(library: zipfile.ZipFile, at_once: set[str], wanted: set[str]) -> set[str]:
    """The library modules that the wanted ones import, directly or not, with their packages."""
    files = {module_of(name): name for name in library.namelist() if name.endswith(".py")}
    kept: set[str] = set()
    waiting = [*at_once, *wanted, *BY_NAME]
    while waiting:
        module = waiting.pop()
        waiting += [module.rpartition(".")[0]] if "." in module else []
        if module in kept or module not in files or (module.split(".")[0] in NEVER and module not in at_once):
            continue
        kept.add(module)
        waiting += imported(library.read(files[module]), module, is_package=files[module].endswith("/__init__.py"))
    return kept


def write(
    target: str, sources: Iterable[str], keeps: Callable[[str], bool], at_once: set[str], stubs: Mapping[str, bytes] = MappingProxyType({})
) -> None:
    with zipfile.ZipFile(target, "w") as out:
        for name, data in stubs.items():
            out.writestr(zipfile.ZipInfo(name), data)
        for source in sources:
            with zipfile.ZipFile(source) as archive:
                for name in sorted(one for one in archive.namelist() if not one.endswith("/") and keeps(one)):
                    data = archive.read(name)
                    if name.endswith(".py") and module_of(name) in at_once:
                        name, data = f"{name}c", compiled(name, data)
                    # The same content always gives the same archive.
                    out.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)


def compiled(name: str, source: bytes) -> bytes:
    """A module as bytecode that is never compared with its source, without docstrings, which only Pyodide itself reads here."""
    code = compile(source, name, "exec", dont_inherit=True, optimize=0 if name.startswith(("pyodide/", "_pyodide/")) else 2)
    return bytes(_code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False))
