"""A merchant's holds and releases as they stand, read in one statement each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from services.callbacks.envelope import PLATFORMS, SCANNED, nonce_of
from services.cloudpay.call import Call
from services.cloudpay.deposits import words
from services.cloudpay.deposits.told import (
    AlipayFreezeExt,
    AlipayUnfreezeExt,
    FreezeOrderContent,
    UnfreezeOrderContent,
    WxpayFreezeExt,
    WxpayUnfreezeExt,
)
from services.cloudpay.orders.shown import client_of
from services.cloudpay.statuses import Internal, Refused
from services.cloudpay.structures import OrderClientTold, PayMchKeyTold, WxpayKeyExtTold
from services.single import Single

BY_QR: Final = 2  # TradeType
_FREEZE: Final = Single(
    text("""
    SELECT f.*, p.out_mch_id, m.out_sub_mch_id, s.out_shop_id, c.trade_type, c.nonce_str, c.asked,
        '' AS code, COALESCE((
            SELECT sum(o.refunded_fen) FROM deposit_move u
            JOIN pay_order o ON o.provider_id = u.provider_id AND o.id = u.order_id
            WHERE u.provider_id = f.provider_id AND u.freeze_id = f.id
        ), 0) AS refunded_fen
    FROM deposit_freeze f
    JOIN provider p ON p.id = f.provider_id
    JOIN merchant m ON m.provider_id = f.provider_id AND m.id = f.merchant_id
    JOIN store s ON s.provider_id = f.provider_id AND s.id = f.store_id
    LEFT JOIN cpay_call c ON c.provider_id = f.provider_id AND c.merchant_id = f.merchant_id
        AND c.kind = 'freeze' AND c.number = f.out_freeze_no AND c.same <> ''
    WHERE f.provider_id = :p AND f.merchant_id = :m AND f.out_freeze_no = :n
    """)
)
_RELEASES: Final = text("""
SELECT u.number, u.upstream_id, u.amount_fen, u.status, u.remark, u.created_at, u.changed_at,
    u.done_at, u.upstream_code, u.upstream_message, c.nonce_str, c.asked, '' AS code
FROM deposit_move u
LEFT JOIN cpay_call c ON c.provider_id = u.provider_id AND c.merchant_id = :m
    AND c.kind = 'unfreeze' AND c.number = u.number AND c.same <> ''
WHERE u.provider_id = :p AND u.freeze_id = :f AND u.kind = 'release' ORDER BY u.id
""")


@dataclass(frozen=True, slots=True)
class Held:
    """One hold of the caller's."""

    content: FreezeOrderContent
    pay_mch_key: PayMchKeyTold
    order_client: OrderClientTold
    row: Any = field(repr=False)

    @property
    def words(self) -> str:
        row = self.row
        return words.freeze_words(row.status, row.is_unknown, row.reject_code, row.reject_message)


@dataclass(frozen=True, slots=True)
class Released:
    content: UnfreezeOrderContent
    order_client: OrderClientTold
    row: Any = field(repr=False)

    @property
    def words(self) -> str:
        row = self.row
        return words.release_words(row.status, row.upstream_code, row.upstream_message)


def no_freeze() -> Refused:
    """The same words for another merchant's number and for nobody's."""
    return Refused("押金单不存在，请核对out_freeze_no", internal=Internal.NO_FREEZE)


def find_freeze(call: Call, out_freeze_no: str) -> Held | None:
    keys = {"p": call.caller.provider_id, "m": call.caller.merchant_id, "n": out_freeze_no}
    row = _FREEZE.first(call.deps, keys)
    if row is None:
        return None
    asked = row.asked or {}
    return Held(_freeze(row, asked), _mch_key(row), client_of(row, asked), row)


def freeze_of(call: Call, out_freeze_no: str) -> Held:
    """The merchant's hold. Raises Refused, 104 with NO_FREEZE."""
    found = find_freeze(call, out_freeze_no)
    if found is None:
        raise no_freeze()
    return found


def releases_of(call: Call, held: Held) -> list[Released]:
    """What was given back of it, the oldest first; rests of consumptions are not among them."""
    keys = {"p": call.caller.provider_id, "m": call.caller.merchant_id, "f": held.row.id}
    rows = call.deps.transact(lambda s: s.execute(_RELEASES, keys).all())
    return [Released(_release(held.row, row), client_of(row, row.asked or {}), row) for row in rows]


def _freeze(row: Any, asked: dict[str, Any]) -> FreezeOrderContent:
    said = asked.get("freeze_content") or {}
    return FreezeOrderContent(
        out_freeze_no=row.out_freeze_no,
        freeze_id=row.freeze_id,
        trade_type=row.trade_type or (BY_QR if row.method == "qr" else SCANNED),
        time_expire=_seconds(row.expires_at),
        time_end=_seconds(row.frozen_at),
        nonce_str=row.nonce_str or nonce_of(row.out_freeze_no),
        create_time=int(row.created_at.timestamp()),
        last_update_time=int(row.changed_at.timestamp()),
        is_transforming=row.is_unknown or row.held_fen > 0,
        freeze_fee=row.freeze_fen,
        cash_fee=row.freeze_fen,
        settlement_total_fee=row.freeze_fen,
        body=said.get("body") or str(row.request.get("description") or ""),
        detail=said.get("detail") or None,
        remark=said.get("remark") or None,
        total_consume_fee=row.consumed_fen,
        total_manual_unfreeze_fee=row.released_fen,
        total_auto_unfreeze_fee=row.lapsed_fen,
        total_refund_fee=int(row.refunded_fen),
        **_freeze_ext(row, said),
    )


def _freeze_ext(row: Any, said: dict[str, Any]) -> dict[str, Any]:
    state = words.freeze_state(row.channel, row.status, row.reject_code)
    if row.channel == "alipay":
        own = said.get("alipay_freeze_content_ext") or {}
        channels = own.get("enable_pay_channels") or None
        ext = AlipayFreezeExt(
            current_trade_state=state, product_code="PRE_AUTH", enable_pay_channels=channels
        )
        return {"alipay_freeze_order_content_ext": ext}
    own = said.get("wxpay_freeze_content_ext") or {}
    desc = words.freeze_words(row.status, row.is_unknown, row.reject_code, row.reject_message)
    return {
        "wxpay_freeze_order_content_ext": WxpayFreezeExt(
            current_trade_state=state,
            attach=own.get("attach") or None,
            trade_state_desc=desc,
            limit_pay=own.get("limit_pay") or None,
            goods_tag=own.get("goods_tag") or None,
        )
    }


def _release(freeze: Any, row: Any) -> UnfreezeOrderContent:
    state = words.release_state(row.status)
    wechat = freeze.channel == "wechat"
    return UnfreezeOrderContent(
        out_freeze_no=freeze.out_freeze_no,
        out_unfreeze_no=row.number,
        unfreeze_id=row.upstream_id,
        trade_type=freeze.trade_type or (BY_QR if freeze.method == "qr" else SCANNED),
        time_end=_seconds(row.done_at),
        nonce_str=row.nonce_str or nonce_of(row.number),
        create_time=int(row.created_at.timestamp()),
        last_update_time=int(row.changed_at.timestamp()),
        is_transforming=row.status in ("created", "unknown"),
        unfreeze_fee=row.amount_fen,
        remark=row.remark or None,
        freeze_id=freeze.freeze_id,
        wxpay_unfreeze_order_content_ext=(
            WxpayUnfreezeExt(current_trade_state=state) if wechat else None
        ),
        alipay_unfreeze_order_content_ext=(
            None if wechat else AlipayUnfreezeExt(current_trade_state=state)
        ),
    )


def _mch_key(row: Any) -> PayMchKeyTold:
    platform, sub_platform = PLATFORMS[row.channel]
    wechat = row.channel == "wechat"
    return PayMchKeyTold(
        pay_platform=platform,
        out_mch_id=row.out_mch_id,
        out_sub_mch_id=row.out_sub_mch_id,
        out_shop_id=row.out_shop_id,
        sub_pay_platform=sub_platform,
        wxpay_pay_mch_key_ext=WxpayKeyExtTold(app_id=row.app) if wechat else None,
    )


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
