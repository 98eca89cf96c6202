import gzip
import json
import re
from functools import cache
from html.parser import HTMLParser

import pytest
from flask import render_template

from tests.unit.web.card_samples import card, claim, phone, recharge, terms
from tests.unit.web.samples import (
    customer_samples,
    fixed_pay,
    linked_samples,
    make_app,
    pay_form,
    result,
    unsupported,
)
from web.assets import (
    STATIC,
    csp_hash,
    customer_csp,
    customer_headers,
    json_island,
    linked_headers,
    load_assets,
    squeeze_css,
    squeeze_js,
)

APP = make_app()
SAMPLES = customer_samples()
EVIL = "<script>alert(1)</script>&\"'{{7*7}}"


@cache
def render(name: str) -> str:
    template, context = SAMPLES[name]
    with APP.test_request_context():
        return render_template(template, **context)


def policy(csp: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in csp.split("; ")}


class Reader(HTMLParser):
    """Collects what a policy judges: inline blocks, style and event attributes, addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[tuple[str, str]] = []
        self.bad: list[str] = []
        self.ids: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.bad += [f"{tag} {key}" for key in said if key == "style" or key.startswith("on")]
        self.ids += [value for key, value in attrs if key == "id" and value]
        if tag == "style":
            self._open = "style"
        elif tag == "script" and "src" not in said:
            self._open = "json" if said.get("type") == "application/json" else "script"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.blocks.append((self._open, data))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


@pytest.mark.parametrize("name", SAMPLES)
def test_everything_inline_is_allowed_by_its_hash(name: str) -> None:
    reader = Reader()
    reader.feed(render(name))
    rules = policy(customer_csp())
    for kind, text in reader.blocks:
        if kind == "json":
            json.loads(text)
        else:
            assert csp_hash(text) in rules[f"{kind}-src"]
    assert reader.bad == []
    assert len(reader.ids) == len(set(reader.ids))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_customer_page_keeps_its_budget_and_asks_for_nothing(name: str) -> None:
    html = render(name)
    assert len(html.encode()) <= 30 * 1024
    assert len(gzip.compress(html.encode(), 9)) <= 15 * 1024
    assert not re.search(r"""(?:src|srcset|poster)=["'](?!data:)""", html)
    assert not re.search(r"<link(?! rel=\"icon\" href=\"data:,\")", html)
    assert "url(" not in html
    assert "!" not in re.sub(
        r"<style>.*?</style>|<script.*?</script>|<!doctype", "", html, flags=re.S
    )


def test_the_pay_script_is_small_and_old_browser_safe() -> None:
    for name, script in load_assets().scripts.items():
        source = (STATIC / "js" / "pay" / f"{name}.js").read_text("utf-8")
        assert len(source.encode()) <= 8 * 1024
        assert not re.search(r"=>|`|\b(let|const|async|await|class)\s|\?\.|\?\?|fetch\(", script)
        assert "setAttribute('style'" not in script
        assert "innerHTML" not in script
        assert "</" not in script


def test_the_styles_hold_for_old_web_views() -> None:
    css = load_assets().css + load_assets().card_css
    assert not re.search(r":has\(|\binset:|(?<!grid-)gap:|@layer|@container", css)
    defined = set(re.findall(r"(--[\w-]+):", css))
    assert set(re.findall(r"var\((--[\w-]+)", css)) <= defined


def test_the_policy_names_the_simulator_only_in_simulation() -> None:
    rules = policy(customer_csp())
    assert rules["default-src"] == ["'none'"]
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules["frame-src"] == ["weixin:", "weixinping:", "wvjbscheme:", "alipays:", "alipay:"]
    assert "unsafe" not in customer_csp()
    assert "http" not in customer_csp()
    sim = policy(customer_csp("http://127.0.0.1:8001"))
    for name in ("script-src", "connect-src", "frame-ancestors"):
        assert "http://127.0.0.1:8001" in sim[name]
    assert "'none'" not in sim["frame-ancestors"]


def test_the_policy_can_be_enforced_reported_or_off() -> None:
    assert "Content-Security-Policy" in customer_headers("enforce")
    assert "Content-Security-Policy-Report-Only" in customer_headers("report")
    assert not [name for name in customer_headers("off") if "Policy" in name and "Ref" not in name]
    for mode in ("enforce", "report", "off"):
        headers = customer_headers(mode)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert "unsafe" not in linked_headers()["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("form", pay_form(shop=EVIL, place=EVIL, amount=EVIL, remark=EVIL, error=EVIL)),
        ("form", pay_form(shop=EVIL, mode="fixed_price", unit_price_fen=1, code_name=EVIL)),
        ("fixed", fixed_pay(shop=EVIL, facts=[(EVIL, EVIL)])),
        ("result", result("failed", shop=EVIL, reason=EVIL, reason_code=EVIL)),
        ("result", result("pending", shop=EVIL, state_url=EVIL)),
        ("unsupported", unsupported(shop=EVIL, url=EVIL, code=EVIL)),
        ("../card/card", card(shop=EVIL, issuer=EVIL, stores=(EVIL,), store_off=EVIL)),
        ("../card/recharge", recharge(issuer=EVIL, refund_rule=EVIL)),
        ("../card/terms", terms(body=EVIL, issuer=EVIL, contact=EVIL)),
        ("../card/phone", phone(phone=EVIL, was_sent=True, error=EVIL)),
        ("../card/claim", claim(description=EVIL, title=EVIL)),
    ],
)
def test_what_others_wrote_stays_text(template: str, page: object) -> None:
    with APP.test_request_context():
        html = render_template(f"pay/{template}.html".replace("pay/../", ""), page=page)
    assert "<script>alert" not in html
    assert "49" not in re.findall(r"alert\(1\)[^<]{0,40}", html)[0]


def test_a_json_island_cannot_end_its_element() -> None:
    value = {"a": "</script><!--\u2028&"}
    text = str(json_island(value))
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == value


def test_squeezing_keeps_what_matters() -> None:
    css = "/* a */ .a :hover , b > c { width : calc(1px + 2px) ; content: 'x  ;  y' ; }\n"
    assert squeeze_css(css) == ".a :hover,b>c{width :calc(1px + 2px);content:'x  ;  y'}"
    js = "/* a\n b */\n  // c\n  var a='// no';\n\n  b(a) // kept\n"
    assert squeeze_js(js) == "var a='// no';\nb(a) // kept"
    with pytest.raises(ValueError, match="two lines"):
        squeeze_js("var a = `x`")


@pytest.mark.parametrize("name", linked_samples())
def test_linked_pages_carry_no_inline_style_or_script(name: str) -> None:
    template, context = linked_samples()[name]
    with APP.test_request_context():
        html = render_template(template, **context)
    reader = Reader()
    reader.feed(html)
    assert reader.bad == []
    assert reader.blocks == []
    for path in re.findall(r'href="/static/([^"]+)"', html):
        assert (STATIC / path).is_file()


CONTRASTS = [
    ("ink-9", "paper", 17.57),
    ("ink-7", "paper", 10.15),
    ("ink-6", "paper", 6.15),
    ("ink-6", "ink-0", 5.62),
    ("ink-5", "paper", 4.86),
    ("ink-4", "paper", 3.14),
    ("paper", "wx-deep", 5.43),
    ("paper", "ali-deep", 6.16),
    ("paper", "card-deep", 7.38),
    ("ok", "ok-wash", 5.19),
    ("warn", "warn-wash", 6.63),
    ("bad", "bad-wash", 6.27),
    ("info", "info-wash", 5.41),
]


@pytest.mark.parametrize(("front", "back", "ratio"), CONTRASTS)
def test_the_contrast_table_holds(front: str, back: str, ratio: float) -> None:
    colours = dict(
        re.findall(r"--([\w-]+):(#[0-9A-F]{6})", (STATIC / "css" / "tokens.css").read_text("utf-8"))
    )
    lights = sorted((luminance(colours[front]), luminance(colours[back])))
    assert (lights[1] + 0.05) / (lights[0] + 0.05) == pytest.approx(ratio, abs=0.01)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
