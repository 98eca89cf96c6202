"""GET /v3/certificates (wechat.md A3)."""

from __future__ import annotations

import datetime as dt

from cryptography import x509

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Merchant


def test_the_platform_certificate_decrypts_with_the_apiv3_key(
    sim: Simulator, shop: Merchant
) -> None:
    answer = shop.call("GET", "/v3/certificates")
    assert answer.status == 200
    (row,) = answer.json["data"]
    assert set(row) == {"serial_no", "effective_time", "expire_time", "encrypt_certificate"}
    sealed = row["encrypt_certificate"]
    assert sealed["associated_data"] == "certificate"
    pem = shop.open(sealed)
    assert pem.decode() == shop.creds["platform_certificate"]
    built = x509.load_pem_x509_certificate(pem)
    assert row["serial_no"] == f"{built.serial_number:040X}"
    assert dt.datetime.fromisoformat(row["effective_time"]) == built.not_valid_before_utc
    assert dt.datetime.fromisoformat(row["expire_time"]) == built.not_valid_after_utc
    assert shop.verify(answer.headers, answer.body) == row["serial_no"]


def test_a_merchant_with_only_a_public_key(sim: Simulator, shop: Merchant, lin: str) -> None:
    sim.switch(wechat__platform_certificate="off")
    answer = shop.call("GET", "/v3/certificates")
    assert (answer.status, answer.code) == (404, "RESOURCE_NOT_EXISTS")
    assert answer.json["message"].startswith("无可用的平台证书")
    placed = shop.place(shop.order(lin))
    assert shop.verify(placed.headers, placed.body) == shop.creds["public_key_id"]
