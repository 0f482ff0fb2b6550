"""`hvrepl web`: the site on this machine alone, as a browser, another site and a person at a terminal meet it."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hvrepl.catalog.opening import open_index
from hvrepl.commands.session import Session, Streams
from hvrepl.errors import UsageError
from hvrepl.script.runner import Runner
from hvrepl.web.server import MOST_BODY, Pages, Server, address_of, has_display
from hvrepl.web.site import POLICY, Site
from tests.catalog.own import write_own
from tests.program import call, start
from tests.web.reading import read_page


def echo(text: str, arch: str, *, columns: int) -> Mapping[str, Any]:
    return {"text": text, "arch": arch, "columns": columns}


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(Site(open_index(), "server"))


@pytest.fixture(scope="module")
def server(pages: Pages) -> Iterator[Server]:
    with Server(0, pages, echo) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


class Got:
    """A reply, read to its end."""

    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self.body = reply.read()
        self.text = self.body.decode()


def ask(server: Server, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Got:
    """`headers` with _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Got(connection.getresponse())
    finally:
        connection.close()


KINDS = {
    "/": "text/html; charset=utf-8",
    "/HV_X64_MSR_SINT2/": "text/html; charset=utf-8",
    "/sint2/": "text/html; charset=utf-8",
    "/list/": "text/html; charset=utf-8",
    "/list/msr/": "text/html; charset=utf-8",
    "/list/register/2/": "text/html; charset=utf-8",
    "/NTSTATUS_CODE/2/": "text/html; charset=utf-8",
    "/static/site.css": "text/css; charset=utf-8",
    "/static/search.js": "text/javascript; charset=utf-8",
    "/static/search.json": "application/json",
    "/static/icon.svg": "image/svg+xml",
    "/?from=somewhere": "text/html; charset=utf-8",
}


@pytest.mark.parametrize("path", KINDS)
def test_what_the_site_has_is_there(server: Server, path: str) -> None:
    got = ask(server, path)
    assert (got.status, got.headers["Content-Type"]) == (200, KINDS[path])
    assert int(got.headers["Content-Length"]) == len(got.body) > 0
    assert got.headers["Content-Security-Policy"].startswith(POLICY)
    assert got.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_of_the_server_asks_the_server(server: Server) -> None:
    assert read_page(ask(server, "/").text).meta["hvrepl-answers"] == "server"


@pytest.mark.parametrize("path", ["/", "/HV_X64_MSR_SINT2/", "/nothing/"])
def test_head_says_the_same_without_a_body(server: Server, path: str) -> None:
    got, whole = ask(server, path, method="HEAD"), ask(server, path)
    assert (got.status, got.body) == (whole.status, b"")
    assert got.headers["Content-Length"] == whole.headers["Content-Length"]


SPELLINGS = {
    "/HV_X64_MSR_SINT2": "/HV_X64_MSR_SINT2/",
    "/hv_x64_msr_sint2/": "/HV_X64_MSR_SINT2/",
    "/hvregistersint2": "/HV_X64_MSR_SINT2/",
    "/guest_id": "/HV_X64_MSR_GUEST_OS_ID/",
    "/list": "/list/",
    "/list/msr": "/list/msr/",
}


@pytest.mark.parametrize("path", SPELLINGS)
def test_a_name_in_another_spelling_leads_to_its_page(server: Server, path: str) -> None:
    got = ask(server, path)
    assert (got.status, got.headers["Location"]) == (302, SPELLINGS[path])


MISSING = [
    "/nothing",
    "/HV_X64_MSR_SINT2/2/",
    "/NTSTATUS_CODE/99/",
    "/static/",
    "/static/nothing.js",
    "/static/../site.py",
    "/static/%2e%2e/site.py",
    "/static/..%2fsite.py",
    "/static/..%5csite.py",
    "/../../etc/passwd",
    "/static//etc/passwd",
    "/%00",
    "/static/site.css%00.html",
    "/" + "a" * 5000,
    "/templates/base.html",
    "/%ff%fe",
]


@pytest.mark.parametrize("path", MISSING)
def test_nothing_else_is_there_and_the_page_that_says_so_is_whole(server: Server, path: str) -> None:
    got = ask(server, path)
    assert got.status == 404
    assert read_page(got.text).faults == []
    assert "root:" not in got.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.", "[::1]", "127.0.0.2"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_another_name_for_this_machine_is_refused(server: Server, host: str, method: str) -> None:
    assert ask(server, "/answer", method=method, body=b"x", Host=host).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:9000", "127.0.0.1:1"])
def test_this_machine_is_answered_whatever_the_port_is_forwarded_to(server: Server, host: str) -> None:
    assert ask(server, "/", Host=host).status == 200


def test_a_question_is_answered_as_the_box_has_it(server: Server) -> None:
    got = ask(server, "/answer?arch=arm64&columns=60", method="POST", body="sint2 0x10013 ü".encode())
    assert (got.status, got.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(got.text) == {"text": "sint2 0x10013 ü", "arch": "arm64", "columns": 60}
    assert json.loads(ask(server, "/answer?columns=%C2%B2", method="POST", body=b"\xff").text) == {
        "text": "\N{REPLACEMENT CHARACTER}",
        "arch": "x64",
        "columns": 100,
    }


OTHERS: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://localhost"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
]


@pytest.mark.parametrize("headers", OTHERS, ids=str)
def test_a_question_of_another_site_is_refused(server: Server, headers: dict[str, str]) -> None:
    assert ask(server, "/answer", method="POST", body=b"sint2", **headers).status == 403


def test_a_question_of_the_page_itself_is_answered(server: Server) -> None:
    host = f"127.0.0.1:{server.server_address[1]}"
    headers = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}
    assert ask(server, "/answer", method="POST", body=b"sint2", **headers).status == 200


def test_a_question_that_is_too_large_is_refused_in_words(server: Server) -> None:
    got = ask(server, "/answer", method="POST", body=bytes(MOST_BODY + 1))
    assert got.status == 413
    assert got.text == (
        "33,554,433 bytes are more than the 32 MiB that the box takes; give the file to hvrepl in a terminal: "
        "`hvrepl decode page @FILE`, `hvrepl scan FILE` or `hvrepl annotate FILE`\n"
    )
    assert ask(server, "/").status == 200


def test_one_that_asks_first_is_refused_before_it_sends(server: Server) -> None:
    with socket.create_connection(server.server_address[:2], timeout=30) as connection:
        connection.sendall(b"POST /answer HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 104857600\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


REQUESTS = {
    b"POST /answer HTTP/1.1\r\nHost: localhost\r\n\r\n": b"411",
    b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n": b"411",
    b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": b"411",
    b"POST /list/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n": b"404",
    b"GET /answer HTTP/1.1\r\nHost: localhost\r\n\r\n": b"405",
    b"PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n": b"501",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n": b"400",
    b"GET / HTTP/1.1\r\n\r\n": b"403",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n": b"403",
    b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n": b"400",
    b"NONSENSE / HTTP/1.1\r\nHost: localhost\r\n\r\n": b"501",
}


@pytest.mark.parametrize("request_text", REQUESTS, ids=lambda text: text.split(b"\r")[0].decode())
def test_a_request_that_is_not_right_is_refused(server: Server, request_text: bytes) -> None:
    with socket.create_connection(server.server_address[:2], timeout=30) as connection:
        connection.sendall(request_text)
        connection.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert REQUESTS[request_text] in got.split(b"\r\n")[0]


def test_only_this_machine_can_reach_it(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


PLACES = {
    (): "",
    ("sint2",): "HV_X64_MSR_SINT2/",
    ("sint2", "0x200f3"): "#x64/sint2=0x200f3",
    ("0x8100000606570000",): "#x64/0x8100000606570000",
    ("sint2", "vector=0xf3"): "#x64/sint2%20vector=0xf3",
    ("<script>",): "#x64/%3Cscript%3E",
}


@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_what_is_named_is_opened(pages: Pages, words: tuple[str, ...]) -> None:
    assert address_of(pages, words, "x64") == PLACES[words]


def test_a_browser_is_opened_where_it_would_have_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert not has_display({})
    assert has_display({"DISPLAY": ":0"})


@contextmanager
def running(*arguments: str) -> Iterator[tuple[Any, str]]:
    """The program as a process, and its first line."""
    process = start("web", *arguments)
    try:
        yield process, process.stdout.readline().decode()  # type: ignore[union-attr]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_it_says_where_it_is_and_ends_quietly_when_interrupted() -> None:
    with running("sint2") as (process, line):
        assert line.startswith("http://127.0.0.1:")
        assert line.endswith("/HV_X64_MSR_SINT2/  (Ctrl-C ends it)\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, b"", b"")


def test_one_s_own_definitions_are_on_pages_and_in_the_box(tmp_path: Path) -> None:
    own = """
kind   = "register"
name   = "MINE"
title  = "one's own"
width  = 64
source = ["test:a#b"]

[[address]]
space  = "msr"
number = 0x40000FFF
name   = "HV_X64_MSR_MINE"

[layout]
fields = [
  { bits = "0",    name = "on", doc = "whether it is on" },
  { bits = "63:1", reserved = "zero" },
]
"""
    with running("--specs", str(write_own(tmp_path / "specs", own)), "--no-open") as (_, line):
        address = urlsplit(line.split()[0])
        for method, path, body in (
            ("GET", "/HV_X64_MSR_MINE/", None),
            ("POST", "/answer?arch=x64", b"mine 1"),
            ("POST", "/answer", b"sint2 1"),
        ):
            connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
            connection.request(method, path, body)
            got = Got(connection.getresponse())
            connection.close()
            assert got.status == 200
            assert (
                "whether it is on" if not body else "HV_X64_MSR_MINE = 0x0000000000000001  on" if b"mine" in body else "vector"
            ) in got.text


def test_many_questions_at_once_are_all_answered() -> None:
    with running("--no-open") as (_, line):
        address = urlsplit(line.split()[0])

        def get(number: int) -> str:
            connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
            try:
                if number % 2:
                    connection.request("GET", f"/HV_X64_MSR_SINT{number % 16}/")
                else:
                    connection.request("POST", "/answer", f"sint{number % 16} {number:#x}".encode())
                return Got(connection.getresponse()).text
            finally:
                connection.close()

        with ThreadPoolExecutor(24) as pool:
            for number, text in enumerate(pool.map(get, range(96))):
                assert f"HV_X64_MSR_SINT{number % 16}" in text
                assert number % 2 or f"0x{number:016x}" in text


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        got = call("web", "--port", str(port), "--no-open")
    assert (got.status, got.out) == (4, "")
    assert got.err == f"127.0.0.1:{port}: Address already in use; --port 0 takes a free port\n"


@pytest.mark.parametrize("port", ["x", "65536", "-1", "", "²"])
def test_what_is_not_a_port_is_refused(port: str) -> None:
    got = call("web", f"--port={port}")
    assert got.status == 2
    assert got.err == f"--port {port}: expected a number from 0 to 65535\n"


def test_a_line_without_a_terminal_or_command_line_cannot_serve() -> None:
    with pytest.raises(UsageError, match="web is for the command line and the shell"):
        Runner(Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}))).run_line("web sint2")


def test_without_jinja_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for name in [name for name in sys.modules if name.startswith("hvrepl.web")]:
        monkeypatch.delitem(sys.modules, name)
    got = call("web", "--no-open")
    assert (got.status, got.err) == (4, "hvrepl web needs Jinja for its pages; install the package jinja2\n")
