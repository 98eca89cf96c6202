"""A callback repeats what the merchant's own system said, and nothing that it did not say."""

from __future__ import annotations

from dataclasses import replace

from services.callbacks.envelope import RefundFacts, pay_content, refund_content
from services.callbacks.origin import OURS, Origin, body, content, order_client, wxpay_ext
from tests.unit.callbacks.test_envelope import AT, ORDER, PARTY

ASKED = {
    "pay_content": {
        "body": "咖啡",
        "detail": "{}",
        "client_flow_id": "F-7",
        "total_fee": 9,
        "wxpay_pay_content_ext": {"attach": "桌5", "product_id": "P1", "scene_info": "{}"},
    },
    "order_client": {"device_id": "7", "terminal_type": 2, "sn_code": "", "unknown": "x"},
}
CALL = Origin(2, "N" * 32, ASKED)


def test_the_clients_own_words_come_back() -> None:
    assert order_client(CALL, "") == {
        "device_id": "7",
        "terminal_type": 2,
        "sub_terminal_type": 0,
        "sdk_version": "1.0",
        "spbill_create_ip": "127.0.0.1",
    }
    assert content(CALL) == {"detail": "{}", "client_flow_id": "F-7"}
    assert wxpay_ext(CALL) == {"attach": "桌5", "product_id": "P1"}
    assert body(CALL) == "咖啡"


def test_attach_may_have_stood_beside_the_extension() -> None:
    assert wxpay_ext(Origin(asked={"pay_content": {"attach": "a"}})) == {"attach": "a"}


def test_the_brief_envelopes_names_are_read_too() -> None:
    brief = Origin(1, "", {"di": "7", "sc": "LANDI_1", "stt": 900, "bd": "面"})
    said = order_client(brief, "")
    assert (said["device_id"], said["sn_code"], said["sub_terminal_type"]) == ("7", "LANDI_1", 900)
    assert body(brief) == "面"


def test_a_page_of_ours_says_nothing_of_its_own() -> None:
    assert order_client(OURS, "8K3FQ2")["device_id"] == "8K3FQ2"
    assert (content(OURS), wxpay_ext(OURS), body(OURS)) == ({}, {}, "")


def test_the_callback_tells_the_road_and_the_nonce_of_the_call() -> None:
    order = replace(ORDER, origin=CALL)
    said = pay_content(PARTY, order, "", "X")["order_content"]
    assert (said["trade_type"], said["nonce_str"]) == (2, "N" * 32)
    refund = RefundFacts("R1", None, "success", 1, "", AT, AT, AT, nonce="R" * 32)
    (told,) = refund_content(PARTY, order, [refund], "X")["refund_order_content"]
    assert (told["trade_type"], told["nonce_str"]) == (2, "R" * 32)
