"""Keys of a merchant and of its provider: two at a time, MD5 by a switch, signatures by a key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import threading
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.cloudpay.table import TABLE
from tests.harness.cloudpay import Till, code_of
from tests.harness.console import Console
from tests.harness.phone import words
from tests.harness.product import Product
from tests.integration.cloudpay.changing import with_settings

RIGHT, WRONG, UNSIGNED = (104, 400), (101, 7), (101, 1015)
PRIVATE = re.compile(r'id="made-private">([^<]+)<')


def question(till: Till) -> str:
    return json.dumps({"pay_mch_key": till.mch_key(), "out_trade_no": till.number()})


def ask(
    product: Product, raw: dict[str, Any], method: str = "query_order", *, key: str = ""
) -> tuple[int, int]:
    """Over HTTP, as a till does, which checks the reply by the `key` that it knows."""
    answered = requests.post(f"{product.url}/cpay/{method}", json=raw, timeout=30)
    assert answered.status_code == 200
    outer = answered.json()
    content = json.loads(outer["response_content"])
    if key:
        proof = {"authen_type": 1, "authen_code": code_of(key, outer["response_content"])}
        assert outer["authen_info"] == {"a": proof}
    product.deps.cpay_traces.write(product.deps.transact)  # the answer may be here before its end
    return content["status"], content["internal_status"]


def by_key(till: Till, key: str) -> dict[str, Any]:
    text = question(till)
    return {"request_content": text, "authen_info": {"a": {
        "authen_type": 1, "authen_code": code_of(key, text)}}}  # fmt: skip


def by_md5(till: Till) -> dict[str, Any]:
    text = question(till)
    code = hmac.new(till.key.encode(), text.encode(), hashlib.md5).hexdigest().upper()
    return {"request_content": text, "authen_info": {"a": {
        "authen_type": 2, "authen_code": code}}}  # fmt: skip


def merchant(product: Product, till: Till) -> Any:
    return product.one("SELECT * FROM merchant WHERE out_sub_mch_id = :m", m=till.out_sub_mch_id)


def reset(desk: Console, own: str, overlap: int) -> str:
    shown = desk.post(f"{own}/keys", {"overlap": str(overlap)}, confirmed=True)
    found = re.search(r">([0-9a-f]{32})<", shown.text)
    assert found, words(shown.text)[:300]
    return found[1]


def test_two_keys_serve_during_a_change_and_each_says_when_it_was_used(product: Product) -> None:
    with_settings(product)
    till, desk = Till.of(product), Console(product)
    own = f"/merchants/{till.out_sub_mch_id}"
    assert "还没有用过" in words(desk.get(f"{own}/keys").text)
    assert ask(product, by_key(till, till.key)) == RIGHT
    first = merchant(product, till).key_used_at
    assert first is not None
    new = reset(desk, own, 60)
    row = merchant(product, till)
    assert (row.key_used_at, row.old_key_used_at) == (None, first)
    page = words(desk.get(f"{own}/keys").text)
    assert "还有设备没有换" in page
    assert ask(product, by_key(till, new), key=new) == RIGHT
    row = merchant(product, till)
    assert row.key_used_at is not None
    assert row.old_key_used_at == first
    product.simulator.advance(120)
    assert ask(product, by_key(till, till.key), key=till.key) == RIGHT
    refused = by_key(till, till.key)
    assert ask(product, refused, "micro_pay", key=till.key)[0] == 104
    assert merchant(product, till).old_key_used_at > first
    product.simulator.advance(3600)
    assert ask(product, by_key(till, till.key)) == WRONG
    assert ask(product, by_key(till, new)) == RIGHT


def test_a_key_that_ends_at_once_ends_within_the_seconds_that_it_is_kept(product: Product) -> None:
    with_settings(product, cpay_caller_kept_s=1.0)
    till, desk = Till.of(product), Console(product)
    assert ask(product, by_key(till, till.key)) == RIGHT
    new = reset(desk, f"/merchants/{till.out_sub_mch_id}", 0)
    product.deps.cpay_kept._rows.clear()  # the second is over
    assert ask(product, by_key(till, till.key)) == WRONG
    assert ask(product, by_key(till, new)) == RIGHT
    assert merchant(product, till).old_key_used_at is None


def test_a_process_that_has_not_heard_of_a_reset_does_not_call_the_old_key_new(
    product: Product,
) -> None:
    with_settings(product, cpay_caller_kept_s=60.0)
    till, desk = Till.of(product), Console(product)
    assert ask(product, by_key(till, till.key)) == RIGHT
    reset(desk, f"/merchants/{till.out_sub_mch_id}", 60)
    product.deps.cpay_traces._noted.clear()  # a minute is over
    assert ask(product, by_key(till, till.key)) == RIGHT
    assert merchant(product, till).key_used_at is None


def test_uses_are_written_once_a_minute(product: Product) -> None:
    with_settings(product)
    till = Till.of(product)
    assert ask(product, by_key(till, till.key)) == RIGHT
    first = merchant(product, till).key_used_at
    for _ in range(3):
        assert ask(product, by_key(till, till.key)) == RIGHT
    assert merchant(product, till).key_used_at == first


def test_nobody_waits_for_a_row_that_is_being_changed(product: Product) -> None:
    with_settings(product)
    till = Till.of(product)
    heard: list[tuple[int, int]] = []
    asking = threading.Thread(target=lambda: heard.append(ask(product, by_key(till, till.key))))
    with product.deps.db.engine.begin() as held:
        held.exec_driver_sql("SELECT 1 FROM merchant FOR UPDATE")
        asking.start()
        asking.join(10)
        assert heard == [RIGHT]
    asking.join()
    assert merchant(product, till).key_used_at is None


def test_md5_is_taken_where_it_was_switched_on_and_nowhere_else(product: Product) -> None:
    with_settings(product)
    till, other, desk = Till.of(product), Till.of(product, merchant=1), Console(product)
    own = f"/merchants/{till.out_sub_mch_id}"
    assert ask(product, by_md5(till)) == WRONG
    form = {"md5": "1"}
    assert desk.post(f"{own}/md5", form).status_code == 403, "a fresh code is wanted"
    assert ask(product, by_md5(till)) == WRONG
    assert desk.post(f"{own}/md5", form, confirmed=True).status_code == 303
    assert ask(product, by_md5(till)) == RIGHT
    assert ask(product, by_md5(other)) == WRONG
    row = merchant(product, till)
    assert row.md5_used_at is not None
    page = words(desk.get(f"{own}/keys").text)
    assert "已经不安全" in page
    # a code by MD5 that says it is none, and the other way round, are wrong
    mixed = by_md5(till)
    mixed["authen_info"]["a"]["authen_type"] = 1
    assert ask(product, mixed) == WRONG
    assert desk.post(f"{own}/md5", {"md5": ""}, confirmed=True).status_code == 303
    assert ask(product, by_md5(till)) == WRONG
    said = product.sql("SELECT action FROM audit_entry WHERE action LIKE 'merchant_md5%'")
    assert sorted(one.action for one in said) == ["merchant_md5_off", "merchant_md5_on"]


def test_wrong_codes_are_counted_by_day_and_shown_without_what_was_sent(product: Product) -> None:
    with_settings(product)
    till, other, desk = Till.of(product), Till.of(product, merchant=1), Console(product)
    for _ in range(3):
        assert ask(product, by_key(till, "planted" * 4)) == WRONG
    row = merchant(product, till)
    assert row.authen_failures == 3
    page = words(desk.get(f"/merchants/{till.out_sub_mch_id}/keys").text)
    assert "今天 3 次" in page
    assert merchant(product, other).authen_failed_at is None
    product.simulator.advance(86_400)
    desk.sign_in()
    assert "今天 0 次" in words(desk.get(f"/merchants/{till.out_sub_mch_id}/keys").text)
    assert ask(product, by_key(till, "planted" * 4)) == WRONG
    assert merchant(product, till).authen_failures == 1


# --- signatures -------------------------------------------------------------------------------


def sign(key: RSAPrivateKey, text: str, salt: int) -> str:
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
    return base64.b64encode(key.sign(text.encode(), pss, hashes.SHA256())).decode()


def signed(till: Till, key: RSAPrivateKey, salt: int = 32, name: str = "sign") -> dict[str, Any]:
    """The content of a refund that nobody has, signed."""
    content = {
        "pay_mch_key": till.mch_key(pay_platform=1, is_sub_mch_admin=True),
        "refund_content": {
            "out_trade_no": till.number(), "out_refund_no": till.number(), "total_fee": 1,
            "refund_fee": 1, "refund_fee_type": "CNY", "refund_reason": "退",
        },
        "order_client": till.client(),
        "nonce_str": "n" * 32,
    }  # fmt: skip
    text = json.dumps(content) + "\n"
    return {"request_content": text, "authen_info": {"s": {
        "sign_type": 1, name: sign(key, text, salt)}}}  # fmt: skip


def test_a_pair_is_made_shown_once_and_its_signatures_hold(product: Product) -> None:
    with_settings(product)
    till, desk = Till.of(product), Console(product)
    assert desk.post("/settings/signing", {"act": "make"}).status_code == 403
    page = desk.post("/settings/signing", {"act": "make"}, confirmed=True)
    found = PRIVATE.search(page.text)
    assert found, words(page.text)[:300]
    private = html.unescape(found[1])
    key = load_pem_private_key(private.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    assert "made-private" not in desk.get("/settings/signing").text
    for salt, name in ((32, "sign"), (222, "sign"), (32, "signature")):
        assert ask(product, signed(till, key, salt, name), "refund") == RIGHT
    # the signature is over this content, and only in the place of a code
    forged = signed(till, key)
    forged["request_content"] = forged["request_content"].rstrip("\n")
    assert ask(product, forged, "refund") == UNSIGNED
    other = rsa.generate_private_key(65537, 2048)
    assert ask(product, signed(till, other), "refund") == UNSIGNED
    both = signed(till, key)
    both["authen_info"]["a"] = {"authen_type": 1, "authen_code": "F" * 64}
    assert ask(product, both, "refund") == WRONG
    both["authen_info"]["a"]["authen_code"] = code_of(till.key, both["request_content"])
    both["authen_info"]["s"]["sign"] = "x"
    assert ask(product, both, "refund") == RIGHT
    # a query is proven by a code alone
    assert not TABLE["query_order"].takes_signature
    assert ask(product, signed(till, key), "query_order") == WRONG
    body = private.replace("\n", "")[40:80]
    row = product.one("SELECT * FROM provider WHERE out_mch_id = :p", p=till.out_mch_id)
    assert body not in str(row._asdict())
    desk.post("/settings/signing", {"act": "remove"}, confirmed=True)
    assert ask(product, signed(till, key), "refund") == UNSIGNED


@pytest.mark.parametrize("bits", [2048, 1024])
def test_a_pasted_public_key_is_cleaned_and_checked(product: Product, bits: int) -> None:
    with_settings(product)
    till, desk = Till.of(product), Console(product)
    key = rsa.generate_private_key(65537, bits)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    typed = pem.replace("\n", "\r\n").replace("-----END", "\u200b-----END")
    answer = desk.post("/settings/signing", {"act": "paste", "public": typed}, confirmed=True)
    if bits == 1024:
        assert answer.status_code == 422
        assert "2048" in words(answer.text)
        return
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert hashlib.sha256(der).hexdigest() in answer.text
    assert ask(product, signed(till, key), "refund") == RIGHT


def test_a_private_key_in_the_public_field_is_refused_and_kept_nowhere(product: Product) -> None:
    desk = Console(product)
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    answer = desk.post("/settings/signing", {"act": "paste", "public": pem}, confirmed=True)
    assert answer.status_code == 422
    assert product.sql("SELECT 1 FROM provider WHERE cpay_sign_public_key IS NOT NULL") == []
