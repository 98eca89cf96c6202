"""Pictures at the simulator: what is signed, and every way of sending them. wechat.md A1, E1."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.simulator.wechat.client import Answer, Changes, Merchant

TARGET = "/v3/merchant/media/upload"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
EDGE = "e1f5d0c0aa"


def meta_of(content: bytes, **more: Any) -> str:
    said = {"filename": "a.png", "sha256": hashlib.sha256(content).hexdigest()} | more
    return json.dumps(said, separators=(",", ":"))


def parts(meta: str, content: bytes, name: str = "a.png", edge: str = EDGE) -> bytes:
    head = f'--{edge}\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{meta}\r\n'
    file = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    file = f"--{edge}\r\n{file}\r\nContent-Type: image/png\r\n\r\n"
    return (head + file).encode() + content + f"\r\n--{edge}--\r\n".encode()


def send(
    shop: Merchant,
    content: bytes = PNG,
    kind: str = f"multipart/form-data; boundary={EDGE}",
    meta: str = "",
    body: bytes | None = None,
    signed: str = "",
) -> Answer:
    """Signed over `signed`, else over the text of meta."""
    meta = meta or meta_of(content)
    whole = parts(meta, content) if body is None else body
    changes = Changes(sent_body=whole, headers={"Content-Type": kind})
    return shop.call("POST", TARGET, (signed or meta).encode(), changes)


def test_a_picture_is_taken_and_its_answer_is_signed(shop: Merchant) -> None:
    answer = send(shop)
    assert answer.status == 200
    assert answer.json["media_id"]
    assert shop.verify(answer.headers, answer.body) == shop.creds["platform_serial"]


def test_the_first_line_names_the_boundary_where_the_header_does_not(shop: Merchant) -> None:
    """As wechatpayv3 sends it."""
    assert send(shop, kind="multipart/form-data").status == 200


def test_the_whole_body_is_not_what_is_signed(shop: Merchant) -> None:
    answer = send(shop, signed=parts(meta_of(PNG), PNG).decode("latin-1"))
    assert (answer.status, answer.code) == (401, "SIGN_ERROR")


WITHOUT_MEANING: list[tuple[str, bytes]] = [
    ("multipart/form-data", b""),
    ("multipart/form-data", b"\r\n"),
    ("multipart/form-data", b"--\r\n"),
    ("multipart/form-data", b"x" * 5000),
    ("multipart/form-data; boundary=other", parts(meta_of(PNG), PNG)),
    ("multipart/form-data; boundary=" + EDGE, parts(meta_of(PNG), PNG)[:-40]),
    ("application/json", parts(meta_of(PNG), PNG)),
    ("", parts(meta_of(PNG), PNG)),
]


@pytest.mark.parametrize(("kind", "body"), WITHOUT_MEANING, ids=range(len(WITHOUT_MEANING)))
def test_what_has_not_two_parts_is_refused(shop: Merchant, kind: str, body: bytes) -> None:
    answer = send(shop, kind=kind, body=body)
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("another sum", {"meta": meta_of(b"other")}),
    ("another name", {"meta": meta_of(PNG, filename="b.png")}),
    ("another kind", {"meta": meta_of(PNG, filename="a.gif")}),
    ("a member too many", {"meta": meta_of(PNG, x=1)}),
    ("no JSON", {"meta": "filename=a.png"}),
    ("no picture", {"content": b"text that is called a.png"}),
    ("above 2 MB", {"content": PNG + b"\0" * 2 * 1024 * 1024}),
]


@pytest.mark.parametrize(("_", "wrong"), WRONG, ids=[name for name, _ in WRONG])
def test_a_wrong_picture_is_refused(shop: Merchant, _: str, wrong: dict[str, Any]) -> None:
    answer = send(shop, **wrong)
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")
