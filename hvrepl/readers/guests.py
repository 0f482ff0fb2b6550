"""What starts a QEMU guest, in whatever form → the Hyper-V flags that it is given, by name and text. Knows no leaves.

Command lines (ps, /proc/PID/cmdline, scripts, libvirt's logs), libvirt's domains, Proxmox's configurations, KubeVirt's machines.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hvrepl.digits import to_int
from hvrepl.errors import FileError, UsageError
from hvrepl.readers.plain_text import decode
from hvrepl.record import record, replace
from hvrepl.wording import shorten

if TYPE_CHECKING:
    from typing import TypeAlias

QEMU, LIBVIRT, PROXMOX, KUBEVIRT = "QEMU command line", "libvirt domain", "Proxmox configuration", "KubeVirt machine"
ELSEWHERE = "flags_elsewhere"  # the code of a remark that flags can be on which the text does not have
MOST_GUESTS = 1000
MOST_MARKUP = 4 << 20  # characters of XML, JSON and YAML, far above any guest: as objects they take many times that
ON = frozenset({"on", "yes", "true", "y"})
OFF = frozenset({"off", "no", "false", "n"})
FLAG = re.compile(r"hv[-_]")
NESTED = ("vmx", "svm", "nested-virt")  # Intel's, AMD's, and Proxmox's word for the one that the host has
X64 = frozenset({"x86_64", "i386", "i686", "amd64", "x64"})

Paths: TypeAlias = "Mapping[str, str]"  # of a flag → its path in a domain, as a spec has it


@record
class Given:
    """A flag as it was given; `value` is on, off, or the text of its value."""

    name: str
    value: str


@record
class Remark:
    """What was noticed of a flag where it was read."""

    code: str
    name: str
    text: str


@record
class Guest:
    """What is known of one guest before it starts.

    `accelerator`: kvm, another word, or "" where the text does not say it. `hides_kvm`: the guest does not see KVM's own leaves.
    `nested`: one of NESTED if the guest may run a hypervisor itself.
    `left`: who decides all flags when the guest starts, and is not known here.
    `windows`: the version for which Proxmox turns on flags by itself, 0 for none. `version`: QEMU's, where the text has it.
    """

    kind: str
    name: str = ""
    flags: tuple[Given, ...] = ()
    machine: str = ""
    arch: str = ""
    accelerator: str = ""
    hides_kvm: bool = False
    nested: str = ""
    windows: int = 0
    left: str = ""
    version: str = ""
    line: int = 0
    remarks: tuple[Remark, ...] = ()


def read_guests(raw: bytes, name: str, paths: Callable[[str], Paths]) -> list[Guest] | None:
    """The guests of a file, or None for a file that starts none; `paths` gives those of libvirt and kubevirt, which few files need.

    UsageError for one that is damaged, FileError where a package is missing.
    """
    if b"\0" in raw and is_argv(raw):
        return [read_argv(raw.decode("utf-8", "replace").rstrip("\0").split("\0"))]
    text = decode(raw) or ""
    kind = kind_of_guest(text)
    if kind in (LIBVIRT, KUBEVIRT) and len(text) > MOST_MARKUP:
        raise UsageError(f"{name}: more than {MOST_MARKUP >> 20} MiB, which no {kind} has")
    if kind == LIBVIRT:
        found = [read_domain(one, paths("libvirt")) for one in parse_domains(text, name)]
    elif kind == KUBEVIRT:
        found = list(read_kubevirt(text, name, paths("kubevirt")))
    elif kind == PROXMOX:
        found = [read_proxmox(text)]
    elif kind == QEMU:
        found = last_of_each(read_commands(text))
    else:
        return None
    if len(found) > MOST_GUESTS:
        raise UsageError(f"{name}: {len(found):,} guests; at most {MOST_GUESTS:,} are read at once")
    return found


def kind_of_guest(text: str) -> str:
    """What a text is that starts a guest, or the beginning of one; "" for any other text."""
    start = text.lstrip()[:1]
    if start == "<":
        return LIBVIRT if re.search(r"<domain[\s>]", text) else ""
    if "kubevirt.io/" in text and re.search(r"""["']?apiVersion["']?\s*:""", text):
        return KUBEVIRT
    if start != "{" and re.search(r"^(?:ostype|scsihw|vmgenid|smbios1): ?\S", text, re.MULTILINE):
        return PROXMOX
    may_be = "-cpu" in text or "qemu" in text or "kvm" in text  # which is found much faster than a command line
    return QEMU if may_be and has_command(text) else ""


def say_root(raw: bytes, name: str) -> str:
    """What the root of an XML text is that is not a domain; "" for what is not XML. UsageError for XML that is not read."""
    text = decode(raw) or "" if len(raw) <= MOST_MARKUP else ""
    return str(parse_xml(text, name).tag) if text.lstrip()[:1] == "<" else ""


# Command lines

PROGRAM = re.compile(r"""(?:^|(?<=[\s/'"]))(?P<program>qemu-system-(?P<arch>[a-z0-9_]+)|qemu-kvm|kvm)(?:\.exe)?(?=['"]?(?:\s|$))""")
OPTION = re.compile(r"(?:^|\s)['\"]?--?(?:cpu|machine|M|accel|enable-kvm|name|m|smp|drive|device|nodefaults)(?=['\"]?[\s=]|['\"]?$)")
STARTED_BY = re.compile(r"\bqemu version: ?(\d+\.\d+)")
CUT = re.compile(r"--?cpu\s+['\"]?\S+,\s*$")
VARIABLE = re.compile(r"\$\{?\w+\}?|\$\(")


def is_argv(raw: bytes) -> bool:
    """Whether these are the words of a command line as /proc has them, each with a NUL after it."""
    words = raw[: 1 << 20].split(b"\0")
    return raw[:1] != b"\0" and bool(PROGRAM.search(words[0].decode("utf-8", "replace"))) and any(one.startswith(b"-") for one in words[1:])


def has_command(text: str) -> bool:
    return any(True for _ in commands_in(text))


def commands_in(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, text of the command, QEMU's version as a log said it before) of each command line.

    Lines that end with \\ go on, and so does a -cpu that ends with a comma, as in a text that was wrapped.
    """
    version, held, first = "", "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not held and line.lstrip().startswith("#"):
            continue
        if said := STARTED_BY.search(line):
            version = said[1]
        first = first if held else number
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            continue
        whole, held = held + (line.lstrip() if held.endswith(",") else line), ""
        if CUT.search(whole):
            held = whole.rstrip()
            continue
        if command := command_in(whole):
            yield first, command, version
    if held and (command := command_in(held)):
        yield first, command, version


def command_in(line: str) -> str:
    """The part of a line that starts QEMU, or that is its option -cpu by itself; "" if there is none.

    It begins with the last word that can be QEMU before the first option that follows one: another program may start it.
    """
    programs = [match.start() for match in PROGRAM.finditer(line)]
    option = OPTION.search(line, programs[0]) if programs else None
    if option:
        return line[programs[bisect_left(programs, option.start()) - 1] :]
    return line.strip() if re.match(r"\s*--?cpu\s+\S", line) else ""


def read_commands(text: str) -> Iterator[Guest]:
    for line, command, version in commands_in(text):
        yield replace(read_argv(split_shell(command)), line=line, version=version)


def last_of_each(guests: Iterable[Guest]) -> list[Guest]:
    """A log has each start of a guest: the last one is how it runs now."""
    found: dict[str, Guest] = {}
    for one in guests:
        key = one.name or f"line {one.line}"
        found.pop(key, None)
        found[key] = one
    return list(found.values())


def read_argv(words: Sequence[str]) -> Guest:
    """The words of one command line, as QEMU takes them: of what appears again the last counts, of -accel the first, of -machine all."""
    program = PROGRAM.search(words[0]) if words else None
    arch = (program["arch"] or "x86_64") if program else "x86_64"
    options: dict[str, str] = {}
    machine: dict[str, str] = {}
    accelerators: list[str] = []
    remarks: list[Remark] = []
    general: list[str] = []
    waiting = iter(words[1:] if program else words)
    for word in waiting:
        option = word.removeprefix("-")
        if not word.startswith("-"):
            continue
        option = option.removeprefix("-")
        if option == "enable-kvm":
            accelerators.append("kvm")
        elif option in ("cpu", "name", "accel", "machine", "M", "global", "readconfig"):
            value = next(waiting, "")
            if option == "accel":
                accelerators.append(read_keys(value, "accel").get("accel", ""))
            elif option == "global":
                general.append(value)
            elif option == "readconfig":
                remarks.append(remark_config(value))
            elif option in ("machine", "M"):
                machine |= read_keys(value, "type")
            else:
                options[option] = value
    if "accel" in machine:
        accelerators.append(machine["accel"])
    usual = "" if program and not program["program"].endswith("kvm") else "kvm"
    accelerator = accelerators[0].split(":")[0] if accelerators else usual
    name = read_keys(options.get("name", ""), "guest").get("guest", "")
    guest = Guest(QEMU, name, (), machine.get("type", ""), arch, accelerator, remarks=tuple(remarks))
    cpu = options.get("cpu", "")
    guest = read_cpu(guest, cpu)
    return replace(guest, flags=(*read_globals(general, cpu.split(",")[0], arch), *guest.flags))


def remark_config(name: str) -> Remark:
    return Remark(ELSEWHERE, "", f"-readconfig {shorten(name)} can turn on flags, and is not read here")


def read_globals(texts: Iterable[str], model: str, arch: str) -> Iterator[Given]:
    """The flags of -global x86_64-cpu.hv-time=on, of all CPUs or of this model; those of -cpu count before them."""
    for text in texts:
        keys = read_keys(text, "")
        if "driver" in keys:
            driver, name, value = (keys.get(key, "") for key in ("driver", "property", "value"))
        else:
            path, _, value = text.partition("=")
            driver, _, name = path.rpartition(".")
        if driver in (f"{arch}-cpu", f"{model}-{arch}-cpu") and name.startswith("hv-"):
            yield Given(name, to_switch(value))


def read_keys(text: str, first: str) -> dict[str, str]:
    """`pc-q35-7.2,accel=kvm` as a table; what has no name at its start has `first`. A comma in a value is written twice."""
    found = {}
    for place, part in enumerate(split_commas(text)):
        key, equals, value = part.partition("=")
        if equals:
            found[key] = value
        elif part and place == 0:
            found[first] = part
    return found


def split_commas(text: str) -> list[str]:
    return [part.replace("\0", ",") for part in text.replace(",,", "\0").split(",")]


def read_cpu(guest: Guest, text: str) -> Guest:
    """The flags of -cpu MODEL,NAME=VALUE,+NAME,-NAME: of what is given twice the last counts, and + and - count after all others."""
    given: dict[str, str] = {}
    signed: dict[str, dict[str, str]] = {"+": {}, "-": {}}
    remarks = []
    seen: dict[str, list[str]] = {}
    for part in filter(None, text.split(",")[1:]):  # here QEMU has no way to write a comma in a value
        sign = part[:1] if part[:1] in signed else ""
        name, equals, value = part.removeprefix(sign).partition("=")
        name = name.strip().replace("_", "-")
        value = "on" if sign == "+" else "off" if sign == "-" else to_switch(value) if equals else "on"
        if VARIABLE.search(part):
            remarks.append(Remark(ELSEWHERE, "", f"{shorten(part)} is a variable of the shell, whose value is not here"))
            continue
        seen.setdefault(name, []).append(value)
        (signed[sign] if sign else given)[name] = value
    counts = given | signed["+"] | signed["-"]
    remarks += [
        Remark("flag_twice", name, f"{name} is given as {' and '.join(dict.fromkeys(values))}; QEMU takes {counts[name]}")
        for name, values in seen.items()
        if len(set(values)) > 1 and FLAG.match(name)
    ]
    flags = tuple(Given(name, value) for name, value in counts.items() if FLAG.match(name))
    nested = next((name for name in NESTED if counts.get(name) == "on"), guest.nested)
    hides = guest.hides_kvm or counts.get("kvm") == "off"
    return replace(guest, flags=flags, nested=nested, hides_kvm=hides, remarks=(*guest.remarks, *remarks))


def to_switch(text: str) -> str:
    """on or off, whatever word is used for it; any other text as it is."""
    return "on" if text.lower() in ON else "off" if text.lower() in OFF else text


# libvirt

QEMU_NAMESPACE = "{http://libvirt.org/schemas/domain/qemu/1.0}"
DECLARATION = re.compile(r"<\?xml[^>]*\?>")


def parse_domains(text: str, name: str) -> list[Any]:
    """The domains of an XML text, also of several that follow one another. UsageError for what is damaged, or has a DTD."""
    root = parse_xml(text, name)
    found = [
        one for one in root.iter("domain") if one.find("name") is not None or one.find("os") is not None or one.find("features") is not None
    ]
    if not found:
        raise UsageError(f"{name}: XML, but not a libvirt domain: its root is {shorten(str(root.tag))}")
    return found


def parse_xml(text: str, name: str) -> Any:
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import ParseError, fromstring
    except ImportError:
        raise FileError(f"{name}: a libvirt domain; install defusedxml to read it") from None
    try:
        try:
            return fromstring(text, forbid_dtd=True)
        except ParseError as error:
            if "junk after document element" not in str(error):
                raise
            return fromstring(f"<domains>{DECLARATION.sub('', text)}</domains>", forbid_dtd=True)
    except DefusedXmlException:
        raise UsageError(f"{name}: XML with a DTD or entities, which no libvirt domain has; it is not read") from None
    except (ParseError, ValueError, RecursionError) as error:
        raise UsageError(f"{name}: damaged XML: {error}") from None


def read_domain(domain: Any, paths: Paths) -> Guest:
    kind = domain.find("os/type")
    arch, machine = (kind.get(key, "") for key in ("arch", "machine")) if kind is not None else ("", "")
    of_type = domain.get("type", "")
    guest = Guest(LIBVIRT, domain.findtext("name", ""), (), machine, arch or "x86_64", "tcg" if of_type == "qemu" else of_type)
    flags = [Given(name, value) for name, path in paths.items() if (value := value_of_element(domain, path))]
    hyperv = domain.find("features/hyperv")
    remarks = list(unknown_elements(hyperv, frozenset(split_value(path)[0] for path in paths.values()))) if hyperv is not None else []
    policies = {one.get("name"): one.get("policy", "require") for one in domain.findall("cpu/feature")}
    guest = replace(
        guest,
        flags=tuple(flags),
        hides_kvm=domain.find("features/kvm/hidden[@state='on']") is not None,
        nested=next((name for name in NESTED if policies.get(name) in ("require", "force")), ""),
        left=mode_of(hyperv),
        remarks=tuple(remarks),
    )
    extra = [one.get("value", "") for one in domain.iter(f"{QEMU_NAMESPACE}arg")]
    pairs = [(option.lstrip("-"), value) for option, value in itertools.pairwise(extra) if option.startswith("-")]
    elsewhere = [remark_config(value) for option, value in pairs if option == "readconfig"]
    guest = replace(guest, remarks=(*guest.remarks, *elsewhere))
    models = [value for option, value in pairs if option == "cpu"]
    guest = read_cpu(guest, models[-1]) if models else guest
    model = models[-1].split(",")[0] if models else model_of(domain)
    general = read_globals((value for option, value in pairs if option == "global"), model, guest.arch)
    return replace(guest, flags=(*general, *guest.flags))


def model_of(domain: Any) -> str:
    """The CPU model that libvirt gives to QEMU, "" where it chooses one."""
    modes = {"host-passthrough": "host", "maximum": "max"}
    cpu = domain.find("cpu")
    return modes.get(cpu.get("mode", ""), cpu.findtext("model", "")) if cpu is not None else ""


def split_value(path: str) -> tuple[str, str, str]:
    """features/hyperv/spinlocks@retries=4096 → (path, attribute, what it is where it is left out)."""
    at = path.rfind("@")
    if at < 0 or "]" in path[at:]:
        return path, "", ""
    attribute, _, usual = path[at + 1 :].partition("=")
    return path[:at], attribute, usual


def value_of_element(domain: Any, path: str) -> str:
    """on, off or the value of an element; "" where there is none."""
    path, attribute, usual = split_value(path)
    element = domain.find(path)
    if element is None:
        return ""
    # A feature without a state is refused by libvirt; a timer is as usual, which for this one is off.
    state = to_switch(element.get("present", "no") if element.tag == "timer" else element.get("state", "on"))
    return state if state == "off" or not attribute else element.get(attribute, usual) or "on"


def mode_of(hyperv: Any) -> str:
    """Why libvirt chooses the flags; "" where the domain has them, or passthrough, which is a flag too."""
    mode = hyperv.get("mode", "custom") if hyperv is not None else "custom"
    return "" if mode in ("custom", "passthrough") else f"hyperv mode='{shorten(mode)}': libvirt chooses the flags when the guest starts"


def unknown_elements(hyperv: Any, known: frozenset[str], above: str = "features/hyperv") -> Iterator[Remark]:
    """What is below hyperv that no flag has."""
    for one in hyperv:
        path = f"{above}/{one.tag}"
        if path not in known:
            yield Remark("flag_unknown", "", f"<{shorten(str(one.tag))}> below {above.rpartition('/')[2]} is not known here")
        else:
            yield from unknown_elements(one, known, path)


# Proxmox

OLD_WINDOWS = {"wxp": 5, "w2k": 5, "w2k3": 5, "w2k8": 6, "wvista": 6}
FIRST_OF_UEFI = 8  # the first Windows for which Proxmox turns on flags under OVMF
HIDDEN_VENDOR = "proxmox"  # which it gives a guest that has a graphics card for a screen (PVE/QemuServer/CPUConfig.pm)


def read_proxmox(text: str) -> Guest:
    """A configuration as it is now, without its snapshots. `args` come last, and a -cpu in them counts alone."""
    keys: dict[str, str] = {}
    for line in text.split("\n"):
        if line.startswith("["):
            break
        key, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            keys[key.strip()] = value.strip()
    ostype = keys.get("ostype", "")
    version = re.fullmatch(r"win(\d{1,3})", ostype)
    windows = to_int(version[1]) if version else OLD_WINDOWS.get(ostype, 0)
    if keys.get("bios") == "ovmf" and windows < FIRST_OF_UEFI:
        windows = 0
    cpu = read_keys(keys.get("cpu", ""), "cputype")
    machine = read_keys(keys.get("machine", ""), "type")
    accelerator = "tcg" if keys.get("kvm") == "0" else "kvm"
    guest = Guest(
        PROXMOX,
        keys.get("name", ""),
        (),
        machine.get("type", ""),
        keys.get("arch", "x86_64"),
        accelerator,
        cpu.get("hidden") == "1",
        windows=windows,
    )
    words = split_shell(keys.get("args", ""))
    if "-cpu" in words[:-1]:
        return read_cpu(replace(guest, windows=0), words[words.index("-cpu") + 1])
    is_screen = any(re.search(r"\bx-vga=(?:1|on|yes)\b", value) for key, value in keys.items() if key.startswith("hostpci"))
    vendor = cpu.get("hv-vendor-id") or (HIDDEN_VENDOR if is_screen and windows else "")
    guest = read_cpu(guest, ",".join(["", *cpu.get("flags", "").split(";")]) if cpu.get("flags") else "")
    if cpu.get("cputype", "").startswith("custom-"):
        text = f"{shorten(cpu['cputype'])} can have flags of its own, in cpu-models.conf, which are not here"
        guest = replace(guest, remarks=(*guest.remarks, Remark(ELSEWHERE, "", text)))
    return replace(guest, flags=(*guest.flags, *([Given("hv-vendor-id", vendor)] if vendor else [])))


def split_shell(text: str) -> list[str]:
    """The words of a command, quoted as a shell has them; ps prints words without quotes, and one may have a quote in it."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


# KubeVirt


def read_kubevirt(text: str, name: str, paths: Paths) -> Iterator[Guest]:
    found = [guest for document in parse_documents(text, name) for guest in machines_in(document, paths)]
    if not found:
        raise UsageError(
            f"{name}: no KubeVirt machine in it; expected spec.template.spec.domain of a VirtualMachine, or spec.domain of an instance"
        )
    yield from found


def parse_documents(text: str, name: str) -> list[Any]:
    """The objects of JSON or YAML."""
    import json

    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{name}: damaged JSON: {error}") from None
    try:
        import yaml
    except ImportError:
        raise FileError(f"{name}: YAML; install the package PyYAML to read it, or take JSON: `kubectl get vm NAME -o json`") from None
    try:
        return list(yaml.safe_load_all(text))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"{name}: damaged YAML: {' '.join(str(error).split())}") from None


# Where a machine is in a virtual machine (and a set of them), an instance, and a pool.
MACHINES = ("spec.template.spec", "spec", "spec.virtualMachineTemplate.spec.template.spec")


def machines_in(document: Any, paths: Paths) -> Iterator[Guest]:
    items = at(document, "items")
    for one in items if isinstance(items, list) else [document]:
        specs = [spec for path in MACHINES if isinstance(at(spec := at(one, path), "domain"), Mapping)]
        for spec in specs[:1]:
            domain = at(spec, "domain")
            yield read_machine(domain, paths, str(at(one, "metadata.name") or ""), str(at(spec, "architecture") or "x86_64"))


def read_machine(domain: Mapping[str, Any], paths: Paths, name: str, arch: str) -> Guest:
    flags = [Given(flag, value) for flag, path in paths.items() if (value := value_of_key(domain, path))]
    known = frozenset(split_value(path)[0] for path in paths.values())
    features = at(domain, "cpu.features")
    nested = [one for one in features if isinstance(one, Mapping) and one.get("name") in NESTED] if isinstance(features, list) else []
    hyperv = at(domain, "features.hyperv")
    unknown = [key for key in hyperv if f"features.hyperv.{key}" not in known] if isinstance(hyperv, Mapping) else []
    return Guest(
        KUBEVIRT,
        name,
        tuple(flags),
        str(at(domain, "machine.type") or ""),
        arch,
        "kvm",
        bool(at(domain, "features.kvm.hidden")),
        next((str(one["name"]) for one in nested if one.get("policy", "require") in ("require", "force")), ""),
        remarks=tuple(Remark("flag_unknown", "", f"{shorten(str(key))} of hyperv is not known here") for key in unknown),
    )


def value_of_key(domain: Mapping[str, Any], path: str) -> str:
    path, key, usual = split_value(path)
    found = at(domain, path)
    if found is None and not has(domain, path):
        return ""
    table = found if isinstance(found, Mapping) else {}
    is_on = table.get("enabled", table.get("present", True))
    if is_on is False:
        return "off"
    return str(table.get(key, usual) or "on") if key else "on"


def at(value: Any, path: str) -> Any:
    """What is at a dotted path of tables, or None."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def has(value: Any, path: str) -> bool:
    """Whether the last key of a path is there: `relaxed:` alone turns it on."""
    above, _, last = path.rpartition(".")
    table = at(value, above)
    return isinstance(table, Mapping) and last in table
