"""Deposits through the API: held, consumed, released, asked about; what is missing has its name."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.codepay.helping import paycode
from tests.integration.deposits.helping import PASSWORD, WALLETS, allow, room_adds_up

PLATFORM = {"wechat": 1, "alipay": 2}
NO_FREEZE = 1016


class Deposits:
    """A till that speaks the deposit methods."""

    def __init__(self, product: Product, wallet: str, merchant: int = 0) -> None:
        self.product, self.wallet = product, wallet
        self.till = Till.of(product, merchant)
        allow(product)

    def around(self, **content: Any) -> dict[str, Any]:
        return {
            **content,
            "pay_mch_key": self.till.mch_key(pay_platform=PLATFORM[self.wallet]),
            "order_client": self.till.client(),
            "nonce_str": secrets.token_hex(16),
        }

    def freezing(self, fen: int = 10, number: str = "", **more: Any) -> dict[str, Any]:
        content = {
            "out_freeze_no": number or self.till.number(),
            "author_code": paycode(self.product, self.wallet),
            "freeze_fee": fen,
            "fee_type": "CNY",
            "body": "客房押金",
            **more,
        }
        return self.around(freeze_content=content)

    def freeze(self, fen: int = 10) -> str:
        """A hold's number."""
        asked = self.freezing(fen)
        told = self.till.call("micro_freeze", asked)
        assert (told["status"], told["description"]) == (0, "押金已冻结"), told
        return str(asked["freeze_content"]["out_freeze_no"])

    def consuming(self, freeze: str, fen: int, *, ends: bool = True, number: str = "") -> Any:
        content = {
            "out_trade_no": number or self.till.number(),
            "total_fee": fen,
            "fee_type": "CNY",
            "body": "客房押金",
            "out_freeze_no": freeze,
            "is_confirm_unfreeze": ends,
        }
        return self.around(pay_content=content)

    def consume(self, freeze: str, fen: int, **more: Any) -> Any:
        return self.till.call("deposit_consume", self.consuming(freeze, fen, **more))

    def unfreezing(self, freeze: str, fen: int, number: str = "", **more: Any) -> Any:
        content = {
            "out_freeze_no": freeze,
            "out_unfreeze_no": number or self.till.number(),
            "unfreeze_fee": fen,
            "remark": "退房",
        }
        return self.around(unfreeze_content=content) | more

    def unfreeze(self, freeze: str, fen: int, **more: Any) -> Any:
        return self.till.call("unfreeze", self.unfreezing(freeze, fen, **more))

    def query(self, freeze: str) -> dict[str, Any]:
        told = self.till.call("query_freeze_order", self.around(out_freeze_no=freeze))
        assert told["status"] == 0, told
        found: dict[str, Any] = told["query_freeze_order"]["freeze_order_content"]
        return found

    def query_order(self, number: str) -> dict[str, Any]:
        told = self.till.call("query_order", self.around(out_trade_no=number))
        found: dict[str, Any] = told["query_order"]["order_content"]
        return found

    def state(self, content: dict[str, Any], of: str = "freeze_order") -> int:
        name = "wxpay" if self.wallet == "wechat" else "alipay"
        return int(content[f"{name}_{of}_content_ext"]["current_trade_state"])


@WALLETS
def test_ten_are_frozen_one_is_consumed_nine_are_released(product: Product, wallet: str) -> None:
    it = Deposits(product, wallet)
    freeze = it.freeze(10)
    held = it.query(freeze)
    assert (it.state(held), held["freeze_fee"], held["total_consume_fee"]) == (2, 10, 0)
    said = it.consume(freeze, 1)
    assert said["status"] == 0, said
    order = said["deposit_consume"]["order_content"]
    product.simulator.advance(5)
    product.sweep()
    order = it.query_order(order["out_trade_no"])
    assert it.state(order, "order") == (14 if wallet == "wechat" else 2)
    assert (order["freeze_fee"], order["manual_unfreeze_fee"]) == (10, 9)
    assert (order["out_freeze_no"], order["is_deposit_mode"]) == (freeze, True)
    held = it.query(freeze)
    assert it.state(held) == (5 if wallet == "wechat" else 3)
    assert (held["total_consume_fee"], held["total_manual_unfreeze_fee"]) == (1, 9)
    room_adds_up(product)


@WALLETS
def test_what_was_consumed_is_refunded_as_every_order(product: Product, wallet: str) -> None:
    it = Deposits(product, wallet)
    freeze = it.freeze(100)
    number = it.consume(freeze, 60)["deposit_consume"]["order_content"]["out_trade_no"]
    product.simulator.advance(5)
    product.sweep()
    content = {
        "out_trade_no": number,
        "out_refund_no": it.till.number(),
        "total_fee": 60,
        "refund_fee": 25,
        "refund_fee_type": "CNY",
        "out_freeze_no": freeze,
    }
    said = it.till.call("refund", it.around(refund_content=content))
    assert said["status"] == 0, said
    product.simulator.advance(20)
    product.sweep()
    refund = product.one("SELECT * FROM refund WHERE out_refund_no = :n",
                         n=content["out_refund_no"])  # fmt: skip
    assert (refund.status, refund.amount_fen) == ("success", 25)
    assert it.query(freeze)["total_refund_fee"] == 25


@WALLETS
def test_a_whole_deposit_is_released(product: Product, wallet: str) -> None:
    it = Deposits(product, wallet)
    freeze = it.freeze(500)
    product.simulator.advance(20)
    said = it.unfreeze(freeze, 500)
    assert (said["status"], said["description"]) == (0, "解冻成功"), said
    assert it.state(said["unfreeze"]["unfreeze_order_content"], "unfreeze_order") == 2
    asked = it.around(out_freeze_no=freeze)
    listed = it.till.call("query_unfreeze_order", asked)["query_unfreeze_order"]
    assert [one["unfreeze_fee"] for one in listed["unfreeze_order_content"]] == [500]
    assert listed["order_client"][0]["machine_no"] == "32-62-A8-14-B3-C0"
    held = it.query(freeze)
    assert it.state(held) == (5 if wallet == "wechat" else 3)
    assert held["total_manual_unfreeze_fee"] == 500


def test_wechat_releases_nothing_within_fifteen_seconds_and_then_by_itself(
    product: Product,
) -> None:
    it = Deposits(product, "wechat")
    freeze = it.freeze(500)
    said = it.unfreeze(freeze, 500)
    assert (said["status"], said["description"]) == (
        0, "解冻已受理，请用query_unfreeze_order查询结果",
    )  # fmt: skip
    assert it.state(said["unfreeze"]["unfreeze_order_content"], "unfreeze_order") == 1
    product.simulator.advance(18)
    product.sweep()
    assert it.state(it.query(freeze)) == 5


def test_wechat_releases_the_whole_or_nothing(product: Product) -> None:
    it = Deposits(product, "wechat")
    freeze = it.freeze(500)
    said = it.unfreeze(freeze, 200)
    assert (said["status"], said["internal_status"]) == (104, 1013)
    assert "DEPOSIT_WHOLE" in said["description"]
    said = it.consume(freeze, 100, ends=False)
    assert said["description"].startswith("参数pay_content.is_confirm_unfreeze应为true")


def test_alipay_takes_and_gives_in_parts(product: Product) -> None:
    it = Deposits(product, "alipay")
    freeze = it.freeze(1000)
    assert it.consume(freeze, 300, ends=False)["status"] == 0
    assert it.unfreeze(freeze, 200)["description"] == "解冻成功"
    over = it.consume(freeze, 501, ends=False)
    assert (over["status"], over["internal_status"]) == (104, 1014)
    assert over["description"].startswith("参数pay_content.total_fee超过押金剩余可用的500分")
    assert it.consume(freeze, 100)["status"] == 0
    held = it.query(freeze)
    assert (held["total_consume_fee"], held["total_manual_unfreeze_fee"]) == (400, 600)
    assert it.state(held) == 3
    gone = it.consume(freeze, 1)
    assert (gone["status"], gone["internal_status"]) == (104, 1013)


def test_a_payer_scans_our_code(product: Product) -> None:
    it = Deposits(product, "alipay")
    asked = it.freezing(800)
    del asked["freeze_content"]["author_code"]
    said = it.till.call("scancode_freeze", asked)
    assert said["status"] == 0
    url = said["scan_code_freeze"]["code_url"]
    freeze = asked["freeze_content"]["out_freeze_no"]
    assert it.state(it.query(freeze)) == 1
    product.simulator.wallet("alipay", {"qrCode": url}, person="zhou")
    product.simulator.advance(6)
    product.sweep()
    assert it.state(it.query(freeze)) == 2
    asked["pay_mch_key"]["pay_platform"] = 1
    refused = it.till.call("scancode_freeze", asked | {"nonce_str": "x"})
    assert refused["status"] in (102, 104)


def test_a_code_that_was_lost_is_asked_for_again_by_the_same_request(product: Product) -> None:
    it = Deposits(product, "alipay")
    asked = it.freezing(800)
    del asked["freeze_content"]["author_code"]
    product.simulator.fault("alipay.fund.auth.order.voucher.create", "lose_answer")
    said = it.till.call("scancode_freeze", asked)
    assert (said["status"], said["internal_status"]) == (103, 1012)
    said = it.till.call("scancode_freeze", asked)
    assert said["status"] == 0
    assert said["scan_code_freeze"]["code_url"].startswith("https://qr.alipay.com/")


def test_a_code_that_nobody_scans_is_over_in_time(product: Product) -> None:
    it = Deposits(product, "alipay")
    asked = it.freezing(800, time_expire=int(product.deps.now().timestamp()) + 120)
    del asked["freeze_content"]["author_code"]
    url = it.till.call("scancode_freeze", asked)["scan_code_freeze"]["code_url"]
    freeze = asked["freeze_content"]["out_freeze_no"]
    product.simulator.advance(100)
    product.sweep()
    assert it.state(it.query(freeze)) == 1
    product.simulator.advance(25)
    product.sweep()
    assert it.state(it.query(freeze)) in (3, 4)
    product.simulator.wallet("alipay", {"qrCode": url}, person="zhou")
    for _ in range(3):
        product.simulator.advance(70)
        product.sweep()
    rows = product.simulator.get("/sim/freezes")
    assert [row for row in rows if row["state"] == "AUTHORIZED"] == []


@WALLETS
def test_the_payer_types_the_password(product: Product, wallet: str) -> None:
    it = Deposits(product, wallet)
    product.simulator.switch(*PASSWORD[wallet])
    asked = it.freezing(700)
    said = it.till.call("micro_freeze", asked)
    assert (said["status"], it.state(said["micro_freeze"]["freeze_order_content"])) == (
        0, 3 if wallet == "wechat" else 1,
    )  # fmt: skip
    freeze = asked["freeze_content"]["out_freeze_no"]
    name = "out_trade_no" if wallet == "wechat" else "out_order_no"
    product.simulator.wallet(wallet, {name: freeze}, person="zhou")
    product.simulator.advance(6)
    product.sweep()
    assert it.state(it.query(freeze)) == 2


@WALLETS
def test_the_same_request_again_is_the_same_reply(product: Product, wallet: str) -> None:
    it = Deposits(product, wallet)
    asked = it.freezing(600)
    text = json.dumps(asked, ensure_ascii=False)
    first, second = it.till.send("micro_freeze", text), it.till.send("micro_freeze", text)
    assert first == second
    asked["freeze_content"]["freeze_fee"] = 601
    other = it.till.call("micro_freeze", asked)
    assert (other["status"], other["internal_status"]) == (102, 1009)
    freeze = asked["freeze_content"]["out_freeze_no"]
    consuming = json.dumps(it.consuming(freeze, 100))
    assert it.till.send("deposit_consume", consuming) == it.till.send("deposit_consume", consuming)
    assert len(product.sql("SELECT 1 FROM deposit_move")) == 1
    product.simulator.advance(5)
    product.sweep()


@pytest.mark.parametrize(
    ("wallet", "change", "words"),
    [
        ("wechat", "wechat_route = 'maidan'", "买单渠道不支持押金：把渠道切换为官方直连"),
        ("wechat", "deposit_step = 'invited'", "未开通押金权限：服务商进入白名单"),
        ("wechat", "refund_api_step = 'none'", "未授权服务商 API 退款：在微信支付服务商平台邀请"),
        ("alipay", "alipay_preauth_signed = false", "未签约支付宝预授权：商户在支付宝签约"),
    ],
)
def test_each_missing_condition_has_its_name(
    product: Product, wallet: str, change: str, words: str
) -> None:
    it = Deposits(product, wallet)
    product.do(f"UPDATE merchant SET has_maidan = true, {change}")
    said = it.till.call("micro_freeze", it.freezing())
    assert (said["status"], said["internal_status"]) == (104, 1008)
    assert said["description"].startswith(words)
    assert "系统" not in said["description"]
    assert not product.sql("SELECT 1 FROM deposit_freeze")


def test_the_conditions_come_in_order(product: Product) -> None:
    it = Deposits(product, "wechat")
    product.do("UPDATE merchant SET wechat_route = 'maidan', deposit_step = 'none',"
               " refund_api_step = 'none', has_maidan = true")  # fmt: skip
    heard = []
    for change in ("wechat_route = 'direct'", "deposit_step = 'open'", "refund_api_step = 'open'"):
        heard.append(it.till.call("micro_freeze", it.freezing())["description"][-30:])
        product.do(f"UPDATE merchant SET {change}")
    codes = [said.rsplit("（")[-1].rstrip("）") for said in heard]
    assert codes == ["DEPOSIT_CHANNEL", "DEPOSIT_PERMISSION", "REFUND_API_PERMISSION"]
    assert it.till.call("micro_freeze", it.freezing())["status"] == 0


@WALLETS
def test_another_merchants_deposit_is_as_nobodys(product: Product, wallet: str) -> None:
    mine, theirs = Deposits(product, wallet), Deposits(product, wallet, merchant=1)
    freeze = mine.freeze(300)
    methods: dict[str, Callable[[str], dict[str, Any]]] = {
        "query_freeze_order": lambda n: theirs.around(out_freeze_no=n),
        "query_unfreeze_order": lambda n: theirs.around(out_freeze_no=n),
        "unfreeze": lambda n: theirs.unfreezing(n, 300),
        "deposit_consume": lambda n: theirs.consuming(n, 300),
    }
    for method, asked in methods.items():
        heard = []
        for number in (freeze, theirs.till.number()):
            said = theirs.till.call(method, asked(number) | {"nonce_str": "n"})
            assert (said["status"], said["internal_status"]) == (104, NO_FREEZE), method
            heard.append({name: value for name, value in said.items() if name != "log_id"})
        assert heard[0] == heard[1], method
    assert mine.query(freeze)["freeze_fee"] == 300  # its owner finds it
    mine.product.simulator.advance(20)
    assert mine.unfreeze(freeze, 300)["status"] == 0


def test_a_release_wants_somebody_who_may_refund(product: Product) -> None:
    it = Deposits(product, "alipay")
    freeze = it.freeze(300)
    somebody = product.one(
        "SELECT s.public_id, s.id FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
        " AND m.id = s.merchant_id WHERE m.out_sub_mch_id = :m AND s.role = 'owner'"
        " ORDER BY s.id LIMIT 1",
        m=it.till.out_sub_mch_id,
    )
    product.do("UPDATE staff SET can_refund = false WHERE id = :i", i=somebody.id)
    asked = it.unfreezing(freeze, 300, api_version=2)
    asked["pay_mch_key"]["authorization_staff_id"] = somebody.public_id
    said = it.till.call("unfreeze", asked)
    assert (said["status"], said["internal_status"]) == (104, 1008)
    assert "REFUND_NO_RIGHT" in said["description"]
    denied = product.sql("SELECT 1 FROM audit_entry WHERE action = 'deposit_release_denied'")
    assert len(denied) == 1
    product.do("UPDATE staff SET can_refund = true WHERE id = :i", i=somebody.id)
    assert it.till.call("unfreeze", asked)["description"] == "解冻成功"
    move = product.one("SELECT * FROM deposit_move")
    assert move.allowed_by == f"staff:{somebody.id}"


@WALLETS
def test_a_wallets_refusal_is_a_definite_no_under_its_number(product: Product, wallet: str) -> None:
    it = Deposits(product, wallet)
    asked = it.freezing()
    asked["freeze_content"]["author_code"] = ("13" if wallet == "wechat" else "28") + "0" * 16
    said = it.till.call("micro_freeze", asked)
    assert (said["status"], said["internal_status"]) == (104, 1011)
    assert said["description"].startswith("没有冻结：")
    assert it.state(said["micro_freeze"]["freeze_order_content"]) == (
        6 if wallet == "wechat" else 3
    )


@WALLETS
def test_replies_fit_old_sdks(product: Product, wallet: str) -> None:
    it = Deposits(product, wallet)
    more = {"body": "客" * 128, "detail": "细" * 3000, "remark": "备" * 127}
    asked = it.freezing(1000, **more)
    assert len(it.till.send("micro_freeze", json.dumps(asked, ensure_ascii=False))) < 4096
    freeze = asked["freeze_content"]["out_freeze_no"]
    consuming = it.consuming(freeze, 100)
    consuming["pay_content"] |= more
    assert len(it.till.send("deposit_consume", json.dumps(consuming, ensure_ascii=False))) < 4096
    query = json.dumps(it.around(out_freeze_no=freeze))
    assert len(it.till.send("query_freeze_order", query)) < 4096
    product.simulator.advance(5)
    product.sweep()
