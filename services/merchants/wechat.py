"""Where WeChat money of a merchant, or of one store of it, goes; and what moves when it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.merchant import Merchant, Store, WechatRoute
from models.provider import Provider
from services import audit
from services.cards.programs import refuse_card_number
from services.deps import Deps
from services.merchants.adding import refuse_pooled
from services.merchants.changing import touch
from services.merchants.checking import check_pair
from services.merchants.existing import refuse_known
from services.merchants.permissions import refuse_bound
from services.merchants.problems import AccountUseless, MaidanNotOpen
from services.merchants.reading import find, find_store
from services.totals import RECHARGE, china_day


@dataclass(frozen=True, slots=True)
class Moves:
    """What a change of account moves, as it stands at this moment.

    Payments that were begun keep the account they were begun with: open ones may still be paid
    to the old one, and refunds of old payments go back from it.
    """

    open_count: int
    open_fen: int
    today_count: int
    today_fen: int  # taken today over this wallet, less what went back today


_OPEN: Final = text("""
SELECT count(*) AS n, COALESCE(sum(a.amount_fen), 0) AS fen
FROM pay_order o JOIN pay_attempt a ON a.provider_id = o.provider_id AND a.order_id = o.id
WHERE o.provider_id = :p AND o.merchant_id = :m AND o.status IN ('created', 'paying')
    AND a.status IN ('created', 'payable', 'closing') AND a.channel = :channel
    AND (CAST(:store AS bigint) IS NULL OR o.store_id = CAST(:store AS bigint))
""")
_TODAY: Final = text("""
SELECT COALESCE(sum(paid_count), 0) AS n, COALESCE(sum(paid_fen - refund_fen), 0) AS fen FROM (
    SELECT paid_count, paid_fen, refund_fen FROM day_total
    WHERE provider_id = :p AND merchant_id = :m AND day_on = :day
        AND channel IN (:channel, :recharge)
        AND (CAST(:store AS bigint) IS NULL OR store_id = CAST(:store AS bigint))
    UNION ALL
    SELECT paid_count, paid_fen, refund_fen FROM day_delta
    WHERE provider_id = :p AND merchant_id = :m AND day_on = :day
        AND channel IN (:channel, :recharge)
        AND (CAST(:store AS bigint) IS NULL OR store_id = CAST(:store AS bigint))
) parts
""")


def moves(
    session: Session, deps: Deps, merchant: Merchant, channel: str, store_id: int | None = None
) -> Moves:
    keys: dict[str, Any] = {
        "p": merchant.provider_id, "m": merchant.id, "channel": channel, "store": store_id,
        "recharge": RECHARGE + channel,
        "day": china_day(deps.now()),
    }  # fmt: skip
    left, today = session.execute(_OPEN, keys).one(), session.execute(_TODAY, keys).one()
    return Moves(int(left.n), int(left.fen), int(today.n), int(today.fen))


def set_number(
    deps: Deps, provider_id: int, out_id: str, sub_mchid: str, *, user_id: int, actor: str
) -> None:
    """The merchant's own number from the next order on; "" takes it away. WeChat is asked first.

    Raises MerchantExists, AccountUseless, what `check_pair` raises, and MaidanStoresBound.
    """
    if sub_mchid:
        merchant = deps.transact(lambda s: find(s, provider_id, out_id))
        deps.transact(
            lambda s: refuse_known(
                s, provider_id, sub_mchid, user_id=user_id, except_merchant=merchant.id
            )
        )
        check_pair(deps, provider_id, sub_mchid)

    def unit(session: Session) -> None:
        now = deps.now()
        provider = session.get_one(Provider, provider_id, with_for_update={"key_share": True})
        merchant = find(session, provider_id, out_id, lock=True)
        before = merchant.wechat_sub_mchid
        if (before or "") == sub_mchid:
            merchant.wechat_checked_at = now if sub_mchid else None
            return
        refuse_known(session, provider_id, sub_mchid, user_id=user_id, except_merchant=merchant.id)
        refuse_pooled(session, provider, sub_mchid=sub_mchid)
        if sub_mchid:
            refuse_card_number(session, provider_id, sub_mchid)
        refuse_bound(session, merchant)
        merchant.wechat_sub_mchid = sub_mchid or None
        merchant.wechat_checked_at = now if sub_mchid else None
        # 买单, deposits, refunds and the app were of the other number
        merchant.has_maidan, merchant.wechat_route = False, WechatRoute.DIRECT
        appid, merchant.wechat_sub_appid = merchant.wechat_sub_appid, None
        touch(
            session, merchant, "merchant_wechat_set", now, actor, before=before, after=sub_mchid,
            **({"appid_dropped": appid} if appid else {}),
        )  # fmt: skip

    deps.transact(unit)


def set_store_number(
    deps: Deps,
    provider_id: int,
    place: tuple[str, str],
    sub_mchid: str,
    *,
    has_maidan: bool,
    user_id: int,
    actor: str,
) -> None:
    """A number of the store's own, other than the merchant's (MCH-11); "" goes back to that.

    `place` is (merchant, store). Raises as `set_number`, and MaidanNotOpen: on the 买单 route the
    store's number has 买单, too.
    """
    out_id, shop = place
    if sub_mchid:
        merchant, store = deps.transact(lambda s: find_store(s, provider_id, out_id, shop))
        if sub_mchid == merchant.wechat_sub_mchid:
            raise AccountUseless("和商户的子商户号相同，不用单独填写")
        deps.transact(
            lambda s: refuse_known(
                s, provider_id, sub_mchid, user_id=user_id, except_store=store.id
            )
        )
        check_pair(deps, provider_id, sub_mchid)

    def unit(session: Session) -> None:
        provider = session.get_one(Provider, provider_id, with_for_update={"key_share": True})
        merchant, store = find_store(session, provider_id, out_id, shop, lock=True)
        if sub_mchid and sub_mchid == merchant.wechat_sub_mchid:
            raise AccountUseless("和商户的子商户号相同，不用单独填写")
        if sub_mchid and merchant.wechat_route is WechatRoute.MAIDAN and not has_maidan:
            raise MaidanNotOpen("商户走微信买单，门店自己的子商户号也要先开通买单")
        refuse_known(session, provider_id, sub_mchid, user_id=user_id, except_store=store.id)
        refuse_pooled(session, provider, sub_mchid=sub_mchid)
        if sub_mchid:
            refuse_card_number(session, provider_id, sub_mchid)
        before = store.wechat_sub_mchid
        store.wechat_sub_mchid = sub_mchid or None
        store.has_maidan = has_maidan and bool(sub_mchid)
        _note_store(session, deps, store, "store_wechat_set", actor, before, sub_mchid)

    deps.transact(unit)


def _note_store(
    session: Session,
    deps: Deps,
    store: Store,
    action: str,
    actor: str,
    before: str | None,
    after: str,
) -> None:
    session.flush()
    audit.record(
        session, provider_id=store.provider_id, actor=actor, action=action,
        subject=f"store:{store.out_shop_id}", at=deps.now(), before=before, after=after or None,
    )  # fmt: skip
