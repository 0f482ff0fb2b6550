"""The site on this machine only: pages are made on request, and this Python answers the box. Writes nothing."""

from __future__ import annotations

import os
import re
import sys
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from functools import cached_property, partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from threading import Lock
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from hvrepl.catalog.model import ARCHES
from hvrepl.codec.decoded import dump
from hvrepl.commands.session import Session
from hvrepl.digits import to_int
from hvrepl.errors import FileError, UsageError
from hvrepl.hints import Any, TypeAlias
from hvrepl.patterns import regex
from hvrepl.record import replace
from hvrepl.web.links import STATIC
from hvrepl.web.site import POLICY, SEARCH, STATIC_FILES, Site
from hvrepl.wording import count_of, shorten

ADDRESS = "127.0.0.1"
HOSTS = (ADDRESS, "localhost")  # with any port, as it may be forwarded
MOST_PORT = 65535
MOST_BODY = 32 << 20  # bytes of a question
MOST_DROPPED = 1 << 30  # bytes of a refused question that are read, so that the browser sees the reason
PIECE = 1 << 20
ANSWER = "answer"
COLUMNS = 100
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
HTML, TEXT = TYPES[".html"], "text/plain; charset=utf-8"
PART = regex(r"(.+/)[0-9]{1,4}/")
# Rules that the policy in a page cannot express, and those for every reply.
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
Answer: TypeAlias = Callable[..., Mapping[str, Any]]  # (text, arch, columns=) → the content of the box


class Reply(NamedTuple):
    status: HTTPStatus
    kind: str
    body: bytes
    location: str = ""

    @classmethod
    def text(cls, status: HTTPStatus, text: str) -> Reply:
        return cls(status, TEXT, f"{text}\n".encode())

    @classmethod
    def move(cls, location: str) -> Reply:
        return cls(HTTPStatus.FOUND, TEXT, b"", location)


class Pages:
    """The reply for each path. One request at a time, as a catalogue does not support several threads."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._one_at_a_time = Lock()

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Path → file of each static file: no other file on the disk is served."""
        return {f"{STATIC}/{entry.name}": entry.path for entry in os.scandir(STATIC_FILES) if entry.is_file()}

    def get(self, path: str) -> Reply:
        """The reply for a path below the root."""
        with self._one_at_a_time:
            return self._find(path)

    def _find(self, path: str) -> Reply:
        if path in self.files:
            with open(self.files[path], "rb") as file:
                return Reply(HTTPStatus.OK, TYPES.get(os.path.splitext(path)[1], "application/octet-stream"), file.read())
        if path == SEARCH:
            return Reply(HTTPStatus.OK, TYPES[".json"], self.site.search_index.encode())
        part = PART.fullmatch(path)
        for start in (path, *([part[1]] if part else [])):
            try:
                rendered = self.site.render(start)
            except KeyError:
                continue
            if path in rendered:
                return Reply(HTTPStatus.OK, HTML, rendered[path].encode())
        name = path.rstrip("/")
        place = self.site.links.find(name)
        if place:
            return Reply.move("/" + quote(place))
        if f"{name}/" in self.site.lists or name == "list":
            return Reply.move(f"/{quote(name)}/")
        return Reply(HTTPStatus.NOT_FOUND, HTML, self.site.render_missing("../" * path.count("/")).encode())


class Handler(BaseHTTPRequestHandler):
    """Answers this machine's browser, but no page of another site in it."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds to wait for a request

    def do_GET(self) -> None:
        asked = self._asked()
        if asked is None:
            return
        path = unquote(asked.path).removeprefix("/")
        if path == ANSWER:
            self._send(Reply.text(HTTPStatus.METHOD_NOT_ALLOWED, "ask with POST"))
        else:
            self._send(self.server.pages.get(path))

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        asked = self._asked()
        if asked is None:
            return
        if unquote(asked.path) != f"/{ANSWER}":
            self._refuse(HTTPStatus.NOT_FOUND, f"questions go to /{ANSWER}")
        elif not is_own(self.headers):
            self._refuse(HTTPStatus.FORBIDDEN, "questions of other sites are not answered")
        elif (length := self._length()) is not None:
            text = self.rfile.read(length).decode("utf-8", "replace")
            query = parse_qs(asked.query)
            arch, columns = (query.get(key, [""])[-1] for key in ("arch", "columns"))
            self._send(self.server.answer(text, arch or ARCHES[0], to_int(columns[:4]) if re.fullmatch("[0-9]+", columns) else COLUMNS))

    def _asked(self) -> SplitResult | None:
        """The address of a request; None if it is refused. A foreign name whose DNS leads here is not a name of this machine."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or host_of(hosts[0]) not in HOSTS:
            self._refuse(HTTPStatus.FORBIDDEN, f"hvrepl web answers only as {' and '.join(HOSTS)}")
            return None
        try:
            asked = urlsplit(self.path)
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST, "this is not an address")
            return None
        if asked.scheme or asked.netloc or not asked.path.startswith("/"):
            self._refuse(HTTPStatus.BAD_REQUEST, "this is not an address of this site")
            return None
        return asked

    def _length(self) -> int | None:
        """The length of a question; None if it is unknown or too large, which is refused."""
        given = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,18}", given) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a question must have a length")
            return None
        length = to_int(given)
        if length <= MOST_BODY:
            return length
        left = min(length, MOST_DROPPED)
        while left > 0 and (piece := self.rfile.read(min(left, PIECE))):
            left -= len(piece)
        self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, say_too_large(length))
        return None

    def handle_expect_100(self) -> bool:
        """Refuses a client that asks before it sends too much."""
        given = self.headers.get("Content-Length", "")
        if re.fullmatch(r"[0-9]{1,18}", given) and to_int(given) > MOST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, say_too_large(to_int(given)))
            return False
        return super().handle_expect_100()

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Leaves the rest of this connection unread."""
        self.close_connection = True
        self._send(Reply.text(status, text))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """For faults that http.server itself finds in a request."""
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {"Content-Type": reply.kind, "Content-Length": str(len(reply.body)), **HEADERS}
        headers |= {"Location": reply.location} if reply.location else {}
        headers |= {"Allow": "POST"} if reply.status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        headers |= {"Connection": "close"} if self.close_connection else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def version_string(self) -> str:
        return "hvrepl"

    def log_message(self, *_: Any) -> None:
        """Logs nothing: requests are private, and the terminal shows the address."""


class Server(ThreadingHTTPServer):
    """On this machine only. `port` 0: any free port."""

    daemon_threads = True
    request_queue_size = 128  # a browser with many tabs sends many requests at once; the default of 5 would turn some away
    # On other systems it lets a server restart at once; on Windows it would let two programs share a port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, port: int, pages: Pages, answer: Answer) -> None:
        self.pages = pages
        self._answer = answer
        self._one_at_a_time = Lock()
        super().__init__((ADDRESS, port), Handler)

    @property
    def root(self) -> str:
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def answer(self, text: str, arch: str, columns: int) -> Reply:
        with self._one_at_a_time:
            return Reply(HTTPStatus.OK, TYPES[".json"], dump(self._answer(text, arch, columns=columns)).encode())

    def handle_error(self, *_: Any) -> None:
        """A browser that went away is not an error; anything else is a bug and is reported."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(*_)


def host_of(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and port.isdecimal() else host.strip().lower()


def is_own(headers: Message) -> bool:
    """Whether a page of this site or a program asks: a page of another site cannot hide where it is from."""
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    return headers.get("Origin") in (None, f"http://{headers.get('Host', '').strip()}")


def say_too_large(length: int) -> str:
    return (
        f"{count_of(length, 'byte')} are more than the {MOST_BODY >> 20} MiB that the box takes; "
        "give the file to hvrepl in a terminal: `hvrepl decode page @FILE`, `hvrepl scan FILE` or `hvrepl annotate FILE`"
    )


def read_port(text: str) -> int:
    """Raises UsageError."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or to_int(text) > MOST_PORT:
        raise UsageError(f"--port {shorten(text)}: expected a number from 0 to {MOST_PORT}")
    return to_int(text)


def address_of(pages: Pages, words: Sequence[str], arch: str) -> str:
    """The path of WHAT below the root: the page of a name, or else the box with the words."""
    if not words:
        return ""
    path = pages.site.links.find(words[0], arch) if len(words) == 1 else ""
    is_value = len(words) == 2 and words[1][:1].isdecimal() and pages.site.links.find(words[0], arch)
    text = ("=" if is_value else " ").join(words)
    return quote(path) if path else f"#{arch}/{quote(text, safe='=')}"


def has_display(environ: Mapping[str, str]) -> bool:
    """Whether a browser would open a window, and not run in this terminal."""
    return sys.platform in ("win32", "darwin") or any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def answer_as_shell(session: Session, text: str, arch: str, *, columns: int) -> Mapping[str, Any]:
    answering = import_module("hvrepl.web.answer")  # slow, so only at the first question
    made: Mapping[str, Any] = answering.answer(text, arch, columns=columns, session=session)
    return made


def serve(session: Session, words: Sequence[str], port: str | None, *, opens: bool) -> None:
    """Runs until interrupted. FileError if the port is unavailable, UsageError if it is not a port."""
    number = 0 if port is None else read_port(port)
    pages = Pages(Site(session.catalog.index, "server"))
    # With its own index, as questions are answered while pages are made.
    asked = replace(session, _indexes={}, _catalogs={}, _decoders={})
    try:
        server = Server(number, pages, partial(answer_as_shell, asked))
    except OSError as error:
        raise FileError(f"{ADDRESS}:{number}: {error.strerror}; --port 0 takes a free port") from error
    place = server.root + address_of(pages, words, session.options.arch)
    try:
        with server:
            session.write(f"{place}  (Ctrl-C ends it)\n")
            session.streams.stdout.flush()
            if opens and has_display(session.streams.environ):
                webbrowser.open(place)
            server.serve_forever()
    except KeyboardInterrupt:
        session.write("\n" if session.streams.stdout_is_terminal else "")
