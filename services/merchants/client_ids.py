"""What a merchant's own clients bring along: the second order prefix of its tills, its app."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sqlalchemy.orm import Session

from errors import AppError, BadInput
from models.merchant import Merchant
from services.credentials import BadCredential, word
from services.deps import Deps
from services.merchants import prefixes
from services.merchants.adding import lock_provider
from services.merchants.changing import touch
from services.merchants.problems import PrefixFixed, PrefixTaken
from services.merchants.reading import find

_BLANK: Final = re.compile(r"[\s\u200b-\u200f\ufeff]+")


def read_prefix(said: str) -> tuple[str, AppError | None]:
    """As it was pasted: cleaned, or what is wrong with it."""
    prefix = _BLANK.sub("", unicodedata.normalize("NFKC", said))
    if not prefixes.FORM.fullmatch(prefix):
        return prefix[:32], BadInput("订单前缀是 8 位数字，或 10 位字母和数字")
    return prefix, None


def read_appid(said: str) -> tuple[str, AppError | None]:
    """As `read_prefix`; "" for none."""
    if not said.strip():
        return "", None
    try:
        return word("sub_appid", said).value, None
    except BadCredential:
        return "", BadInput("AppID 是 wx 加 16 位小写字母和数字")


def refuse_second(session: Session, merchant: Merchant, prefix: str) -> None:
    """Raises PrefixFixed for a merchant that has a second one, PrefixTaken for one in use."""
    if merchant.second_prefix is not None:
        raise PrefixFixed(f"已经有第二个订单前缀 {merchant.second_prefix}")
    if prefixes.is_taken(session, prefix):
        raise PrefixTaken(f"前缀 {prefix} 和已有的前缀相同，或一个是另一个的开头")


def set_second(deps: Deps, provider_id: int, out_id: str, prefix: str, *, actor: str) -> None:
    """From now on numbers may begin with it, too, and it never changes (product MCH-4).

    The same one again changes nothing. Raises NotFound, BadInput, PrefixFixed, PrefixTaken.
    """
    if not prefixes.FORM.fullmatch(prefix):
        raise BadInput("订单前缀是 8 位数字，或 10 位字母和数字")

    def unit(session: Session) -> None:
        lock_provider(session, provider_id)  # prefixes are given out one after the other
        merchant = find(session, provider_id, out_id, lock=True)
        if merchant.second_prefix == prefix:
            return
        refuse_second(session, merchant, prefix)
        merchant.second_prefix = prefix
        touch(session, merchant, "merchant_prefix_added", deps.now(), actor, prefix=prefix)

    deps.transact(unit)


def set_appid(deps: Deps, provider_id: int, out_id: str, appid: str, *, actor: str) -> None:
    """The app that WeChat has bound to the merchant's own number; "" for none (wechat.md E3).

    Raises NotFound; BadInput without a number of the merchant's own.
    """

    def unit(session: Session) -> None:
        merchant = find(session, provider_id, out_id, lock=True)
        before = merchant.wechat_sub_appid
        if (before or "") == appid:
            return
        if appid and not merchant.wechat_sub_mchid:
            raise BadInput("先填写微信子商户号：AppID 是绑定在它上面的")
        merchant.wechat_sub_appid = appid or None
        touch(
            session, merchant, "merchant_appid_set", deps.now(), actor, before=before, after=appid
        )

    deps.transact(unit)
