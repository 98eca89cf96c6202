from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateways import rsa
from gateways.wechat_pay import crypto
from tests.unit.gateways.wallets import WECHAT, WKEYS

_MERCHANT = rsa.private_key(WKEYS["merchant_private_key_pem_pkcs8"])
_PLATFORM = rsa.certificate(WKEYS["platform_certificate_pem"]).public_key()
assert isinstance(_PLATFORM, RSAPublicKey)
_KEYS = {
    WKEYS["wechatpay_public_key_id"]: rsa.public_key(WKEYS["wechatpay_public_key_pem"]),
    WKEYS["platform_cert_serial_no"]: _PLATFORM,
}


def _named(items: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", items, ids=lambda case: case["name"])


@_named(WECHAT["v3_request_signature"])
def test_a_request_is_signed_as_the_vector_says(case: dict[str, Any]) -> None:
    message = crypto.request_message(
        case["method"],
        case["canonical_url"],
        case["timestamp"],
        case["nonce_str"],
        case["body"].encode(),
    )
    assert message == case["string_to_sign"].encode()
    assert rsa.sign(_MERCHANT, message) == case["signature"]
    header = crypto.authorization(
        WKEYS["merchant_mchid"],
        WKEYS["merchant_serial_no"],
        case["timestamp"],
        case["nonce_str"],
        case["signature"],
    )
    assert header == case["authorization"]


@_named(WECHAT["v3_response_and_notification_signature"])
def test_an_answer_verifies_exactly_when_the_vector_says(case: dict[str, Any]) -> None:
    headers = case["headers"]
    message = crypto.answer_message(
        headers["Wechatpay-Timestamp"], headers["Wechatpay-Nonce"], case["body"].encode()
    )
    key = _KEYS[headers["Wechatpay-Serial"]]
    assert rsa.verify(key, message, headers["Wechatpay-Signature"]) is case["expect_valid"]


@_named(WECHAT["aead_aes_256_gcm"]["cases"])
def test_a_sealed_text_opens_to_the_vectors_plain_text(case: dict[str, Any]) -> None:
    key = crypto.cipher(WKEYS["apiv3_key"])
    opened = crypto.decrypt(key, {**case, "algorithm": crypto.ALGORITHM})
    assert opened.decode() == case["plaintext"]


@pytest.mark.parametrize(
    "change",
    [
        {"associated_data": "refund"},
        {"nonce": "fdasflkja485"},
        {"ciphertext": "AAAA"},
        {"ciphertext": "not base64"},
        {"algorithm": "AEAD_AES_128_GCM"},
        {"algorithm": None},
        {"nonce": None},
        {"nonce": "short"},
        {"associated_data": 5},
    ],
    ids=str,
)
def test_a_changed_sealed_text_does_not_open(change: dict[str, Any]) -> None:
    case = WECHAT["aead_aes_256_gcm"]["cases"][0]
    with pytest.raises(ValueError):  # noqa: PT011 - many reasons, all of them ValueError
        crypto.decrypt(
            crypto.cipher(WKEYS["apiv3_key"]), {**case, "algorithm": crypto.ALGORITHM, **change}
        )


def test_the_apiv3_key_is_32_characters_as_they_are() -> None:
    with pytest.raises(ValueError, match="32"):
        crypto.cipher(WKEYS["apiv3_key"][:-1])


@_named(WECHAT["jsapi_invoke_v3"])
def test_the_bridge_is_signed_as_the_vector_says(case: dict[str, Any]) -> None:
    bridge = case["weixin_js_bridge"]
    signed = crypto.pay_sign(
        _MERCHANT, bridge["appId"], bridge["timeStamp"], bridge["nonceStr"], bridge["package"]
    )
    assert signed == bridge["paySign"]


@_named(WECHAT["official_published_vectors"]["cases"])
def test_tencents_printed_signatures_verify(case: dict[str, Any]) -> None:
    key = rsa.public_key(WECHAT["official_published_vectors"]["public_key_pem"])
    assert rsa.verify(key, case["string_to_sign"].encode(), case["signature"])
    assert not rsa.verify(key, case["string_to_sign"].encode() + b"\n", case["signature"])


@pytest.mark.parametrize("signature", ["", "!", "WECHATPAY/SIGNTEST/abc", "付", "AAAA", "A" * 344])
def test_a_broken_signature_is_a_wrong_one(signature: str) -> None:
    assert not rsa.verify(_KEYS[WKEYS["wechatpay_public_key_id"]], b"x", signature)


def test_a_key_that_does_not_load_is_told_without_its_text() -> None:
    broken = WKEYS["merchant_private_key_pem_pkcs8"].replace("MII", "XXX", 1)
    with pytest.raises(ValueError, match="not an RSA private key") as told:
        rsa.private_key(broken)
    assert broken.split("\n")[2] not in json.dumps(str(told.value))
