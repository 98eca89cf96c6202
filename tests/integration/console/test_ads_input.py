"""What people and attackers put into the forms of ads: words at the field, nothing typed is lost.

failures.md 42 (SVG and HTML uploads, files that are two things) and 43 (open redirect, XSS).
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from gateways.outgoing.sender import CallbackSender
from services.after_payment import trying
from services.seed import OTHER
from tests.harness.console import Console
from tests.harness.pictures import noise, picture
from tests.harness.product import Product
from tests.harness.receiver import Heard, receiver
from tests.integration.console.ads_desk import AdsDesk

SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
)
HTML = b"<!doctype html><script>alert(1)</script>"
POLYGLOT = b"<script>alert(document.cookie)</script>PK\x03\x04"
PICTURES = {
    "svg": (SVG, "AD_IMAGE_TYPE"),
    "html": (HTML, "AD_IMAGE_TYPE"),
    "gif": (b"GIF89a/*" + HTML, "AD_IMAGE_TYPE"),
    "cut off": (noise(1400, 600)[:5000], "AD_IMAGE_BROKEN"),
    "portrait": (picture(300, 700), "AD_IMAGE_SHAPE"),
    "small": (picture(350, 150), "AD_IMAGE_SHAPE"),
    "wide": (picture(7000, 3000), "AD_IMAGE_SIZE"),
    "heavy": (noise(2100, 900, "PNG")[: 2 * 1024 * 1024 + 100], "AD_IMAGE_SIZE"),
    "none": (b"", "AD_IMAGE_MISSING"),
}
LINKS = (
    "http://shop.example.com/", "javascript:alert(1)", "data:text/html,x", "//evil.example.com",
    "https://user:pass@shop.example.com/", "https://localhost/", "https://10.0.0.1/x",
    "https://shop.example.com/ x",
    "https://shop.example.com/\r\nLocation: https://evil.example",
)  # fmt: skip


def test_what_is_no_picture_or_no_link_is_said_at_its_field(product: Product) -> None:
    desk = AdsDesk(Console(product))
    for name, (sent, code) in PICTURES.items():
        answer = desk.send(image=sent, name="青提 & 茉莉", weight="77")
        assert (name, answer.status_code) == (name, 422)
        assert code in answer.text, name
        assert 'value="青提 &amp; 茉莉"' in answer.text
        assert 'value="77"' in answer.text
    for link in LINKS:
        answer = desk.send(image=picture(), link=link)
        assert answer.status_code == 422, link
        assert "AD_LINK" in answer.text
        assert "已选的图片还在，不用再选" in answer.text
    kept = re.search(r'name="picture_id" value="(\w+)"', answer.text)
    assert kept
    theirs = product.one(
        "SELECT s.out_shop_id FROM store s JOIN provider p ON p.id = s.provider_id"
        " WHERE p.out_mch_id = :m ORDER BY s.id LIMIT 1", m=OTHER,
    )  # fmt: skip
    wrong = {
        "name": ("", "AD_NAME"), "starts_on": ("2026-02-30", "AD_DATES"),
        "ends_on": ("2020-01-01", "AD_DATES"), "weight": ("0", "AD_NUMBER"),
        "most_per_day": ("１０", "AD_NUMBER"), "target": (theirs.out_shop_id, "AD_PLACE"),
    }  # fmt: skip
    for field, (typed, code) in wrong.items():
        scope = "store" if field == "target" else "all"
        form = {"picture_id": kept[1], "scope": scope, field: typed}
        answer = desk.send(**form)
        assert (field, answer.status_code, code in answer.text) == (field, 422, True)
    assert product.sql("SELECT 1 FROM ad") == []
    assert desk.send(picture_id=kept[1]).status_code == 303  # it was not picked a second time


def test_a_file_that_is_two_things_comes_out_as_pixels(product: Product) -> None:
    desk = AdsDesk(Console(product))
    sent = picture(kind="JPEG") + POLYGLOT
    answer = desk.send(image=sent, name='"><script>alert(1)</script>')
    assert answer.status_code == 303
    made = desk.desk.get(answer.headers["Location"].removeprefix("/console")).text
    assert "<script>alert" not in made
    image = re.search(r'src="/console(/ads/pictures/\w+)"', made)
    assert image
    got = desk.desk.get(image[1])
    assert got.content.startswith(b"\xff\xd8\xff")
    assert b"script" not in got.content
    assert b"PK\x03\x04" not in got.content
    assert b"Exif" not in got.content
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Type"] == "image/jpeg"
    framed = desk.desk.get("/ads/preview", params={"client": "alipay", "name": "<b>x"})
    assert "frame-ancestors 'self'" in framed.headers["Content-Security-Policy"]
    assert 'data-client="alipay"' in framed.text
    assert "<b>x" not in framed.text


def test_a_hundred_megabytes_are_refused_in_words_and_what_was_typed_is_there(
    product: Product,
) -> None:
    """Thrown away as it comes: the memory that it takes does not grow with it."""
    desk = Console(product)
    size, edge = 100 * 1024 * 1024, "----yima"
    fields = {"token": desk.token(), "name": "大图", "link": "https://shop.example.com/x"}
    typed = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ).encode()
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode()
    after = f'\r\n--{edge}\r\nContent-Disposition: form-data; name="weight"\r\n\r\n42\r\n--{edge}--'

    def body() -> Iterator[bytes]:
        yield typed + head
        for _ in range(size // 65536):
            yield bytes(65536)
        yield after.encode()

    length = len(typed + head) + size + len(after)
    where, cookie = urlsplit(product.url), f"yima_console={desk.http.cookies['yima_console']}"
    wire = http.client.HTTPConnection(where.hostname or "", where.port or 0, timeout=60)
    began = time.monotonic()
    wire.request(
        "POST", "/console/ads", body(), {
            "Content-Type": f"multipart/form-data; boundary={edge}",
            "Content-Length": str(length), "Cookie": cookie,
        },
    )  # fmt: skip
    answer = wire.getresponse()
    page = answer.read().decode()
    assert time.monotonic() - began < 20
    assert answer.status == 422
    assert "AD_IMAGE_SIZE" in page
    assert "图片有 100.0 MB，最多 2 MB" in page
    for value in ("大图", "https://shop.example.com/x", "42"):
        assert f'value="{value}"' in page
    assert product.sql("SELECT 1 FROM ad_picture") == []


def test_the_test_link_finds_a_page_that_takes_no_parameters(product: Product) -> None:
    desk = Console(product)
    for url in ("https://127.0.0.1/x", "http://m.example.com/", "https://m.example.com/#a",
                "https://m.example.com/?sign=1"):  # fmt: skip
        for path in ("/ads/complete-page/try", "/ads/complete-page"):
            answer = desk.post(path, {"url": url, "version": "0"}, confirmed=path.endswith("page"))
            assert (url, answer.status_code) == (url, 422)
            assert "COMPLETE_PAGE_URL" in answer.text
            assert f'value="{url}"' in answer.text
    assert product.sql("SELECT 1 FROM after_page WHERE complete_url IS NOT NULL") == []
    inside = replace(
        product.deps.gateways, callbacks=CallbackSender(allow_private=True, allow_http=True)
    )
    deps = replace(product.deps, gateways=inside)

    def answer_of(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        kind = {"Content-Type": "text/html; charset=utf-8"}
        if heard.path.startswith("/fine"):
            return 200, kind, "<p>谢谢惠顾</p>".encode()
        if heard.path.startswith("/picky"):
            return (400, kind, b"") if "?" in heard.path else (200, kind, b"<p>hello</p>")
        if heard.path.startswith("/moved"):
            return 302, {"Location": "http://127.0.0.1:1/"}, b""
        return 200, kind, b"<html><head><title>x</title></head><body></body></html>"

    with receiver() as there:
        there.answer = answer_of
        fine = trying.try_page(deps, there.url("/fine"), "sp")
        assert fine.is_fine
        assert "&state=paid&total_fee=1&sign=" in there.heard[-1].path
        picky = trying.try_page(deps, there.url("/picky"), "sp")
        assert not picky.is_fine
        assert "不认参数" in picky.words
        assert "空白" in trying.try_page(deps, there.url("/blank"), "sp").words
        assert "跳到了别处" in trying.try_page(deps, there.url("/moved"), "sp").words
