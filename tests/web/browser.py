"""A browser at the site: a page that is asked, and what happened meanwhile that should not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
SECONDS = 60  # after which what should have come is given up: a first start on a busy machine takes some of them
# chromium refuses to isolate its processes for root, and containers have little shared memory.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


class Visit:
    """A tab at a page of the site."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        self.page: Page = context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str = "") -> Visit:
        self.page.goto(self.url + path)
        self.page.wait_for_selector("#arch")
        return self

    def answered(self, act: Callable[[], Any]) -> str:
        """The text of the answer that an action leads to."""
        self.page.evaluate("document.querySelector('.hv-shown').replaceChildren()")
        act()
        self.page.wait_for_selector(".hv-shown .hv-body")
        return self.text

    def ask(self, text: str, arch: str = "x64") -> str:
        """What is answered to a text that is put into the box."""

        def act() -> None:
            self.page.select_option("#arch", arch)
            self.page.fill("#question", text)
            self.page.press("#question", "Enter")

        self.page.fill("#question", "")  # so that another arch asks nothing
        return self.answered(act)

    @property
    def text(self) -> str:
        return str(self.page.evaluate("document.querySelector('.hv-shown').dataset.text"))

    @property
    def said(self) -> str:
        return self.page.inner_text("#hv-status")

    @property
    def hash(self) -> str:
        return str(self.page.evaluate("location.hash"))

    def wait_for_said(self, text: str) -> None:
        self.page.wait_for_function("text => document.getElementById('hv-status').textContent.includes(text)", arg=text)

    def check(self) -> None:
        """Nothing came from elsewhere or went there, and the browser complained of nothing."""
        origin = urlsplit(self.url)[:2]
        assert [url for url in self.requests if urlsplit(url)[:2] != origin and not re.match("data:|blob:", url)] == []
        assert self.complaints == []


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A browser that has never been there, at the site; `options` of playwright's new_context."""
    context = browser.new_context(**options)
    try:
        yield Visit(context, url)
    finally:
        context.close()
