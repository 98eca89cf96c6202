"""渠道 and permissions of a merchant at the wallets (product 1.7 and 1.8).

No wallet tells us of these by an API: the desk writes down how far each is, and what depends on
one is refused with the name of the missing one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.orm import Session

from errors import BadInput
from models.merchant import FaceToFace, Merchant, PermissionStep, WechatRoute
from services.deps import Deps
from services.merchants.changing import touch
from services.merchants.problems import (
    DepositChannel,
    DepositPermission,
    MaidanNotOpen,
    MaidanStoresBound,
    RefundApiPermission,
)
from services.merchants.reading import find, stores_of
from services.stores.reading import name_of

ROUTES: Final = {WechatRoute.DIRECT: "官方直连", WechatRoute.MAIDAN: "微信买单"}
STEPS: Final = {
    PermissionStep.NONE: "未开通",
    PermissionStep.WHITELISTED: "已进白名单",
    PermissionStep.INVITED: "已邀请，等商户确认",
    PermissionStep.OPEN: "已开通",
}
FACE_TO_FACE: Final = {
    FaceToFace.UNKNOWN: "未确认",
    FaceToFace.APPLYING: "签约中（约一个工作日）",
    FaceToFace.OPEN: "已签约",
}


def read(form: Mapping[str, str]) -> dict[str, Any]:
    """What the form says. Raises BadInput for a step that there is not."""
    try:
        return {
            "deposit_step": PermissionStep(form.get("deposit_step", "")),
            "refund_api_step": PermissionStep(form.get("refund_api_step", "")),
            "face_to_face": FaceToFace(form.get("face_to_face", "")),
            "alipay_preauth_signed": form.get("alipay_preauth_signed") == "1",
            "has_maidan": form.get("has_maidan") == "1",
        }
    except ValueError:
        raise BadInput("从列表里选择每项权限的进度") from None


def write(
    deps: Deps, provider_id: int, out_id: str, values: Mapping[str, Any], *, actor: str
) -> list[str]:
    """Write down how far each permission is. Raises MaidanNotOpen when 买单 is taken away from a
    merchant whose money runs over it."""

    def unit(session: Session) -> list[str]:
        now = deps.now()
        merchant = find(session, provider_id, out_id, lock=True)
        differs = {n: v for n, v in values.items() if getattr(merchant, n) != v}
        if not differs.get("has_maidan", True) and merchant.wechat_route is WechatRoute.MAIDAN:
            raise MaidanNotOpen("渠道还是微信买单，先切换为官方直连")
        for name, value in differs.items():
            setattr(merchant, name, value)
        if "face_to_face" in differs:
            merchant.face_to_face_at = now
        if differs:
            said = {name: str(value) for name, value in sorted(differs.items())}
            touch(session, merchant, "merchant_permissions_set", now, actor, changed=said)
        return sorted(differs)

    return deps.transact(unit)


def set_route(deps: Deps, provider_id: int, out_id: str, route: WechatRoute, *, actor: str) -> bool:
    """切换渠道; False when it stood so before. Raises MaidanNotOpen, MaidanStoresBound (CHN-5)."""

    def unit(session: Session) -> bool:
        merchant = find(session, provider_id, out_id, lock=True)
        if merchant.wechat_route is route:
            return False
        refuse_bound(session, merchant)
        if route is WechatRoute.MAIDAN:
            _demand_maidan(session, merchant)
        before, merchant.wechat_route = merchant.wechat_route, route
        touch(
            session, merchant, "merchant_route_set", deps.now(), actor,
            before=before.value, after=route.value,
        )  # fmt: skip
        return True

    return deps.transact(unit)


def _demand_maidan(session: Session, merchant: Merchant) -> None:
    """The merchant's number has 买单, and so has every number that a store has of its own."""
    if not merchant.wechat_sub_mchid or not merchant.has_maidan:
        raise MaidanNotOpen
    without = [
        name_of(store)
        for store in stores_of(session, merchant)
        if store.wechat_sub_mchid and not store.has_maidan
    ]
    if without:
        raise MaidanNotOpen(f"这些门店自己的子商户号没有开通微信买单：{'、'.join(without)}")


def refuse_bound(session: Session, merchant: Merchant) -> None:
    """Raises MaidanStoresBound with the stores' names."""
    bound = [name_of(store) for store in stores_of(session, merchant) if store.maidan_store_id]
    if bound:
        raise MaidanStoresBound(f"这些门店绑定着买单门店：{'、'.join(bound)}")


def refuse_deposit(merchant: Merchant) -> None:
    """Whatever wants a deposit calls this first: the first missing condition has its own name, in
    the order of PRM-4, never 系统内部异常."""
    if merchant.wechat_route is not WechatRoute.DIRECT:
        raise DepositChannel
    if merchant.deposit_step is not PermissionStep.OPEN:
        raise DepositPermission
    if merchant.refund_api_step is not PermissionStep.OPEN:
        raise RefundApiPermission
