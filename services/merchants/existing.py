"""子商户已存在: a sub-merchant id that somebody has already, and where (product MCH-6)."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.merchant import Merchant, Store
from services import maidan
from services.merchants.problems import MerchantExists


def refuse_known(
    session: Session,
    provider_id: int,
    sub_mchid: str,
    *,
    user_id: int | None = None,
    except_merchant: int | None = None,
    except_store: int | None = None,
) -> None:
    """Say where it is: here, at 买单, or at another provider that the account works for.

    Raises MerchantExists.
    """
    if not sub_mchid:
        return
    found = (
        _merchants(session, provider_id, sub_mchid, except_merchant)
        or _stores(session, provider_id, sub_mchid, except_store)
        or _at_maidan(session, provider_id, sub_mchid)
        or _elsewhere(session, provider_id, sub_mchid, user_id)
    )
    if found is not None:
        raise found


def _merchants(
    session: Session, provider_id: int, sub_mchid: str, but: int | None
) -> MerchantExists | None:
    own = session.scalar(
        select(Merchant).where(
            Merchant.provider_id == provider_id,
            Merchant.wechat_sub_mchid == sub_mchid,
            Merchant.deleted_at.is_(None),
            Merchant.id != (but or 0),
        )
    )
    if own is None:
        return None
    url, steps = f"/console/merchants/{own.out_sub_mch_id}", ("打开这家商户，在那里管理它。",)
    return MerchantExists(f"子商户已存在：{own.name}", url=url, steps=steps)


def _stores(
    session: Session, provider_id: int, sub_mchid: str, but: int | None
) -> MerchantExists | None:
    found = session.execute(
        select(Store, Merchant)
        .join(
            Merchant,
            (Merchant.provider_id == Store.provider_id) & (Merchant.id == Store.merchant_id),
        )
        .where(
            Store.provider_id == provider_id,
            Store.wechat_sub_mchid == sub_mchid,
            Store.deleted_at.is_(None),
            Store.id != (but or 0),
        )
    ).first()
    if found is None:
        return None
    shop, merchant = found
    return MerchantExists(
        f"子商户已存在：是「{merchant.name}」的门店 {shop.name} 的收款账号",
        url=f"/console/merchants/{merchant.out_sub_mch_id}/stores/{shop.out_shop_id}",
        steps=("打开这家门店，在那里管理它。",),
    )


def _at_maidan(session: Session, provider_id: int, sub_mchid: str) -> MerchantExists | None:
    listed = maidan.is_known(session, provider_id, sub_mchid)
    if listed is None:
        return None
    return MerchantExists(
        f"子商户已存在：{listed.name}，挂在微信买单服务商下", url="/console/sync",
        steps=("点「同步买单子商户」，几分钟到几小时完成，取决于子商户数量。",
               f"同步后在商户列表搜索子商户号 {sub_mchid} 即可管理。"),
    )  # fmt: skip


_ELSEWHERE = text("""
SELECT m.name, p.name AS provider FROM console_member c
JOIN merchant m ON m.provider_id = c.provider_id AND m.wechat_sub_mchid = :s
    AND m.deleted_at IS NULL
JOIN provider p ON p.id = m.provider_id
WHERE c.user_id = :u AND c.is_active AND c.accepted_at IS NOT NULL AND c.provider_id <> :p
ORDER BY p.id LIMIT 1
""")


def _elsewhere(
    session: Session, provider_id: int, sub_mchid: str, user_id: int | None
) -> MerchantExists | None:
    """Only of a provider that the account has said yes to: an invitation shows nothing yet."""
    values = {"s": sub_mchid, "u": user_id or 0, "p": provider_id}
    other = session.execute(_ELSEWHERE, values).first()
    if other is None:
        return None
    return MerchantExists(
        f"子商户已存在：{other.name}，在你的另一个服务商「{other.provider}」下",
        url="/console/choose",
        steps=(f"切换到服务商「{other.provider}」，在那里管理它。",),
    )
