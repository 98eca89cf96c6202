"""What WeChat takes of an application, field by field. Source: wechat.md E1.

Of papers it takes identity cards, of subjects the two that have a business licence.
"""

from __future__ import annotations

from typing import Final

from simulator.wechat.fields import DIGITS, TABLES, Field

DAY: Final = r"\d{4}-\d\d-\d\d"
DAY_OR_LONG: Final = rf"{DAY}|长期"
SEALED_MOST: Final = 1024  # base64 of one RSA block has 344 characters
# path -> what it must read like once it is opened, and its name
SEALED: Final = {
    "contact_info.contact_name": (r".{2,100}", "超级管理员姓名"),
    "contact_info.contact_id_number": (r"\d{17}[0-9X]", "超级管理员身份证件号码"),
    "contact_info.mobile_phone": (r"1[3-9]\d{9}", "联系手机"),
    "contact_info.contact_email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "联系邮箱"),
    "subject_info.identity_info.id_card_info.id_card_name": (r".{2,60}", "身份证姓名"),
    "subject_info.identity_info.id_card_info.id_card_number": (r"\d{17}[0-9X]", "身份证号码"),
    "subject_info.identity_info.id_card_info.id_card_address": (r".{4,128}", "身份证居住地址"),
    "bank_account_info.account_name": (r".{2,110}", "开户名称"),
    "bank_account_info.account_number": (r"\d{8,30}", "银行账号"),
}
MEDIA: Final = (
    "contact_info.contact_id_doc_copy", "contact_info.contact_id_doc_copy_back",
    "contact_info.business_authorization_letter",
    "subject_info.business_license_info.license_copy",
    "subject_info.identity_info.id_card_info.id_card_copy",
    "subject_info.identity_info.id_card_info.id_card_national",
)  # fmt: skip
MEDIA_LISTS: Final = (
    "business_info.sales_info.biz_store_info.store_entrance_pic",
    "business_info.sales_info.biz_store_info.indoor_pic",
)


def _text(
    path: str, required: bool, high: int, label: str, pattern: str = "", *options: str
) -> Field:
    return Field(path, "str", required, 1, high, pattern, options, label)


def _object(path: str, required: bool, label: str) -> Field:
    return Field(path, "object", required, label=label)


_CONTACT = (
    _object("contact_info", True, "超级管理员信息"),
    _text("contact_info.contact_type", True, 32, "超级管理员类型", "", "LEGAL", "SUPER"),
    _text("contact_info.contact_name", True, SEALED_MOST, "超级管理员姓名"),
    _text("contact_info.contact_id_number", False, SEALED_MOST, "超级管理员身份证件号码"),
    _text("contact_info.mobile_phone", True, SEALED_MOST, "联系手机"),
    _text("contact_info.contact_email", True, SEALED_MOST, "联系邮箱"),
    _text("contact_info.contact_id_doc_type", False, 64, "超级管理员证件类型", "",
          "IDENTIFICATION_TYPE_IDCARD"),
    _text("contact_info.contact_id_doc_copy", False, 256, "超级管理员证件正面照片"),
    _text("contact_info.contact_id_doc_copy_back", False, 256, "超级管理员证件反面照片"),
    _text("contact_info.contact_period_begin", False, 16, "超级管理员证件有效期开始", DAY),
    _text("contact_info.contact_period_end", False, 16, "超级管理员证件有效期结束", DAY_OR_LONG),
    _text("contact_info.business_authorization_letter", False, 256, "业务办理授权函"),
)  # fmt: skip
_LICENSE = "subject_info.business_license_info"
_IDENTITY = "subject_info.identity_info"
_CARD = f"{_IDENTITY}.id_card_info"
_SUBJECT = (
    _object("subject_info", True, "主体资料"),
    _text("subject_info.subject_type", True, 32, "主体类型", "",
          "SUBJECT_TYPE_INDIVIDUAL", "SUBJECT_TYPE_ENTERPRISE"),
    Field("subject_info.finance_institution", "bool", label="是否金融机构"),
    _object(_LICENSE, True, "营业执照"),
    _text(f"{_LICENSE}.license_copy", True, 256, "营业执照照片"),
    _text(f"{_LICENSE}.license_number", True, 18, "注册号/统一社会信用代码",
          r"[0-9A-Z]{15}|[0-9A-Z]{18}"),
    _text(f"{_LICENSE}.merchant_name", True, 384, "商户名称"),
    _text(f"{_LICENSE}.legal_person", True, 192, "个体户经营者/法人姓名"),
    _object(_IDENTITY, True, "经营者/法人身份证件"),
    _text(f"{_IDENTITY}.id_holder_type", False, 32, "证件持有人类型", "", "LEGAL"),
    _text(f"{_IDENTITY}.id_doc_type", True, 64, "证件类型", "", "IDENTIFICATION_TYPE_IDCARD"),
    Field(f"{_IDENTITY}.owner", "bool", label="经营者/法人是否为受益人"),
    _object(_CARD, True, "身份证信息"),
    _text(f"{_CARD}.id_card_copy", True, 256, "身份证人像面照片"),
    _text(f"{_CARD}.id_card_national", True, 256, "身份证国徽面照片"),
    _text(f"{_CARD}.id_card_name", True, SEALED_MOST, "身份证姓名"),
    _text(f"{_CARD}.id_card_number", True, SEALED_MOST, "身份证号码"),
    _text(f"{_CARD}.id_card_address", False, SEALED_MOST, "身份证居住地址"),
    _text(f"{_CARD}.card_period_begin", True, 16, "身份证有效期开始", DAY),
    _text(f"{_CARD}.card_period_end", True, 16, "身份证有效期结束", DAY_OR_LONG),
)  # fmt: skip
_SALES = "business_info.sales_info"
_SHOP = f"{_SALES}.biz_store_info"
_BUSINESS = (
    _object("business_info", True, "经营资料"),
    _text("business_info.merchant_shortname", True, 192, "商户简称"),
    _text("business_info.service_phone", True, 20, "客服电话", r"[0-9-]{5,20}"),
    _object(_SALES, True, "经营场景"),
    Field(f"{_SALES}.sales_scenes_type", "list", True, 1, 6, label="经营场景类型"),
    _text(f"{_SALES}.sales_scenes_type[]", True, 32, "经营场景类型", "", "SALES_SCENES_STORE"),
    _object(_SHOP, False, "线下场所场景"),
    _text(f"{_SHOP}.biz_store_name", True, 384, "线下场所名称"),
    _text(f"{_SHOP}.biz_address_code", True, 6, "线下场所省市编码", r"\d{6}"),
    _text(f"{_SHOP}.biz_store_address", True, 384, "线下场所地址"),
    Field(f"{_SHOP}.store_entrance_pic", "list", True, 1, 5, label="线下场所门头照片"),
    _text(f"{_SHOP}.store_entrance_pic[]", True, 256, "线下场所门头照片"),
    Field(f"{_SHOP}.indoor_pic", "list", True, 1, 5, label="线下场所内部照片"),
    _text(f"{_SHOP}.indoor_pic[]", True, 256, "线下场所内部照片"),
)
_MONEY = (
    _object("settlement_info", True, "结算规则"),
    _text("settlement_info.settlement_id", True, 8, "入驻结算规则ID", DIGITS),
    _text("settlement_info.qualification_type", True, 200, "所属行业"),
    _object("bank_account_info", True, "结算银行账户"),
    _text("bank_account_info.bank_account_type", True, 64, "账户类型", "",
          "BANK_ACCOUNT_TYPE_CORPORATE", "BANK_ACCOUNT_TYPE_PERSONAL"),
    _text("bank_account_info.account_name", True, SEALED_MOST, "开户名称"),
    _text("bank_account_info.account_bank", True, 384, "开户银行"),
    _text("bank_account_info.bank_name", False, 384, "开户银行全称（含支行）"),
    _text("bank_account_info.bank_branch_id", False, 16, "开户银行联行号", DIGITS),
    _text("bank_account_info.account_number", True, SEALED_MOST, "银行账号"),
)  # fmt: skip
TABLES |= {
    "wechat.applyment_submit": (
        _text("business_code", True, 124, "业务申请编号", r"[0-9A-Za-z_]+"),
        *_CONTACT, *_SUBJECT, *_BUSINESS, *_MONEY,
    ),
    "wechat.applyment_query": (
        Field("business_code", "str", True, 1, 124, r"[0-9A-Za-z_]+", label="业务申请编号",
              where="url"),
    ),
    "wechat.applyment_query_id": (
        Field("applyment_id", "str", True, 1, 20, DIGITS, label="微信支付申请单号", where="url"),
    ),
}  # fmt: skip
