"""What the merchant receipt inlines, and the policy under which WeChat's page may frame it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from markupsafe import Markup

from web.assets import STATIC, CspMode, csp_hash, squeeze_css, squeeze_js, trim_tokens

PARENT: Final = "https://payapp.weixin.qq.com"  # wechat.md B4
SCRIPTS: Final = ("ready", "page")


@cache
def css() -> str:
    tokens, *rest = (
        squeeze_css((STATIC / "css" / name).read_text("utf-8"))
        for name in ("tokens.css", "receipt-page.css", "receipt.css")
    )
    rules = "".join(rest)
    return trim_tokens(tokens, rules) + rules


@cache
def script(name: str) -> str:
    return squeeze_js((STATIC / "js" / "receipt" / f"{name}.js").read_text("utf-8"))


def parent_origin(simulator_origin: str | None) -> str:
    """Who frames the page and hears it: WeChat's page, in simulation the simulator's."""
    return simulator_origin or PARENT


def headers(mode: CspMode, simulator_origin: str | None) -> dict[str, str]:
    """No X-Frame-Options: it knows no list. Nothing is linked, so nothing can be slow."""
    rules = {
        "default-src": ["'none'"],
        "script-src": [csp_hash(script(name)) for name in SCRIPTS],
        "style-src": [csp_hash(css())],
        "img-src": ["data:"],
        "connect-src": ["'self'"],
        "form-action": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": [PARENT, *([simulator_origin] if simulator_origin else [])],
    }
    made = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if mode != "off":
        name = "Content-Security-Policy" + ("-Report-Only" if mode == "report" else "")
        made[name] = "; ".join(f"{rule} {' '.join(sources)}" for rule, sources in rules.items())
    return made


def globals_of_templates() -> dict[str, Callable[..., Markup]]:
    """Loads everything now, so that a missing file fails the start and not a payer."""
    css()
    for name in SCRIPTS:
        script(name)
    return {
        "receipt_css": lambda: Markup(css()),
        "receipt_js": lambda name: Markup(script(name)),
    }
