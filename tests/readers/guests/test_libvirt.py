"""libvirt's domains: their flags, and QEMU's own arguments in them."""

from __future__ import annotations

import pytest

from tests.readers.guests.reading import flags, read

DOMAIN = """<domain type='kvm'><name>w</name><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
<features>{}<kvm><hidden state='on'/></kvm></features><cpu><feature policy='require' name='vmx'/></cpu>
<clock><timer name='hypervclock' present='yes'/></clock><devices><panic model='hyperv'/></devices></domain>"""


def test_a_domain_gives_flags_values_and_what_is_around_them() -> None:
    inner = "<hyperv><relaxed state='on'/><spinlocks state='on' retries='8191'/><stimer state='on'><direct state='off'/></stimer></hyperv>"
    (guest,) = read(DOMAIN.format(inner))
    assert flags(guest) == {
        "hv-relaxed": "on",
        "hv-spinlocks": "8191",
        "hv-stimer": "on",
        "hv-stimer-direct": "off",
        "hv-time": "on",
        "hv-crash": "on",
    }
    assert (guest.name, guest.machine, guest.arch, guest.accelerator) == ("w", "pc-q35-7.2", "x86_64", "kvm")
    assert (guest.hides_kvm, guest.nested, guest.remarks) == (True, "vmx", ())


@pytest.mark.parametrize(("timer", "value"), [("present='yes'", "on"), ("present='no'", "off"), ("", "off")])
def test_libvirt_turns_the_clock_on_only_where_it_is_said_to_be_present(timer: str, value: str) -> None:
    text = DOMAIN.format("").replace("name='hypervclock' present='yes'", f"name='hypervclock' {timer}")
    assert flags(read(text)[0])["hv-time"] == value


def test_of_qemus_own_arguments_in_a_domain_the_last_cpu_counts_and_what_is_general() -> None:
    words = ("-cpu", "host,hv-relaxed", "-cpu", "host,hv-vapic", "-global", "host-x86_64-cpu.hv-ipi=on", "-readconfig", "x.cfg")
    own = "".join(f"<q:arg value='{word}'/>" for word in words)
    text = DOMAIN.format("<hyperv><synic state='on'/></hyperv>").replace(
        "<name>", f"<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>{own}</q:commandline><name>", 1
    )
    (guest,) = read(text)
    assert flags(guest) == {"hv-ipi": "on", "hv-vapic": "on"}
    assert [one.code for one in guest.remarks if one.code == "flags_elsewhere"] == ["flags_elsewhere"]


@pytest.mark.parametrize(("cpu", "is_on"), [("mode='host-passthrough'", True), ("mode='custom'", False)])
def test_what_is_general_counts_for_the_model_of_a_domain_alone(cpu: str, is_on: bool) -> None:
    own = "<q:arg value='-global'/><q:arg value='host-x86_64-cpu.hv-ipi=on'/>"
    around = f"<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>{own}</q:commandline><name>"
    text = DOMAIN.format("").replace("<name>", around, 1).replace("<cpu>", f"<cpu {cpu}><model>EPYC</model>")
    assert ("hv-ipi" in flags(read(text)[0])) == is_on


def test_a_domain_of_a_snapshot_or_of_a_running_machine_is_read() -> None:
    for around in ("domainsnapshot", "domstatus"):
        assert len(read(f"<{around}><name>s</name>{DOMAIN.format('')}</{around}>")) == 1


def test_what_no_flag_has_and_a_mode_of_libvirt_are_remarked() -> None:
    (guest,) = read(DOMAIN.format("<hyperv mode='host-model'><newest state='on'/></hyperv>"))
    assert [one.code for one in guest.remarks] == ["flag_unknown"]
    assert guest.left.startswith("hyperv mode='host-model': libvirt chooses")


def test_passthrough_is_a_mode() -> None:
    assert "hv-passthrough" in flags(read(DOMAIN.format("<hyperv mode='passthrough'/>"))[0])


def test_several_domains_and_those_that_follow_one_another_are_all_read() -> None:
    one = DOMAIN.format("")
    assert len(read(f"<domains>{one}{one}</domains>")) == 2
    assert len(read(f"<?xml version='1.0'?>{one}\n<?xml version='1.0'?>{one}")) == 2


PASTED = {
    "features": "<features><acpi/><hyperv mode='custom'><relaxed state='on'/></hyperv></features>",
    "hyperv": "<hyperv>\n  <relaxed state='on'/>\n</hyperv>\n",
    "features, cpu and clock": "<features><hyperv><relaxed state='on'/></hyperv></features>\n<cpu mode='host-passthrough'/>\n"
    "<clock offset='utc'><timer name='hypervclock' present='no'/></clock>",
}


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
def test_what_is_pasted_from_within_a_domain_is_one_of_kvm(text: str) -> None:
    (guest,) = read(text)
    assert (flags(guest)["hv-relaxed"], guest.accelerator, guest.remarks) == ("on", "kvm", ())
