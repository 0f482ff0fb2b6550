"""What starts a QEMU guest, in each form: the flags that it gives, and what is refused."""

from __future__ import annotations

import json

import pytest

from hvrepl.errors import UsageError
from hvrepl.readers import guests
from hvrepl.readers.guests import Guest, Paths, kind_of_guest, read_guests
from tests.at_hand import needs
from tests.paths import DATA

QEMU = DATA / "qemu"
PATHS: dict[str, Paths] = {
    "libvirt": {
        "hv-relaxed": "features/hyperv/relaxed",
        "hv-spinlocks": "features/hyperv/spinlocks@retries",
        "hv-stimer": "features/hyperv/stimer",
        "hv-stimer-direct": "features/hyperv/stimer/direct",
        "hv-time": "clock/timer[@name='hypervclock']",
        "hv-crash": "devices/panic[@model='hyperv']",
        "hv-passthrough": "features/hyperv[@mode='passthrough']",
    },
    "kubevirt": {
        "hv-relaxed": "features.hyperv.relaxed",
        "hv-spinlocks": "features.hyperv.spinlocks@spinlocks=4096",
        "hv-stimer": "features.hyperv.synictimer",
        "hv-stimer-direct": "features.hyperv.synictimer.direct",
        "hv-time": "clock.timer.hyperv",
    },
}


def read(text: str | bytes) -> list[Guest]:
    found = read_guests(text if isinstance(text, bytes) else text.encode(), "it", PATHS.__getitem__)
    assert found is not None
    return found


def flags(guest: Guest) -> dict[str, str]:
    return {one.name: one.value for one in guest.flags}


COMMANDS = {
    "qemu-system-x86_64 -enable-kvm -cpu host,hv_relaxed,hv-time=on,hv-spinlocks=0x1fff": {
        "hv-relaxed": "on",
        "hv-time": "on",
        "hv-spinlocks": "0x1fff",
    },
    "kvm -cpu kvm64,+hv_relaxed,-hv-time": {"hv-relaxed": "on", "hv-time": "off"},
    "qemu-system-x86_64 -cpu host,hv-relaxed -cpu host,hv-time -m 4G": {"hv-time": "on"},
    "qemu-system-x86_64 -cpu 'host,hv-vendor-id=a b,,hv-time'": {"hv-vendor-id": "a b", "hv-time": "on"},
    "qemu-system-x86_64 -cpu host,hv-time=yes,hv-relaxed=false -smp 2": {"hv-time": "on", "hv-relaxed": "off"},
    "root 1 0.0 /usr/libexec/qemu-kvm --name guest=a,debug-threads=on --cpu host,hv-time": {"hv-time": "on"},
    "  -cpu host,hv-time": {"hv-time": "on"},
    "4242 nice -n 5 kvm-wrapper /usr/bin/qemu-system-x86_64 -accel kvm -cpu host,hv-time": {"hv-time": "on"},
    "exec env kvm -machine q35 -cpu host,hv-time": {"hv-time": "on"},
    "LC_ALL=C \\\n/usr/bin/qemu-system-x86_64 \\\n-name guest=a \\\n-cpu host,\\\nhv-time=on \\\n-m 1": {},
    "/usr/bin/qemu-system-x86_64 \\\n  -cpu host,hv-time=on \\\n  -m 1\n": {"hv-time": "on"},
    "qemu-system-x86_64 -name it's -cpu host,hv-time": {"hv-time": "on"},
    "qemu-system-x86_64.exe -accel kvm -cpu host,hv-time": {"hv-time": "on"},
    "qemu-system-x86_64 -accel kvm -cpu host,hv-time,\n    hv-relaxed,\n    hv-vapic -m 1": {
        "hv-time": "on",
        "hv-relaxed": "on",
        "hv-vapic": "on",
    },
    'qemu-system-x86_64 -object {"qom-type":"secret","id":"a -cpu b"} -cpu host,hv-time': {"hv-time": "on"},
}


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_line_gives_its_flags(text: str) -> None:
    (guest,) = read(text)
    assert flags(guest) == COMMANDS[text]


def test_the_words_of_proc_are_apart_by_nul() -> None:
    (guest,) = read(b"/usr/bin/qemu-system-x86_64\0-name\0guest=win 11\0-accel\0kvm\0-cpu\0host,hv-time,kvm=off,+vmx\0")
    assert flags(guest) == {"hv-time": "on"}
    assert (guest.name, guest.accelerator, guest.hides_kvm, guest.nested) == ("win 11", "kvm", True, "vmx")


ACCELERATORS = {
    "qemu-system-x86_64 -m 1": "",
    "qemu-system-x86_64 -enable-kvm": "kvm",
    "qemu-system-x86_64 -accel tcg": "tcg",
    "qemu-system-x86_64 -machine q35,accel=kvm:tcg": "kvm",
    "qemu-system-x86_64 -machine q35 -M accel=hvf": "hvf",
    "qemu-kvm -m 1": "kvm",
    "qemu-kvm -accel tcg": "tcg",
    "qemu-system-x86_64 -accel kvm -accel tcg": "kvm",
    "qemu-system-x86_64 -accel accel=tcg,thread=multi": "tcg",
    "-cpu host,hv-time": "kvm",
}


@pytest.mark.parametrize("text", ACCELERATORS)
def test_the_accelerator_is_what_the_line_says(text: str) -> None:
    assert read(text)[0].accelerator == ACCELERATORS[text]


def test_a_flag_that_is_given_twice_is_remarked() -> None:
    (guest,) = read("kvm -cpu host,hv-time=off,hv_time")
    assert flags(guest) == {"hv-time": "on"}
    assert [(one.code, one.text) for one in guest.remarks] == [("flag_twice", "hv-time is given as off and on; QEMU takes on")]
    assert read("kvm -cpu host,+hv-time,-hv-time")[0].flags[0].value == "off"


def test_a_variable_of_the_shell_is_remarked() -> None:
    (guest,) = read('qemu-system-x86_64 -cpu "host,$HYPERV"')
    assert [one.code for one in guest.remarks] == ["flags_elsewhere"]


GLOBALS = {
    "-global host-x86_64-cpu.hv-ipi=on": {"hv-ipi": "on"},
    "-global x86_64-cpu.hv-ipi=on -global x86_64-cpu.hv-time=off": {"hv-ipi": "on"},
    "-global driver=x86_64-cpu,property=hv-spinlocks,value=0xfff": {"hv-spinlocks": "0xfff"},
    "-global qemu64-x86_64-cpu.hv-ipi=on": {},
    "-global ICH9-LPC.disable_s3=1": {},
    "-global hv-balloon.hv-time=off": {},
}


@pytest.mark.parametrize("option", GLOBALS)
def test_flags_of_all_cpus_and_of_a_model_count_before_those_of_cpu(option: str) -> None:
    (guest,) = read(f"qemu-system-x86_64 -cpu host,hv-time {option}")
    assert flags(guest) == {"hv-time": "on"} | GLOBALS[option]


def test_a_configuration_that_is_elsewhere_is_remarked() -> None:
    (guest,) = read("qemu-system-x86_64 -readconfig /etc/windows.cfg -cpu host,hv-time")
    assert [one.code for one in guest.remarks] == ["flags_elsewhere"]


LOG = """2026-11-20 10:00:00.000+0000: starting up libvirt version: 9.0.0, package: 4, qemu version: 7.2.22Debian, kernel: 6.1.0
LC_ALL=C \\
/usr/bin/qemu-system-x86_64 \\
-name guest=a,debug-threads=on \\
-cpu host,hv-time=on \\
-m 1
2026-11-20 11:00:00.000+0000: shutting down, reason=shutdown
2026-11-21 10:00:00.000+0000: starting up libvirt version: 9.0.0, package: 4, qemu version: 8.1.0, kernel: 6.1.0
LC_ALL=C \\
/usr/bin/qemu-system-x86_64 \\
-name guest=a,debug-threads=on \\
-cpu host,hv-relaxed=on \\
-m 1
"""


def test_of_a_log_the_last_start_of_each_guest_counts_with_its_version() -> None:
    (guest,) = read(LOG)
    assert (guest.name, flags(guest), guest.version, guest.line) == ("a", {"hv-relaxed": "on"}, "8.1", 9)


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


REFUSED = {
    "<domain><name>x</name": "damaged XML",
    "<!DOCTYPE d [<!ENTITY a 'b'>]><domain><name>&a;</name></domain>": "with a DTD or entities",
    "<!DOCTYPE d SYSTEM 'file:///etc/passwd'><domain><name>x</name></domain>": "with a DTD or entities",
    "<domain><nothing/></domain>": "not a libvirt domain",
    '{"apiVersion": "kubevirt.io/v1", ': "damaged JSON",
    '{"apiVersion": "kubevirt.io/v1", "spec": {}}': "no KubeVirt machine",
    '{"apiVersion": "kubevirt.io/v1", "a": ' + "[" * 100_000: "damaged JSON",
}


@pytest.mark.parametrize("text", REFUSED, ids=REFUSED.values())
def test_what_cannot_be_read_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=REFUSED[text]) as raised:
        read(text)
    assert "\n" not in str(raised.value)


def test_proxmox_turns_flags_on_by_the_version_of_windows() -> None:
    (guest,) = read((QEMU / "101.conf").read_text())
    assert (guest.windows, guest.machine, flags(guest)) == (11, "pc-q35-9.0", {"hv-tlbflush": "on"})
    (guest,) = read("ostype: l26\ncpu: host\n")
    assert (guest.windows, guest.flags) == (0, ())
    (guest,) = read("ostype: w2k8\nbios: ovmf\n")
    assert guest.windows == 0
    (guest,) = read("ostype: win10\nhostpci0: 01:00,x-vga=1\ncpu: host,hidden=1\n")
    assert (flags(guest), guest.hides_kvm) == ({"hv-vendor-id": "proxmox"}, True)


def test_a_model_of_proxmoxs_own_can_have_flags_that_are_not_here() -> None:
    assert [one.code for one in read("ostype: win10\ncpu: custom-mine\n")[0].remarks] == ["flags_elsewhere"]


def test_a_cpu_among_the_args_of_proxmox_counts_alone() -> None:
    (guest,) = read("ostype: win10\nargs: -cpu host,hv-time,kvm=off\n")
    assert (guest.windows, flags(guest)) == (0, {"hv-time": "on"})


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


OTHERS = (
    "CPUID 40000003: 00003FFF-002BB9FF-00000002-10FFFBF2",
    "kvm: exiting hardware virtualization",
    "qemu: hello",
    "hv-time",
    "<cpu/>",
    "",
)


@pytest.mark.parametrize("text", OTHERS)
def test_another_text_starts_no_guest(text: str) -> None:
    assert kind_of_guest(text) == ""
    assert read_guests(text.encode(), "it", PATHS.__getitem__) is None


def test_a_line_of_programs_takes_no_time_with_the_square_of_its_length() -> None:
    assert kind_of_guest("kvm " * 200_000) == ""
    assert read("kvm " * 200_000 + "-cpu host,hv-time")[0].flags[0].name == "hv-time"


@pytest.mark.parametrize("text", ["<domain><name>x</name></domain>", "apiVersion: kubevirt.io/v1"])
def test_a_file_that_is_far_too_long_for_a_guest_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="more than 4 MiB"):
        read(text + " " * (4 << 20))


def test_guests_without_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "MOST_GUESTS", 2)
    with pytest.raises(UsageError, match="3 guests; at most 2"):
        read("kvm -m 1\n" * 3)
