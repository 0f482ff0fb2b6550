"""annotate: the log unchanged, byte for byte, with the meaning of its numbers under its lines."""

from __future__ import annotations

import io
import json
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.commands.annotate import pieces, to_utf8
from hvrepl.commands.session import Session, Streams
from hvrepl.render.annotation import annotate
from hvrepl.render.style import Style
from tests.each import each
from tests.fuzz import amount, sampled
from tests.program import Ended, call, run, start, without_colour

FEATURES = b"[    0.000000] Hyper-V: privilege flags low 0x2e7f, high 0x3b8030, hints 0xc2c, misc 0xbed7b2\n"
VMBUS = b"[    0.246940] hv_vmbus: Vmbus version:5.3\n"
OTHER = b"[    0.000000] DMI: Microsoft Corporation Virtual Machine/Virtual Machine\n"
MARK = "  ↳ "
FORMS = [line for form in Catalog(open_index()).log_forms() for line in form.seen]


def session_of(arch: str) -> Session:
    session = Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}))
    session.set(arch=arch)
    return session


SESSION = Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}))
SESSIONS = {arch: session_of(arch) for arch in ARCHES}


def told(data: bytes) -> list[str]:
    """The first line of each note for a log, without the rest of the program, which takes ten times as long."""
    return notes("\n".join(line for piece in pieces(SESSION, [data]) for line in annotate(piece.claims, Style(width=0))))


def passed(data: bytes, *arguments: str, terminal: bool = False) -> bytes:
    """The program's output for a log on stdin, as bytes."""
    out = io.BytesIO()
    stdout = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="\n")
    streams = Streams(io.BytesIO(data), stdout, io.StringIO(), {}, stdout_is_terminal=terminal, columns=80 if terminal else 0)
    assert run(["annotate", *arguments], streams) == 0
    stdout.flush()
    return out.getvalue()


def without_notes(text: bytes) -> bytes:
    """A log without the lines that were added below its own."""
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith((MARK.encode(), b"      ")))


def notes(text: bytes | str) -> list[str]:
    lines = (text.decode() if isinstance(text, bytes) else text).splitlines()
    return [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]


def test_a_note_goes_under_its_line_and_other_lines_do_not_change() -> None:
    text = passed(OTHER + VMBUS + OTHER)
    note = f"{MARK}VMBUS_PROTOCOL 0x50003: VMBus protocol 5.3 (Windows Server 2022)\n"
    assert text == OTHER + VMBUS + note.encode() + OTHER


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_log_in_utf_16_comes_out_in_utf_8(encoding: str) -> None:
    log = OTHER + VMBUS + "größer 𝄞\r\n".encode()
    assert passed(("\ufeff" + log.decode()).encode(encoding)) == passed(log)


# With a NUL at its start, UTF-16 begins like UTF-32.
@given(st.text(max_size=20).filter(lambda text: not text.startswith("\0")), st.sampled_from(["utf-8", "utf-16"]), st.integers(1, 5))
def test_a_log_is_recoded_wherever_it_is_cut(text: str, encoding: str, step: int) -> None:
    data = text.encode(encoding)
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    assert b"".join(to_utf8(chunks)) == text.encode()


def test_half_a_character_of_utf_16_at_the_end_is_not_lost_silently() -> None:
    assert b"".join(to_utf8([b"\xff\xfea\0b"])) == "a\ufffd".encode()


def test_set_features_are_named_register_by_register() -> None:
    lines = passed(FEATURES).decode().splitlines()
    assert lines[1].startswith(f"{MARK}HYPERV_CPUID_FEATURES (cpuid 0x40000003): SynIC, timers")
    registers = {line.split()[0]: line for line in reversed(lines) if line.startswith("      e")}
    assert "access_synic_regs" in registers["eax"]
    assert "post_messages" in registers["ebx"]
    assert "guest_crash_regs_available" in registers["edx"]
    assert not any("access_tsc_invariant_controls" in line for line in lines)


def test_registers_are_in_columns_with_their_flags() -> None:
    lines = without_colour(passed(FEATURES, terminal=True).decode()).splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("      eax 0x00002e7f  access_"))
    assert lines[at + 1].startswith(" " * 22 + "access_")


def test_a_register_that_the_line_does_not_have_is_not_spoken_of() -> None:
    text = passed(b"HyperV: features 0x1, hints 0x2c2c\n").decode()
    assert "access_vp_run_time_reg" in text
    assert "no hypercalls" in text  # EAX says that
    assert "ebx" not in text
    assert "ecx" not in text


TSC = b"[    0.000000] tsc: Marking TSC unstable due to running on Hyper-V\n"


def test_a_missing_bit_is_named_where_a_line_complains_of_what_it_would_give() -> None:
    assert any("access_tsc_invariant_controls" in note for note in notes(passed(FEATURES + OTHER + TSC)))
    with_bit = FEATURES.replace(b"0x2e7f", b"0xae7f")
    assert len(notes(passed(with_bit + TSC))) == 2
    assert notes(passed(TSC)) == []


ARM64 = b"[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x413fd0c1]\n"
ARM64_FEATURES = b"[    0.075599] Hyper-V: privilege flags low 0x2e7f, high 0x3a8030, hints 0xe, misc 0x31e1\n"


@pytest.mark.parametrize(("arguments", "log"), [((), ARM64 + ARM64_FEATURES), (("--arch", "arm64"), ARM64_FEATURES)])
def test_an_arm64_log_is_read_with_the_bits_of_arm64(arguments: tuple[str, ...], log: bytes) -> None:
    text = passed(log, *arguments).decode()
    assert "HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO (register 0x00000200)" in text
    assert "guest_crash_regs_available" in text
    assert "HYPERV_CPUID_FEATURES" not in text


def test_an_x64_log_after_an_arm64_one_is_read_as_x64_again() -> None:
    x64 = b"[    0.000000] Linux version 5.14.0-70.el9.x86_64 (mockbuild@x86-vm-09)\n" + FEATURES
    assert "HYPERV_CPUID_FEATURES" in passed(ARM64 + ARM64_FEATURES + x64).decode()


def test_a_letter_in_a_cpuid_leaf_is_reported_once_with_its_own_number() -> None:
    vendor = b"0x40000000 0x00: eax=0x40000006 ebx=0x7263694d ecx=0x666f736f edx=0x76482074\n"
    text = passed(vendor + b"0x40000004 0x00: eax=0x0002Oc2c ebx=0x0000offf ecx=0x0000002l edx=0x00000000\n").decode()
    findings = [line.strip() for line in text.splitlines() if "did you mean" in line]
    assert sorted(findings) == [
        "! letter O in 0x0000offf: did you mean zero? The number is not read",
        "! letter O in 0x0002Oc2c: did you mean zero? The number is not read",
        "! letter l at character 10 of '0x0000002l'; did you mean one? The number is not read",
    ]


def test_a_letter_o_is_reported_and_its_register_left_out() -> None:
    text = passed(FEATURES.replace(b"0x3b8030", b"0x3b8O30")).decode()
    assert "! letter O in 0x3b8O30: did you mean zero? The number is not read" in text
    assert "ebx" not in text


@each(product(FORMS, ARCHES), parts=4)
def test_a_line_whose_every_zero_is_a_letter_o_is_passed_without_an_error(line: str, arch: str) -> None:
    damaged = re.sub(r"(?<=[0-9a-fx])0", "O", line).encode() + b"\n"
    assert b"".join(piece.data for piece in pieces(SESSIONS[arch], [VMBUS + damaged])) == VMBUS + damaged


def test_a_number_that_cannot_be_read_leaves_the_name_of_what_it_is_of() -> None:
    text = passed(b"Hyper-V: LAPIC Timer Frequency: 0xc35O0\n").decode()
    assert notes(text) == ["LINUX_LAPIC_TIMER_FREQUENCY"]
    assert "! letter O in 0xc35O0: did you mean zero? The number is not read" in text


def test_a_likely_msr_is_not_explained_if_the_value_is_strange_for_it() -> None:
    assert len(notes(passed(VMBUS + b"=> mw.l 0x40000083 0x1bda7ad1 19\n"))) == 1


def test_a_bare_msr_counts_only_in_a_log_of_hyper_v_and_is_only_likely() -> None:
    bare = b"0x40000083: 0x0000000000fa1001\n"
    assert passed(bare) == bare
    assert notes(passed(VMBUS + bare))[1].startswith("perhaps HV_X64_MSR_SIMP (msr 0x40000083) 0xfa1001: ")
    (_, table) = [json.loads(line) for line in passed(VMBUS + bare, "-f", "ndjson").splitlines()]
    assert table["found"][0]["perhaps"] is True


def test_an_unknown_msr_among_the_synthetic_ones_is_reported_and_any_other_is_not() -> None:
    assert notes(passed(b"unchecked MSR access error: WRMSR to 0x40000074 (tried to write 0x1) at rIP\n")) == [
        "msr 0x40000074 has no known name"
    ]
    other = b"unchecked MSR access error: WRMSR to 0x10f (tried to write 0x1) at rIP\n"
    assert passed(other) == other


@pytest.mark.parametrize("name", ["only", "full"])
def test_only_leaves_out_the_other_lines_and_full_shows_every_field(name: str) -> None:
    text = passed(OTHER + VMBUS + OTHER, f"--{name}").decode()
    assert VMBUS.decode() in text
    assert (OTHER.decode() in text) == (name == "full")
    assert ("31:0  version" in text) == (name == "full")


ANALYSIS = (
    b"CRITICAL_PROCESS_DIED (ef)\n        A critical system process died\nArguments:\nArg1: ffffe000f38c06a0, Process object\n"
    b"Arg2: 0000000000000000, If this is 0, a process died.\nArg3: 0000000000000000\nArg4: 0000000000000000\n"
)
DIED = "crash: Windows: 0xEF CRITICAL_PROCESS_DIED: a process ended, process object 0xffffe000f38c06a0"


def test_a_claim_that_began_lines_before_comes_with_these_lines_and_no_others() -> None:
    note = f"{MARK}{DIED}\n".encode()
    assert passed(OTHER * 50 + ANALYSIS + OTHER) == OTHER * 50 + ANALYSIS + note + OTHER
    assert passed(OTHER * 50 + ANALYSIS + OTHER, "--only") == ANALYSIS + note


@pytest.mark.parametrize("size", [1, 7, 64, 300])
def test_a_claim_that_began_lines_before_is_found_wherever_the_log_is_split(size: int) -> None:
    log = OTHER * 3 + ANALYSIS + OTHER
    pieces_of = list(
        pieces(Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {})), [log[at : at + size] for at in range(0, len(log), size)])
    )
    assert b"".join(piece.data for piece in pieces_of) == log
    assert [piece.line for piece in pieces_of if piece.claims] == [10]


def test_a_claim_that_began_too_far_before_is_not_made() -> None:
    heading, _, rest = ANALYSIS.partition(b"\n")
    assert notes(passed(heading + b"\n" + OTHER * 10 + rest)) == [DIED]
    assert notes(passed(heading + b"\n" + OTHER * 40 + rest)) == []


def test_the_last_heading_before_the_arguments_is_meant() -> None:
    assert notes(passed(b"HYPERVISOR_ERROR (20001)\n" + ANALYSIS)) == [DIED]


def test_a_log_that_was_annotated_is_read_without_its_notes_between_the_lines() -> None:
    lines = b"".join(b"vcpu-0 - WinBSOD: Synthetic MSR[0x4000010%d] 0x%x\n" % (at, value) for at, value in enumerate((0xEF, 1, 0, 0, 0)))
    once = passed(lines)
    assert notes(passed(once))[-1] == notes(once)[-1] == "crash: Windows: 0xEF CRITICAL_PROCESS_DIED: a process ended, process object 0x1"


def test_a_bug_check_of_windows_is_not_a_sign_of_hyper_v() -> None:
    bare = b"unexpected message type 0x80000021\n"
    assert notes(passed(ANALYSIS + bare)) == [DIED]
    assert len(notes(passed(ANALYSIS + VMBUS + bare))) == 3


@pytest.mark.parametrize("code", ["0x780e2104", "0xffffffff81234567", "0x7f44208e78c0", "0x0"])
def test_a_blue_screen_with_a_code_that_is_not_a_bug_check_is_nothing(code: str) -> None:
    assert notes(passed(f"*** STOP: {code} (0xd19e2a95,0x00000000,0x07ed25f3,0x3e046328)\n".encode())) == []


def test_a_reboot_without_a_bug_check_is_nothing() -> None:
    log = '<Data Name="BugcheckCode">0</Data>\n' + "".join(f'<Data Name="BugcheckParameter{at}">0x0</Data>\n' for at in range(1, 5))
    assert notes(passed(log.encode())) == []


def test_only_shows_all_lines_over_which_a_mail_has_wrapped_something() -> None:
    wrapped = b"> Hyper-V: Isolation Config: Group A 0x1,\n> Group B 0xba2\n"
    text = passed(OTHER + wrapped + OTHER, "--only")
    assert without_notes(text) == wrapped


STRANGE = [
    b"",
    b"\n",
    b"no newline at the end",
    b"\xfe\xfd\x00not utf-8\x80\n" + b"\0" * 100 + b"\n",
    b"crlf\r\nmore\r\n",
    b"x" * (1 << 20) + b"\n" + b"y" * (3 << 20) + b"\nz\n",
    b"hyper-v " * amount(1 << 15, 1 << 18) + b"\nmore\n",
    b"\n" * 1000,
    b"hyper-v\nvmbus\nmsr\n" * 1000,
    b"Hyper-V: privilege flags low=\n" * 50,
]


@sampled
@pytest.mark.parametrize("data", STRANGE, ids=[repr(data[:20]) for data in STRANGE])
def test_a_log_without_claims_is_passed_byte_for_byte(data: bytes) -> None:
    assert passed(data) == data
    assert passed(data, "--only") == b""


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_log_with_notes_is_the_log_once_they_are_taken_out(end: bytes) -> None:
    log = (OTHER + FEATURES + VMBUS + b"\x80\xff\0 vmbus0: version 4.0\n").replace(b"\n", end or b"\n")
    log = log if end else log.rstrip(b"\n")
    text = passed(log)
    assert len(notes(text.decode("utf-8", "replace"))) == 4
    assert without_notes(text) == log + (b"" if end else b"\n")


def test_a_line_of_any_length_is_annotated_where_it_begins_with_a_form() -> None:
    line = VMBUS.rstrip() + b" " + b"x" * (1 << 19) + b"\n"
    assert len(notes(passed(line))) == 1


def test_line_numbers_hold_after_long_lines_and_blocks_without_a_note() -> None:
    log = b"x" * (3 << 20) + b"\n" + b"plain\n" * 100_000 + VMBUS
    (table,) = [json.loads(line) for line in passed(log, "-f", "ndjson").splitlines()]
    assert table["line"] == 100_002


@sampled
def test_many_lines_of_other_systems_pass_unchanged() -> None:
    lines = [
        b"Nov 22 10:11:%02d host kernel: [ %5d.123456] usb 1-%d: new high-speed USB device number %d using xhci_hcd\n"
        % (i % 60, i, i % 9, i)
        for i in range(20)
    ]
    lines += [b"BIOS-e820: [mem 0x0000000040000000-0x000000004fffffff] usable\n", b"\xe9t\xe9 d\xe9but 0x%08x\r\n" % 0x12340000]
    log = b"".join(lines) * amount(4_550, 45_500)
    assert passed(log) == log


def test_source_code_and_documents_of_this_machine_are_not_claimed() -> None:
    texts = [path.read_bytes() for path in sorted(Path(io.__file__).parent.rglob("*.py"))[:1500]]
    log = b"".join(texts)
    assert log.count(b"\n") > 100_000
    assert passed(log, "--only") == b""


def test_objects_for_programs_have_the_line_its_number_and_what_was_found() -> None:
    first, second = (json.loads(line) for line in passed(OTHER + VMBUS + OTHER + FEATURES, "-f", "ndjson").splitlines())
    assert list(first) == ["line", "text", "found"]
    assert (first["line"], first["text"]) == (2, VMBUS.decode().rstrip())
    assert [node["name"] for node in second["found"]] == ["HYPERV_CPUID_FEATURES", "HYPERV_CPUID_ENLIGHTMENT_INFO"]
    assert all(field["reg"] != "ecx" for field in second["found"][0]["fields"])
    assert "raw" not in second["found"][0]


def test_json_is_one_document_and_the_other_formats_have_a_row_a_thing() -> None:
    document = json.loads(passed(VMBUS + FEATURES, "-f", "json"))
    assert [len(one["found"]) for one in document] == [1, 2]
    assert passed(OTHER + VMBUS, "-f", "line").decode() == "2:  VMBUS_PROTOCOL 0x00050003  VMBus protocol 5.3 (Windows Server 2022)\n"
    assert passed(OTHER + VMBUS, "-f", "csv").decode().splitlines()[1].startswith("2,VMBUS_PROTOCOL,0x00050003,")


def test_a_terminal_is_given_no_control_characters_of_a_log() -> None:
    text = passed(b"\x1b[31mred\x1b[0m \xe2\x80\xaeturned\n" + VMBUS, "--color", "never", terminal=True)
    assert b"\x1b" not in text
    assert "\u202e" not in text.decode()
    assert b"\\x1b[31mred" in text


def test_several_files_are_logs_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ARM64 + ARM64_FEATURES)
    (tmp_path / "b").write_bytes(FEATURES)
    done = call("annotate", str(tmp_path / "a"), str(tmp_path / "b"), "-f", "ndjson")
    first, second = (json.loads(line) for line in done.out.splitlines())
    assert (first["file"], second["file"]) == (str(tmp_path / "a"), str(tmp_path / "b"))
    assert (first["found"][0]["arch"], second["found"][0]["arch"]) == ("arm64", "x64")
    assert second["line"] == 1


def test_a_file_that_cannot_be_read_is_status_4_and_with_keep_going_the_next_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(VMBUS)
    done = call("annotate", str(tmp_path / "none"), str(tmp_path / "log"))
    assert (done.status, done.err) == (4, f"{tmp_path / 'none'}: No such file or directory\n")
    done = call("annotate", "-k", str(tmp_path / "none"), str(tmp_path / "log"))
    assert done.status == 4
    assert len(notes(done.out)) == 1


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (b"annotate\n", "stdin:1: annotate which log? `annotate FILE...`\n"),
        (b"annotate -\n", "stdin:1: - is the script itself\n"),
    ],
)
def test_a_script_has_no_log_on_stdin(script: bytes, error: str) -> None:
    assert call(stdin=script) == Ended(2, "", error)


def test_strict_is_status_1_where_something_found_has_findings() -> None:
    assert call("annotate", "--strict", stdin=VMBUS).status == 0
    assert call("annotate", "--strict", stdin=FEATURES.replace(b"0x2e7f", b"0x2e7O")).status == 1


def test_a_line_comes_out_with_its_note_before_the_next_comes_in() -> None:
    with start("annotate") as process:
        assert process.stdin
        assert process.stdout
        for line in (OTHER, VMBUS, FEATURES):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
            if line is VMBUS:
                assert process.stdout.readline().startswith(MARK.encode())
        process.stdin.close()
        assert process.stdout.readline().startswith(MARK.encode())
        process.stdout.read()


def test_a_reader_that_has_seen_enough_is_not_an_error() -> None:
    with start("annotate") as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(VMBUS * 10)
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        try:
            process.stdin.write(VMBUS * 100_000)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.wait(60) == 0


BOOT_ARM64 = b"[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x413fd0c1]\n"
BANNER = b"[    0.000000] Linux version 6.8.0 (gcc) #1 SMP\n"
E820 = b"[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n"
BUILD = b"[    0.0] Hyper-V: Host Build 10.0.26100.1-1-0\n"
MSR = b" kvm_msr: msr_write 40000083 = 0xfa1001\n"


@pytest.mark.parametrize(
    ("log", "names"),
    [
        (BOOT_ARM64 + BANNER + BUILD, ["HV_REGISTER_HYPERVISOR_VERSION"]),
        (BOOT_ARM64 + BANNER + BUILD + BANNER + BUILD, ["HV_REGISTER_HYPERVISOR_VERSION", "HYPERV_CPUID_VERSION"]),
        (BOOT_ARM64 + BANNER + BUILD + BOOT_ARM64 + BANNER + BUILD, ["HV_REGISTER_HYPERVISOR_VERSION"] * 2),
        (BANNER + BUILD + BOOT_ARM64 + BANNER + BUILD, ["HYPERV_CPUID_VERSION", "HV_REGISTER_HYPERVISOR_VERSION"]),
        (BOOT_ARM64 + BUILD + E820 + BUILD, ["HV_REGISTER_HYPERVISOR_VERSION", "HYPERV_CPUID_VERSION"]),
        (BOOT_ARM64 + BUILD + MSR + BUILD, ["HV_REGISTER_HYPERVISOR_VERSION", "HV_X64_MSR_SIMP", "HYPERV_CPUID_VERSION"]),
        (b"x\n" * 20000 + BOOT_ARM64 + b"x\n" * 20000 + BUILD, ["HV_REGISTER_HYPERVISOR_VERSION"]),
    ],
)
def test_each_machine_in_a_log_has_its_own_arch(log: bytes, names: list[str]) -> None:
    assert [note.split()[0] for note in notes(passed(log))] == names


@pytest.mark.parametrize(("arch", "name"), [("x64", "HYPERV_CPUID_VERSION"), ("arm64", "HV_REGISTER_HYPERVISOR_VERSION")])
def test_an_arch_that_is_given_holds_whatever_the_log_says(arch: str, name: str) -> None:
    told = notes(passed(BOOT_ARM64 + BUILD + E820 + BUILD, "--arch", arch))
    assert [note.split()[0] for note in told] == [name, name]


def test_an_arch_of_the_environment_is_only_what_a_log_has_that_says_nothing() -> None:
    def names(log: bytes) -> list[str]:
        done = call("annotate", "--only", "-", stdin=log, environ={"HVREPL_ARCH": "arm64"})
        return [note.split()[0] for note in notes(done.out.encode())]

    assert names(BUILD) == ["HV_REGISTER_HYPERVISOR_VERSION"]
    assert names(E820 + BUILD) == ["HYPERV_CPUID_VERSION"]
