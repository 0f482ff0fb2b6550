"""Completion in the system's shells: their questions and our answers, and the shells themselves in a terminal."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from hvrepl.cli import app
from hvrepl.cli.bash import beginning, keep_whole
from hvrepl.script.lines import quote_for_shell as quote
from tests.at_hand import need, needs
from tests.fuzz import amount, sampled
from tests.paths import TESTS
from tests.program import SECONDS, Ended, execute
from tests.terminal import C_U, Terminal

needs_bash = needs("bash")
# A shell → the command that starts it, and setup for its completion script.
SHELLS = {
    "bash": (["bash", "--noprofile", "--norc", "-i"], ""),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit && compinit -u -D && "),
    "fish": (["fish", "--no-config", "-i"], ""),
}


def answer(**environ: str) -> str:
    """The answer to a shell's completion script, by the program's own function in this process: starting one takes a third of a second,
    and the terminals below start it anyway."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setitem(sys.modules, "rich", None)
        for name in [name for name in os.environ if name.startswith(("COMP_", "_TYPER_", "_HVREPL_", "HVREPL_"))]:
            patch.delenv(name)
        patch.setattr(os, "environ", os.environ | environ)
        with pytest.raises(SystemExit) as ended:
            app.complete()
    assert (ended.value.code, err.getvalue()) == (0, "")
    return out.getvalue()


def ask_bash(*words: str, **environ: str) -> list[str]:
    """The answer to bash's completion script for its words, of which the last is completed."""
    variables = {"_HVREPL_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    return answer(**variables, **environ).splitlines()


def ask(shell: str, line: str, **environ: str) -> str:
    """The answer to zsh's or fish's completion script for a line."""
    variables = {"_HVREPL_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return answer(**variables, **environ)


def test_a_process_answers_as_this_one_does() -> None:
    line = {"_TYPER_COMPLETE_ARGS": "hvrepl decode sim", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    words = {"COMP_WORDS": "hvrepl\ndecode\nsim", "COMP_CWORD": "2"}
    for environ in ({"_HVREPL_COMPLETE": "complete_bash"} | words, {"_HVREPL_COMPLETE": "complete_zsh"} | line):
        ended = execute(**environ)
        assert (ended.status, ended.out, ended.err) == (0, answer(**environ), "")


# The words of a line as bash splits them → the first candidates.
IN_BASH = {
    "a_command": (["dec"], ["decode"]),
    "an_option": (["--arc"], ["--arch"]),
    "a_name": (["decode", "sim"], ["simp", "simp-page"]),
    "a_long_name": (["show", "HV_X64_MSR_SIM"], ["HV_X64_MSR_SIMP"]),
    "a_name_of_the_arch": (["--arch", "arm64", "decode", "HV_X64_MSR_SIM"], [""]),
    "a_name_after_an_option": (["decode", "-f", "line", "HV_X64_MSR_SIM"], ["HV_X64_MSR_SIMP"]),
    "a_space": (["list", "vm"], ["vmbus"]),
    "a_name_of_a_space": (["show", "msr", ":", "sim"], ["simp"]),
    "a_field": (["encode", "sint2", "vec"], ["vector="]),
    "all_fields": (["encode", "sint2", ""], ["vector=", "masked=", "auto_eoi=", "polling=", "as_intercept=", "proxy="]),
    "other_fields": (["encode", "sint2", "vector", "=", "0x30", ""], ["masked=", "auto_eoi=", "polling="]),
    "a_field_after_quotes": (["encode", "sint2", "'(1 << 3)'", "vec"], ["vector="]),
    "all_enumerators": (["encode", "guest-id", "os_type", "="], ["undefined", "Linux", "FreeBSD"]),
    "an_enumerator": (["encode", "guest-id", "os_type", "=", "Lin"], ["Linux"]),
    "a_file": (["decode", "page", "@", quote(f"{TESTS}/data/du")], [quote(f"@{TESTS}/data/dumps/")]),
    "words_of_an_option": (["show", "simp", "--format", "j"], ["json"]),
    "words_of_an_option_before_a_command": (["--arch", ""], ["x64", "arm64"]),
    "styles": (["show", "simp", "--style", "git"], ["github"]),
    "files_of_an_option": (["list", "--specs", ""], [""]),
    "options_of_a_command": (["annotate", "--on"], ["--only"]),
    "an_option_that_is_given": (["show", "--arch", "x64", "--arc"], [""]),
    "a_number": (["decode", "0x400000f"], ["0x400000f0", "0x400000f1"]),
    "a_number_of_a_space": (["show", "msr", "0x4000008"], ["0x40000080"]),
    "an_operator": (["check", "sint2", "1", "vector"], ["vector=", r"vector\!="]),
    "nothing": (["decode", "nosuchname"], [""]),
    "a_name_as_the_first_word": (["guest-o"], ["guest-os-id"]),
    "a_field_after_a_name": (["sint2", "vec"], ["vector="]),
    "a_field_after_a_name_and_options": (["--arch", "arm64", "sint2", "vec"], ["vector="]),
    "an_enumerator_after_a_name": (["guest-id", "os_type", "=", "Lin"], ["Linux"]),
    "a_file_after_a_name": (["page", "@", quote(f"{TESTS}/data/du")], [quote(f"@{TESTS}/data/dumps/")]),
}


@pytest.mark.parametrize(("words", "expected"), IN_BASH.values(), ids=IN_BASH)
def test_bash_is_given_candidates_for_the_part_that_it_replaces(words: Sequence[str], expected: list[str]) -> None:
    found = ask_bash("hvrepl", *words)
    assert found[: len(expected)] == expected


# A line → the answer to zsh and fish.
ELSEWHERE = {
    "a_name": ("hvrepl decode simp", '"simp":"SynIC message page"', "simp\tSynIC message page"),
    "a_field": ("hvrepl encode sint2 vec", '"vector=":"x64', "vector=\tx64: interrupt vector; arm64: GIC interrupt id"),
    "an_enumerator": ("hvrepl encode guest-id os_type=Lin", '"os_type=Linux"', "os_type=Linux"),
    "a_name_of_a_space": ("hvrepl show msr:sim", '"msr\\\\\\:simp":"SynIC message page"', "msr:simp\tSynIC message page"),
    "a_file": ("hvrepl decode page @data/du", '"@data/dumps/"', "@data/dumps/"),
    "a_first_word": ("hvrepl guest-o", '"guest-os-id":"guest OS id"', "guest-os-id\tguest OS id"),
    "a_field_after_a_name": ("hvrepl sint2 vec", '"vector=":"x64', "vector=\tx64: interrupt vector; arm64: GIC interrupt id"),
    "a_number": ("hvrepl decode 0x40000084", '"0x40000084":"msr HV_X64_MSR_EOM', "0x40000084\tmsr HV_X64_MSR_EOM: end of message"),
    "a_file_without_an_at": ("hvrepl annotate data/lo", '"data/logs/"', "data/logs/"),
    "a_word_of_an_option": ("hvrepl show simp --format js", '"json"', "json"),
    "a_folder_of_an_option": ("hvrepl list --specs data/du", '"data/dumps/"', "data/dumps/"),
    "an_option": ("hvrepl annotate --on", '"--only":"print only the lines', "--only\tprint only the lines in which something was found"),
    "an_arch": ("hvrepl --arch arm64 show HV_REGISTER_SIM", '"HV_REGISTER_SIMP":', "HV_REGISTER_SIMP\tSynIC message page"),
}


@pytest.mark.parametrize(("line", "in_zsh", "in_fish"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_zsh_and_fish_are_given_whole_words_with_titles(line: str, in_zsh: str, in_fish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    assert ask("zsh", line).startswith(f"_arguments '*: :(({in_zsh}")
    assert ask("fish", line).splitlines()[0] == in_fish


def test_commands_are_offered_with_what_they_do() -> None:
    in_zsh, in_fish = ask("zsh", "hvrepl "), ask("fish", "hvrepl ")
    for command in ("decode", "encode", "show", "list", "find", "diff", "check"):
        assert f'"{command}":"' in in_zsh
        assert f"\n{command}\t" in f"\n{in_fish}"


def test_zsh_completes_files_where_there_is_nothing_else() -> None:
    assert ask("zsh", "hvrepl decode nosuchname") == "_files\n"


@pytest.mark.parametrize("environ", [{"HVREPL_ARCH": "nosuch"}, {"HVREPL_SPECS": "/nosuch"}, {"HVREPL_SPECS": f"{TESTS}/data/bad_specs"}])
def test_what_is_wrong_in_the_environment_is_not_reported_while_a_line_is_typed(environ: dict[str, str]) -> None:
    assert ask_bash("hvrepl", "dec", **environ) == ["decode"]
    assert ask_bash("hvrepl", "decode", "sim", **environ) in (["simp", "simp-page"], [""])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_can_be_read_without_that_shell(shell: str) -> None:
    script = answer(_HVREPL_COMPLETE=f"source_{shell}")
    assert "hvrepl" in script
    assert f"complete_{shell}" in script


@pytest.fixture
def path(tmp_path: Path) -> str:
    """$PATH with a command hvrepl."""
    program = tmp_path / "bin" / "hvrepl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hvrepl "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@contextmanager
def shell_in(home: Path, shell: str, path: str, **environ: str) -> Iterator[Terminal]:
    """A system shell in its home, with hvrepl's completion."""
    (home / "script").write_text(answer(_HVREPL_COMPLETE=f"source_{shell}"))
    start, before = SHELLS[shell]
    with Terminal(home, program=start, columns=150, PATH=path, PS1="$ ", INPUTRC="/dev/null", **environ) as terminal:
        terminal.send(f"cd ~ && {before}source ./script && cd '{TESTS}' && clear && echo 'rea''dy'\r")
        terminal.see("ready\n")
        yield terminal


def in_bash(script: str, home: Path, path: str) -> str:
    """The output of a bash script."""
    environ = {"HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=SECONDS, env=environ)
    return done.stdout


@needs_bash
def test_the_function_of_bash_completes(tmp_path: Path, path: str) -> None:
    script = "source <(hvrepl --show-completion); COMP_WORDS=(hvrepl encode sint2 mas); COMP_CWORD=3; _hvrepl_completion hvrepl"
    assert in_bash(f'{script}; echo "${{COMPREPLY[@]}}"', tmp_path, path) == "masked= masked=...\n"


@needs_bash
def test_completion_is_installed_into_the_home(tmp_path: Path, path: str) -> None:
    installed = in_bash("hvrepl --install-completion; true", tmp_path, path)
    script = tmp_path / ".bash_completions" / "hvrepl.sh"
    assert f"bash completion installed in {script}" in installed
    assert str(script) in (tmp_path / ".bashrc").read_text()
    assert in_bash(". ~/.bashrc; complete -p hvrepl", tmp_path, path) == "complete -o default -F _hvrepl_completion hvrepl\n"


# Typed into bash → the line after Tab, which ends with a blank only where the word is whole.
TYPED = {
    "commands_and_names": ("hvrepl dec\tsimp-\t", "hvrepl decode simp-page "),
    "a_field": ("hvrepl encode sint2 mas\t", "hvrepl encode sint2 masked="),
    "a_field_after_a_name": ("hvrepl sint2 mas\t", "hvrepl sint2 masked="),
    "an_enumerator": ("hvrepl encode guest-id os_type=Lin\tbui\t", "hvrepl encode guest-id os_type=Linux build="),
    "a_name_of_a_space": ("hvrepl show msr:sirb\t", "hvrepl show msr:sirbp "),
    "a_file": ("hvrepl decode page @data/du\t", "hvrepl decode page @data/dumps/"),
    "a_folder_with_a_blank": ("hvrepl decode page @~/a\t", r"hvrepl decode page @~/a\ b/"),
    "a_file_after_a_blank": (r"hvrepl decode page @~/a\ b/pa" + "\t", r"hvrepl decode page @~/a\ b/page\$\(1\).txt "),
    "a_format": ("hvrepl --format js\tsimp-pa\t", "hvrepl --format json simp-page "),
    "a_log": ("hvrepl annotate ~/a\t", r"hvrepl annotate ~/a\ b/"),
    "specs": ("hvrepl list --specs ~/a\t", r"hvrepl list --specs ~/a\ b/"),
    "a_number": ("hvrepl msr 0x4000009f\t", "hvrepl msr 0x4000009f "),
    "a_file_in_quotes": ("hvrepl scan '~/a b/pa\t", "hvrepl scan '{home}/a b/page$(1).txt' "),
}


@needs_bash
def test_tab_completes_in_bash(tmp_path: Path, path: str) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "page$(1).txt").touch()
    with shell_in(tmp_path, "bash", path) as terminal:
        for name, (keys, line) in TYPED.items():
            whole = f"$ {line}".replace("{home}", str(tmp_path))
            terminal.send(keys)
            terminal.until(lambda whole=whole: terminal.before_cursor.endswith(whole), f"{name}: the line is not {line!r}")
            terminal.send(C_U)  # C-c can come between a signal check of bash and its wait for a key
            terminal.until(lambda: terminal.lines[terminal.screen.cursor.y] == "$", "the line is not cleared")


@needs_bash
def test_tab_lists_the_enumerators_in_bash(tmp_path: Path, path: str) -> None:
    with shell_in(tmp_path, "bash", path) as terminal:
        terminal.send("hvrepl encode guest-id os_type=\t\t")
        terminal.see("FreeBSD", "Linux", "illumos", "undefined")


# Offers to bash → the end of what it types by itself.
OFFERED = {
    "one": ([r"a\ b"], r"a\ b"),
    "none": ([], ""),
    "plain": (["abc", "abd"], "ab"),
    "after an escape": ([r"a\ b", r"a\ c"], r"a\ "),
    "within an escape": ([r"a\ b", r"a\$c"], "a"),
    "within the last of several": ([r"a\\\ b", r"a\\\$c"], r"a\\"),
    "backslashes": ([r"a\\b", r"a\\c"], r"a\\"),
    "one that quotes cannot hold": ([r"a\'b", r"a\ c"], "a"),
    "none that quotes can hold": ([r"a\'b", r"a\*c"], "a"),
    "many": ([r"a\ b", r"a\ c", r"a\$d", r"a\(e"], "a"),
    "the beginning of another": ([r"a\ ", r"a\ b"], r"a\ "),
}


@needs_bash
@pytest.mark.parametrize(("texts", "common"), OFFERED.values(), ids=OFFERED)
def test_what_bash_types_by_itself_ends_with_no_half_of_an_escape(texts: list[str], common: str, tmp_path: Path, path: str) -> None:
    offers = keep_whole([(text, "title") for text in texts])
    assert beginning([text for text, _ in offers]) == common
    assert {title for _, title in offers} <= {"title"}
    words = [in_bash(f"printf '<%s>' {' '.join(each)}", tmp_path, path) for each in (texts, [text for text, _ in offers])]
    assert words[0] == words[1]


@pytest.mark.parametrize("text", ["masked=", "data/", r"a\ b/"])
def test_an_unfinished_only_offer_gets_no_blank(text: str) -> None:
    offers = keep_whole([(text, "title")])
    assert (len(offers), beginning([text for text, _ in offers])) == (2, text)


@needs_bash
def test_files_that_differ_in_what_is_escaped_are_completed_in_bash(tmp_path: Path, path: str) -> None:
    for name in ("xyz b", "xyz$c", "xyz(d)"):
        (tmp_path / name).touch()
    with shell_in(tmp_path, "bash", path) as terminal:
        terminal.send("hvrepl scan ~/x\t")
        terminal.until(lambda: terminal.before_cursor.endswith("hvrepl scan ~/xyz"), "the line is another")
        terminal.send("\\$\t")
        terminal.until(lambda: terminal.before_cursor.endswith(r"hvrepl scan ~/xyz\$c "), "the line is another")


HOSTILE = TESTS / "data" / "hostile" / "completion"
TITLE = r"""[/b]A\$(touch PWNED)"B'\\[red]$(touch PWNED)`touch PWNED`it:s\[x]"""
# Text before Tab → the word that hvrepl then receives.
WORDS_OF_OTHERS = {
    "zy": r"""zy'"$(touch PWNED)\`touch PWNED`\\*;touch PWNED|{x}~!#:<""",
    "@x": "@x[a]$(touch PWNED)'*",
    "za": """za'"$(touch PWNED)""",
    "zb": r"zb\`touch PWNED`\\",
    "zc": "zc*;touch PWNED|{x}~!#:<",
}


def complete_and_run(terminal: Terminal, typed: str) -> None:
    terminal.send(f"hvrepl decode {typed}\t")
    terminal.until(lambda: not terminal.before_cursor.rstrip().endswith(typed), "nothing is completed")
    terminal.send("\r")


@sampled
@pytest.mark.parametrize("shell", SHELLS)
def test_what_specs_and_files_are_called_is_text_to_every_shell(shell: str, tmp_path: Path, path: str) -> None:
    need(shell)
    program = tmp_path / "bin" / "hvrepl"
    program.write_text(f'#!/bin/sh\n[ -z "$_HVREPL_COMPLETE" ] && printf "got <%s>\\n" "$2" && exit\n{program.read_text()}')
    (tmp_path / "x[a]$(touch PWNED)'*").touch()
    with shell_in(tmp_path, shell, path, HVREPL_SPECS=str(HOSTILE)) as terminal:
        terminal.send("cd ~\r")
        for typed, word in list(WORDS_OF_OTHERS.items())[: amount(2, None)]:
            complete_and_run(terminal, typed)
            terminal.see(f"got <{word}>")
        if shell != "bash":  # bash does not show titles
            terminal.send("hvrepl decode zd\t\t")
            terminal.see(r"zd\$", r"zd\"$", TITLE)
    assert not (tmp_path / "PWNED").exists()


def test_powershell_is_given_words_in_its_quotes() -> None:
    environ = {"_HVREPL_COMPLETE": "complete_powershell", "HVREPL_SPECS": str(HOSTILE)}
    answered = answer(_TYPER_COMPLETE_ARGS="hvrepl decode z", _TYPER_COMPLETE_WORD_TO_COMPLETE="z", **environ).splitlines()
    assert sorted(line.partition(":::")[0] for line in answered) == [
        "'za''\"$(touch PWNED)'",
        r"'zb\`touch PWNED`\\'",
        "'zc*;touch PWNED|{x}~!#:<'",
        "'zd\\\"$(touch PWNED)'",
        "'zd\\$(touch PWNED)'",
        r"""'zy''"$(touch PWNED)\`touch PWNED`\\*;touch PWNED|{x}~!#:<'""",
    ]
    assert answer(_TYPER_COMPLETE_ARGS="hvrepl decode sim", _TYPER_COMPLETE_WORD_TO_COMPLETE="sim", **environ).startswith("simp:::SynIC")
    assert answer(_TYPER_COMPLETE_ARGS="hvrepl encode sint2", **environ).startswith("vector=:::x64")


def test_completion_is_for_the_shell_that_is_named() -> None:
    assert "compdef" in execute("--show-completion", "zsh").out
    assert "complete -o default" in execute("--show-completion", "bash").out
    ended = execute("--show-completion", "tcsh")
    assert ended == Ended(2, "", "completion is for bash, zsh, fish, powershell, pwsh, not tcsh\n")
