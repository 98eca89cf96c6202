"""Deposits at both wallets: what is sent, and what each answer means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_xml
from gateways.alipay.gateway import AlipayClients, AlipayGateway
from gateways.alipay.preauth import AlipayDeposits
from gateways.base import RefundFunds, RefundRequest, ReversalState, TradeState
from gateways.deposits import ConsumeRequest, FreezeRequest, FreezeState, Hold, ReleaseRequest
from gateways.http import Answer
from gateways.wechat_pay.deposits import CONSUMED, STATES, WechatDeposits
from tests.unit.gateways.test_codepay import WECHAT, paid, signed
from tests.unit.gateways.wallets import ALIPAY_ACCOUNT, NOW, NUMBER, Clock, Wire, alipay_answer

TRANSACTION = "4200002345202611221234567890"
HOLD = Hold(NUMBER, TRANSACTION, 1230)
FREEZE = FreezeRequest(
    NUMBER, 1230, "客房押金", NOW + timedelta(seconds=120), auth_code="130000000000000001"
)
CONSUME = ConsumeRequest(HOLD, NUMBER, 1000, True, "客房押金", "https://pay.example.com/n")
DETAIL = "alipay.fund.auth.operation.detail.query"


def wechat(body: bytes) -> tuple[WechatDeposits, Wire, Wire]:
    """The gateway, its ordinary wire, and the one that shows the certificate."""
    plain, secure = Wire(Answer(200, {}, body)), Wire(Answer(200, {}, body))
    base = "https://api.example.com"
    return WechatDeposits(base=base, transport=plain, presenting=lambda *_: secure), plain, secure


def alipay(method: str, **node: Any) -> tuple[AlipayDeposits, Wire]:
    wire = Wire(alipay_answer(method, node))
    clients = AlipayClients(base="https://openapi.example.com", transport=wire, now=Clock())
    return AlipayDeposits(clients, AlipayGateway(clients)), wire


def no(code: str) -> bytes:
    return signed(result_code="FAIL", err_code=code, err_code_des="words")


def test_wechat_holds_only_where_it_is_told_to() -> None:
    gateway, plain, secure = wechat(paid(err_code="SUCCESS"))  # a good answer has one, too
    word = gateway.freeze(WECHAT, FREEZE)
    assert (word.state, word.freeze_fen, word.freeze_id) == (FreezeState.FROZEN, 1230, TRANSACTION)
    [(_, url, _, body)] = plain.sent
    said = strict_xml.loads(body)
    assert url.endswith("/deposit/micropay")
    assert (said["deposit"], said["sign_type"]) == ("Y", "HMAC-SHA256")
    assert secure.sent == []
    assert FREEZE.auth_code not in repr(FREEZE)


def test_wechat_s_certificate_is_shown_where_money_moves() -> None:
    gateway, plain, secure = wechat(signed(out_trade_no=NUMBER, out_refund_no="R1", refund_id="5"))
    gateway.consume(WECHAT, CONSUME)
    gateway.cancel(WECHAT, NUMBER)
    gateway.refund(WECHAT, HOLD, RefundRequest(NUMBER, "R1", 100, 1000, "坏了", ""))
    paths = [sent[1].removeprefix("https://api.example.com") for sent in secure.sent]
    assert paths == ["/deposit/consume", "/deposit/reverse", "/deposit/refund"]
    refund = strict_xml.loads(secure.sent[2][3])
    assert (refund["transaction_id"], refund["total_fee"]) == (TRANSACTION, "1230")
    assert plain.sent == []


@pytest.mark.parametrize("funds", [None, *RefundFunds])
def test_wechat_is_told_and_tells_what_a_refund_is_paid_out_of(funds: RefundFunds | None) -> None:
    v2 = {
        RefundFunds.UNSETTLED: "REFUND_SOURCE_UNSETTLED_FUNDS",
        RefundFunds.AVAILABLE: "REFUND_SOURCE_RECHARGE_FUNDS",
    }
    account = v2[funds] if funds else None
    body = signed(
        out_refund_no="R1", refund_status="SUCCESS", refund_fee="100", refund_account=account
    )
    gateway, _, secure = wechat(body)
    gateway.refund(WECHAT, HOLD, RefundRequest(NUMBER, "R1", 100, 1000, "坏了", "", funds))
    assert strict_xml.loads(secure.sent[0][3]).get("refund_account") == account
    assert gateway.query_refund(WECHAT, NUMBER, "R1").funds_account == funds


@pytest.mark.parametrize("code", ["SYSTEMERROR", "BANKERROR", "A_NEW_ONE", "OUT_TRADE_NO_USED"])
def test_wechat_s_undecided_codes_are_unknown(code: str) -> None:
    gateway, _, _ = wechat(no(code))
    with pytest.raises(GatewayUnknown):
        gateway.freeze(WECHAT, FREEZE)
    with pytest.raises(GatewayUnknown):
        gateway.consume(WECHAT, CONSUME)


@pytest.mark.parametrize("code", ["NOAUTH", "INVALID_REQUEST", "PARAM_ERROR"])
def test_wechat_s_definite_refusals(code: str) -> None:
    gateway, _, _ = wechat(no(code))
    for call in (lambda: gateway.freeze(WECHAT, FREEZE), lambda: gateway.consume(WECHAT, CONSUME)):
        with pytest.raises(GatewayRejected) as refused:
            call()
        assert refused.value.upstream_code == code


def test_wechat_s_acceptance_is_not_a_payment() -> None:
    for body in (no("SETTLING"), signed(consume_fee="1000")):
        assert wechat(body)[0].consume(WECHAT, CONSUME).state is TradeState.PAYING
    with pytest.raises(GatewayUnknown):
        wechat(signed(consume_fee="999"))[0].consume(WECHAT, CONSUME)


@pytest.mark.parametrize("raw", sorted(STATES))
def test_each_state_of_wechat_s_is_in_both_tables_or_not_consumed(raw: str) -> None:
    gateway, _, _ = wechat(paid(trade_state=raw, consume_fee="1000"))
    assert gateway.query_freeze(WECHAT, NUMBER).state is STATES[raw]
    trade = gateway.consumption(WECHAT, NUMBER)
    assert trade.state is CONSUMED.get(raw, TradeState.NOT_EXIST)
    if trade.state is TradeState.SUCCESS:
        assert (trade.amount_fen, trade.payee) == (1000, WECHAT.sub_mchid)


def test_an_unknown_state_is_never_guessed() -> None:
    gateway, _, _ = wechat(paid(trade_state="SOMETHING"))
    for call in (gateway.query_freeze, gateway.consumption):
        with pytest.raises(GatewayUnknown):
            call(WECHAT, NUMBER)
    other, _ = alipay(DETAIL, code="10000", msg="Success", out_order_no=NUMBER,
                      order_status="SOMETHING")  # fmt: skip
    with pytest.raises(GatewayUnknown):
        other.query_freeze(ALIPAY_ACCOUNT, NUMBER)


def test_another_deposit_s_answer_is_not_ours() -> None:
    gateway, _, _ = wechat(paid(trade_state="SUCCESS", out_trade_no="another1"))
    with pytest.raises(GatewayUnknown):
        gateway.query_freeze(WECHAT, NUMBER)


def test_alipay_s_hold_as_asked() -> None:
    gateway, _ = alipay(
        DETAIL, code="10000", msg="Success", out_order_no=NUMBER, order_status="AUTHORIZED",
        auth_no="2026112210002001", amount="12.30", rest_amount="7.30", total_pay_amount="5.00",
    )  # fmt: skip
    word = gateway.query_freeze(ALIPAY_ACCOUNT, NUMBER)
    assert (word.state, word.freeze_fen, word.rest_fen, word.consumed_fen) == (
        FreezeState.FROZEN, 1230, 730, 500,
    )  # fmt: skip


@pytest.mark.parametrize(("code", "is_sure"), [("ACCESS_FORBIDDEN", True), ("SYSTEM_ERROR", False),
                                               ("UNIQUE_VIOLATION", False)])  # fmt: skip
def test_alipay_s_refusals_are_those_of_the_list(code: str, is_sure: bool) -> None:
    gateway, _ = alipay(
        "alipay.fund.auth.order.freeze", code="40004", msg="Business Failed", sub_code=code
    )
    with pytest.raises(GatewayRejected if is_sure else GatewayUnknown):
        gateway.freeze(ALIPAY_ACCOUNT, FREEZE)


def test_alipay_s_release_is_compared() -> None:
    wanted = ReleaseRequest(HOLD, "U1", 500, "退房")
    good = {"code": "10000", "msg": "Success", "out_request_no": "U1", "status": "SUCCESS"}
    gateway, _ = alipay("alipay.fund.auth.order.unfreeze", **good, amount="5.00")
    assert gateway.release(ALIPAY_ACCOUNT, wanted).is_done
    gateway, _ = alipay("alipay.fund.auth.order.unfreeze", **good, amount="5.01")
    with pytest.raises(GatewayUnknown):
        gateway.release(ALIPAY_ACCOUNT, wanted)


@pytest.mark.parametrize(
    ("code", "state"),
    [("AUTH_ORDER_NOT_EXIST", ReversalState.NOT_EXIST), ("ILLEGAL_STATUS", ReversalState.REFUSED),
     ("ORDER_ALREADY_CLOSED", ReversalState.DONE)],
)  # fmt: skip
def test_alipay_s_ending_of_a_hold(code: str, state: ReversalState) -> None:
    gateway, _ = alipay(
        "alipay.fund.auth.operation.cancel", code="40004", msg="Business Failed", sub_code=code
    )
    assert gateway.cancel(ALIPAY_ACCOUNT, NUMBER).state is state
