"""How long the site takes in a browser: the first page, a first answer, later ones. python -m tests.web.measure SITE [RUNS]

From a server on this machine: over a network the bytes of docs/site.md come on top.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.paths import DATA
from tests.web.browser import Visit, launch, visiting
from tests.web.serving import serving

LATER = ("sint2 0x200f2", "0x8100000606570000", "show sint2")
PASTES = {"a message page": "dumps/page.gdb.txt", "a log": "logs/dmesg.txt"}
# Polls as fast as a browser allows: what it waits for is drawn by then.
ASK = """async (text) => {
  document.querySelector(".hv-shown").replaceChildren();
  document.getElementById("question").value = text;
  const start = performance.now();
  document.getElementById("decoder").requestSubmit();
  while (!document.querySelector(".hv-shown .hv-body")) await new Promise((done) => setTimeout(done, 1));
  return performance.now() - start;
}"""
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def measure(visit: Visit) -> dict[str, float]:
    def ask(text: str) -> float:
        return float(visit.page.evaluate(ASK, text))

    found = {"the first page": float(visit.open().page.evaluate(LOADED)), "a first answer, with nothing loaded": ask("sint2 0x200f3")}
    found |= {f"a later one: {text}": ask(text) for text in LATER}
    for name, path in PASTES.items():
        text = (DATA / path).read_text(encoding="utf-8")
        ask(text)
        found[f"a later one: {name}"] = ask(text)
    visit.page.reload()
    visit.page.wait_for_selector("#arch")
    found["a first answer of a later visit"] = ask("sint2 0x200f3")
    return found


def main(site: Path, runs: int) -> None:
    from playwright.sync_api import sync_playwright

    found: list[dict[str, float]] = []
    with serving(site) as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for _ in range(runs):
            with visiting(browser, url) as visit:
                found.append(measure(visit))
        browser.close()
    for name in found[0]:
        values = sorted(one[name] for one in found)
        print(f"| {name} | {values[0]:,.0f} | {values[len(values) // 2]:,.0f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 5)
