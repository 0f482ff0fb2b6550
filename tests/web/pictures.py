"""Four screens of the site as PNG, to be looked at. python -m tests.web.pictures SITE FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.paths import DATA
from tests.web.browser import launch, visiting
from tests.web.serving import serving

PAGE = (DATA / "dumps/page.gdb.txt").read_text(encoding="utf-8")
LOG = (DATA / "logs/dmesg.txt").read_text(encoding="utf-8")
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1200, "height": 900}}
# Name → path of the page, what is asked there, and the browser.
SCREENS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "register_light": ("sint2/", "sint2 0x04000000000200f3", {**DESK, "color_scheme": "light"}),
    "message_page_dark": ("", PAGE, {**DESK, "color_scheme": "dark"}),
    "guest_id_phone": ("", "0x818000050fa7042f", {**PHONE, "color_scheme": "light"}),
    "log_phone_dark": ("", LOG, {**PHONE, "color_scheme": "dark"}),
}


def main(site: Path, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with serving(site) as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (path, text, options) in SCREENS.items():
            with visiting(browser, url, **options) as visit:
                visit.open(path).ask(text)
                visit.page.screenshot(path=folder / f"{name}.png")
                print(folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
