"""The decoder of the site in a real browser. Run by `make site-test`, which names the folder of the site in HVREPL_SITE."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.at_hand import missing, need
from tests.paths import DATA, ROOT
from tests.program import call
from tests.web.browser import CHROMIUM, Visit, visiting
from tests.web.inputs import INPUTS, NAMES, Input

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SITE = os.environ.get("HVREPL_SITE", "")
AXE = ROOT / "build/site-parts/node_modules/axe-core/axe.min.js"
LOG = (DATA / "logs/dmesg.txt").read_text()
PAGE = (DATA / "dumps/page.gdb.txt").read_text()
SINT2 = "HV_X64_MSR_SINT2 = 0x00000000000200f3  vector 0xf3, auto-EOI\n"

pytestmark = [
    pytest.mark.skipif(not SITE, reason="needs make site-test"),
    pytest.mark.skipif(bool(SITE and missing([CHROMIUM, "module:playwright"])), reason="needs chromium and playwright"),
]


@pytest.fixture(scope="module")
def warm(browser: Browser, url: str) -> Iterator[Visit]:
    """A tab whose decoder has started, for what needs no other."""
    with visiting(browser, url) as one:
        one.open().ask("sint2 0x1")
        yield one
        one.check()


@pytest.fixture(scope="module")
def narrow(browser: Browser, url: str) -> Iterator[Visit]:
    """A telephone, into whose pages axe can be put."""
    with visiting(browser, url, bypass_csp=True, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True) as one:
        one.open().ask("sint2 0x1")
        yield one
        one.check()


@pytest.mark.parametrize("given", INPUTS, ids=NAMES)
def test_every_answer_is_what_the_command_line_prints(warm: Visit, given: Input) -> None:
    printed = call(*given.words, stdin=given.stdin.encode(), environ=dict(given.environ), columns=0)
    assert warm.ask(given.text, given.arch) == printed.out
    if printed.err:
        assert printed.err.strip() in warm.said
        assert printed.err.strip() in warm.page.inner_text(".hv-body")


def test_a_first_question_is_typed_while_nothing_is_loaded(visit: Visit) -> None:
    visit.open()
    assert not [one for one in visit.requests if "/runtime/" in one]
    visit.page.click("#question")
    visit.page.keyboard.type("sint2 0x200f3")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("progress:not([hidden])")
    visit.page.wait_for_selector(".hv-body")
    assert visit.text.startswith(SINT2)
    assert visit.hash == "#x64/sint2=0x200f3"


def test_a_bit_that_is_clicked_changes_value_sentence_and_link(warm: Visit) -> None:
    warm.ask("sint2 0x200f3")
    warm.page.click('[data-bit="16"]')
    warm.page.wait_for_function("() => location.hash == '#x64/sint2=0x300f3'")
    assert "masked" in warm.page.inner_text(".hv-sentence")
    assert "0x00000000000300f3" in warm.page.inner_text(".hv-word")
    assert warm.page.input_value("#question") == "sint2 0x300f3"
    assert warm.page.get_attribute('[data-bit="16"]', "aria-pressed") == "true"


def test_bits_are_reached_and_pressed_by_keys(warm: Visit) -> None:
    warm.ask("sint2 0x200f3")
    warm.page.focus('[data-bit="63"]')
    for key in ("End", "ArrowLeft", "ArrowLeft"):
        warm.page.keyboard.press(key)
    assert warm.page.evaluate("document.activeElement.dataset.bit") == "2"
    warm.page.keyboard.press("Space")
    warm.page.wait_for_function("() => location.hash == '#x64/sint2=0x200f7'")
    assert warm.page.evaluate("document.activeElement.dataset.bit") == "2"  # and stays there
    warm.page.keyboard.press("ArrowUp")
    warm.page.keyboard.press("Enter")
    warm.page.wait_for_function("() => location.hash == '#x64/sint2=0x204f7'")
    assert warm.page.evaluate("document.querySelectorAll('.hv-bits [tabindex=\"0\"]').length") == 1


def test_many_bits_clicked_at_once_all_count(warm: Visit) -> None:
    warm.ask("sint2 0x0")
    warm.page.evaluate("for (const bit of [0, 1, 4, 5, 6, 7, 17]) document.querySelector(`[data-bit='${bit}']`).click()")
    warm.page.wait_for_function("() => location.hash == '#x64/sint2=0x200f3'")
    assert warm.text.startswith(SINT2)


def test_a_guest_id_stays_one_whatever_bit_is_clicked(warm: Visit) -> None:
    warm.ask("0x8100000606570000")
    warm.page.click('[data-bit="63"]')
    warm.page.wait_for_function("() => location.hash.includes('0x100000606570000')")
    warm.page.wait_for_function(
        "document.querySelector('.hv-shown').dataset.text.startsWith('HV_X64_MSR_GUEST_OS_ID = 0x0100000606570000')"
    )


def test_a_row_is_marked_with_its_bit(warm: Visit) -> None:
    warm.ask("sint2 0x200f3")
    warm.page.hover('[data-bit="3"]')
    assert warm.page.get_attribute("tr.hv-marked", "data-name") == "vector"


def paste(visit: Visit, text: str) -> None:
    """Pastes what an expression of JavaScript is, as the browser itself does: the box has it unless the page prevents that."""
    visit.page.focus("#question")
    visit.page.evaluate(f"""() => {{
      const text = {text};
      const data = new DataTransfer();
      data.setData("text/plain", text);
      const box = document.getElementById("question");
      const event = new ClipboardEvent("paste", {{ clipboardData: data, cancelable: true, bubbles: true }});
      if (box.dispatchEvent(event)) box.setRangeText(text);
    }}""")


def test_a_page_that_is_pasted_is_answered_at_once(warm: Visit) -> None:
    warm.page.fill("#question", "")
    said = warm.answered(lambda: paste(warm, json.dumps(PAGE)))
    assert said == call(stdin=PAGE.encode(), columns=0).out
    assert warm.page.locator(".hv-slot").count() == 2


@pytest.mark.parametrize(
    ("fragment", "start"),
    [
        ("#arm64/sint2=0x10013", "HV_REGISTER_SINT2 = 0x0000000000010013  vector 0x13, masked"),
        ("#sint2=0x200f3", "HV_X64_MSR_SINT2 = 0x00000000000200f3"),
        ("#x64/sint2%20vector%3D0xf3", "0x00000000000000f3"),
        ("#x64/0x8100000606570000", "HV_X64_MSR_GUEST_OS_ID"),
    ],
)
def test_a_link_is_answered_when_it_is_opened(warm: Visit, fragment: str, start: str) -> None:
    said = warm.answered(lambda: warm.page.evaluate("hash => { location.hash = hash }", fragment))
    assert said.startswith(start)
    assert warm.page.input_value("#arch") == ("arm64" if "arm64" in fragment else "x64")


def test_a_link_works_in_a_new_browser_and_below_any_page(visit: Visit) -> None:
    visit.open("HV_X64_MSR_SINT2/#arm64/sint2=0x10013").page.wait_for_selector(".hv-body")
    assert visit.text.startswith("HV_REGISTER_SINT2 = 0x0000000000010013")


def test_a_page_that_was_pasted_goes_into_a_link_that_is_short(warm: Visit, browser: Browser, url: str) -> None:
    text = warm.ask(PAGE)
    warm.page.wait_for_function("() => location.hash.startsWith('#x64/~')")
    assert len(warm.hash) < 2000
    with visiting(browser, url) as other:
        other.open(warm.hash).page.wait_for_selector(".hv-body")
        assert other.text == text
        assert other.page.input_value("#question") == PAGE.strip("\n")


def test_what_is_too_long_for_a_link_says_so(warm: Visit) -> None:
    noise = "\n".join(sha256(bytes([number % 256, number >> 8])).hexdigest() for number in range(1000))
    assert "HYPERV_CPUID_FEATURES" in warm.ask(f"{LOG}{noise}")
    warm.wait_for_said("too long for a link")
    assert warm.hash == ""
    assert warm.page.locator(".hv-link").count() == 0


def test_the_way_back_leads_to_the_question_before(warm: Visit) -> None:
    warm.ask("sint2 0x200f3")
    warm.ask("simp 0xfa1001")
    warm.page.go_back()
    warm.page.wait_for_function("() => document.querySelector('.hv-shown').dataset.text.startsWith('HV_X64_MSR_SINT2')")
    assert warm.page.input_value("#question") == "sint2=0x200f3"


HASHES = (
    "#x64/%E0%A4%A",
    "#x64/~!!!!",
    "#x64/~AAAA",
    "#arm64/<img src=x onerror=document.title='broken'>=1",
    "#x64/sint2=<script>document.title='broken'</script>",
    "#x64/" + "%00%1b%5b31m=1",
    "#x64/!id",
    "#x64/" + "(" * 3000,
    "#x64/",
    "#x64/%EF%BF%BD=1",
)


@pytest.mark.parametrize("fragment", HASHES)
def test_hostile_text_in_the_hash_leaves_the_page_as_it_is(warm: Visit, fragment: str) -> None:
    warm.ask("sint2 0x1")
    title = warm.page.title()
    warm.page.evaluate("hash => { location.hash = hash }", fragment)
    assert warm.ask("sint2 0x200f3").startswith(SINT2)
    assert warm.page.title() == title
    assert warm.page.locator(".hv-body img, .hv-body script").count() == 0


@pytest.mark.parametrize("fragment", ["#x64/%E0%A4%A", "#x64/~!!!!", "#x64/~AAAA"])
def test_a_damaged_link_says_so(warm: Visit, fragment: str) -> None:
    warm.page.evaluate("hash => { location.hash = hash }", fragment)
    warm.wait_for_said("This link is damaged")


def test_a_packed_text_that_never_ends_is_refused(warm: Visit) -> None:
    pack = """async () => {
      const zeros = new Blob([new Uint8Array(20 << 20).fill(48)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
      const bytes = new Uint8Array(await new Response(zeros).arrayBuffer());
      const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      location.hash = "x64/~" + text.replaceAll("+", "-").replaceAll("/", "_");
    }"""
    warm.page.evaluate(pack)
    warm.wait_for_said("The text in this link is too long.")


def drop(visit: Visit, path: Path, name: str = "") -> str:
    """What is answered to a file that is dragged onto the page: the browser's own file chooser gives it, the drop is made of it."""
    visit.page.evaluate("""() => {
      const input = document.createElement("input");
      input.type = "file";
      input.id = "dragged";
      document.body.append(input);
    }""")
    visit.page.set_input_files("#dragged", path)
    act = """name => {
      const input = document.getElementById("dragged");
      const data = new DataTransfer();
      data.items.add(name ? new File(input.files, name) : input.files[0]);
      for (const kind of ["dragover", "drop"]) dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
      input.remove();
    }"""
    return visit.answered(lambda: visit.page.evaluate(act, name))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("images/guest.core", ("scan",)),
        ("images/guest.lime", ("scan",)),
        ("images/qemu.kdump", ("scan",)),
        ("logs/dmesg.txt", ("annotate",)),
        ("cpuid/xen.txt", ("cpuid",)),
    ],
)
def test_a_file_that_is_dropped_is_answered(warm: Visit, path: str, words: tuple[str, ...]) -> None:
    assert drop(warm, DATA / path) == call(*words, str(DATA / path), columns=0).out.replace(str(DATA / path), Path(path).name)
    assert Path(path).name in warm.page.inner_text(".hv-tools")
    assert warm.hash == ""


def test_a_file_is_chosen_with_the_button(warm: Visit) -> None:
    said = warm.answered(lambda: warm.page.set_input_files("#file", DATA / "images/guest.core"))
    assert said == call("scan", str(DATA / "images/guest.core"), columns=0).out.replace(f"{DATA}/images/", "")


def test_a_large_image_is_read_in_pieces_and_can_be_stopped(warm: Visit, tmp_path: Path) -> None:
    page = (DATA / "dumps/page.bin").read_bytes()
    image = tmp_path / "memory.raw"
    with image.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(123 << 20)
        file.write(page)
    assert "0x7b00000" in drop(warm, image)
    heap = warm.page.evaluate("performance.memory?.usedJSHeapSize ?? 0")
    assert heap < 200 << 20
    warm.page.evaluate("document.querySelector('.hv-shown').replaceChildren()")
    warm.page.set_input_files("#file", image)
    warm.page.wait_for_function("() => document.getElementById('hv-status').textContent.startsWith('Reading: ')")
    warm.page.click(".hv-stop")
    warm.wait_for_said("Stopped.")
    assert warm.ask("sint2 0x200f3").startswith(SINT2)


def test_a_dump_of_a_hundred_megabytes_is_refused_with_a_sentence(warm: Visit, tmp_path: Path) -> None:
    dump = tmp_path / "dump.txt"
    row = b"00000000: 1000 0080 1800 0000 0000 0000 0000 0000  ................\n"
    with dump.open("wb") as file:
        for _ in range(100):
            file.write(row * ((1 << 20) // len(row)))
    drop(warm, dump)
    assert "a page in a browser takes 4 MiB" in warm.page.inner_text(".hv-error")
    assert warm.ask("sint2 0x200f3").startswith(SINT2)


def test_a_text_of_a_hundred_megabytes_is_refused_with_a_sentence(warm: Visit) -> None:
    warm.page.fill("#question", "")
    paste(warm, "'0x1 '.repeat(25 << 20)")
    warm.wait_for_said("too long for the box")
    assert warm.page.input_value("#question") == ""
    assert warm.ask("sint2 0x200f3").startswith(SINT2)


def test_a_hostile_name_of_a_file_is_only_text(warm: Visit, tmp_path: Path) -> None:
    place = tmp_path / "x"
    place.write_bytes(b"")
    drop(warm, place, "<img src=x onerror=alert(1)>.txt")
    assert "<img src=x onerror=alert(1)>.txt is empty" in warm.page.inner_text(".hv-error")


def test_it_works_offline_after_the_first_visit(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visit:
        visit.open().ask("sint2 0x1")
        visit.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        visit.page.wait_for_function(
            "caches.open('hvrepl').then(async (cache) => (await cache.keys()).some((one) => one.url.endsWith('worker.js')))"
        )
        visit.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        visit.page.context.set_offline(True)
        visit.page.reload()
        visit.page.wait_for_selector("#arch")
        assert visit.ask("sint2 0x200f3").startswith(SINT2)
        visit.page.goto(f"{url}#arm64/sint2=0x10013")
        visit.page.wait_for_function("() => document.querySelector('.hv-shown').dataset.text?.startsWith('HV_REGISTER_SINT2')")
        assert [one for one in visit.complaints if "ERR_INTERNET_DISCONNECTED" not in one] == []


def test_without_a_connection_the_first_time_the_page_stays(browser: Browser, url: str) -> None:
    with visiting(browser, url, service_workers="block") as visit:
        visit.open()
        visit.page.context.set_offline(True)
        visit.page.fill("#question", "sint2 0x1")
        visit.page.press("#question", "Enter")
        visit.page.wait_for_function("() => /could not be loaded|stopped/.test(document.getElementById('hv-status').textContent)")
        visit.page.context.set_offline(False)
        assert visit.ask("sint2 0x200f3").startswith(SINT2)


def test_a_runtime_that_is_damaged_is_not_run(browser: Browser, url: str) -> None:
    with visiting(browser, url, service_workers="block") as visit:
        visit.page.context.route("**/hvrepl.zip", lambda route: route.fulfill(status=200, body=b"PK" * 1000))
        visit.open()
        visit.page.focus("#question")
        visit.wait_for_said("hvrepl.zip is damaged")
        visit.page.context.unroute("**/hvrepl.zip")
        assert visit.ask("sint2 0x200f3").startswith(SINT2)


def test_a_browser_without_webassembly_is_told_so(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visit:
        visit.page.add_init_script("delete globalThis.WebAssembly")
        visit.open()
        visit.page.fill("#question", "sint2 0x1")
        visit.page.press("#question", "Enter")
        visit.wait_for_said("This browser has no WebAssembly")
        assert visit.page.inner_text("main")
        visit.check()


def test_a_worker_that_dies_is_started_again(browser: Browser, url: str) -> None:
    with visiting(browser, url, service_workers="block") as visit:
        visit.page.context.route(
            "**/worker.js", lambda route: route.fulfill(body="throw new Error('dead')", content_type="text/javascript")
        )
        visit.open()
        visit.page.fill("#question", "sint2 0x1")
        visit.page.press("#question", "Enter")
        visit.wait_for_said("The decoder stopped")
        visit.page.context.unroute("**/worker.js")
        assert visit.ask("sint2 0x200f3").startswith(SINT2)


def test_two_tabs_answer_each_its_own(browser: Browser, url: str) -> None:
    with visiting(browser, url) as one:
        one.open()
        other = Visit(one.page.context, url).open()
        for number in range(3):
            assert one.ask(f"sint2 {number:#x}").startswith(f"HV_X64_MSR_SINT2 = 0x{number:016x}")
            assert other.ask(f"sint3 {number:#x}", "arm64").startswith(f"HV_REGISTER_SINT3 = 0x{number:016x}")
        one.check()
        other.check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "text", ["sint2 0x04000000000200f3", "0x8100000606570000", PAGE, "find auto_eoi", "nosuch"], ids=lambda text: text[:9]
)
def test_axe_finds_nothing_serious(narrow: Visit, scheme: Any, text: str) -> None:
    need(str(AXE))
    narrow.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    narrow.ask(text)
    narrow.page.add_script_tag(path=AXE)
    found = narrow.page.evaluate("axe.run().then((found) => found.violations)")
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in serious] == []


NARROW = ("sint2 0x04000000000200f3", "0x818000050fa7042f", PAGE, LOG, "list status", "show guest-id", "crash 0 1 2 3 4", "help eom")


@pytest.mark.parametrize("text", NARROW, ids=lambda text: text[:9])
def test_nothing_sticks_out_of_a_narrow_screen(narrow: Visit, text: str) -> None:
    narrow.ask(text)
    assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = """() => [...document.querySelectorAll('header *')].filter((one) => !one.closest('.hv-decoded, .hv-unseen, .hv-hidden')
      && one.getBoundingClientRect().right > 361).map((one) => one.outerHTML.slice(0, 100))"""
    assert narrow.page.evaluate(wide) == []


def test_colours_follow_the_system(browser: Browser, url: str) -> None:
    backs = []
    for scheme in ("light", "dark"):
        with visiting(browser, url, color_scheme=scheme) as visit:
            visit.open()
            backs.append(
                re.findall(r"\d+", str(visit.page.evaluate("getComputedStyle(document.getElementById('question')).backgroundColor")))
            )
    light, dark = (sum(map(int, back[:3])) for back in backs)
    assert light > 600
    assert dark < 200


def test_a_screen_reader_is_told_the_sentence(warm: Visit) -> None:
    warm.ask("sint2 0x200f3")
    assert warm.page.get_attribute("#hv-status", "role") == "status"
    assert warm.page.text_content("#hv-status") == "HV_X64_MSR_SINT2 = 0x00000000000200f3 vector 0xf3, auto-EOI"
    assert warm.page.get_attribute(".hv-bits", "aria-label") == "Bits of HV_X64_MSR_SINT2"


def test_an_anchor_of_the_page_is_no_question(warm: Visit) -> None:
    before = warm.ask("sint2 0x1")
    warm.page.evaluate("location.hash = 'main'")
    assert warm.text == before
