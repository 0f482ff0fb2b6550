"""The pages of the site in a real browser: search, lists, links, without JavaScript, and as axe sees them. Run by `make site-test`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.at_hand import missing, need
from tests.paths import ROOT
from tests.web.browser import CHROMIUM, Visit, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SITE = os.environ.get("HVREPL_SITE", "")
AXE = ROOT / "build/site-parts/node_modules/axe-core/axe.min.js"

pytestmark = [
    pytest.mark.skipif(not SITE, reason="needs make site-test"),
    pytest.mark.skipif(bool(SITE and missing([CHROMIUM, "module:playwright"])), reason="needs chromium and playwright"),
]


def type_in(visit: Visit, text: str) -> list[str]:
    """The names that the search shows for what is typed."""
    visit.page.fill("#question", "")
    visit.page.click("#question")
    visit.page.keyboard.type(text)
    visit.page.wait_for_selector("#hits a")
    return visit.page.locator("#hits b").all_inner_texts()


FOUND = {
    "sint2": "HV_X64_MSR_SINT2",
    "0x40000092": "HV_X64_MSR_SINT2",
    "guest os": "HV_X64_MSR_GUEST_OS_ID",
    "auto_eoi": "HV_PARTITION_PROPERTY_AUTO_EOI_ENABLED",
    "synictimer": "hv-stimer",
}


def test_the_search_finds_while_one_types(visit: Visit) -> None:
    visit.open()
    for text, name in FOUND.items():
        assert name in type_in(visit, text)[:3], text


@pytest.mark.parametrize("text", ["__proto__", "constructor", "<img src=x onerror=alert(1)>", "(((((", "\\", "toString"])
def test_nothing_that_is_searched_for_breaks_the_search(visit: Visit, text: str) -> None:
    visit.open()
    type_in(visit, "sint2")
    visit.page.fill("#question", text)
    visit.page.wait_for_function("() => !document.querySelector('#hits')?.textContent.includes('Loading')")
    assert visit.page.locator("#hits img").count() == 0
    assert "HV_X64_MSR_SINT2" in type_in(visit, "sint2")[:1]


def test_a_hit_is_chosen_with_the_keyboard(visit: Visit) -> None:
    visit.open("list/")
    type_in(visit, "sint2")
    visit.page.keyboard.press("ArrowDown")
    assert "SINT2" in visit.page.evaluate("document.activeElement.textContent")
    visit.page.keyboard.press("ArrowUp")
    assert visit.page.evaluate("document.activeElement.id") == "question"
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/HV_X64_MSR_SINT2/")
    visit.page.go_back()
    visit.page.wait_for_selector("#arch")
    type_in(visit, "sint2")
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#hits").is_hidden()
    assert visit.page.evaluate("document.activeElement.id") == "question"


def test_a_page_that_is_missing_is_searched_for(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visit:
        visit.page.route("**/sint_2", lambda route: route.fulfill(path=ROOT / SITE / "404.html", content_type="text/html"))
        visit.page.route("**/static/**", lambda route: route.continue_(url=f"{url}static/{route.request.url.partition('/static/')[2]}"))
        visit.page.goto(f"{url}sint_2")
        visit.page.wait_for_function("() => document.getElementById('question').value == 'sint_2'")


def column(visit: Visit, number: int) -> list[str]:
    return visit.page.locator(f"table.sortable tbody td:nth-child({number})").all_inner_texts()


def numbers(visit: Visit) -> list[int]:
    """Of a range the first."""
    return [int(text, 16) for text in re.findall("(?m)^0x[0-9a-fA-F]+", "\n".join(column(visit, 1)))]


@pytest.mark.parametrize("path", ["list/msr/", "list/status/"])
def test_lists_are_sorted_by_number_and_by_name(visit: Visit, path: str) -> None:
    visit.open(path)
    button = visit.page.locator("th button")
    button.filter(has_text="Name").click()
    visit.page.wait_for_selector('th[aria-sort="ascending"]')
    names = [name.lower() for name in column(visit, 2)]
    assert names[0] < names[-1]
    assert names.index(min(names)) == 0
    button.filter(has_text="Number").click()
    visit.page.wait_for_function("() => document.querySelector('th').ariaSort == 'ascending'")
    up = numbers(visit)
    assert up == sorted(up)
    button.filter(has_text="Number").focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector('th[aria-sort="descending"]')
    down = numbers(visit)
    assert down == sorted(down, reverse=True)
    assert len(down) == len(up)


def test_a_list_in_parts_is_sorted_as_a_whole(visit: Visit) -> None:
    visit.open("list/register/")
    before = len(column(visit, 2))
    visit.page.locator("th button").filter(has_text="Name").click()
    visit.page.wait_for_selector('th[aria-sort="ascending"]')
    assert len(column(visit, 2)) > before
    assert visit.page.locator(".parts").is_hidden()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_another_name_leads_to_the_page(browser: Browser, url: str, has_scripts: bool) -> None:
    with visiting(browser, url, java_script_enabled=has_scripts) as visit:
        visit.page.goto(f"{url}sint2/#sint2=0x10013")
        visit.page.wait_for_url("**/HV_X64_MSR_SINT2/**")
        assert visit.page.inner_text("h1") == "HV_X64_MSR_SINT2"
        if has_scripts:
            visit.page.wait_for_function("() => document.querySelector('.hv-shown')?.dataset.text?.includes('vector 0x13, masked')")
            assert visit.hash == "#sint2=0x10013"
        visit.check()


def test_without_scripts_everything_can_be_read(browser: Browser, url: str) -> None:
    with visiting(browser, url, java_script_enabled=False) as visit:
        for path, text in {"": "names", "list/msr/": "HV_X64_MSR_GUEST_OS_ID", "HV_X64_MSR_SINT2/": "auto_eoi"}.items():
            visit.page.goto(url + path)
            assert text in visit.page.inner_text("main")
            assert visit.page.locator("th button").count() == 0
        visit.check()


def test_the_heading_of_an_answer_leads_to_its_page(visit: Visit) -> None:
    visit.open("HV_X64_MSR_EOM/").ask("sint2 0x200f3")
    visit.page.click(".hv-decoded caption a")
    visit.page.wait_for_url("**/HV_X64_MSR_SINT2/")
    assert visit.page.inner_text("h1") == "HV_X64_MSR_SINT2"


KINDS = {
    "first": "",
    "names": "list/",
    "list": "list/msr/",
    "list_part": "list/register/2/",
    "register": "HV_X64_MSR_SINT2/",
    "array": "HV_X64_MSR_SINTn/",
    "both_arches": "HV_INTERRUPT_ENTRY/",
    "struct": "HV_MESSAGE_PAGE/",
    "enumeration": "HV_MESSAGE_TYPE/",
    "in_parts": "NTSTATUS_CODE/",
    "hypercall": "HVCALL_POST_MESSAGE/",
    "leaf": "HYPERV_CPUID_FEATURES/",
    "crash": "WINDOWS_CRASH/",
    "word": "HV_CONNECTION_ID/",
    "flag": "hv-stimer/",
    "missing": "404.html",
}


@pytest.fixture(scope="module")
def examined(browser: Browser, url: str) -> Iterator[Visit]:
    """A tab into whose pages axe can be put."""
    with visiting(browser, url, bypass_csp=True, reduced_motion="reduce") as one:
        yield one


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious_on_any_kind_of_page(examined: Visit, kind: str, scheme: Any, width: int) -> None:
    need(str(AXE))
    page = examined.page
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(examined.url + KINDS[kind])
    if kind == "missing":
        page.set_content((ROOT / SITE / "404.html").read_text(encoding="utf-8").replace('"/', f'"{examined.url}'))
    page.wait_for_selector("#arch")
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run().then((found) => found.violations)")
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in serious] == []


def test_what_is_printed_is_the_page_and_its_answer(visit: Visit) -> None:
    visit.open("HV_X64_MSR_EOM/").ask("sint2 0x200f3")
    visit.page.emulate_media(media="print")
    assert visit.page.locator("main").is_visible()
    assert visit.page.locator(".hv-decoded").is_visible()
    assert visit.page.locator("#question").is_hidden()


def test_a_file_says_that_it_needs_a_server(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((ROOT / SITE / "index.html").as_uri())
    assert page.locator("#from-a-file").is_visible()
    context.close()
