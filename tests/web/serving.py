"""The site as a web server has it: below a path of its own, with the policy as a header too, which also binds workers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BELOW = "/some/where/"
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')


class Handler(SimpleHTTPRequestHandler):
    """Files of the site below BELOW. What is named in `missing` is not found."""

    def __init__(self, *arguments: Any, policy: str, missing: set[str], **options: Any) -> None:
        self.policy, self.missing = policy, missing
        super().__init__(*arguments, **options)

    def translate_path(self, path: str) -> str:
        inside = path.partition("?")[0]
        if not inside.startswith(BELOW) or any(inside.endswith(one) for one in self.missing):
            return "/nonexistent"
        return super().translate_path("/" + inside.removeprefix(BELOW))

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(site: Path, missing: set[str] | None = None) -> Iterator[str]:
    """The address of the first page of a site; `missing` are ends of paths that are not found."""
    found = POLICY.search((site / "index.html").read_text(encoding="utf-8"))
    assert found
    policy = found[1].replace("&#39;", "'")
    make = partial(Handler, directory=str(site), policy=policy, missing=missing if missing is not None else set())
    server = ThreadingHTTPServer(("127.0.0.1", 0), make)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{BELOW}"
    finally:
        server.shutdown()
        server.server_close()
