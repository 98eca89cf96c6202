"""Alipay's deposits (预授权): alipay.fund.auth.* and alipay.trade.pay with an auth_no.

A hold is an authorisation order: `out_order_no` and the freezing's `out_request_no` are both our
number of the hold. What is consumed is an ordinary trade under its own number. Source: alipay.md 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from errors import GatewayRejected, GatewayUnknown
from gateways.alipay import mapping
from gateways.alipay.codepay import is_pay_refusal
from gateways.alipay.gateway import AlipayClients, AlipayGateway
from gateways.base import (
    AlipayAccount,
    RefundRequest,
    RefundWord,
    Reversal,
    ReversalState,
    Trade,
    TradeState,
)
from gateways.deposits import (
    ConsumeRequest,
    FreezeRequest,
    FreezeState,
    FreezeWord,
    Hold,
    ReleaseRequest,
    ReleaseWord,
)
from gateways.http import timed
from gateways.money import fen_from_yuan, yuan_from_fen

PRODUCT = "PRE_AUTH"
T = TypeVar("T")
STATES = {
    "INIT": FreezeState.WAITING,
    "AUTHORIZED": FreezeState.FROZEN,
    "FINISH": FreezeState.ENDED,
    "CLOSED": FreezeState.ENDED,  # or never authorised: whoever asks knows what it was before
}
# A definite no to freezing or releasing (alipay.md 6); any other code is unknown, and is asked
# about. FREEZE_ALREADY_SUCCESS, UNIQUE_VIOLATION and the ORDER_ALREADY_ ones speak of what was
# before, so they are left out of freezing on purpose.
FREEZE_REFUSALS = frozenset(
    """
    ILLEGAL_ARGUMENT ACCESS_FORBIDDEN PAYMENT_AUTH_CODE_INVALID MONEY_NOT_ENOUGH PAYER_NOT_EXIST
    PAYER_USER_STATUS_LIMIT PAYEE_NOT_EXIST PAYEE_USER_STATUS_LIMIT PAYER_PAYEE_EQUAL
    PULL_MOBILE_CASHIER_FAIL ERROR_BALANCE_PAYMENT_DISABLE NO_PAYMENT_INSTRUMENTS_AVAILABLE
    INVALID_PARAMETER
    """.split()  # noqa: SIM905 - read as one list with the others
)
RELEASE_REFUSALS = frozenset(
    """
    ILLEGAL_ARGUMENT ACCESS_FORBIDDEN AUTH_ORDER_NOT_EXIST REQUEST_AMOUNT_EXCEED ILLEGAL_STATUS
    ORDER_ALREADY_CLOSED ORDER_ALREADY_FINISH UNIQUE_VIOLATION INVALID_PARAMETER BIZ_ERROR
    """.split()  # noqa: SIM905 - read as one list with the others
)
CANCEL_REFUSALS = frozenset(
    """
    ILLEGAL_ARGUMENT ACCESS_FORBIDDEN ILLEGAL_STATUS CANCEL_OPERATION_TIME_OUT INVALID_PARAMETER
    ORDER_ALREADY_FINISH
    """.split()  # noqa: SIM905 - read as one list with the others
)
NOT_EXIST = frozenset({"AUTH_ORDER_NOT_EXIST", "AUTH_OPERATION_NOT_EXIST"})


class AlipayDeposits:
    """A `Deposits` under the provider's app and the merchant's app_auth_token."""

    channel = mapping.CHANNEL
    numbers_consumptions = True
    releases_parts = True

    def __init__(self, clients: AlipayClients, trades: AlipayGateway) -> None:
        self._clients, self._trades = clients, trades

    def is_ready(self, account: AlipayAccount) -> bool:
        return bool(account.seller_id)

    def freeze(self, account: AlipayAccount, req: FreezeRequest) -> FreezeWord:
        """Hold by a payer's code. 10003 (the payer types the password) is WAITING, no error."""
        content = {
            **_freeze_content(account, req),
            "auth_code": req.auth_code,
            "auth_code_type": "bar_code",
        }
        node = self._call(
            account, "alipay.fund.auth.order.freeze", "freeze", req.out_freeze_no, content,
            refusals=FREEZE_REFUSALS,
        )  # fmt: skip
        if node.get("code") == "10003":
            return FreezeWord(self.channel, req.out_freeze_no, FreezeState.WAITING, "10003")
        return _read(lambda: _frozen(account, req.out_freeze_no, node, node.get("status")))

    def offer(self, account: AlipayAccount, req: FreezeRequest) -> str:
        """The text of the code that the payer scans; nothing is held before."""
        node = self._call(
            account, "alipay.fund.auth.order.voucher.create", "offer_freeze", req.out_freeze_no,
            _freeze_content(account, req), refusals=FREEZE_REFUSALS,
        )  # fmt: skip
        made = _read(lambda: mapping.word(node, "code_value"))
        if made is None or len(made) > 512:
            raise GatewayUnknown("no code in the answer")
        return made

    def query_freeze(self, account: AlipayAccount, out_freeze_no: str) -> FreezeWord:
        node = self._detail(account, out_freeze_no, out_freeze_no, "FREEZE")
        if isinstance(node, str):
            return FreezeWord(self.channel, out_freeze_no, FreezeState.NOT_EXIST, node)
        return _read(lambda: _frozen(account, out_freeze_no, node, node.get("order_status")))

    def cancel(self, account: AlipayAccount, out_freeze_no: str) -> Reversal:
        """End a hold in doubt: what waits closes, what is held goes back. May be repeated."""
        content = {
            "out_order_no": out_freeze_no,
            "out_request_no": out_freeze_no,
            "remark": "结果未知，撤销",
        }
        try:
            node = self._call(
                account, "alipay.fund.auth.operation.cancel", "cancel_freeze", out_freeze_no,
                content, refusals=CANCEL_REFUSALS | NOT_EXIST | {"ORDER_ALREADY_CLOSED"},
            )  # fmt: skip
        except GatewayRejected as refused:
            code = refused.upstream_code
            if code in NOT_EXIST:
                return Reversal(ReversalState.NOT_EXIST, code)
            if code == "ORDER_ALREADY_CLOSED":
                return Reversal(ReversalState.DONE, code)
            return Reversal(ReversalState.REFUSED, code)
        action = node.get("action")
        if action not in ("close", "unfreeze"):
            raise GatewayUnknown(f"cancelling: {action}")
        return Reversal(ReversalState.DONE, action)

    def consume(self, account: AlipayAccount, req: ConsumeRequest) -> Trade:
        """alipay.trade.pay with the authorisation: what is consumed is a trade of its own."""
        content: dict[str, Any] = {
            "out_trade_no": req.out_trade_no,
            "total_amount": yuan_from_fen(req.amount_fen),
            "subject": mapping.subject(req.description),
            "auth_no": req.hold.freeze_id,
            "product_code": PRODUCT,
            "auth_confirm_mode": "COMPLETE" if req.ends else "NOT_COMPLETE",
        }
        if account.seller_id:
            content["seller_id"] = account.seller_id
        if account.sys_service_provider_id:
            provider = {"sys_service_provider_id": account.sys_service_provider_id}
            content["extend_params"] = provider
        try:
            with timed(self.channel, "consume", req.out_trade_no):
                node = self._send(account, "alipay.trade.pay", content, req.notify_url)
        except GatewayRejected as refused:
            if _is_business(refused) and not is_pay_refusal(refused.upstream_code):
                code = refused.upstream_code
                raise GatewayUnknown(code, upstream_code=code) from refused
            raise
        if node.get("code") == "10003":
            return Trade(self.channel, req.out_trade_no, TradeState.PAYING, raw_state="10003")
        trade = _read(
            lambda: mapping.trade_from_wire(account, {**node, "trade_status": "TRADE_SUCCESS"})
        )
        if trade.out_trade_no != req.out_trade_no:
            raise GatewayUnknown("the answer is about another order")
        return trade

    def consumption(self, account: AlipayAccount, out_trade_no: str) -> Trade:
        return self._trades.query(account, out_trade_no)

    def release(self, account: AlipayAccount, req: ReleaseRequest) -> ReleaseWord:
        content = {
            "auth_no": req.hold.freeze_id,
            "out_request_no": req.out_unfreeze_no,
            "amount": yuan_from_fen(req.amount_fen),
            "remark": req.remark or "解冻押金",
        }
        node = self._call(
            account, "alipay.fund.auth.order.unfreeze", "release", req.out_unfreeze_no, content,
            refusals=RELEASE_REFUSALS,
        )  # fmt: skip
        return _read(lambda: _released(req, node))

    def query_release(self, account: AlipayAccount, req: ReleaseRequest) -> ReleaseWord:
        node = self._detail(account, req.hold.out_freeze_no, req.out_unfreeze_no, "UNFREEZE")
        if isinstance(node, str):
            return ReleaseWord(is_done=False, raw_state=node)
        return _read(lambda: _released(req, node))

    def refund(self, account: AlipayAccount, hold: Hold, req: RefundRequest) -> RefundWord:
        """What was consumed is an ordinary trade, and so is its refund."""
        return self._trades.refund(account, req)

    def query_refund(
        self, account: AlipayAccount, out_trade_no: str, out_refund_no: str
    ) -> RefundWord:
        return self._trades.query_refund(account, out_trade_no, out_refund_no)

    def _detail(
        self, account: AlipayAccount, out_order_no: str, out_request_no: str, kind: str
    ) -> dict[str, Any] | str:
        """One operation of an authorisation; the code where Alipay does not know it."""
        content = {
            "out_order_no": out_order_no,
            "out_request_no": out_request_no,
            "operation_type": kind,
        }
        try:
            return self._call(
                account, "alipay.fund.auth.operation.detail.query", "query_freeze", out_request_no,
                content, refusals=NOT_EXIST,
            )  # fmt: skip
        except GatewayRejected as refused:
            if refused.upstream_code in NOT_EXIST:
                return refused.upstream_code
            raise

    def _call(
        self,
        account: AlipayAccount,
        method: str,
        operation: str,
        number: str,
        content: Mapping[str, Any],
        *,
        refusals: frozenset[str],
    ) -> dict[str, Any]:
        """A business code outside `refusals` is unknown, not a refusal."""
        try:
            with timed(self.channel, operation, number):
                return self._send(account, method, content, None)
        except GatewayRejected as refused:
            code = refused.upstream_code
            known = code in refusals or code.startswith(("isv.", "aop."))
            if _is_business(refused) and not known:
                raise GatewayUnknown(code, upstream_code=code) from refused
            raise

    def _send(
        self, account: AlipayAccount, method: str, content: Mapping[str, Any], notify: str | None
    ) -> dict[str, Any]:
        node: dict[str, Any] = self._clients.get(account).server_api(
            method, content, app_auth_token=account.app_auth_token, notify_url=notify
        )
        return node


def _freeze_content(account: AlipayAccount, req: FreezeRequest) -> dict[str, Any]:
    content: dict[str, Any] = {
        "out_order_no": req.out_freeze_no,
        "out_request_no": req.out_freeze_no,
        "order_title": mapping.subject(req.description)[:100],
        "amount": yuan_from_fen(req.freeze_fen),
        "product_code": PRODUCT,
    }
    if account.seller_id:
        content["payee_user_id"] = account.seller_id
    if req.pay_channels:
        content["enable_pay_channels"] = req.pay_channels
    return content


def _frozen(
    account: AlipayAccount, out_freeze_no: str, node: Mapping[str, Any], status: Any
) -> FreezeWord:
    """Read the answer to freezing (`status` of the operation) or to asking (of the order)."""
    if mapping.word(node, "out_order_no") not in (out_freeze_no, None):
        raise ValueError("the answer is about another hold")
    raw = "AUTHORIZED" if status == "SUCCESS" else status
    if raw not in STATES:
        raise ValueError(f"unknown state {str(raw)[:32]}")
    state, when = STATES[raw], mapping.word_with_blank(node, "gmt_trans")
    made = FreezeWord(
        channel=mapping.CHANNEL,
        out_freeze_no=out_freeze_no,
        state=state,
        raw_state=raw,
        freeze_fen=_fen(node, "amount"),
        freeze_id=mapping.word(node, "auth_no"),
        operation_id=mapping.word(node, "operation_id"),
        payee=account.seller_id,  # the answers name none: it was asked for this one
        frozen_at=mapping.from_china_time(when) if when else None,
        consumed_fen=_fen(node, "total_pay_amount"),
        rest_fen=_fen(node, "rest_amount"),
    )
    if state is FreezeState.FROZEN and None in (made.freeze_fen, made.freeze_id):
        raise ValueError("a hold without its amount or number")
    return made


def _released(req: ReleaseRequest, node: Mapping[str, Any]) -> ReleaseWord:
    status = node.get("status")
    if status not in ("SUCCESS", "INIT", "CLOSED"):
        raise ValueError(f"unknown state {str(status)[:32]}")
    for name, ours in (
        ("out_request_no", req.out_unfreeze_no),
        ("auth_no", req.hold.freeze_id),
    ):
        if mapping.word(node, name) not in (ours, None):
            raise ValueError("the answer is about another release")
    amount_fen = _fen(node, "amount")
    if status == "SUCCESS" and req.amount_fen and amount_fen not in (req.amount_fen, None):
        raise ValueError("the answer is about another amount")
    when = mapping.word_with_blank(node, "gmt_trans")
    at: datetime | None = mapping.from_china_time(when) if when else None
    return ReleaseWord(
        is_done=status == "SUCCESS",
        raw_state=status,
        release_id=mapping.word(node, "operation_id"),
        done_at=at,
        amount_fen=amount_fen,
    )


def _read(read: Callable[[], T]) -> T:
    """A reader's answer; what it can not read is unknown."""
    try:
        return read()
    except ValueError as error:
        raise GatewayUnknown(f"the answer can not be read: {error}") from None


def _fen(node: Mapping[str, Any], name: str) -> int | None:
    value = node.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise ValueError("an amount is a decimal string")
    return fen_from_yuan(value)


def _is_business(refused: GatewayRejected) -> bool:
    return refused.facts.get("code") == "40004"
