"""KubeVirt's machines, in YAML or JSON → guests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.errors import FileError, UsageError
from hvrepl.hints import Any
from hvrepl.readers.guests.guest import KUBEVIRT, NESTED, PRESENT, Given, Guest, Paths, Remark, places_of, split_value
from hvrepl.wording import say_reason, shorten

# The place of a machine in a VirtualMachine (or a replica set), an instance, and a pool.
MACHINES = ("spec.template.spec", "spec", "spec.virtualMachineTemplate.spec.template.spec")


def read_machines(text: str, name: str, paths: Paths) -> list[Guest]:
    """The guests of a text. UsageError if it is damaged or has no machine, FileError if PyYAML is missing."""
    found = [guest for document in parse_documents(text, name) for guest in machines_in(document, paths)]
    if not found:
        raise UsageError(
            f"{name}: no KubeVirt machine in it; expected spec.template.spec.domain of a VirtualMachine, or spec.domain of an instance"
        )
    return found


def parse_documents(text: str, name: str) -> list[Any]:
    """The objects of a JSON or YAML text."""
    import json

    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{name}: damaged JSON: {say_reason(error)}") from None
    try:
        import yaml
    except ImportError:
        raise FileError(f"{name}: YAML; install the package PyYAML to read it, or take JSON: `kubectl get vm NAME -o json`") from None
    try:
        return list(yaml.safe_load_all(text))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"{name}: damaged YAML: {' '.join(say_reason(error).split())}") from None


def machines_in(document: Any, paths: Paths) -> Iterator[Guest]:
    items = at(document, "items")
    for one in items if isinstance(items, list) else [document]:
        specs = [spec for path in MACHINES if isinstance(at(spec := at(one, path), "domain"), Mapping)]
        for spec in specs[:1]:
            domain = at(spec, "domain")
            yield read_machine(domain, paths, str(at(one, "metadata.name") or ""), str(at(spec, "architecture") or "x86_64"))


def read_machine(domain: Mapping[str, Any], paths: Paths, name: str, arch: str) -> Guest:
    known = places_of(paths)
    features = at(domain, "cpu.features")
    nested = [one for one in features if isinstance(one, Mapping) and one.get("name") in NESTED] if isinstance(features, list) else []
    hyperv = at(domain, "features.hyperv")
    unknown = [key for key in hyperv if f"features.hyperv.{key}" not in known] if isinstance(hyperv, Mapping) else []
    return Guest(
        KUBEVIRT,
        name,
        tuple(Given(flag, value) for flag, path in paths.items() if (value := value_of_key(domain, path))),
        str(at(domain, "machine.type") or ""),
        arch,
        "kvm",
        bool(at(domain, "features.kvm.hidden")),
        next((str(one["name"]) for one in nested if one.get("policy", "require") in PRESENT), ""),
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
    """The value at a dotted path of tables, or None."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def has(value: Any, path: str) -> bool:
    """Whether the last key of a path exists: `relaxed:` alone turns it on."""
    above, _, last = path.rpartition(".")
    table = at(value, above)
    return isinstance(table, Mapping) and last in table
