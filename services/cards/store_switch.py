"""「本门店启用会员卡」: whether a store takes members' cards.

The old product stored and labelled the opposite, 「本门店禁用会员卡」, and its interface still says
`disable_membership_card`; screens and this module speak of the positive switch (product CARD-20).
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import Store
from services import audit
from services.deps import Deps

LABEL, OLD_LABEL = "本门店启用会员卡", "本门店禁用会员卡"
HELP = f"关闭后，本店付款页不显示会员卡，收银台不收会员卡付款码。旧版叫「{OLD_LABEL}」，意思相反。"


def takes_cards(store: Store) -> bool:
    return not store.disable_membership_card


def set_cards(
    deps: Deps, out_shop_id: str, *, is_on: bool, actor: str, provider_id: int | None = None
) -> bool:
    """Turn it on or off, from the next payment on; False when it was so before.

    Without a provider the store is found by its id alone, as commands do. Raises NotFound.
    """

    def unit(session: Session) -> bool:
        wanted = select(Store).where(Store.out_shop_id == out_shop_id).order_by(Store.id).limit(1)
        if provider_id is not None:
            wanted = wanted.where(Store.provider_id == provider_id)
        store = session.scalar(wanted.with_for_update(key_share=True))
        if store is None:
            raise NotFound(f"no store has the id {out_shop_id}")
        if takes_cards(store) is is_on:
            return False
        store.disable_membership_card = not is_on
        audit.record(
            session,
            provider_id=store.provider_id,
            actor=actor,
            action="store_cards_on" if is_on else "store_cards_off",
            subject=f"store:{store.out_shop_id}",
            at=deps.now(),
        )
        return True

    return deps.transact(unit)
