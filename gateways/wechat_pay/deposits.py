"""WeChat's deposits (押金): hold, consume, release, refund, over APIv2. Source: wechat.md F.

A deposit has one number there, ours of the hold: its one consumption, its release and its refunds
go by it. A consumption gives the rest back at once. Codes of paying are those of a payment code.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone

from errors import GatewayRejected, GatewayUnknown, NotEnough
from gateways.base import (
    RefundFunds,
    RefundRequest,
    RefundState,
    RefundWord,
    Reversal,
    ReversalState,
    Trade,
    TradeState,
    WechatAccount,
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
from gateways.http import ClientCache, Transport, timed
from gateways.strict_json import word
from gateways.wechat_pay import mapping
from gateways.wechat_pay.codepay import NOT_EXIST, REFUSALS, instant
from gateways.wechat_pay.v2 import Presenting, V2Client

_SHANGHAI = timezone(timedelta(hours=8))
_STAMP = "%Y%m%d%H%M%S"
_BODY_BYTES, _REASON_BYTES = 127, 70

STATES = {
    "NOTPAY": FreezeState.WAITING,
    "USERPAYING": FreezeState.WAITING,
    "SUCCESS": FreezeState.FROZEN,
    "SETTLING": FreezeState.FROZEN,  # the consumption is accepted, and not done
    "SETTLEMENTFAIL": FreezeState.FROZEN,  # it failed: all of it is still held
    "CONSUMED": FreezeState.ENDED,
    "REFUND": FreezeState.ENDED,  # what was consumed has gone back, all or some
    "REVOKED": FreezeState.ENDED,
    "CLOSED": FreezeState.FAILED,
    "PAYERROR": FreezeState.FAILED,
}
# The same words about a consumption. REVOKED: it can not come any more.
CONSUMED = {
    "SETTLING": TradeState.PAYING,
    "CONSUMED": TradeState.SUCCESS,
    "REFUND": TradeState.SUCCESS,
    "SETTLEMENTFAIL": TradeState.FAILED,
    "REVOKED": TradeState.CLOSED,
    "CLOSED": TradeState.CLOSED,
    "PAYERROR": TradeState.CLOSED,
}
# A definite no to the one consumption, release or refund that was asked for; all else is unknown.
# ORDERREVERSED: the hold has gone back to the payer.
MOVE_REFUSALS = frozenset(
    """
    PARAM_ERROR NOAUTH APPID_NOT_EXIST MCHID_NOT_EXIST APPID_MCHID_NOT_MATCH INVALID_REQUEST
    TRADE_ERROR XML_FORMAT_ERROR REQUIRE_POST_METHOD SIGNERROR LACK_PARAMS NOT_UTF8 ORDERREVERSED
    ORDERCLOSED ORDERNOTEXIST ORDER_NOT_EXIST REFUND_FEE_MISMATCH TRADE_OVERDUE ERROR
    """.split()  # noqa: SIM905 - read as one list with the others
)
REFUND_STATES = {
    "SUCCESS": RefundState.SUCCESS,
    "PROCESSING": RefundState.PROCESSING,
    "REFUNDCLOSE": RefundState.CLOSED,
    "CHANGE": RefundState.ABNORMAL,
}
# APIv2's words for what a refund is paid out of, beside APIv3's.
_FUNDS = {
    RefundFunds.UNSETTLED: "REFUND_SOURCE_UNSETTLED_FUNDS",
    RefundFunds.AVAILABLE: "REFUND_SOURCE_RECHARGE_FUNDS",
}
_FUNDS_SAID = {said: funds.value for funds, said in _FUNDS.items()}
_NO_REFUND = frozenset({"REFUNDNOTEXIST", "REFUND_NOT_EXIST", *NOT_EXIST})


class WechatDeposits:
    """A `Deposits`; clients are kept per (account_key, version)."""

    channel = mapping.CHANNEL
    numbers_consumptions = False
    releases_parts = False

    def __init__(self, *, base: str, transport: Transport, presenting: Presenting) -> None:
        self._base, self._transport, self._presenting = base, transport, presenting
        self._clients: ClientCache[tuple[str, int], V2Client] = ClientCache()

    def is_ready(self, account: WechatAccount) -> bool:
        """Consuming and releasing want the API certificate."""
        return bool(account.apiv2_key and account.merchant_certificate)

    def freeze(self, account: WechatAccount, req: FreezeRequest) -> FreezeWord:
        """Hold. Success carries err_code SUCCESS: result_code alone decides (wechat.md F)."""
        fields = _freeze_fields(req)
        with timed(self.channel, "freeze", req.out_freeze_no):
            found = self._call(account, "/deposit/micropay", fields)
        code = found.get("err_code", "")
        if found.get("result_code") == "SUCCESS":
            return _frozen(found, req.out_freeze_no, "SUCCESS")
        if code == "USERPAYING":
            return FreezeWord(self.channel, req.out_freeze_no, FreezeState.WAITING, code)
        raise _refusal(found, REFUSALS)

    def offer(self, account: WechatAccount, req: FreezeRequest) -> str:
        """There is no deposit by a code that the payer scans."""
        raise GatewayRejected("UNSUPPORTED", "微信押金不支持扫码冻结")

    def query_freeze(self, account: WechatAccount, out_freeze_no: str) -> FreezeWord:
        found = self._query(account, out_freeze_no)
        if found is None:
            state = FreezeState.NOT_EXIST
            return FreezeWord(self.channel, out_freeze_no, state, "ORDERNOTEXIST")
        return _frozen(found, out_freeze_no, _state(found))

    def cancel(self, account: WechatAccount, out_freeze_no: str) -> Reversal:
        """Give all of it back; refused within 15 s of paying, and once it was consumed."""
        fields = {"out_trade_no": out_freeze_no}
        with timed(self.channel, "cancel_freeze", out_freeze_no):
            found = self._call(account, "/deposit/reverse", fields)
        code = found.get("err_code", "")
        if found.get("result_code") == "SUCCESS":
            return Reversal(ReversalState.DONE, "reversed")
        if code in NOT_EXIST:
            return Reversal(ReversalState.NOT_EXIST, code)
        if code in MOVE_REFUSALS:
            return Reversal(ReversalState.REFUSED, code)
        raise GatewayUnknown(f"releasing: {code}", upstream_code=code)

    def consume(self, account: WechatAccount, req: ConsumeRequest) -> Trade:
        """Accepted is PAYING: whether it is done is asked. SETTLING is an acceptance, too."""
        fields = {
            "out_trade_no": req.hold.out_freeze_no,
            "total_fee": str(req.hold.freeze_fen),
            "consume_fee": str(req.amount_fen),
            "fee_type": "CNY",
        }
        with timed(self.channel, "consume", req.out_trade_no):
            found = self._call(account, "/deposit/consume", fields)
        code = found.get("err_code", "")
        if found.get("result_code") != "SUCCESS" and code != "SETTLING":
            raise _refusal(found, MOVE_REFUSALS)
        if found.get("consume_fee") not in (None, "", str(req.amount_fen)):
            raise GatewayUnknown("the answer is about another amount")
        return Trade(self.channel, req.out_trade_no, TradeState.PAYING, raw_state="SETTLING")

    def consumption(self, account: WechatAccount, out_trade_no: str) -> Trade:
        """`out_trade_no` is the hold's."""
        found = self._query(account, out_trade_no)
        if found is None:
            return Trade(self.channel, out_trade_no, TradeState.NOT_EXIST, "ORDERNOTEXIST")
        raw = _state(found)
        state = CONSUMED.get(raw, TradeState.NOT_EXIST)
        if state is not TradeState.SUCCESS:
            return Trade(self.channel, out_trade_no, state, raw)
        try:
            return Trade(
                channel=self.channel,
                out_trade_no=out_trade_no,
                state=state,
                raw_state=raw,
                payee=found.get("sub_mch_id"),
                app=found.get("appid"),
                amount_fen=_fen(found.get("consume_fee", "")),
                currency=found.get("fee_type") or "CNY",
                transaction_id=_id(found),
                refunded=raw == "REFUND",
                payer=found.get("openid") or None,
            )
        except ValueError as error:
            raise GatewayUnknown(f"the answer can not be read: {error}") from None

    def release(self, account: WechatAccount, req: ReleaseRequest) -> ReleaseWord:
        """All of it goes back. A refusal within the first 15 s is one of that moment."""
        fields = {"out_trade_no": req.hold.out_freeze_no}
        with timed(self.channel, "release", req.out_unfreeze_no):
            found = self._call(account, "/deposit/reverse", fields)
        if found.get("result_code") != "SUCCESS":
            raise _refusal(found, MOVE_REFUSALS)
        return ReleaseWord(is_done=True, raw_state="REVOKED")

    def query_release(self, account: WechatAccount, req: ReleaseRequest) -> ReleaseWord:
        found = self._query(account, req.hold.out_freeze_no)
        raw = "ORDERNOTEXIST" if found is None else _state(found)
        return ReleaseWord(is_done=raw == "REVOKED", raw_state=raw)

    def refund(self, account: WechatAccount, hold: Hold, req: RefundRequest) -> RefundWord:
        """Of what was consumed, by WeChat's number of the deposit and with its whole amount."""
        fields = {
            "transaction_id": hold.freeze_id,
            "out_refund_no": req.out_refund_no,
            "total_fee": str(hold.freeze_fen),
            "refund_fee": str(req.refund_fen),
            "refund_fee_type": "CNY",
            "refund_desc": mapping.cut(req.reason, _REASON_BYTES),
            "refund_account": _FUNDS[req.funds] if req.funds else "",
        }
        with timed(self.channel, "refund", req.out_trade_no):
            found = self._call(account, "/deposit/refund", fields)
        if found.get("result_code") != "SUCCESS":
            raise _refusal(found, MOVE_REFUSALS)
        return self._refunded(found, req.out_trade_no, req.out_refund_no, "PROCESSING")

    def query_refund(
        self, account: WechatAccount, out_trade_no: str, out_refund_no: str
    ) -> RefundWord:
        with timed(self.channel, "query_refund", out_trade_no):
            found = self._call(account, "/deposit/refundquery", {"out_refund_no": out_refund_no})
        code = found.get("err_code", "")
        if found.get("result_code") == "SUCCESS":
            raw = found.get("refund_status", "")
            return self._refunded(found, out_trade_no, out_refund_no, raw)
        if code in _NO_REFUND:
            state = RefundState.NOT_FOUND
            return RefundWord(self.channel, out_trade_no, out_refund_no, state, code)
        raise GatewayUnknown(f"asking about a refund: {code}", upstream_code=code)

    def _refunded(
        self, found: Mapping[str, str], out_trade_no: str, out_refund_no: str, raw: str
    ) -> RefundWord:
        if raw not in REFUND_STATES:
            raise GatewayUnknown(f"unknown state {raw[:32]}")
        if found.get("out_refund_no") != out_refund_no:
            raise GatewayUnknown("the answer is about another refund")
        at = found.get("refund_success_time", "")
        try:
            return RefundWord(
                channel=self.channel,
                out_trade_no=out_trade_no,
                out_refund_no=out_refund_no,
                state=REFUND_STATES[raw],
                raw_state=raw,
                amount_fen=_fen(found["refund_fee"]) if found.get("refund_fee") else None,
                refund_id=word(dict(found), "refund_id"),
                succeeded_at=instant("".join(c for c in at if c.isdigit())) if at else None,
                funds_account=_FUNDS_SAID.get(found.get("refund_account", "")),
            )
        except ValueError as error:
            raise GatewayUnknown(f"the answer can not be read: {error}") from None

    def _query(self, account: WechatAccount, out_freeze_no: str) -> dict[str, str] | None:
        """None: WeChat does not know the number."""
        with timed(self.channel, "query_freeze", out_freeze_no):
            found = self._call(account, "/deposit/orderquery", {"out_trade_no": out_freeze_no})
        code = found.get("err_code", "")
        if found.get("result_code") == "SUCCESS":
            if found.get("out_trade_no") != out_freeze_no:
                raise GatewayUnknown("the answer is about another deposit")
            return found
        if code in NOT_EXIST:
            return None
        raise GatewayUnknown(f"asking: {code}", upstream_code=code)

    def _call(self, account: WechatAccount, path: str, fields: Mapping[str, str]) -> dict[str, str]:
        client = self._clients.get(
            (account.account_key, account.version),
            lambda: V2Client(
                account,
                base=self._base,
                transport=self._transport,
                presenting=self._presenting,
            ),
        )
        own = {"sub_appid": account.sub_appid or ""}
        return client.call(path, account.sub_mchid, own | dict(fields))


def _freeze_fields(req: FreezeRequest) -> dict[str, str]:
    """`deposit` is what makes it a hold: without it the same call takes the money."""
    return {
        "deposit": "Y",
        "body": mapping.cut(req.description, _BODY_BYTES),
        "out_trade_no": req.out_freeze_no,
        "total_fee": str(req.freeze_fen),
        "fee_type": "CNY",
        "spbill_create_ip": req.terminal_ip,
        "auth_code": req.auth_code,
        "goods_tag": req.goods_tag,
        "limit_pay": "no_credit" if req.no_credit else "",
        "time_expire": req.expires_at.astimezone(_SHANGHAI).strftime(_STAMP),
    }


def _refusal(found: Mapping[str, str], known: frozenset[str]) -> GatewayRejected | GatewayUnknown:
    code, words = found.get("err_code", ""), found.get("err_code_des", "")[:200]
    if code in mapping.NOT_ENOUGH_CODES and code not in known:
        return NotEnough(code, words)
    if code in known:
        return GatewayRejected(code, words)
    return GatewayUnknown(f"not decided: {code}", upstream_code=code)


def _state(found: Mapping[str, str]) -> str:
    raw = found.get("trade_state", "")
    if raw not in STATES:
        raise GatewayUnknown(f"unknown state {raw[:32]}")
    return raw


def _frozen(found: Mapping[str, str], out_freeze_no: str, raw: str) -> FreezeWord:
    if found.get("out_trade_no") != out_freeze_no:
        raise GatewayUnknown("the answer is about another deposit")
    state = STATES[raw]
    try:
        total = _fen(found["total_fee"]) if found.get("total_fee") else None
        used = _fen(found["consume_fee"]) if found.get("consume_fee") else None
        made = FreezeWord(
            channel=mapping.CHANNEL,
            out_freeze_no=out_freeze_no,
            state=state,
            raw_state=raw,
            freeze_fen=total,
            freeze_id=word(dict(found), "transaction_id"),
            payee=found.get("sub_mch_id"),
            frozen_at=instant(found["time_end"]) if found.get("time_end") else None,
            consumed_fen=used if raw in ("CONSUMED", "REFUND") else None,
            rest_fen=total if state is FreezeState.FROZEN else None,
            is_moving=raw == "SETTLING",
        )
    except ValueError as error:
        raise GatewayUnknown(f"the answer can not be read: {error}") from None
    if state is FreezeState.FROZEN and None in (made.freeze_fen, made.freeze_id):
        raise GatewayUnknown("a hold without its amount or number")
    return made


def _id(found: Mapping[str, str]) -> str:
    made = word(dict(found), "transaction_id")
    if made is None:
        raise ValueError("no transaction_id")
    return made


def _fen(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError("not an amount in fen")
    return mapping.fen(int(text))
