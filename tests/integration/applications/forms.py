"""A shop's papers, and somebody who fills them in."""

from __future__ import annotations

import io
from typing import Any

import requests
from PIL import Image

from services.applications.fields import STEPS, Step, of_step
from services.applications.sweep import claim_due, pursue
from tests.harness.console import Console
from tests.harness.product import Product

ID_NUMBER, OTHER_ID = "11010519491231002X", "440308199901101512"
PLANTED = ("周小满", ID_NUMBER, "13912340001", "man@shop.test", "6222021234567890123")
VALUES = {
    "contact_type": "LEGAL",
    "contact_name": PLANTED[0],
    "mobile_phone": PLANTED[2],
    "contact_email": PLANTED[3],
    "subject_type": "SUBJECT_TYPE_INDIVIDUAL",
    "license_number": "92310101MA1K00000X",
    "merchant_name": "上海小满面馆",
    "legal_person": PLANTED[0],
    "card_name": PLANTED[0],
    "card_number": PLANTED[1],
    "card_from": "2016-01-01",
    "card_until": "长期",
    "short_name": "小满面馆",
    "service_phone": "021-55550000",
    "store_name": "小满面馆 长乐路店",
    "store_region": "310100",
    "store_address": "长乐路 12 号",
    "settlement_id": "719",
    "industry": "餐饮",
    "account_type": "BANK_ACCOUNT_TYPE_PERSONAL",
    "account_name": PLANTED[0],
    "account_bank": "工商银行",
    "account_number": PLANTED[4],
}


def picture(shade: int = 120, size: tuple[int, int] = (640, 400), kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (shade, 90, 60)).save(out, kind)
    return out.getvalue()


def begin(console: Console) -> int:
    answer = console.post("/applications")
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].split("/")[3])


def version(console: Console, number: int) -> str:
    row = console.product.one("SELECT version FROM application WHERE id = :i", i=number)
    return str(row.version)


def save(
    console: Console,
    number: int,
    step: Step,
    files: dict[str, bytes] | None = None,
    **changed: str,
) -> requests.Response:
    wanted = {field.name for field in of_step(step)}
    form: dict[str, Any] = {"version": version(console, number)}
    form |= {name: value for name, value in VALUES.items() if name in wanted}
    form |= changed
    given = {
        name: (f"{name}.jpg", content, "image/jpeg") for name, content in (files or {}).items()
    }
    return console.post(f"/applications/{number}/{step}", form, files=given or None)


def fill(console: Console, number: int) -> None:
    """Every step, with a picture wherever one is wanted."""
    for step in STEPS:
        wanted = [f.name for f in of_step(step) if f.is_picture and f.when is None]
        files = {name: picture(n * 20 + 10) for n, name in enumerate(wanted)}
        answer = save(console, number, step, files)
        assert answer.status_code == 303, answer.text


def sweep(product: Product) -> None:
    """Send and ask whatever is due, as the worker does."""
    for claim in claim_due(product.deps, 50):
        pursue(product.deps, claim)


def state(product: Product, number: int) -> str:
    row = product.one("SELECT state FROM application WHERE id = :i", i=number)
    return str(row.state)


def upstream(product: Product) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = product.simulator.get("/sim/applyments")
    return found


def move(product: Product, code: str, to: str, *details: dict[str, str]) -> None:
    product.simulator.post(f"/sim/applyments/{code}", {"state": to, "details": list(details)})
