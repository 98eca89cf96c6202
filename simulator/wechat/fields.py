"""One table per operation: what WeChat Pay takes, field by field. Source: wechat.md A5, A7.

Lengths are counted in UTF-8 bytes, as upstream's own messages say (字节数).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from simulator.wechat.errors import (
    BAD_PARAMETER,
    EXTRA_PARAMETER,
    OPENID_MISSING,
    OUT_OF_RANGE,
    SUB_MCHID_MISSING,
    Refusal,
)

INT32_MAX = 2_147_483_647
TRADE_NO = r"[0-9A-Za-z_\-|*]+"
REFUND_NO = r"[0-9A-Za-z_\-|*@]+"
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
DIGITS = r"[0-9]+"
IP = r"[0-9A-Fa-f.:]+"


@dataclass(frozen=True)
class Field:
    """`path` is dotted, "[]" for list items; `where` is body, query or url (a part of the path)."""

    path: str
    kind: str  # str, int, bool, object, list
    required: bool = False
    low: int = 1  # shortest length, or smallest number
    high: int = 0  # longest length, or largest number; 0: no bound
    pattern: str = ""
    options: tuple[str, ...] = ()
    label: str = ""
    where: str = "body"
    number: int = BAD_PARAMETER  # of the refusal when it is missing


def _parties(where: str = "body") -> tuple[Field, ...]:
    return (
        Field("sp_mchid", "str", True, 1, 32, DIGITS, label="服务商户号", where=where),
        Field(
            "sub_mchid",
            "str",
            True,
            1,
            32,
            DIGITS,
            label="子商户号",
            where=where,
            number=SUB_MCHID_MISSING,
        ),
    )


_COMMON = (
    Field("sp_appid", "str", True, 1, 32, label="服务商应用ID"),
    *_parties(),
    Field("sub_appid", "str", False, 1, 32, label="子商户应用ID"),
    Field("description", "str", True, 1, 127, label="商品描述"),
    Field("out_trade_no", "str", True, 6, 32, TRADE_NO, label="商户订单号"),
    Field("time_expire", "str", False, 1, 64, RFC3339, label="交易结束时间"),
    Field("attach", "str", False, 1, 128, label="附加数据"),
    Field("notify_url", "str", True, 1, 255, label="通知地址"),
    Field("goods_tag", "str", False, 1, 32, label="订单优惠标记"),
    Field("limit_pay", "list", False, 1, 1, label="指定支付方式"),  # as in WeChat's own SDKs
    Field("limit_pay[]", "str", True, 1, 32, options=("no_credit",), label="指定支付方式"),
    Field("support_fapiao", "bool", label="电子发票入口开放标识"),
    Field("settle_info", "object", label="结算信息"),
    Field("settle_info.profit_sharing", "bool", label="是否指定分账"),
    Field("amount", "object", True, label="订单金额"),
    Field("amount.total", "int", True, 1, INT32_MAX, label="总金额"),
    Field("amount.currency", "str", False, 1, 16, options=("CNY",), label="货币类型"),
    Field("detail", "object", label="优惠功能"),
    Field("detail.cost_price", "int", False, 0, INT32_MAX, label="订单原价"),
    Field("detail.invoice_id", "str", False, 1, 32, label="商品小票ID"),
    Field("detail.goods_detail", "list", False, 1, 6000, label="单品列表"),
    Field("detail.goods_detail[].merchant_goods_id", "str", True, 1, 32, label="商户侧商品编码"),
    Field("detail.goods_detail[].wechatpay_goods_id", "str", False, 1, 32, label="微信侧商品编码"),
    Field("detail.goods_detail[].goods_name", "str", False, 1, 256, label="商品名称"),
    Field("detail.goods_detail[].quantity", "int", True, 1, INT32_MAX, label="商品数量"),
    Field("detail.goods_detail[].unit_price", "int", True, 0, INT32_MAX, label="商品单价"),
)


def _scene(required: bool) -> tuple[Field, ...]:
    return (
        Field("scene_info", "object", required, label="场景信息"),
        Field("scene_info.payer_client_ip", "str", required, 1, 45, IP, label="用户终端IP"),
        Field("scene_info.device_id", "str", False, 1, 32, label="商户端设备号"),
        Field("scene_info.store_info", "object", label="商户门店信息"),
        Field("scene_info.store_info.id", "str", True, 1, 32, label="门店编号"),
        Field("scene_info.store_info.name", "str", False, 1, 256, label="门店名称"),
        Field("scene_info.store_info.area_code", "str", False, 1, 32, DIGITS, label="地区编码"),
        Field("scene_info.store_info.address", "str", False, 1, 512, label="详细地址"),
    )


_PAYER = (
    Field("payer", "object", True, label="支付者", number=OPENID_MISSING),
    Field("payer.sp_openid", "str", False, 1, 128, label="用户服务标识"),
    Field("payer.sub_openid", "str", False, 1, 128, label="用户子标识"),
)

_H5 = (
    Field("scene_info.h5_info", "object", True, label="H5场景信息"),
    Field(
        "scene_info.h5_info.type",
        "str",
        True,
        1,
        32,
        options=("Wap", "iOS", "Android"),
        label="场景类型",
    ),
    Field("scene_info.h5_info.app_name", "str", False, 1, 64, label="应用名称"),
    Field("scene_info.h5_info.app_url", "str", False, 1, 128, label="网站URL"),
    Field("scene_info.h5_info.bundle_id", "str", False, 1, 128, label="iOS平台BundleID"),
    Field("scene_info.h5_info.package_name", "str", False, 1, 128, label="Android平台PackageName"),
)

_OUT_TRADE_NO = Field("out_trade_no", "str", True, 6, 32, TRADE_NO, label="商户订单号", where="url")

TABLES: dict[str, tuple[Field, ...]] = {
    "wechat.jsapi": (*_COMMON, *_PAYER, *_scene(False)),
    "wechat.native": (*_COMMON, *_scene(False)),
    "wechat.h5": (*_COMMON, *_scene(True), *_H5),
    "wechat.app": (*_COMMON, *_scene(False)),
    "wechat.query": (_OUT_TRADE_NO, *_parties("query")),
    "wechat.query_by_id": (
        Field("transaction_id", "str", True, 1, 32, DIGITS, label="微信支付订单号", where="url"),
        *_parties("query"),
    ),
    "wechat.close": (_OUT_TRADE_NO, *_parties()),
    "wechat.certificates": (),
    "wechat.tradebill": (
        Field(
            "bill_date", "str", True, 10, 10, r"\d{4}-\d\d-\d\d", label="账单日期", where="query"
        ),
        Field("sub_mchid", "str", False, 1, 32, DIGITS, label="子商户号", where="query"),
        Field(
            "bill_type",
            "str",
            False,
            1,
            32,
            options=("ALL", "SUCCESS", "REFUND"),
            label="账单类型",
            where="query",
        ),
        Field("tar_type", "str", False, 1, 32, options=("GZIP",), label="压缩类型", where="query"),
    ),
    "wechat.refund": (
        Field(
            "sub_mchid",
            "str",
            True,
            1,
            32,
            DIGITS,
            label="子商户号",
            number=SUB_MCHID_MISSING,
        ),
        Field("transaction_id", "str", False, 1, 32, DIGITS, label="微信支付订单号"),
        Field("out_trade_no", "str", False, 6, 32, TRADE_NO, label="商户订单号"),
        Field("out_refund_no", "str", True, 1, 64, REFUND_NO, label="商户退款单号"),
        Field("reason", "str", False, 1, 80, label="退款原因"),
        Field("notify_url", "str", False, 8, 256, label="退款结果回调url"),
        Field(
            "funds_account",
            "str",
            False,
            1,
            32,
            options=("AVAILABLE", "UNSETTLED"),
            label="退款资金来源",
        ),
        Field("amount", "object", True, label="金额信息"),
        Field("amount.refund", "int", True, 1, INT32_MAX, label="退款金额"),
        Field("amount.total", "int", True, 1, INT32_MAX, label="原订单金额"),
        Field("amount.currency", "str", True, 1, 16, options=("CNY",), label="退款币种"),
        Field("amount.from", "list", False, 1, 10, label="退款出资账户及金额"),
        Field(
            "amount.from[].account",
            "str",
            True,
            1,
            32,
            options=("AVAILABLE", "UNAVAILABLE"),
            label="出资账户类型",
        ),
        Field("amount.from[].amount", "int", True, 1, INT32_MAX, label="出资金额"),
        Field("goods_detail", "list", False, 1, 100, label="退款商品"),
        Field("goods_detail[].merchant_goods_id", "str", True, 1, 32, label="商户侧商品编码"),
        Field("goods_detail[].wechatpay_goods_id", "str", False, 1, 32, label="微信侧商品编码"),
        Field("goods_detail[].goods_name", "str", False, 1, 256, label="商品名称"),
        Field("goods_detail[].unit_price", "int", True, 0, INT32_MAX, label="商品单价"),
        Field("goods_detail[].refund_amount", "int", True, 0, INT32_MAX, label="商品退款金额"),
        Field("goods_detail[].refund_quantity", "int", True, 1, INT32_MAX, label="商品退货数量"),
    ),
    "wechat.refund_query": (
        Field("out_refund_no", "str", True, 1, 64, REFUND_NO, label="商户退款单号", where="url"),
        Field(
            "sub_mchid",
            "str",
            True,
            1,
            32,
            DIGITS,
            label="子商户号",
            where="query",
            number=SUB_MCHID_MISSING,
        ),
    ),
}

KIND_WORDS = {
    "str": "字符串字段",
    "int": "数值字段",
    "bool": "布尔字段",
    "object": "对象字段",
    "list": "数组字段",
}
TYPES = {"str": str, "int": int, "bool": bool, "object": dict, "list": list}


GOLD_TAGS = (
    "E_COMMERCE", "LOVE_MARRIAGE", "POTOGRAPHY", "EDUCATION", "FINANCE", "TOURISM", "SKINCARE",
    "FOOD", "SPORT", "JEWELRY_WATCH", "HEALTHCARE", "BUSSINESS", "PARENTING", "CATERING", "RETAIL",
    "SERVICES", "LAW", "ESTATE", "TRANSPORTATION", "ENERGY_SAVING", "SECURITY",
    "BUILDING_MATERIAL", "COMMUNICATION", "MERCHANDISE", "ASSOCIATION", "COMMUNITY", "ONLINE_AVR",
    "WE_MEDIA", "CAR", "SOFTWARE", "GAME", "CLOTHING", "INDUSTY", "AGRICULTURE",
    "PUBLISHING_MEDIA", "HOME_DIGITAL",
)  # fmt: skip
_SUB = Field("sub_mchid", "str", True, 1, 32, DIGITS, label="特约商户号", number=SUB_MCHID_MISSING)
_ON_OFF = Field("operation_type", "str", True, 1, 16, options=("OPEN", "CLOSE"), label="操作类型")


def _gold_tags(low: int) -> tuple[Field, ...]:
    name, label = "advertising_industry_filters", "同业过滤标签值"
    return (
        Field(name, "list", low > 0, low, 3, label=label),
        Field(f"{name}[]", "str", True, 1, 32, options=GOLD_TAGS, label=label),
    )


TABLES |= {  # wechat.md B2
    "wechat.goldplan": (
        _SUB,
        _ON_OFF,
        Field(
            "operation_pay_scene",
            "str",
            False,
            1,
            32,
            options=("JSAPI", "MINIPROGRAM", "JSAPI_AND_MINIPROGRAM"),
            label="点金计划场景",
        ),
    ),
    "wechat.goldplan_receipt": (_SUB, _ON_OFF),
    "wechat.goldplan_tags": (_SUB, *_gold_tags(1)),
    "wechat.goldplan_ads": (_SUB, *_gold_tags(0)),
    "wechat.goldplan_no_ads": (_SUB,),
}


def check(operation: str, where: str, given: dict[str, Any]) -> None:
    """Refuse what the operation's table does not take, in that part of the request."""
    table = [f for f in TABLES[operation] if f.where == where]
    _refuse_extras(table, where, given)
    _check_level(table, where, "", given)


def _children(table: list[Field], prefix: str) -> list[Field]:
    return [
        f
        for f in table
        if f.path.startswith(prefix)
        and "." not in f.path[len(prefix) :]
        and not f.path.endswith("[]")
    ]


def _refuse_extras(table: list[Field], where: str, given: dict[str, Any]) -> None:
    known = {f.path for f in table}
    extras = [p for p in _paths("", given) if re.sub(r"\[\d+\]", "[]", p) not in known]
    if extras:
        spelled = [f"/{where}/" + re.sub(r"\[(\d+)\]", r"/\1", p).replace(".", "/") for p in extras]
        raise Refusal(
            "PARAM_ERROR",
            "请求中含有未在API文档中定义的参数",
            EXTRA_PARAMETER,
            {"location": None, "value": spelled},
        )


def _paths(prefix: str, value: Any) -> list[str]:
    """Dotted paths of every key that was sent, list indexes kept."""
    found: list[str] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            path = f"{prefix}.{key}" if prefix else key
            found += [path, *_paths(path, inner)]
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += _paths(f"{prefix}[{index}]", inner)
    return found


def _check_level(table: list[Field], where: str, prefix: str, given: dict[str, Any]) -> None:
    for field in _children(table, prefix):
        name = field.path[len(prefix) :]
        if name not in given:
            if field.required:
                raise _wrong(field, where, "", "必填性规则校验失败，此字段为必填项", field.number)
            continue
        _check_value(table, where, field, given[name])


def _check_value(table: list[Field], where: str, field: Field, value: Any) -> None:
    wanted = TYPES[field.kind]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise _wrong(
            field, where, value, f"类型校验失败，此字段的类型应为{KIND_WORDS[field.kind][:-2]}"
        )
    if isinstance(value, str):
        _check_text(field, where, value)
    elif isinstance(value, dict):
        _check_level(table, where, field.path + ".", value)
    elif isinstance(value, list):
        _check_items(table, where, field, value)
    elif isinstance(value, int) and field.kind == "int":
        _check_number(field, where, value)


def _check_text(field: Field, where: str, value: str) -> None:
    length = len(value.encode("utf-8", "surrogatepass"))
    if length < field.low:
        issue = f"字符串规则校验失败，字节数 {length}，小于最小值 {field.low}"
    elif field.high and length > field.high:
        issue = f"字符串规则校验失败，字节数 {length}，大于最大值 {field.high}"
    elif field.pattern and not re.fullmatch(field.pattern, value, re.ASCII):
        issue = "字符串规则校验失败，字符串不符合正则表达式"
    elif field.options and value not in field.options:
        issue = "枚举规则校验失败，不在可选范围内"
    elif any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
        issue = "字符串规则校验失败，含有非法字符"
    else:
        return
    raise _wrong(field, where, value, issue)


def _check_items(table: list[Field], where: str, field: Field, items: list[Any]) -> None:
    if not field.low <= len(items) <= field.high:
        issue = f"数组规则校验失败，元素数量必须介于 {field.low} 和 {field.high} 之间"
        raise _wrong(field, where, len(items), issue)
    plain = next((f for f in table if f.path == f"{field.path}[]"), None)
    for item in items:
        if plain is not None:  # a list of values, not of objects
            _check_value(table, where, plain, item)
            continue
        if not isinstance(item, dict):
            raise _wrong(field, where, item, "类型校验失败，数组元素的类型应为对象")
        _check_level(table, where, field.path + "[].", item)


def _check_number(field: Field, where: str, value: int) -> None:
    if value < field.low:
        issue = f"规则校验失败，值低于最小值 {field.low}"
    elif field.high and value > field.high:
        issue = f"规则校验失败，值高于最大值 {field.high}"
    else:
        return
    raise _wrong(field, where, value, issue, OUT_OF_RANGE)


def _wrong(
    field: Field, where: str, value: Any, issue: str, number: int = BAD_PARAMETER
) -> Refusal:
    """Upstream's own sentence: 输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，…"""
    pointer = "/" + field.path.replace("[]", "/0").replace(".", "/")
    kind = KIND_WORDS[field.kind] if "必填性" not in issue else "字段"
    message = f"输入源“/{where}{pointer}”映射到{kind}“{field.label}”{issue}"
    shown = pointer if where == "body" else pointer[1:]
    detail = {"field": shown, "value": value, "issue": issue, "location": where}
    return Refusal("PARAM_ERROR", message, number, detail)
