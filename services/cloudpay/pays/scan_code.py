"""scan_code_pay: a code for one order, which the payer scans."""

from __future__ import annotations

from models.order import AttemptMethod
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.methods import Method, Once
from services.cloudpay.pays.asking import (
    NUMBER,
    WAITING,
    WALLETS,
    OrderAsked,
    channel_of,
    placed,
    store_of,
    wanted,
)
from services.cloudpay.shapes import Told

TRADE_TYPE = 2


class ScanCodeTold(Told):
    code_url: str
    nonce_str: str


def scan_code_pay(call: Call, asked: OrderAsked) -> Answer:
    channel = channel_of(asked, WALLETS)
    scan = store_of(call, asked)
    found = placed(call, scan, wanted(call, asked, channel, AttemptMethod.NATIVE))
    if isinstance(found, Answer):
        return found
    assert found.code_url is not None
    return Answer(ScanCodeTold(code_url=found.code_url, nonce_str=fresh_nonce()), WAITING)


SCAN_CODE_PAY = Method(
    name="scan_code_pay",
    asked=OrderAsked,
    told=ScanCodeTold,
    run=scan_code_pay,
    result="scan_code_pay",
    summary=(
        "扫码支付：用code_url生成二维码给顾客扫，随即查询订单",
        "A code for one order: show code_url as a QR code and start to query",
    ),
    group="pays",
    once=Once("pay", NUMBER, trade_type=TRADE_TYPE),
    is_small=True,
)
