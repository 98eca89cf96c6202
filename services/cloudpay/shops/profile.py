"""sdk_query_sub_mch_info: the merchant's own profile. No key of any kind is in it.

Old clients were told authen_key, encryt_key and public_key here; ours learn keys where they are
shown or bound, and nowhere else. One entry per wallet that the merchant takes.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.merchant import GrantState, Merchant, Staff, StaffRole, WechatRoute
from models.provider import Provider
from services.cloudpay.authen import HMAC_SHA256, RSA_PSS
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.shapes import Asked, Text32, Told
from services.cloudpay.shops.query import PageNum, PageSize
from services.devices.setting import prefix_of
from services.onboarding.checks import facts_of

WECHAT, ALIPAY, UNSPECIFIED = 1, 2, 0  # PayPlatform
AES_128_GCM = 1  # EncryptType


class ProfileAsked(Asked):
    out_sub_mch_id: Text32 = ""
    page_num: PageNum = 1
    page_size: PageSize = 1
    nonce_str: Text32 = ""


class AdminTold(Told):
    name: str
    receive_one_code_pay_notify: bool


class CashierTold(Told):
    """One order prefix: 1 is what new numbers begin with, 2 the older product's."""

    id: str
    type: int


class WxpayTold(Told):
    sub_app_id: str | None = None
    direct: bool
    is_micro: bool = False


class AlipayTold(Told):
    sub_mch_user_id: str | None = None
    direct: bool = True


class SubMchTold(Told):
    sub_mch_id: str | None = None
    company_name: str
    cloud_cashier_id: str
    out_sub_mch_id: str
    sub_mch_admin_infos: tuple[AdminTold, ...]
    merchant_name: str
    is_use_cpay_shop_system: bool = True
    direct: bool
    wxpay_sub_mch_info_ext: WxpayTold | None = None
    alipay_sub_mch_info_ext: AlipayTold | None = None
    typed_cashier_ids: tuple[CashierTold, ...]
    authen_type: int = HMAC_SHA256
    encryt_type: int = AES_128_GCM
    sign_type: int = RSA_PSS
    create_time: str
    last_update_time: str


class WxpayMchKeyTold(Told):
    app_id: str


class MchKeyTold(Told):
    mch_id: str
    pay_platform: int
    wxpay_mch_key_ext: WxpayMchKeyTold | None = None


class MchTold(Told):
    mch_id: str | None = None
    pay_platform: int
    company_name: str
    out_mch_id: str
    mch_key: MchKeyTold | None = None
    sub_mch_infos: tuple[SubMchTold, ...]


class ProfileTold(Told):
    nonce_str: str
    total_count: int
    sub_mch_infos: tuple[MchTold, ...]


def query(call: Call, asked: ProfileAsked) -> Answer:
    """Counted as clients count: one sub-merchant, on the first page."""

    def unit(session: Session) -> tuple[MchTold, ...]:
        caller = call.caller
        provider = session.get_one(Provider, caller.provider_id)
        merchant = session.get_one(Merchant, (caller.provider_id, caller.merchant_id))
        return tuple(_entries(session, provider, merchant))

    found = call.deps.transact(unit) if asked.page_num == 1 else ()
    return Answer(ProfileTold(nonce_str=fresh_nonce(), total_count=1, sub_mch_infos=found))


def _entries(session: Session, provider: Provider, merchant: Merchant) -> Iterator[MchTold]:
    admins = _admins(session, merchant)
    wechat, alipay = (facts_of(session, provider, name) for name in ("wechat", "alipay"))
    direct = merchant.wechat_route is WechatRoute.DIRECT
    takes_alipay = merchant.alipay_pid and merchant.alipay_state is GrantState.VALID
    if merchant.wechat_sub_mchid and wechat:
        number = str(wechat.get("sp_mchid", ""))
        yield MchTold(
            mch_id=number,
            pay_platform=WECHAT,
            company_name=provider.name,
            out_mch_id=provider.out_mch_id,
            mch_key=MchKeyTold(
                mch_id=number,
                pay_platform=WECHAT,
                wxpay_mch_key_ext=WxpayMchKeyTold(app_id=str(wechat.get("sp_appid", ""))),
            ),
            sub_mch_infos=(
                _sub_mch(merchant, admins, merchant.wechat_sub_mchid, direct=direct).model_copy(
                    update={
                        "wxpay_sub_mch_info_ext": WxpayTold(
                            sub_app_id=merchant.wechat_sub_appid, direct=direct
                        )
                    }
                ),
            ),
        )
    if takes_alipay and alipay:
        number = str(alipay.get("pid") or alipay.get("app_id", ""))
        yield MchTold(
            mch_id=number,
            pay_platform=ALIPAY,
            company_name=provider.name,
            out_mch_id=provider.out_mch_id,
            mch_key=MchKeyTold(mch_id=number, pay_platform=ALIPAY),
            sub_mch_infos=(
                _sub_mch(merchant, admins, merchant.alipay_pid, direct=True).model_copy(
                    update={
                        "alipay_sub_mch_info_ext": AlipayTold(sub_mch_user_id=merchant.alipay_pid)
                    }
                ),
            ),
        )
    if not (merchant.wechat_sub_mchid and wechat) and not (takes_alipay and alipay):
        yield MchTold(
            pay_platform=UNSPECIFIED,
            company_name=provider.name,
            out_mch_id=provider.out_mch_id,
            sub_mch_infos=(_sub_mch(merchant, admins, None, direct=direct),),
        )


def _admins(session: Session, merchant: Merchant) -> tuple[AdminTold, ...]:
    rows = session.scalars(
        select(Staff)
        .where(
            Staff.provider_id == merchant.provider_id,
            Staff.merchant_id == merchant.id,
            Staff.role == StaffRole.OWNER,
            Staff.is_active,
        )
        .order_by(Staff.id)
    )
    return tuple(
        AdminTold(name=row.name, receive_one_code_pay_notify=row.wants_notices) for row in rows
    )


def _sub_mch(
    merchant: Merchant, admins: tuple[AdminTold, ...], number: str | None, *, direct: bool
) -> SubMchTold:
    made = str(int(merchant.created_at.timestamp()))
    prefixes = (merchant.order_prefix, merchant.second_prefix)
    return SubMchTold(
        sub_mch_id=number,
        company_name=merchant.name,
        cloud_cashier_id=prefix_of(merchant),
        out_sub_mch_id=merchant.out_sub_mch_id,
        sub_mch_admin_infos=admins,
        merchant_name=merchant.short_name or merchant.name,
        direct=direct,
        typed_cashier_ids=tuple(
            CashierTold(id=prefix, type=n) for n, prefix in enumerate(prefixes, 1) if prefix
        ),
        create_time=made,
        last_update_time=made,
    )
