"""Chromium, once for this package; phones that fail their test when a page misbehaves.

A phone is a browser context: a wallet's user agent, one person's cookies, a screen. It listens all
the time and fails its test at the end on a script error, an error in the console (a violation of
the page's policy is one), or a request to anywhere but the product and the simulator.

`YIMA_SHOTS=folder` keeps a picture of everything that a test looks at.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from sqlalchemy.pool import QueuePool

from tests.harness.phone import AGENTS, MAIN
from tests.harness.product import Product

FLAGS: Final = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update"
)
SHOTS: Final = os.environ.get("YIMA_SHOTS", "")
SIZES: Final = {"390": (390, 844, 100), "320": (320, 640, 100), "200pc": (390, 844, 200)}
DESK: Final = {"1280": (1280, 800, 100)}
UAS: Final[dict[str, str]] = {**AGENTS, "desktop": AGENTS["browser"]}
# Names of the faults that axe finds; every rule that it has, the best practices too.
AXE: Final = """async () => (await axe.run(document, {iframes: false, resultTypes: ['violations']}))
.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 90) + ' '
+ n.any.concat(n.all, n.none).map(c => c.message).join('; ').slice(0, 200)).join(' | '))"""
# A finger needs 44 px. A link inside a sentence is as high as its line.
SMALL: Final = """() => [...document.querySelectorAll('a[href],button,input:not([type=hidden])')]
.filter(e => e.offsetParent && !e.closest('.vh,[data-sim-sheet]'))
.map(e => [e, e.matches('input') ? (e.closest('.memo,.two,.amt-r,.qty,label') || e) : e])
.map(([e, box]) => [e.outerHTML.slice(0, 80), box.getBoundingClientRect()])
.filter(([, r]) => r.height < 43.5 || r.width < 43.5)
.map(([html, r]) => html + ' ' + Math.round(r.width) + 'x' + Math.round(r.height))"""
# What stands outside the screen, or is cut off inside its own box.
WIDE: Final = """() => {
const page = document.documentElement, w = page.clientWidth, out = [];
if (page.scrollWidth > w) out.push('page ' + page.scrollWidth);
for (const e of document.body.querySelectorAll('*')) {
const r = e.getBoundingClientRect(), html = e.outerHTML.slice(0, 80);
if (!r.width || e.closest('svg,.vh,.filters,.line,.side nav,.tw,[data-sim-sheet]')) continue;
if (r.right > w + 1 && getComputedStyle(e).position !== 'absolute') out.push(html);
else if (e.matches('a,button') && e.clientWidth && e.scrollWidth > e.clientWidth + 1)
out.push('cut ' + html);
} return out.slice(0, 5) }"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Scope `package`: while it lives no other test of the run could start an event loop."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("Chromium is missing, the browser tests need it: apt-get install chromium")
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=found, args=FLAGS.split())
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def agents(vectors: Callable[[str], Any]) -> dict[str, str]:
    """Real user agents by their name in tests/data/user-agents.json."""
    return {case["id"]: case["ua"] for case in vectors("user-agents.json")["cases"]}


@dataclass
class Screen:
    """One phone (or desk) with one page open."""

    context: BrowserContext
    page: Page
    home: str  # the product's origin
    ours: tuple[str, ...]  # what may be asked
    complaints: list[str] = field(default_factory=list)
    pardoned: list[str] = field(default_factory=list)  # parts of complaints that a test expects
    foreign: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("request", lambda asked: self._asked(asked.url))

    def _heard(self, said: ConsoleMessage) -> None:
        # A page that says no comes with its status: the browser notes every 4xx of the document.
        if said.type in ("error", "warning") and "responded with a status of" not in said.text:
            self.complaints.append(f"console: {said.text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((*self.ours, "data:", "blob:", "about:")):
            self.foreign.append(url)

    def open(self, path: str) -> int:
        """Go there; the status of the page that came in the end."""
        answer = self.page.goto(path if "://" in path else self.home + path)
        assert answer is not None
        return answer.status

    def scan(self, code: str = "8K3FQ2", query: str = "") -> int:
        return self.open(f"/q/{MAIN}/{code}{query}")

    def tap(self, keys: str) -> None:
        for key in keys:
            self.page.locator('[data-k="del"]' if key == "<" else f'[data-k="{key}"]').tap()

    def press(self) -> None:
        self.page.locator("#go").tap()

    def sheet(self, act: str = "confirm") -> None:
        """Do this in the wallet's sheet."""
        self.page.locator(f"[data-sim-sheet] [data-sim={act}]").tap()

    def words(self) -> str:
        return self.page.locator("body").inner_text()

    def look(
        self,
        name: str,
        sizes: dict[str, tuple[int, int, int]] | None = None,
        *,
        touch: bool = True,
        whole: bool = True,
    ) -> None:
        """At every size: fits, is reachable by finger, axe is content; and a picture of it."""
        found: list[str] = []
        page = self.page
        page.wait_for_load_state()  # its styles too: a press may just have led here
        before = page.viewport_size
        page.evaluate(f"() => {{ if (!window.axe) {{ {AXE_SCRIPT} }} }}")
        for size, (width, height, percent) in (sizes or SIZES).items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("p => {document.documentElement.style.fontSize = p}", f"{percent}%")
            found += [f"{name} {size}: wide {what}" for what in page.evaluate(WIDE)]
            if touch:
                found += [f"{name} {size}: small {what}" for what in page.evaluate(SMALL)]
            if percent == 100:
                found += [f"{name} {size}: axe {what}" for what in page.evaluate(AXE)]
            if SHOTS:
                Path(SHOTS).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=Path(SHOTS) / f"{name}-{size}.png", full_page=whole)
        page.evaluate("() => {document.documentElement.style.fontSize = ''}")
        if before is not None:
            page.set_viewport_size(before)
        assert not found, "\n".join(found)

    def verdict(self) -> None:
        kept = [c for c in self.complaints if not any(part in c for part in self.pardoned)]
        assert kept == []
        assert self.foreign == []


@pytest.fixture
def screen(browser: Browser, product: Product) -> Iterator[Callable[..., Screen]]:
    """Make a phone: `screen()`, `screen("alipay", person="zhou")`, `screen("desktop")`."""
    made: list[Screen] = []

    def make(agent: str = "wechat", person: str = "lin", **options: Any) -> Screen:
        options = {
            "viewport": {"width": 390, "height": 844},
            "has_touch": True,
            "reduced_motion": "reduce",
            "locale": "zh-CN",
            "user_agent": UAS.get(agent, agent),
            **options,
        }
        context = browser.new_context(**options)
        context.set_default_timeout(8000)
        context.add_cookies([{"name": "sim_person", "value": person, "url": product.simulator.url}])
        page = context.new_page()
        ours = (product.url + "/", product.simulator.url + "/")
        one = Screen(context, page, product.url, ours)
        one.listen(page)
        made.append(one)
        return one

    yield make
    for one in made:
        one.context.close()
    _quiet(product)
    for one in made:
        one.verdict()


def _quiet(product: Product) -> None:
    """Send the waiting live pages away and let every unit of work end, before the product goes."""
    watcher, pool = product.app.extensions["yima"].watcher, product.deps.db.engine.pool
    assert isinstance(pool, QueuePool)
    pause, deadline, calm = threading.Event(), time.monotonic() + 8, 0
    while calm < 2:
        with watcher._turn:
            for waiting in watcher._waiting.values():
                waiting.state = "gone"
            watcher._turn.notify_all()
        pause.wait(0.02)
        calm = 0 if watcher._waiting or pool.checkedout() else calm + 1
        assert time.monotonic() < deadline, "the product does not come to rest"
