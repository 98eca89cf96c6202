"""Logos: uploaded at the desk, drawn anew, on the pay page at once."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import requests
from PIL import Image

from services.seed import MAIN, OTHER
from tests.harness.console import Console
from tests.harness.pictures import noise, picture
from tests.harness.product import Product

QINGHE = "sub01QINGHE8H2K4M6P9"
OWN, PROVIDER = f"/merchants/{QINGHE}/logo", "/settings/logo"
SHOWN = re.compile(r'<span class="mk"[^>]*>(.)(?:<img src="([^"]*)"[^>]*></span>|</span>)')


def send(desk: Console, path: str, body: bytes, **form: str) -> requests.Response:
    files = {"logo": ("logo.png", body, "image/png")}
    return desk.post(path, form, files=files)


def on_page(phone: Any) -> tuple[str, str]:
    """(the letter, the picture's address) at the head of the pay page."""
    found = SHOWN.search(phone().form().page)
    assert found
    return found[1], found[2] or ""


def test_a_logo_is_drawn_anew_and_stands_on_the_pay_page(product: Product, phone: Any) -> None:
    desk = Console(product)
    assert on_page(phone) == ("青", "")
    assert send(desk, PROVIDER, picture(400, 400, "JPEG", "navy")).status_code == 303
    first = on_page(phone)
    assert first[0] == "青", "it stays below: a picture that does not come leaves no hole"
    note = b"GPS 31.2304, 121.4737 <script>alert(1)</script>"
    assert send(desk, OWN, picture(300, 300) + note).status_code == 303
    letter, address = on_page(phone)
    assert (letter, address != first[1]) == ("青", True), "the merchant's own before the provider's"
    got = requests.get(product.url + address, timeout=10)
    assert (got.status_code, got.headers["Content-Type"]) == (200, "image/jpeg")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in got.headers["Cache-Control"]
    assert note not in got.content
    assert len(got.content) <= 24576
    shown = Image.open(io.BytesIO(got.content))
    assert (shown.format, shown.size) == ("JPEG", (192, 192))
    for path in ("", "/logo"):
        assert f'src="{address}"' in desk.get(f"/merchants/{QINGHE}{path}").text
    public_id = address.rsplit("/", 1)[1]
    assert requests.get(f"{product.url}/q/{OTHER}/logo/{public_id}", timeout=10).status_code == 404
    assert requests.get(f"{product.url}/q/{MAIN}/logo/nosuch", timeout=10).status_code == 404

    assert desk.post(OWN, {"do": "remove"}).status_code == 303
    assert on_page(phone) == first
    assert requests.get(product.url + address, timeout=10).status_code == 200, "open pages have it"
    assert desk.post(PROVIDER, {"do": "remove"}).status_code == 303
    assert on_page(phone) == ("青", "")
    entries = product.sql("SELECT subject, facts FROM audit_entry WHERE action = 'logo_set'")
    assert [row.subject.split(":")[0] for row in entries] == [
        "provider", "merchant", "merchant", "provider",
    ]  # fmt: skip
    assert entries[1].facts["after"] == public_id


@pytest.mark.parametrize("path", [OWN, PROVIDER])
def test_what_is_no_logo_is_refused_at_its_field(product: Product, path: str) -> None:
    desk = Console(product)
    half = picture(400, 400, "JPEG")
    for body, code, part in (
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "AD_IMAGE_TYPE", ""),
        (picture(300, 300, "GIF"), "AD_IMAGE_TYPE", ""),
        (picture(700, 300), "AD_IMAGE_SHAPE", "宽和高要一样"),
        (picture(64, 64), "AD_IMAGE_SHAPE", "至少要 96×96"),
        (half[: len(half) // 2], "AD_IMAGE_BROKEN", ""),
        (picture(4000, 4000), "AD_IMAGE_SIZE", "1200 万像素"),
        (noise(900, 900, "PNG"), "AD_IMAGE_SIZE", "MB"),
        (bytes(4 << 20), "AD_IMAGE_SIZE", "4.0 MB"),
        (b"", "AD_IMAGE_MISSING", ""),
    ):
        answer = send(desk, path, body)
        assert (answer.status_code, code in answer.text, part in answer.text) == (
            422, True, True,
        ), (code, answer.text[-800:])  # fmt: skip
    assert product.sql("SELECT 1 FROM logo") == []
    viewer = Console(product, "demo-viewer")
    assert send(viewer, path, picture(300, 300)).status_code == 403
