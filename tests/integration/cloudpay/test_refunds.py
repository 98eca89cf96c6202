"""refund and query_refund_order: asked for is not refunded, and never more than was paid."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from services.cards.codes import issue
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cards.spend.helping import give_card
from tests.integration.cloudpay.helping import asking, calls, paid, refusal, waiting
from tests.integration.codepay.helping import WALLETS

SENT = {"wechat": "wechat.refund", "alipay": "alipay.trade.refund"}
SHORT = {"wechat": "wechat.merchant_funds", "alipay": "alipay.seller_balance"}
EXT = {1: ("wxpay", "state"), 2: ("alipay", "refund_status"), 3: ("card", "state")}
CLERK, OWNER = "9001", "9002"


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def ask(till: Till, number: str, fen: int, total: int = 1000, **more: Any) -> dict[str, Any]:
    """The content of a refund; `more` goes into refund_content."""
    return {
        "refund_content": {
            "out_trade_no": number,
            "out_refund_no": till.number(),
            "total_fee": total,
            "refund_fee": fen,
            "refund_fee_type": "CNY",
            "refund_reason": "少一份小菜",
            **more,
        },
        "pay_mch_key": till.mch_key(pay_platform=1),
        "order_client": till.client(),
        "nonce_str": "7" * 32,
    }


def refund_state(result: dict[str, Any], content: dict[str, Any]) -> int:
    wallet, word = EXT[result["pay_mch_key"]["pay_platform"]]
    return int(content[f"{wallet}_refund_order_content_ext"][word])


def refunds(till: Till, number: str, out_refund_no: str = "") -> list[tuple[str, int]]:
    """(number, state) of each refund."""
    more = {"out_refund_no": out_refund_no} if out_refund_no else {}
    answer = till.call("query_refund_order", asking(till, number, **more))
    assert answer["status"] == 0, answer
    found = answer["query_refund_order"]
    assert len(found["order_client"]) == len(found["refund_order_content"])
    return [
        (one["out_refund_no"], refund_state(found, one)) for one in found["refund_order_content"]
    ]


def test_a_wechat_refund_is_asked_for_and_only_the_query_says_that_it_is_done(
    product: Product, till: Till
) -> None:
    number = paid(product, till, fen=1000)
    content = ask(till, number, 300)
    content["pay_mch_key"]["authorization_name"] = "王店长"
    answer = till.call("refund", content)
    assert answer["status"] == 0
    assert "query_refund_order" in answer["description"]
    assert "成功" not in answer["description"]
    made = answer["refund"]["refund_order_content"]
    assert refund_state(answer["refund"], made) == 4
    assert (made["total_fee"], made["refund_fee"], made["refund_fee_type"]) == (1000, 300, "CNY")
    assert made["refund_reason"] == "少一份小菜\n操作者：1003\n授权者：王店长"
    assert (made["out_trade_no"], made["trade_type"]) == (number, 1)
    assert made["nonce_str"] == "7" * 32 != answer["refund"]["nonce_str"]
    own = content["refund_content"]["out_refund_no"]
    assert refunds(till, number) == [(own, 4)]
    product.simulator.advance(60)
    product.sweep(2)
    assert refunds(till, number, own) == [(own, 2)]
    found = till.call("query_refund_order", asking(till, number, out_refund_no=own))
    assert found["description"] == "退款成功"
    assert found["query_refund_order"]["refund_order_content"][0]["refund_success_time"] > 0


def test_an_alipay_refund_is_done_at_once_and_in_progress_is_1(
    product: Product, till: Till
) -> None:
    number = paid(product, till, "alipay", 1000)
    answer = till.call("refund", ask(till, number, 300))
    assert refund_state(answer["refund"], answer["refund"]["refund_order_content"]) == 2
    product.simulator.switch("alipay.refund_outcome", "later")
    answer = till.call("refund", ask(till, number, 400))
    assert answer["status"] == 0
    assert refund_state(answer["refund"], answer["refund"]["refund_order_content"]) == 1
    product.simulator.advance(3600)
    product.sweep(3)
    assert [state for _, state in refunds(till, number)] == [2, 2]


@WALLETS
def test_never_more_than_was_paid(product: Product, till: Till, wallet: str) -> None:
    number = paid(product, till, wallet, 1000)
    assert till.call("refund", ask(till, number, 700))["status"] == 0
    answer = till.call("refund", ask(till, number, 301))
    assert refusal(answer) == (104, 1014)
    assert "3.00" in answer["description"]
    product.simulator.advance(70)
    assert till.call("refund", ask(till, number, 300))["status"] == 0
    assert refusal(till.call("refund", ask(till, number, 1))) == (104, 1014)
    product.simulator.advance(60)
    product.sweep(2)


@WALLETS
def test_the_total_must_be_the_orders(product: Product, till: Till, wallet: str) -> None:
    number = paid(product, till, wallet, 1000)
    answer = till.call("refund", ask(till, number, 100, total=1001))
    assert refusal(answer) == (104, 1014)
    assert "refund_content.total_fee" in answer["description"]
    assert product.sql("SELECT 1 FROM refund") == []


def test_an_unpaid_order_is_not_refunded(product: Product, till: Till) -> None:
    answer = till.call("refund", ask(till, waiting(product, till), 1234, total=1234))
    assert refusal(answer) == (104, 1013)


@pytest.mark.parametrize(
    ("change", "status", "path"),
    [
        ({"refund_fee": 0}, 104, "refund_content.refund_fee"),
        ({"refund_fee": 1.5}, 104, "refund_content.refund_fee"),
        ({"refund_fee_type": "USD"}, 104, "refund_content.refund_fee_type"),
        ({"out_refund_no": None}, 104, "refund_content.out_refund_no"),
        ({"out_refund_no": "another00001"}, 102, "refund_content.out_refund_no"),
        ({"out_refund_no": "sz0100qhcs退款"}, 102, "refund_content.out_refund_no"),
        ({"refund_reason": "长" * 65}, 104, "refund_content.refund_reason"),
    ],
)
def test_bad_members_are_named(
    product: Product, till: Till, change: dict[str, Any], status: int, path: str
) -> None:
    number = paid(product, till, fen=1000)
    answer = till.call("refund", ask(till, number, 100, **change))
    assert answer["status"] == status
    assert path in answer["description"]
    assert product.sql("SELECT 1 FROM refund") == []


@pytest.mark.parametrize("old", ["wx_pay_refund_content_ext", "wxpay_refund_content_ext"])
def test_old_spellings_and_half_a_request_are_taken(product: Product, till: Till, old: str) -> None:
    """A device's constant nonce, a flow id that is empty, no client, the odd name of the ext."""
    number = paid(product, till, fen=1000)
    content = ask(till, number, 100.0, client_refund_flow_id="")  # type: ignore[arg-type]
    content["refund_content"][old] = {"refund_account": "REFUND_SOURCE_UNSETTLED_FUNDS"}
    content["pay_mch_key"] |= {"is_sub_admin": True, "pay_platform": 0.0}
    del content["order_client"], content["nonce_str"]
    answer = till.call("refund", content)
    assert answer["status"] == 0
    assert answer["refund"]["refund_order_content"]["refund_fee"] == 100
    product.simulator.advance(60)
    product.sweep(2)


def staff(product: Product, till: Till) -> None:
    """A clerk of the till's shop without the right, and the owner with it, by their numbers."""
    for number, role, can in ((CLERK, "clerk", False), (OWNER, "owner", True)):
        product.do(
            "INSERT INTO staff (provider_id, merchant_id, store_id, public_id, name, role,"
            " is_active, can_refund, created_at, number) SELECT s.provider_id, s.merchant_id,"
            " CASE WHEN :r = 'owner' THEN NULL ELSE s.id END, 'p' || :n, :n, :r, true, :c, now(),"
            " :n FROM store s WHERE s.out_shop_id = :shop",
            r=role, n=number, c=can, shop=till.out_shop_id,
        )  # fmt: skip


def test_version_2_checks_who_refunds_and_version_1_does_not(product: Product, till: Till) -> None:
    staff(product, till)
    number = paid(product, till, "alipay", 1000)

    def by(version: int | None, **key: Any) -> dict[str, Any]:
        content = ask(till, number, 10)
        content["pay_mch_key"] |= key
        if version is not None:
            content["api_version"] = version
        return till.call("refund", content)

    assert by(None)["status"] == 0
    assert by(1, is_sub_mch_admin=False, authorization_staff_id=CLERK)["status"] == 0
    assert by(2, is_sub_mch_admin=True)["status"] == 0
    answer = by(2)
    assert refusal(answer) == (104, 1002)
    assert "pay_mch_key.authorization_staff_id" in answer["description"]
    assert refusal(by(2, authorization_staff_id=CLERK)) == (104, 1008)
    product.do("UPDATE staff SET can_refund = true WHERE number = :n", n=CLERK)
    off = by(2, authorization_staff_id=CLERK)  # the right alone: a clerk must be at work, too
    assert refusal(off) == (104, 1008)
    assert "REFUND_OFF_DUTY" in off["description"]
    product.do(
        "INSERT INTO shift (provider_id, merchant_id, store_id, staff_id, state, started_at)"
        " SELECT provider_id, merchant_id, store_id, id, 'on', now() FROM staff"
        " WHERE number = :n", n=CLERK,
    )  # fmt: skip
    assert by(2, authorization_staff_id=CLERK)["status"] == 0
    assert by(2, authorization_staff_id=OWNER)["status"] == 0
    assert len(product.sql("SELECT 1 FROM refund")) == 5
    assert len(product.sql("SELECT 1 FROM audit_entry WHERE action = 'refund_denied'")) == 2


def test_staff_of_another_merchant_and_of_nobody_are_refused_alike(
    product: Product, till: Till
) -> None:
    other = Till.of(product, 1)
    staff(product, other)
    number = paid(product, till, "alipay", 1000)
    said = []
    for one in (OWNER, "nobody"):
        content = ask(till, number, 10) | {"api_version": 2}
        content["pay_mch_key"]["authorization_staff_id"] = one
        answer = till.call("refund", content)
        assert refusal(answer) == (104, 1006)
        said.append(json.dumps(answer | {"log_id": 0}))
    assert said[0] == said[1]


@WALLETS
def test_too_low_a_balance_is_failed_and_the_same_number_goes_again(
    product: Product, till: Till, wallet: str
) -> None:
    """decisions 1: the caller was told "failed" and may start another, so the room is free."""
    number = paid(product, till, wallet, 1000)
    product.simulator.switch(SHORT[wallet], "short")
    content = ask(till, number, 800)
    for _ in range(2):
        answer = till.call("refund", content)
        assert refusal(answer) == (104, 1011)
        assert "原退款单号" in answer["description"]
    row = product.one("SELECT status, due_at FROM refund")
    assert (row.status, row.due_at) == ("failed", None)
    assert product.one("SELECT held_fen FROM pay_attempt WHERE held_fen > 0 OR true").held_fen == 0
    assert product.sql("SELECT 1 FROM money_case WHERE closed_at IS NULL") == []
    product.simulator.switch(SHORT[wallet], "enough")
    product.simulator.advance(120)
    product.sweep(2)
    assert product.one("SELECT status FROM refund").status == "failed"  # nothing by itself
    answer = till.call("refund", content)
    assert answer["status"] == 0, answer
    product.simulator.advance(60)
    product.sweep(2)
    assert [state for _, state in refunds(till, number)] == [2]
    assert len(product.sql("SELECT 1 FROM refund")) == 1


def test_the_room_of_a_failed_one_may_go_to_another(product: Product, till: Till) -> None:
    number = paid(product, till, "alipay", 1000)
    product.simulator.switch(SHORT["alipay"], "short")
    content = ask(till, number, 800)
    assert refusal(till.call("refund", content)) == (104, 1011)
    product.simulator.switch(SHORT["alipay"], "enough")
    assert till.call("refund", ask(till, number, 900))["status"] == 0
    assert refusal(till.call("refund", content)) == (104, 1014)


def test_a_refusal_of_the_wallet_is_kept_with_its_code(product: Product, till: Till) -> None:
    number = paid(product, till, fen=1000)
    product.simulator.fault(SENT["wechat"], "error", code="NO_AUTH")
    content = ask(till, number, 300)
    first = till.call("refund", content)
    assert refusal(first) == (104, 1008)
    assert "NO_AUTH" in first["description"]
    assert refund_state(first["refund"], first["refund"]["refund_order_content"]) == 3
    assert till.call("refund", content) == first
    assert calls(product, SENT["wechat"]) == 1
    assert till.call("refund", ask(till, number, 1000))["status"] == 0  # its room is free
    product.simulator.advance(60)
    product.sweep(2)


@WALLETS
def test_a_lost_answer_is_processing_and_never_a_second_refund(
    product: Product, till: Till, wallet: str
) -> None:
    number = paid(product, till, wallet, 1000)
    product.simulator.fault(SENT[wallet], "bad_signature")
    content = ask(till, number, 300)
    answer = till.call("refund", content)
    assert answer["status"] == 0
    assert "不要换单号" in answer["description"]
    made = answer["refund"]["refund_order_content"]
    assert refund_state(answer["refund"], made) == {"wechat": 4, "alipay": 1}[wallet]
    assert made["is_transforming"] is True
    assert till.call("refund", content) == answer
    product.simulator.advance(60)
    product.sweep(3)
    assert [state for _, state in refunds(till, number)] == [2]
    trade = product.simulator.trade(number)
    assert trade
    assert [one["amount_fen"] for one in trade["refunds"]] == [300]


def test_a_number_with_other_content_is_102(product: Product, till: Till) -> None:
    number = paid(product, till, "alipay", 1000)
    content = ask(till, number, 300)
    assert till.call("refund", content)["status"] == 0
    content["refund_content"]["refund_fee"] = 301
    assert refusal(till.call("refund", content)) == (102, 1009)


def test_no_refunds_are_426_and_anothers_order_is_400(product: Product, till: Till) -> None:
    number = paid(product, till, "alipay", 1000)
    answer = till.call("query_refund_order", asking(till, number))
    assert refusal(answer) == (104, 426)
    assert till.call("refund", ask(till, number, 300))["status"] == 0
    answer = till.call("query_refund_order", asking(till, number, out_refund_no=till.number()))
    assert refusal(answer) == (104, 426)
    other = Till.of(product, 1)
    assert refusal(other.call("query_refund_order", asking(other, number))) == (104, 400)
    theirs = ask(other, number, 10)
    assert refusal(other.call("refund", theirs)) == (104, 400)


def test_many_refunds_stay_below_4096_bytes_and_the_newest_are_told(
    product: Product, till: Till
) -> None:
    number = paid(product, till, "alipay", 1000)
    for n in range(12):
        content = ask(till, number, 10, refund_reason=f"{n:02d}" + "退" * 62)
        content["order_client"]["staff_id"] = "员" * 64
        assert till.call("refund", content)["status"] == 0
    raw = till.send("query_refund_order", json.dumps(asking(till, number)))
    assert len(raw) < 4096
    answer = till.read(raw)
    found = answer["query_refund_order"]["refund_order_content"]
    assert found[-1]["out_refund_no"] == content["refund_content"]["out_refund_no"]
    assert f"共12笔退款，这里是最近的{len(found)}笔" in answer["description"]


def test_a_card_payment_goes_back_to_its_card(product: Product, till: Till) -> None:
    held = give_card(product.deps, 10_000)
    content = till.pay(issue(product.deps, held.provider_id, held.card_id).text, 1000)
    content["pay_mch_key"]["pay_platform"] = 3
    assert till.call("micro_pay", content)["status"] == 0
    number = content["pay_content"]["out_trade_no"]
    answer = till.call("refund", ask(till, number, 400))
    assert (answer["status"], answer["description"]) == (0, "退款成功")
    assert refund_state(answer["refund"], answer["refund"]["refund_order_content"]) == 2


def _signed(till: Till, key: RSAPrivateKey, content: dict[str, Any], salt: int) -> bytes:
    text = json.dumps(content)
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
    sign = base64.b64encode(key.sign(text.encode(), scheme, hashes.SHA256())).decode()
    info = {"s": {"sign_type": 1, "sign": sign}}
    return till.post("refund", json.dumps({"request_content": text, "authen_info": info}).encode())


@pytest.mark.parametrize("salt", [222, 32])
def test_a_refund_may_be_signed_instead(product: Product, till: Till, salt: int) -> None:
    """The C SDK's longest salt and Java's: the reply still has the code."""
    key = generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    number = paid(product, till, "alipay", 1000)
    product.do("UPDATE provider SET cpay_sign_public_key = :k", k=pem.decode())
    product.deps.cpay_kept._rows.clear()  # what this process kept of the merchant is old now
    assert till.read(_signed(till, key, ask(till, number, 300), salt))["status"] == 0
    other = generate_private_key(65537, 2048)
    assert till.read(_signed(till, other, ask(till, number, 300), salt))["status"] == 101
