"""libvirt's domains, in XML → guests."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.errors import FileError, UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.readers.guests.guest import LIBVIRT, NESTED, PRESENT, Given, Guest, Paths, Remark, places_of, split_value
from hvrepl.readers.guests.options import options_in, read_options, to_switch
from hvrepl.wording import say_reason, shorten

QEMU_NAMESPACE = "{http://libvirt.org/schemas/domain/qemu/1.0}"
DECLARATION = regex(r"<\?xml[^>]*\?>")
SEVERAL = "domains"  # the root that is put around several documents in a row


def read_domains(text: str, name: str, paths: Paths) -> list[Guest]:
    """The guests of an XML text. UsageError if it is damaged or has no domain, FileError if defusedxml is missing."""
    return [read_domain(one, paths) for one in parse_domains(text, name)]


def parse_domains(text: str, name: str) -> list[Any]:
    """The domains of a text. What is pasted from within one, from `features` or `hyperv` on, counts as one of KVM, which these are for."""
    root = parse_xml(text, name)
    if root.tag == "hyperv":
        root = parse_xml(f"<domain type='kvm'><features>{DECLARATION.sub('', text)}</features></domain>", name)
    elif root.tag == "features" or (root.tag == SEVERAL and root.find("features") is not None):
        root = parse_xml(f"<domain type='kvm'>{DECLARATION.sub('', text)}</domain>", name)
    found = [
        one for one in root.iter("domain") if one.find("name") is not None or one.find("os") is not None or one.find("features") is not None
    ]
    if not found:
        raise UsageError(f"{name}: XML, but not a libvirt domain: its root is {shorten(str(root.tag))}")
    return found


def parse_xml(text: str, name: str) -> Any:
    """The root of a document, or a new one around several documents in a row."""
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
            return fromstring(f"<{SEVERAL}>{DECLARATION.sub('', text)}</{SEVERAL}>", forbid_dtd=True)
    except DefusedXmlException:
        raise UsageError(f"{name}: XML with a DTD or entities, which no libvirt domain has; it is not read") from None
    except (ParseError, ValueError, RecursionError) as error:
        raise UsageError(f"{name}: damaged XML: {say_reason(error)}") from None


def read_domain(domain: Any, paths: Paths) -> Guest:
    kind = domain.find("os/type")
    arch, machine = (kind.get(key, "") for key in ("arch", "machine")) if kind is not None else ("", "")
    of_type = domain.get("type", "")
    policies = {one.get("name"): one.get("policy", "require") for one in domain.findall("cpu/feature")}
    hyperv = domain.find("features/hyperv")
    guest = Guest(
        LIBVIRT,
        domain.findtext("name", ""),
        tuple(Given(name, value) for name, path in paths.items() if (value := value_of_element(domain, path))),
        machine,
        arch or "x86_64",
        "tcg" if of_type == "qemu" else of_type,
        hides_kvm=domain.find("features/kvm/hidden[@state='on']") is not None,
        nested=next((name for name in NESTED if policies.get(name) in PRESENT), ""),
        left=mode_of(hyperv),
        remarks=tuple(unknown_elements(hyperv, places_of(paths))) if hyperv is not None else (),
    )
    options = options_in(one.get("value", "") for one in domain.iter(f"{QEMU_NAMESPACE}arg"))
    return read_options(guest, list(options), model_of(domain))


def model_of(domain: Any) -> str:
    """The CPU model that libvirt gives to QEMU; "" if libvirt chooses one."""
    modes = {"host-passthrough": "host", "maximum": "max"}
    cpu = domain.find("cpu")
    return modes.get(cpu.get("mode", ""), cpu.findtext("model", "")) if cpu is not None else ""


def value_of_element(domain: Any, path: str) -> str:
    """on, off or the value of an element; "" if it is missing."""
    path, attribute, usual = split_value(path)
    element = domain.find(path)
    if element is None:
        return ""
    # libvirt refuses a feature without a state; a timer without one has its default, which is off for this one.
    state = to_switch(element.get("present", "no") if element.tag == "timer" else element.get("state", "on"))
    return state if state == "off" or not attribute else element.get(attribute, usual) or "on"


def mode_of(hyperv: Any) -> str:
    """Why libvirt chooses the flags; "" if the domain has them. Passthrough is a flag itself."""
    mode = hyperv.get("mode", "custom") if hyperv is not None else "custom"
    return "" if mode in ("custom", "passthrough") else f"hyperv mode='{shorten(mode)}': libvirt chooses the flags when the guest starts"


def unknown_elements(hyperv: Any, known: frozenset[str], above: str = "features/hyperv") -> Iterator[Remark]:
    """The elements below hyperv that do not belong to a flag."""
    for one in hyperv:
        path = f"{above}/{one.tag}"
        if path not in known:
            yield Remark("flag_unknown", "", f"<{shorten(str(one.tag))}> below {above.rpartition('/')[2]} is not known here")
        else:
            yield from unknown_elements(one, known, path)
