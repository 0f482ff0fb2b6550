"""The line language: words, quotes, parentheses, comments, redirections."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hvrepl.errors import UsageError
from hvrepl.script.lines import HOME, Line, at_home, parse_line, quote, split_operator

WORDS = {
    "empty": ("", ()),
    "blanks": (" \t \r\n", ()),
    "plain": ("decode sint2 0x200f3", ("decode", "sint2", "0x200f3")),
    "blanks_around": ("  sint2\t0x1  \n", ("sint2", "0x1")),
    "crlf": ("sint2 1\r\n", ("sint2", "1")),
    "comment": ("# sint2 1", ()),
    "comment_behind": ("sint2 1 # masked? | no", ("sint2", "1")),
    "comment_without_blank_is_none": ("find a#b", ("find", "a#b")),
    "comment_in_quotes_is_none": ("find '#1' \"#2\"", ("find", "#1", "#2")),
    "escaped_comment": (r"find \#1", ("find", "#1")),
    "single_quotes": ("find 'auto eoi'", ("find", "auto eoi")),
    "double_quotes": ('find "auto eoi"', ("find", "auto eoi")),
    "empty_quotes": ("find '' \"\"", ("find", "", "")),
    "quotes_in_a_word": ("a'b c'd\"e f\"", ("ab cde f",)),
    "other_quote_within": ("find 'a\"b' \"a'b\"", ("find", 'a"b', "a'b")),
    "escape_in_double_quotes": (r'find "a\"b\\c"', ("find", r'a"b\c')),
    "no_escape_in_single_quotes": (r"find 'a\'", ("find", "a\\")),
    "escaped_blank": (r"@my\ file", ("@my file",)),
    "escaped_quotes": (r"\' \"", ("'", '"')),
    "escaped_operators": (r"find \| \> \( \)", ("find", "|", ">", "(", ")")),
    "escaped_backslash": (r"a\\b", (r"a\b",)),
    "windows_path": (r"decode page @C:\dumps\simp.txt", ("decode", "page", r"@C:\dumps\simp.txt")),
    "windows_share": (r"@\\host\share\new", (r"@\host\share\new",)),
    "quoted_windows_share": (r"'@\\host\my share'", (r"@\\host\my share",)),
    "lone_backslash": ("\\", ("\\",)),
    "parentheses": ("guest-id (0x8100 << 48)", ("guest-id", "(0x8100 << 48)")),
    "pipe_in_parentheses": ("(1 | 2) x", ("(1 | 2)", "x")),
    "redirection_in_parentheses": ("((1 << 2) >> 1)", ("((1 << 2) >> 1)",)),
    "parentheses_in_a_word": ("vector=(1 + 2)", ("vector=(1 + 2)",)),
    "comment_sign_in_parentheses": ("(1 # 2)", ("(1 # 2)",)),
    "quotes_in_parentheses": ("('a b')", ("(a b)",)),
    "bang_behind_is_a_word": ("check sint2 1 vector!=2", ("check", "sint2", "1", "vector!=2")),
    "assignment": ("encode sint2 vector=0xf3 auto_eoi=1", ("encode", "sint2", "vector=0xf3", "auto_eoi=1")),
    "other_scripts": ("find имя 名前", ("find", "имя", "名前")),
}


@pytest.mark.parametrize(("text", "words"), WORDS.values(), ids=WORDS)
def test_a_line_is_read_as_its_words(text: str, words: tuple[str, ...]) -> None:
    assert parse_line(text) == Line(words)


DIRECTED = {
    "pipe": ("list msr | head -n 1", Line(("list", "msr"), pipe="head -n 1")),
    "no_pipe_within_a_word": ("list|wc", Line(("list|wc",))),
    "comparison": ("check sint2 _ vector>=0x10 vector<0xf4 >=3", Line(("check", "sint2", "_", "vector>=0x10", "vector<0xf4", ">=3"))),
    "pipe_joined_to_its_command": ("list |wc", Line(("list",), pipe="wc")),
    "pipe_is_kept_as_it_is": ("list | grep 'a  b' | wc > 'x y' # c", Line(("list",), pipe="grep 'a  b' | wc > 'x y' # c")),
    "file": ("list > out.txt", Line(("list",), file="out.txt")),
    "no_file_within_a_word": ("list>out.txt", Line(("list>out.txt",))),
    "file_joined": ("list >out.txt", Line(("list",), file="out.txt")),
    "file_in_quotes": ("list > 'my file'", Line(("list",), file="my file")),
    "file_with_a_comment": ("list > out.txt # names", Line(("list",), file="out.txt")),
    "windows_file": (r"list > C:\out.txt", Line(("list",), file=r"C:\out.txt")),
    "append": ("list >> out.txt", Line(("list",), file="out.txt", append=True)),
    "shell": ("!ls -l | wc", Line((), shell="ls -l | wc")),
    "shell_with_blanks": ("  ! ls 'a", Line((), shell="ls 'a")),
    "shell_without_command": ("!", Line(())),
}


@pytest.mark.parametrize(("text", "line"), DIRECTED.values(), ids=DIRECTED)
def test_output_goes_where_the_line_says(text: str, line: Line) -> None:
    assert parse_line(text) == line


REFUSED = {
    "single_quote": ("sint2 'a", "a single quote at column 7 is not closed"),
    "double_quote": ('"a', "a double quote at column 1 is not closed"),
    "double_quote_escaped": (r'"a\"', "a double quote at column 1 is not closed"),
    "open_parenthesis": ("(1 << 2", "a parenthesis is not closed"),
    "close_parenthesis": ("sint2 1)", "the parenthesis at column 8 is unmatched"),
    "parentheses_crossed": (")(", "the parenthesis at column 1 is unmatched"),
    "pipe_without_command": ("list | ", "after | there is no command"),
    "file_without_name": ("list >", "after > there is no file"),
    "append_without_name": ("list >>", "after >> there is no file"),
    "file_that_is_a_comment": ("list > # x", "after > there must be one file name"),
    "two_files": ("list > a b", "after > there must be one file name"),
    "or": ("list || wc", "|| is not |, > or >>"),
    "three": ("list >>> a", ">>> is not |, > or >>"),
    "crossed": ("list >| a", ">| is not |, > or >>"),
    "pipe_before_words": ("| wc", "before | there is no command"),
    "file_before_words": ("> out.txt", "before > there is no command"),
    "nul": ("sint2 \0", "a NUL character at column 7; lines are text"),
    "nul_for_the_shell": ("!ls \0", "a NUL character at column 5; lines are text"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_line_that_is_not_whole_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_line(text)
    assert str(caught.value) == message


@given(st.text() | st.text("ab \t\n\r'\"()|>#\\!=@-", max_size=40))
@example("\\")
@example('"\\')
@example("a\\\n")
def test_any_text_is_a_line_or_a_usage_error(text: str) -> None:
    try:
        line = parse_line(text)
    except UsageError:
        return
    assert isinstance(line, Line)
    assert line.words or line == Line((), shell=line.shell)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=5))
def test_what_a_posix_shell_would_quote_comes_back(words: list[str]) -> None:
    line = " ".join(map(shlex.quote, words))
    assert parse_line(line) == Line(tuple(words))


@given(st.text(st.characters(exclude_characters="\0"), max_size=20))
def test_double_quotes_keep_every_character(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parse_line(quoted) == Line((text,))


@given(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20) | st.text("ab ~@/'\"()|>#\\\\!=", min_size=1, max_size=20))
def test_what_is_quoted_comes_back(word: str) -> None:
    assume(not HOME.match(word))
    assert parse_line(f"find {quote(word)}").words == ("find", word)


# A typed line → the text before its first operator, the operator, the text after it.
SPLIT = {
    "none": ("sint2 1", ("sint2 1", "", "")),
    "pipe": ("list | le", ("list ", "|", " le")),
    "file": ("list >a", ("list ", ">", "a")),
    "append": ("list >> a", ("list ", ">>", " a")),
    "shell": (" !ls a", ("", "!", "ls a")),
    "comment": ("list # a | b", ("list ", "#", " a | b")),
    "comparison": ("check sint2 1 vector>=1 >=2", ("check sint2 1 vector>=1 >=2", "", "")),
    "within_a_word": ("a|b a>b a#b", ("a|b a>b a#b", "", "")),
    "in_quotes": ("find '| a' \"> b\" '> ", ("find '| a' \"> b\" '> ", "", "")),
    "escaped": (r"find \| a", (r"find \| a", "", "")),
    "in_parentheses": ("(1 | 2", ("(1 | 2", "", "")),
    "behind_parentheses": ("(1 | 2) | wc", ("(1 | 2) ", "|", " wc")),
    "parenthesis_in_quotes": ("find '(' | wc", ("find '(' ", "|", " wc")),
}


@pytest.mark.parametrize(("text", "parts"), SPLIT.values(), ids=SPLIT)
def test_a_line_that_is_typed_is_split_at_its_operator(text: str, parts: tuple[str, str, str]) -> None:
    assert split_operator(text) == parts


# A line → its words, with /home/me as the home folder.
AT_HOME = {
    "file": ("scan ~/a", ("scan", "/home/me/a")),
    "at": ("page @~/a", ("page", "@/home/me/a")),
    "blank": (r"scan ~/a\ b", ("scan", "/home/me/a b")),
    "quoted": ("scan '~/a'", ("scan", "~/a")),
    "within_a_word": ("find a~/b", ("find", "a~/b")),
    "no_folder": ("find ~a", ("find", "~a")),
    "nobody": ("scan ~nobody-has-this-name/a", ("scan", "~nobody-has-this-name/a")),
    "in_parentheses": ("(~/1)", ("(~/1)",)),
}


@pytest.mark.parametrize(("text", "words"), AT_HOME.values(), ids=AT_HOME)
def test_a_tilde_stands_for_ones_home(text: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_line(text).words == words


def test_output_goes_into_a_file_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_line("list > ~/out") == Line(("list",), file="/home/me/out")
    assert at_home("@~/out") == "@/home/me/out"
