"""Styles and scripts of the customer pages: squeezed, inlined, and allowed by hash alone.

A customer page is one response: no linked file, no inline `style` attribute, no event attribute.
What a template inlines through `inline_css()` and `inline_js()` is exactly what the hashes of
`customer_csp` were taken from.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from flask import Flask
from markupsafe import Markup

STATIC: Final = Path(__file__).resolve().parents[1] / "static"
SCRIPTS: Final = ("pay", "result", "copy", "bridge", "recharge", "code")  # static/js/pay/<name>.js
CSS_FILES: Final = ("tokens.css", "pay.css")
CARD_CSS: Final = "card.css"  # below pay.css on the pages of members' cards
NOSCRIPT_CSS: Final = "pay-noscript.css"
# Old WebViews reach their app through frames of these schemes (architecture 7).
WALLET_SCHEMES: Final = ("weixin:", "weixinping:", "wvjbscheme:", "alipays:", "alipay:")
CspMode = Literal["enforce", "report", "off"]

_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"


def squeeze_css(source: str) -> str:
    """CSS without comments and spare white space; strings stay as they are.

    A space before a colon is kept (`.a :hover` is not `.a:hover`), so are those around `+` (calc).
    """

    def short(match: re.Match[str]) -> str:
        return match["string"] or match["mark"] or (":" if match["colon"] else " ")

    text = re.sub(r"/\*.*?\*/", " ", source, flags=re.S)
    tokens = rf"(?P<string>{_STRING})|\s*(?P<mark>[{{}};,>])\s*|(?P<colon>:)\s+|\s+"
    return re.sub(tokens, short, text).replace(";}", "}").strip()


def squeeze_js(source: str) -> str:
    """A script without comment lines and indentation. Nothing inside a line is touched.

    Safe because our scripts are ES5: no string or pattern spans two lines (checked), and comments
    stand on lines of their own.
    """
    if "`" in source or re.search(r"\\\n", source):
        raise ValueError("a string over two lines cannot be squeezed by line")
    bare = re.sub(r"^[ \t]*/\*.*?\*/[ \t]*$", "", source, flags=re.S | re.M)
    lines = (line.strip() for line in bare.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def trim_tokens(tokens: str, used_in: str) -> str:
    """Drop the custom properties that no rule reaches, keeping those that kept ones refer to."""
    values = dict(re.findall(r"(--[\w-]+):([^;}]+)", tokens.split("[data-client")[0]))
    rest = tokens[tokens.index("[data-client") :]
    wanted: set[str] = set()
    queue = re.findall(r"var\((--[\w-]+)", used_in + rest + values["--accent"])
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted.add(name)
            queue += re.findall(r"var\((--[\w-]+)", values.get(name, ""))
    root = ";".join(f"{name}:{value}" for name, value in values.items() if name in wanted)
    return f":root{{{root}}}{rest}"


def customer_css(*more: str) -> str:
    tokens, *rest = (
        squeeze_css((STATIC / "css" / name).read_text("utf-8")) for name in (*CSS_FILES, *more)
    )
    rules = "".join(rest)
    return trim_tokens(tokens, rules) + rules


def csp_hash(text: str) -> str:
    """The source expression that allows one inline block with exactly this text."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


@dataclass(frozen=True)
class Assets:
    """What customer pages inline, read once at start."""

    css: str
    card_css: str
    noscript_css: str
    scripts: Mapping[str, str]

    @classmethod
    def load(cls) -> Assets:
        return cls(
            css=customer_css(),
            card_css=customer_css(CARD_CSS),
            noscript_css=squeeze_css((STATIC / "css" / NOSCRIPT_CSS).read_text("utf-8")),
            scripts={
                name: squeeze_js((STATIC / "js" / "pay" / f"{name}.js").read_text("utf-8"))
                for name in SCRIPTS
            },
        )

    @property
    def style_hashes(self) -> list[str]:
        return [csp_hash(css) for css in (self.css, self.card_css, self.noscript_css)]

    @property
    def script_hashes(self) -> list[str]:
        return [csp_hash(self.scripts[name]) for name in SCRIPTS]


@cache
def load_assets() -> Assets:
    return Assets.load()


def customer_csp(simulator_origin: str | None = None, *, form_action: Iterable[str] = ()) -> str:
    """The policy of every customer page.

    `simulator_origin` (simulation only) may load its bridge, be asked by it and frame the page.
    `form_action` names origins that a posted form may be redirected to besides our own.
    """
    assets = load_assets()
    sim = [simulator_origin] if simulator_origin else []
    rules = {
        "default-src": ["'none'"],
        "style-src": assets.style_hashes,
        "script-src": [*assets.script_hashes, *sim],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *sim],
        "form-action": ["'self'", *form_action, *sim],
        "frame-src": list(WALLET_SCHEMES),
        "frame-ancestors": sim or ["'none'"],
        "base-uri": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in rules.items())


def customer_headers(
    mode: CspMode = "enforce",
    simulator_origin: str | None = None,
    *,
    form_action: Iterable[str] = (),
) -> dict[str, str]:
    """The headers of every customer page. `mode` is a setting: no wallet can be tried here."""
    headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if mode != "off":
        name = "Content-Security-Policy" + ("-Report-Only" if mode == "report" else "")
        headers[name] = customer_csp(simulator_origin, form_action=form_action)
    return headers


def linked_headers(simulator_origin: str | None = None) -> dict[str, str]:
    """The headers of merchant, console and error pages: style and script are files of ours.

    `simulator_origin` (simulation only): its phone may frame the page.
    """
    framed_by = simulator_origin or "'none'"
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; form-action 'self'; frame-ancestors {framed_by}; base-uri 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": policy,
    }


def vendor_url(name: str) -> str:
    """Where a third party's file is; empty without `make assets`: pages work without it."""
    return f"/static/vendor/{name}" if (STATIC / "vendor" / name).is_file() else ""


def json_island(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: nothing in it can end or open an element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)


def install(app: Flask) -> None:
    """Load everything now, so that a missing file fails the start and not a payer."""
    assets = load_assets()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        inline_css=lambda: Markup(assets.css),
        inline_card_css=lambda: Markup(assets.card_css),
        inline_noscript_css=lambda: Markup(assets.noscript_css),
        inline_js=lambda name: Markup(assets.scripts[name]),
        vendor_url=vendor_url,
    )
    app.jinja_env.filters["json_island"] = json_island
