"""Render every state of every page to var/preview/, and photograph them when Chromium is there.

python -m tests.preview_pages [name ...]
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from flask import render_template

from tests.unit.web.samples import customer_samples, linked_samples, make_app
from web.assets import STATIC

OUT = Path("var/preview")
SIZES = {"390": (390, 844, 100), "320": (320, 640, 100), "200pc": (390, 844, 200)}


def render(names: list[str]) -> list[str]:
    OUT.mkdir(parents=True, exist_ok=True)
    app = make_app()
    samples = customer_samples() | linked_samples()
    wanted = [name for name in samples if not names or name in names]
    with app.test_request_context():
        for name in wanted:
            template, context = samples[name]
            html = render_template(template, **context).replace("/static/", f"{STATIC}/")
            (OUT / f"{name}.html").write_text(html, "utf-8")
    return wanted


def photograph(names: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if not chromium:
        print("no chromium: pages only")
        return
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        for size, (width, height, percent) in SIZES.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, reduced_motion="reduce"
            )
            for name in names:
                page.goto((OUT / f"{name}.html").resolve().as_uri())
                if percent != 100:
                    page.add_style_tag(content=f"html{{font-size:{percent}%}}")
                wide, tall = page.evaluate(
                    "[document.documentElement.scrollWidth,document.documentElement.scrollHeight]"
                )
                if wide > width:
                    print(f"{name} {size}: {wide - width} px too wide")
                if size == "320" and name.startswith("pay-") and tall > height:
                    print(f"{name} {size}: {tall} px tall")
                page.screenshot(path=OUT / f"{name}-{size}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    photograph(render(sys.argv[1:]))
