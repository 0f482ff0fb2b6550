"""Command lines: the flags that they give, and what counts where something is given twice."""

from __future__ import annotations

import pytest

from hvrepl.readers.guests.formats import kind_of_guest
from tests.readers.guests.reading import flags, read

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


def test_a_line_of_programs_takes_no_time_with_the_square_of_its_length() -> None:
    assert kind_of_guest("kvm " * 200_000) == ""
    assert read("kvm " * 200_000 + "-cpu host,hv-time")[0].flags[0].name == "hv-time"
