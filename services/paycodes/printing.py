"""The poster of one code, as things stand today. Drawing takes libraries that start slowly: whoever
prints imports this module when asked to."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models.merchant import GrantState, Merchant
from services.deps import Deps
from services.paycodes.poster import Poster
from services.paycodes.reading import CodeLine, url_of
from services.stores.reading import name_of


def poster_of(session: Session, deps: Deps, line: CodeLine) -> Poster:
    """In the store's name, with the wallets that its merchant takes today."""
    merchant = session.get_one(Merchant, (line.store.provider_id, line.store.merchant_id))
    takes = {
        "wechat": bool(merchant.wechat_sub_mchid),
        "alipay": bool(merchant.alipay_pid) and merchant.alipay_state is GrantState.VALID,
    }
    return Poster(
        url=url_of(session, deps, line.code),
        code=line.code.code,
        shop=name_of(line.store),
        place=line.code.name,
        wallets=tuple(wallet for wallet, is_taken in takes.items() if is_taken),
    )
