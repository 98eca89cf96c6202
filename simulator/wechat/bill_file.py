"""A WeChat bill's text, written from the books. Source: wechat.md A11."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from simulator.bill_lies import Columns, Lies, Row, bill_day
from simulator.books import Refund, Trade
from simulator.clock import SHANGHAI
from simulator.wechat.orders import TRADE_TYPE
from simulator.world import World

_NAMES = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
HEADER = _NAMES.split(",")
REFUND_ONLY = ("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态")
REFUND_TIMES = ("退款申请时间", "退款成功时间")
SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
COLUMNS = Columns(
    "商户订单号", "商户退款单号", "订单金额", "申请退款金额", "特约商户号", "交易状态"
)
RATE = Decimal("0.006")
# The bill's words for a refund differ from the API's (A11).
REFUND_WORDS = {
    "SUCCESS": "SUCCESS",
    "PROCESSING": "PROCESSING",
    "CLOSED": "FAIL",
    "ABNORMAL": "CHANGE",
}


def ready_at(day: dt.date) -> float:
    """10:00 of the next day in China."""
    at = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(10), SHANGHAI)
    return at.timestamp()


def rows(world: World, trades: Iterable[Trade], day: dt.date, bill_type: str) -> list[Row]:
    """Payments of the day and refunds asked for on it, oldest first, as they stood at 10:00."""
    found: list[tuple[str, Row]] = []
    for trade in trades:
        if trade.paid_at and bill_day(trade.paid_at) == day.isoformat() and bill_type != "REFUND":
            found.append((trade.paid_at, _payment(world, trade)))
        for refund in trade.refunds if bill_type != "SUCCESS" else ():
            asked = refund.facts.get("create_time") or trade.paid_at or ""
            if bill_day(asked) == day.isoformat():
                found.append((asked, _refund(world, trade, refund, day)))
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def invented(day: dt.date, sp_mchid: str, sub_mchid: str, number: str, fen: int) -> Row:
    """A payment that no book has."""
    row = dict.fromkeys(HEADER, "")
    return row | {
        "交易时间": f"{day.isoformat()} 12:00:00",
        "商户号": sp_mchid,
        "特约商户号": sub_mchid,
        "微信订单号": f"4200{day:%Y%m%d}{number[-8:]:0>14}",
        "商户订单号": number,
        "交易类型": "JSAPI",
        "交易状态": "SUCCESS",
        "货币种类": "CNY",
        "微信退款单号": "0",
        "商户退款单号": "0",
        **_money(fen, 0),
    }


def text_of(rows: list[Row], bill_type: str, lies: Lies) -> bytes:
    """Header, rows, summary header and one summary line: a back-tick before every cell."""
    names = [n for n in HEADER if bill_type != "SUCCESS" or n not in REFUND_ONLY]
    if bill_type == "REFUND":
        names = [*REFUND_TIMES, *names]
    names = [n for n in names if n not in lies.values("without")]
    for n, name in enumerate(lies.values("with")):
        names.insert(3 + n, name)
    lines = [",".join(names)]
    lines += [_line(row.get(name, "新") for name in names) for row in rows]
    if lies.has("short"):
        lines[1] = lines[1].rpartition(",`")[0]
    lines += [SUMMARY, _line(_summary(rows, lies))]
    end = "\r\n" if lies.has("crlf") else "\n"
    made = end.join(lines) + end
    coded = made.encode(lies.value("encoding") or "utf-8", "replace")
    if lies.has("bom"):
        coded = b"\xef\xbb\xbf" + coded
    return coded[: len(coded) * 2 // 3] if lies.has("cut") else coded


def _line(cells: Iterable[str]) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def _summary(rows: list[Row], lies: Lies) -> list[str]:
    def total(name: str, places: str = "0.01") -> str:
        summed = sum((Decimal(row[name]) for row in rows), Decimal(0))
        return str(summed.quantize(Decimal(places)))

    off = Decimal(lies.value("total") or 0) / 100
    return [
        str(len(rows)),
        total("应结订单金额"),
        total("退款金额"),
        total("充值券退款金额"),
        total("手续费", "0.00001"),
        str(Decimal(total("订单金额")) + off),
        total("申请退款金额"),
    ]


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _money(paid: int, back: int) -> Row:
    fee = (Decimal(paid - back) / 100 * RATE).quantize(Decimal("0.01"))
    return {
        "应结订单金额": _yuan(paid),
        "代金券金额": "0.00",
        "退款金额": _yuan(back),
        "充值券退款金额": "0.00",
        "手续费": f"{fee:.5f}",
        "费率": "0.60%",
        "订单金额": _yuan(paid),
        "申请退款金额": _yuan(back),
        "费率备注": "",
    }


def _plain(text: str) -> str:
    """Separators inside a merchant's text are backslash and blank, a new line is `\\n`."""
    return text.replace(",", "\\ ").replace("\n", "\\n")


def _common(world: World, trade: Trade) -> Row:
    facts = trade.facts
    person = facts.get("person")
    return {
        "公众账号ID": facts.get("sp_appid") or "",
        "商户号": trade.mchid,
        "特约商户号": trade.sub_mchid,
        "设备号": facts.get("device_id") or "",
        "微信订单号": trade.transaction_id or "",
        "商户订单号": trade.out_trade_no,
        "用户标识": world.openid(facts.get("sp_appid") or "", person) if person else "",
        "交易类型": TRADE_TYPE.get(facts.get("product", ""), "MICROPAY"),
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "商品名称": _plain(facts.get("description") or ""),
        "商户数据包": _plain(facts.get("attach") or ""),
    }


def _payment(world: World, trade: Trade) -> Row:
    is_revoked = trade.state == "REVOKED"
    return _common(world, trade) | {
        "交易时间": _clock_time(trade.paid_at or ""),
        "交易状态": "REVOKED" if is_revoked else "SUCCESS",
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款类型": "",
        "退款状态": "",
        **_money(trade.amount_fen, 0),
    }


def _refund(world: World, trade: Trade, refund: Refund, day: dt.date) -> Row:
    asked = refund.facts.get("create_time") or trade.paid_at or ""
    state = refund.state
    if float(refund.facts.get("final_at") or 0) > ready_at(day):
        state = "PROCESSING"  # it became final after the bill was written
    return _common(world, trade) | {
        "交易时间": _clock_time(asked),
        "交易状态": "REFUND",
        "微信退款单号": refund.refund_id,
        "商户退款单号": refund.out_refund_no,
        "退款类型": "ORIGINAL",
        "退款状态": REFUND_WORDS.get(state, state),
        "退款申请时间": _clock_time(asked),
        "退款成功时间": _clock_time(refund.facts.get("success_time") or ""),
        **_money(0, refund.amount_fen),
    }


def _clock_time(rfc3339: str) -> str:
    return rfc3339[:19].replace("T", " ")
