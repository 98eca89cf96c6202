"""The methods this gateway knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from simulator.alipay import (
    bills,
    capture,
    freezing,
    fund_tables,
    grants,
    looking,
    opening,
    refunds,
    shops,
    tables,
    tokens,
    unfreezing,
    wap,
)
from simulator.alipay.fields import Field
from simulator.alipay.state import Call


@dataclass(frozen=True)
class Method:
    """`operation` is the short name for faults; `bad` the sub_code for a bad business parameter.

    `is_bare`: success carries no code and msg. `is_flat`: parameters are top-level, no biz_content.
    """

    name: str
    operation: str
    table: tuple[Field, ...]
    handle: Callable[[Call], dict[str, Any] | Response]
    bad: str = "ACQ.INVALID_PARAMETER"
    needs_token: bool = True
    is_flat: bool = False
    is_bare: bool = False
    is_page: bool = False

    @property
    def root(self) -> str:
        return self.name.replace(".", "_") + "_response"

    @property
    def fault_names(self) -> tuple[str, ...]:
        return (self.operation, self.name, "/gateway.do")


_BAD_FUND = "ILLEGAL_ARGUMENT"
_FUND = (
    Method(
        "alipay.fund.auth.order.freeze",
        "alipay.freeze",
        fund_tables.FREEZE,
        freezing.freeze,
        bad=_BAD_FUND,
    ),
    Method(
        "alipay.fund.auth.order.voucher.create",
        "alipay.voucher",
        fund_tables.VOUCHER,
        freezing.voucher,
        bad=_BAD_FUND,
    ),
    Method(
        "alipay.fund.auth.operation.detail.query",
        "alipay.freeze_query",
        fund_tables.DETAIL,
        unfreezing.detail,
        bad=_BAD_FUND,
    ),
    Method(
        "alipay.fund.auth.order.unfreeze",
        "alipay.unfreeze",
        fund_tables.UNFREEZE,
        unfreezing.unfreeze,
        bad=_BAD_FUND,
    ),
    Method(
        "alipay.fund.auth.operation.cancel",
        "alipay.freeze_cancel",
        fund_tables.CANCEL,
        unfreezing.cancel,
        bad=_BAD_FUND,
    ),
)
_ALL = (
    *_FUND,
    Method("alipay.trade.create", "alipay.create", tables.CREATE, opening.create),
    Method("alipay.trade.precreate", "alipay.precreate", tables.PRECREATE, opening.precreate),
    Method("alipay.trade.pay", "alipay.pay", tables.PAY, capture.pay),
    Method("alipay.trade.query", "alipay.query", tables.QUERY, looking.query),
    Method("alipay.trade.close", "alipay.close", tables.CLOSE, looking.close),
    Method("alipay.trade.cancel", "alipay.cancel", tables.CANCEL, looking.cancel),
    Method("alipay.trade.refund", "alipay.refund", tables.REFUND, refunds.refund),
    Method(
        "alipay.trade.fastpay.refund.query",
        "alipay.refund_query",
        tables.REFUND_QUERY,
        refunds.query,
    ),
    Method("alipay.trade.wap.pay", "alipay.wap", tables.WAP_PAY, wap.begin, is_page=True),
    Method(
        "alipay.system.oauth.token",
        "alipay.oauth",
        tables.OAUTH_TOKEN,
        tokens.oauth_token,
        bad="isv.invalid-parameter",
        needs_token=False,
        is_flat=True,
        is_bare=True,
    ),
    Method(
        "alipay.data.dataservice.bill.downloadurl.query",
        "alipay.bill",
        tables.BILL,
        bills.query,
        bad="isv.invalid_arguments",
    ),
    Method(
        "alipay.open.auth.token.app.query",
        "alipay.token_query",
        tables.TOKEN_QUERY,
        tokens.token_query,
        bad="ILLEGAL_PARAM",
        needs_token=False,
    ),
    Method(
        "alipay.open.auth.token.app",
        "alipay.app_token",
        tables.APP_TOKEN,
        grants.token,
        bad="ILLEGAL_PARAM",
        needs_token=False,
    ),
    Method(
        "alipay.offline.market.shop.batchquery",
        "alipay.shops",
        tables.SHOPS,
        shops.batch,
        bad="INVALID_PARAMETER",
    ),
    Method(
        "alipay.offline.market.shop.querydetail",
        "alipay.shop",
        tables.SHOP,
        shops.detail,
        bad="INVALID_PARAMETER",
    ),
)
METHODS = {m.name: m for m in _ALL}
