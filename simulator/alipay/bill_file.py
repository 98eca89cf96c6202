"""An Alipay bill: a zip of two GBK files, written from the books. Source: alipay.md 5.2."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterable
from decimal import Decimal

from simulator.alipay.fields import yuan
from simulator.bill_lies import Columns, Lies, Row, bill_day
from simulator.books import Refund, Trade
from simulator.clock import china

_NAMES = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
HEADER = _NAMES.split(",")
SUMMARY_HEADER = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,"
    "商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
MONEY = [name for name in HEADER if name.endswith("（元）")]
COLUMNS = Columns("商户订单号", "退款批次号/请求号", "订单金额（元）", "订单金额（元）")
RATE = Decimal("0.006")
RULE = "#-----------------------------------------{}------------------------------------"


class GbkName(zipfile.ZipInfo):
    """An entry whose name is GBK without the flag that says UTF-8, as Alipay writes them."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def rows(trades: Iterable[Trade], day: dt.date) -> list[Row]:
    """Payments and refunds that were done on the day, oldest first."""
    found: list[tuple[str, Row]] = []
    for trade in trades:
        paid = trade.facts.get("gmt_payment", "")
        if bill_day(paid) == day.isoformat():
            found.append((paid, _payment(trade)))
        for refund in trade.refunds:
            done = refund.facts.get("gmt_refund_pay", "")
            if bill_day(done) == day.isoformat():
                found.append((done, _refund(trade, refund, done)))
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def invented(day: dt.date, number: str, fen: int) -> Row:
    """A payment that no book has."""
    return (
        dict.fromkeys(HEADER, "")
        | dict.fromkeys(MONEY, "0.00")
        | {
            "支付宝交易号": f"{day:%Y%m%d}22001{number[-8:]:0>14}\t",
            "商户订单号": f"{number}\t",
            "业务类型": "交易",
            "创建时间": f"{day.isoformat()} 12:00:00",
            "完成时间": f"{day.isoformat()} 12:00:01",
            **_money(fen, 1),
        }
    )


def _money(fen: int, sign: int) -> Row:
    fee = -sign * (Decimal(fen) / 100 * RATE).quantize(Decimal("0.01"))
    amount = f"{'-' if sign < 0 else ''}{yuan(fen)}"
    return {"订单金额（元）": amount, "商家实收（元）": amount, "服务费（元）": f"{fee:.2f}"}


def _common(trade: Trade) -> Row:
    row = dict.fromkeys(HEADER, "") | dict.fromkeys(MONEY, "0.00")
    return row | {
        "支付宝交易号": f"{trade.transaction_id}\t",
        "商户订单号": f"{trade.out_trade_no}\t",
        "商品名称": trade.facts.get("subject", ""),
        "创建时间": china(dt.datetime.fromtimestamp(trade.created_at, dt.UTC)),
        "门店编号": f"{trade.facts.get('store_id', '')}\t",
        "操作员": "\t",
        "终端号": f"{trade.facts.get('terminal_id', '')}\t",
        "对方账户": "*晓(lin***@sim.test)\t",
        "退款批次号/请求号": "\t",
    }


def _payment(trade: Trade) -> Row:
    return _common(trade) | {
        "业务类型": "交易",
        "完成时间": trade.facts["gmt_payment"],
        **_money(trade.amount_fen, 1),
    }


def _refund(trade: Trade, refund: Refund, done: str) -> Row:
    return _common(trade) | {
        "业务类型": "退款",
        "完成时间": done,
        "退款批次号/请求号": f"{refund.out_refund_no}\t",
        "备注": refund.facts.get("reason", ""),
        **_money(refund.amount_fen, -1),
    }


def zipped(pid: str, day: dt.date, rows: list[Row], lies: Lies, now: dt.datetime) -> bytes:
    """The zip; which of the two files comes first is by the day."""
    name = f"{pid}0156_{day:%Y%m%d}_业务明细"
    codec = lies.value("encoding") or "gb18030"
    entries = [
        (f"{name}.csv", _detail(pid, day, rows, lies, now).encode(codec)),
        (f"{name}(汇总).csv", _summary(pid, day, rows, now).encode(codec)),
    ]
    if lies.has("bom"):
        entries[0] = (entries[0][0], b"\xef\xbb\xbf" + entries[0][1])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for entry, body in entries if day.day % 2 else reversed(entries):
            made.writestr(GbkName(entry, (1980, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
    data = out.getvalue()
    if lies.has("hash"):  # Alipay names no hash: a byte of the packed file is another
        at = data.index("业务明细.csv".encode("gbk")) + 40
        data = data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]
    return data[: len(data) * 2 // 3] if lies.has("cut") else data


def _frame(pid: str, day: dt.date, what: str) -> list[str]:
    ends = day + dt.timedelta(days=1)
    return [
        f"#支付宝业务{what}查询",
        f"#账号：[{pid}0156]",
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{ends:%Y年%m月%d日} 00:00:00]",
        RULE.format(f"业务{what}列表") + "----",
    ]


def _detail(pid: str, day: dt.date, rows: list[Row], lies: Lies, now: dt.datetime) -> str:
    names = [n for n in HEADER if n not in lies.values("without")]
    for n, name in enumerate(lies.values("with")):
        names.insert(3 + n, name)
    lines = [",".join(row.get(name, "新") for name in names) for row in rows]
    if lies.has("short"):
        lines[0] = lines[0].partition(",")[2]
    paid = [r for r in rows if r["业务类型"] == "交易"]
    back = [r for r in rows if r["业务类型"] == "退款"]
    off = Decimal(lies.value("total") or 0) / 100
    framed = [
        *_frame(pid, day, "明细"),
        ",".join(names),
        *lines,
        RULE.format("业务明细列表结束"),
        f"#交易合计：{len(paid)}笔，商家实收共{_sum(paid, '商家实收（元）') + off}元，"
        f"商家优惠共{_sum(paid, '商家优惠（元）')}元",
        f"#退款合计：{len(back)}笔，商家实收退款共{_sum(back, '商家实收（元）')}元，"
        f"商家优惠退款共{_sum(back, '商家优惠（元）')}元",
        f"#导出时间：[{now:%Y年%m月%d日 %H:%M:%S}]",
    ]
    return "\r\n".join(framed) + "\r\n"


def _sum(rows: list[Row], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal("0.00"))


def _summary(pid: str, day: dt.date, rows: list[Row], now: dt.datetime) -> str:
    paid = sum(row["业务类型"] == "交易" for row in rows)
    sums = [_sum(rows, name) for name in ("订单金额（元）", "商家实收（元）", "支付宝优惠（元）")]
    sums += [_sum(rows, name) for name in ("商家优惠（元）", "卡消费金额（元）")]
    fees = [_sum(rows, name) for name in ("服务费（元）", "分润（元）")]
    cells = ["合计", "", paid, len(rows) - paid, *sums, *fees, sums[1] + sum(fees)]
    framed = [
        *_frame(pid, day, "汇总"),
        SUMMARY_HEADER,
        ",".join(str(cell) for cell in cells),
        RULE.format("业务汇总列表结束"),
        f"#导出时间：[{now:%Y年%m月%d日 %H:%M:%S}]",
    ]
    return "\r\n".join(framed) + "\r\n"
