"""The browser, and the site that `make site-test` names in HVREPL_SITE, served as a web server has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.paths import ROOT
from tests.web.browser import Visit, launch, visiting
from tests.web.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="package")
def url() -> Iterator[str]:
    with serving(ROOT / os.environ["HVREPL_SITE"]) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    """A browser that has never been here."""
    with visiting(browser, url) as one:
        yield one
        one.check()
