"""Every field of an application: where it stands in the form, what it takes, where it goes.

One table: forms, checks, sealing, what is sent to WeChat and what WeChat holds against a field all
come from it. Sources: wechat.md E1. Of subjects it has the two with a business licence, of papers
the identity card: others apply at WeChat's own platform.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"  # 2026-01-31
    UNTIL = "until"  # a date, or 长期
    PICTURE = "picture"


class Step(StrEnum):
    CONTACT = "contact"
    SUBJECT = "subject"
    IDENTITY = "identity"
    BUSINESS = "business"
    BANK = "bank"


STEPS: Final = {
    Step.CONTACT: "超级管理员",
    Step.SUBJECT: "主体资料",
    Step.IDENTITY: "法人证件",
    Step.BUSINESS: "经营资料",
    Step.BANK: "结算账户",
}
LEGAL, SUPER = "LEGAL", "SUPER"
INDIVIDUAL, ENTERPRISE = "SUBJECT_TYPE_INDIVIDUAL", "SUBJECT_TYPE_ENTERPRISE"
CORPORATE, PERSONAL = "BANK_ACCOUNT_TYPE_CORPORATE", "BANK_ACCOUNT_TYPE_PERSONAL"
FOREVER: Final = "长期"


@dataclass(frozen=True, slots=True)
class Field:
    """`path` is where WeChat wants it; `many` as a list of one. `private`: sealed at rest, read by
    whoever made the application and by admins. `when`: only where another field has this value.
    `most` counts characters. `rule` says in words what `pattern` demands.
    """

    name: str
    step: Step
    label: str
    path: str
    kind: Kind = Kind.TEXT
    is_required: bool = True
    is_private: bool = False
    most: int = 64
    pattern: str = ""
    rule: str = ""
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    when: tuple[str, str] | None = None
    many: bool = False
    keyboard: str = ""  # inputmode

    @property
    def is_picture(self) -> bool:
        return self.kind is Kind.PICTURE


_ID: Final = r"[0-9]{17}[0-9X]"
_ID_RULE: Final = "18 位身份证号码"
_C, _S, _I, _B, _M = Step.CONTACT, Step.SUBJECT, Step.IDENTITY, Step.BUSINESS, Step.BANK
_IS_SUPER: Final = ("contact_type", SUPER)
_IS_COMPANY: Final = ("subject_type", ENTERPRISE)
_CONTACT_PATH: Final = "contact_info."
_LICENSE: Final = "subject_info.business_license_info."
_CARD: Final = "subject_info.identity_info.id_card_info."
_SHOP: Final = "business_info.sales_info.biz_store_info."
_BANK: Final = "bank_account_info."
_PICTURE_HELP: Final = "彩色、清晰、四角完整，JPG、PNG 或 BMP，8 MB 以内"

FIELDS: Final[tuple[Field, ...]] = (
    Field("contact_type", _C, "超级管理员是谁", f"{_CONTACT_PATH}contact_type", Kind.CHOICE,
          choices=((LEGAL, "经营者或法人"), (SUPER, "经办人")),
          help="签约和收款设置都由超级管理员确认"),
    Field("contact_name", _C, "姓名", f"{_CONTACT_PATH}contact_name", is_private=True, most=50,
          pattern=r".{2,50}", rule="2 到 50 个字"),
    Field("contact_id_number", _C, "身份证号码", f"{_CONTACT_PATH}contact_id_number",
          is_private=True, most=18, pattern=_ID, rule=_ID_RULE, when=_IS_SUPER),
    Field("mobile_phone", _C, "手机号", f"{_CONTACT_PATH}mobile_phone", is_private=True, most=11,
          pattern=r"1[3-9][0-9]{9}", rule="11 位手机号", help="微信会把进度发到这个号码",
          keyboard="tel"),
    Field("contact_email", _C, "邮箱", f"{_CONTACT_PATH}contact_email", is_private=True, most=64,
          pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+", rule="完整的邮箱地址", keyboard="email"),
    Field("contact_id_copy", _C, "身份证人像面", f"{_CONTACT_PATH}contact_id_doc_copy",
          Kind.PICTURE, when=_IS_SUPER, help=_PICTURE_HELP),
    Field("contact_id_back", _C, "身份证国徽面", f"{_CONTACT_PATH}contact_id_doc_copy_back",
          Kind.PICTURE, when=_IS_SUPER, help=_PICTURE_HELP),
    Field("contact_from", _C, "证件开始日期", f"{_CONTACT_PATH}contact_period_begin", Kind.DATE,
          when=_IS_SUPER),
    Field("contact_until", _C, "证件到期日期", f"{_CONTACT_PATH}contact_period_end", Kind.UNTIL,
          when=_IS_SUPER),
    Field("contact_letter", _C, "业务办理授权函",
          f"{_CONTACT_PATH}business_authorization_letter", Kind.PICTURE, when=_IS_SUPER,
          help="加盖公章的照片"),
    Field("subject_type", _S, "主体类型", "subject_info.subject_type", Kind.CHOICE,
          choices=((INDIVIDUAL, "个体户"), (ENTERPRISE, "企业")),
          help="事业单位、社会组织等请在微信支付服务商平台申请"),
    Field("license_copy", _S, "营业执照照片", f"{_LICENSE}license_copy", Kind.PICTURE,
          help=_PICTURE_HELP),
    Field("license_number", _S, "统一社会信用代码", f"{_LICENSE}license_number", most=18,
          pattern=r"[0-9A-Z]{15}|[0-9A-Z]{18}", rule="15 或 18 位数字和大写字母"),
    Field("merchant_name", _S, "商户名称", f"{_LICENSE}merchant_name", most=64,
          help="与营业执照一致"),
    Field("legal_person", _S, "经营者或法人姓名", f"{_LICENSE}legal_person", is_private=True,
          pattern=r".{2,60}", rule="2 到 60 个字"),
    Field("card_copy", _I, "身份证人像面", f"{_CARD}id_card_copy", Kind.PICTURE,
          help=_PICTURE_HELP),
    Field("card_back", _I, "身份证国徽面", f"{_CARD}id_card_national", Kind.PICTURE,
          help=_PICTURE_HELP),
    Field("card_name", _I, "身份证姓名", f"{_CARD}id_card_name", is_private=True, most=30,
          pattern=r".{2,30}", rule="2 到 30 个字"),
    Field("card_number", _I, "身份证号码", f"{_CARD}id_card_number", is_private=True, most=18,
          pattern=_ID, rule=_ID_RULE),
    Field("card_address", _I, "身份证住址", f"{_CARD}id_card_address", is_private=True, most=64,
          pattern=r".{4,64}", rule="4 到 64 个字", when=_IS_COMPANY),
    Field("card_from", _I, "证件开始日期", f"{_CARD}card_period_begin", Kind.DATE),
    Field("card_until", _I, "证件到期日期", f"{_CARD}card_period_end", Kind.UNTIL),
    Field("short_name", _B, "商户简称", "business_info.merchant_shortname", most=32,
          help="顾客付款时看到的名称"),
    Field("service_phone", _B, "客服电话", "business_info.service_phone", most=20,
          pattern=r"[0-9-]{5,20}", rule="5 到 20 位数字，可以有短横线", keyboard="tel"),
    Field("store_name", _B, "门店名称", f"{_SHOP}biz_store_name"),
    Field("store_region", _B, "门店省市编码", f"{_SHOP}biz_address_code", most=6,
          pattern=r"[0-9]{6}", rule="6 位数字", help="微信支付的省市区编号对照表，如 310100",
          keyboard="numeric"),
    Field("store_address", _B, "门店地址", f"{_SHOP}biz_store_address", most=128,
          pattern=r".{4,128}", rule="4 到 128 个字"),
    Field("store_front", _B, "门头照片", f"{_SHOP}store_entrance_pic", Kind.PICTURE, many=True,
          help=_PICTURE_HELP),
    Field("store_inside", _B, "店内照片", f"{_SHOP}indoor_pic", Kind.PICTURE, many=True,
          help=_PICTURE_HELP),
    Field("settlement_id", _M, "结算规则编号", "settlement_info.settlement_id", most=8,
          pattern=r"[0-9]{3,8}", rule="3 到 8 位数字",
          help="按主体和行业选，如个体户餐饮 719、企业餐饮 716", keyboard="numeric"),
    Field("industry", _M, "所属行业", "settlement_info.qualification_type",
          help="与结算规则一致，如 餐饮"),
    Field("account_type", _M, "账户类型", f"{_BANK}bank_account_type", Kind.CHOICE,
          choices=((CORPORATE, "对公银行账户"), (PERSONAL, "经营者个人银行卡")),
          help="企业只能用对公账户"),
    Field("account_name", _M, "开户名称", f"{_BANK}account_name", is_private=True,
          pattern=r".{2,64}", rule="2 到 64 个字",
          help="对公账户与营业执照一致，个人卡与身份证一致"),
    Field("account_bank", _M, "开户银行", f"{_BANK}account_bank"),
    Field("bank_branch", _M, "开户支行全称", f"{_BANK}bank_name", is_required=False,
          help="部分银行必填，按微信的提示"),
    Field("account_number", _M, "银行账号", f"{_BANK}account_number", is_private=True, most=30,
          pattern=r"[0-9]{8,30}", rule="8 到 30 位数字", keyboard="numeric"),
)  # fmt: skip
BY_NAME: Final = {field.name: field for field in FIELDS}
BY_PATH: Final = {field.path: field for field in FIELDS}
PICTURES: Final = tuple(field for field in FIELDS if field.is_picture)
PRIVATE: Final = frozenset(field.name for field in FIELDS if field.is_private)


def of_step(step: Step) -> tuple[Field, ...]:
    return tuple(field for field in FIELDS if field.step is step)


def applies(field: Field, values: dict[str, str]) -> bool:
    """Whether it is asked for at all, by what stands in others."""
    return field.when is None or values.get(field.when[0]) == field.when[1]
