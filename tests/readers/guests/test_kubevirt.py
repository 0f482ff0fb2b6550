"""KubeVirt's machines, in JSON and in YAML."""

from __future__ import annotations

import json

import pytest

from hvrepl.errors import UsageError
from tests.at_hand import needs
from tests.readers.guests.reading import flags, read

JSON = """{"apiVersion": "kubevirt.io/v1", "metadata": {"name": "w"}, "spec": {"template": {"spec": {"domain": {
"clock": {"timer": {"hyperv": {"present": true}}},
"features": {"hyperv": {"relaxed": {}, "spinlocks": {}, "synictimer": {"direct": {"enabled": false}}, "newest": {}},
"kvm": {"hidden": true}},
"machine": {"type": "q35"}}}}}}"""


def test_a_kubevirt_machine_in_json_gives_its_flags() -> None:
    (guest,) = read(JSON)
    assert flags(guest) == {"hv-relaxed": "on", "hv-spinlocks": "4096", "hv-stimer": "on", "hv-stimer-direct": "off", "hv-time": "on"}
    assert (guest.name, guest.machine, guest.hides_kvm, [one.code for one in guest.remarks]) == ("w", "q35", True, ["flag_unknown"])


def test_a_kubevirt_machine_is_found_in_lists_instances_and_pools() -> None:
    domain = {"features": {"hyperv": {"relaxed": {}}}}
    spec = {"domain": domain}
    kinds = [{"template": {"spec": spec}}, spec, {"virtualMachineTemplate": {"spec": {"template": {"spec": spec}}}}]
    items = [{"apiVersion": "kubevirt.io/v1", "spec": one} for one in kinds]
    assert [flags(one) for one in read(json.dumps({"apiVersion": "v1", "items": items}))] == [{"hv-relaxed": "on"}] * len(kinds)


@needs("module:yaml")
def test_a_kubevirt_machine_in_yaml_gives_the_same_as_in_json() -> None:
    import yaml

    found = read(yaml.safe_dump(json.loads(JSON)))
    assert [flags(one) for one in found] == [flags(one) for one in read(JSON)]
    with pytest.raises(UsageError, match="damaged YAML"):
        read("apiVersion: kubevirt.io/v1\nspec: [")
