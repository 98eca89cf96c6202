"""Bills written by hand, as the wallets' pages show them: read by name, to the fen, or refused."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from errors import GatewayUnknown
from gateways.alipay import bill_file as alipay
from gateways.base import BillBroken, BillTotals
from gateways.bill_download import BillWriter, check_host
from gateways.bill_rows import open_duck, quoted
from gateways.wechat_pay import bill_file as wechat

SP, PID = "1900000001", "2088000000000109"
HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
PAID = (
    "`2026-11-20 00:00:05,`wx8888888888888888,`1900000001,`1900000109,`,`4200000000202611200001,"
    "`sz01a,`oX,`JSAPI,`SUCCESS,`OTHERS,`CNY,`12.30,`0.00,`0,`0,`0.00,`0.00,`,`,`茶, 大杯\\ 热,`,"
    "`0.07380,`0.60%,`12.30,`0.00,`"
)
BACK = (
    "`2026-11-20 23:59:59,`wx8888888888888888,`1900000001,`1900000109,`,`4200000000202610010009,"
    "`sz01b,`oX,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`5030000001,`sz01bR1,`5.00,`0.00,`ORIGINAL,"
    "`PROCESSING,`面,`,`-0.03000,`0.60%,`0.00,`5.00,`"
)
TOTAL = "`2,`12.30,`5.00,`0.00,`0.04380,`12.30,`5.00"


def bill(*rows: str, header: str = HEADER, total: str = TOTAL, end: str = "\n") -> str:
    return end.join([header, *rows, SUMMARY, total]) + end


def read(tmp_path: Path, text: str | bytes) -> tuple[BillTotals | None, list[tuple[Any, ...]]]:
    raw, into = tmp_path / "raw.txt", tmp_path / "rows.out"
    with BillWriter(raw, 1 << 20, text=True) as writer:
        writer.take(text if isinstance(text, bytes) else text.encode())
        writer.finish()
    totals = wechat.read_bill(raw, SP, into, 64)
    return totals, rows_of(into) if totals else []


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    names = "kind, out_trade_no, transaction_id, out_refund_no, payee, amount_fen, refund_fen"
    query = f'{names}, settle_fen, fee_millifen, state, "at", "foreign"'
    with duckdb.connect() as duck:
        found = duck.execute(f"SELECT {query} FROM read_parquet({quoted(path)}) ORDER BY 2")
        return found.fetchall()


def broken(tmp_path: Path, text: str | bytes) -> BillBroken:
    with pytest.raises(BillBroken) as refused:
        read(tmp_path, text)
    assert not (tmp_path / "rows.out").exists()
    return refused.value


def test_a_wechat_bill_is_read_to_the_fen_in_utc(tmp_path: Path) -> None:
    totals, rows = read(tmp_path, bill(PAID, BACK))
    assert totals == BillTotals(1, 1230, 1, 500, 4380)
    assert rows == [
        (
            "trade", "sz01a", "4200000000202611200001", "", "1900000109", 1230, 0, 1230, 7380,
            "success", datetime(2026, 11, 19, 16, 0, 5), False,
        ),
        (
            "refund", "sz01b", "4200000000202610010009", "sz01bR1", "1900000109", 0, 500, 500,
            -3000, "processing", datetime(2026, 11, 20, 15, 59, 59), False,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        bill(PAID, BACK, end="\r\n"),
        "\ufeff" + bill(PAID, BACK),
        bill(PAID, BACK).encode("gbk"),
        gzip.compress(bill(PAID, BACK).encode()),
        bill(f"{PAID},`x", f"{BACK},`y", header=f"{HEADER},新栏目"),
        bill(PAID.replace("大杯", "大\r杯"), BACK),
    ],
    ids=["crlf", "mark", "gbk", "gzip", "a column more", "a return in a text"],
)
def test_other_spellings_of_the_same_bill(tmp_path: Path, text: str | bytes) -> None:
    assert read(tmp_path, text)[0] == BillTotals(1, 1230, 1, 500, 4380)


def test_columns_are_found_by_name_wherever_they_stand(tmp_path: Path) -> None:
    def turned(line: str, sign: str) -> str:
        return sign.join(reversed(line.split(sign)))

    def row(line: str) -> str:
        return "`" + turned(line[1:], ",`")

    text = bill(row(PAID), row(BACK), header=turned(HEADER, ","))
    assert read(tmp_path, text)[0] == BillTotals(1, 1230, 1, 500, 4380)


def test_another_provider_s_row_is_marked_and_no_row_is_no_bill(tmp_path: Path) -> None:
    stranger = PAID.replace("`1900000001", "`1900000501")
    assert read(tmp_path, bill(stranger, BACK))[1][0][-1] is True
    assert read(tmp_path, bill(total="`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00")) == (None, [])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (bill(PAID, BACK, header=HEADER.replace("商户订单号", "订单")), 1, "no column 商户订单号"),
        (bill(PAID, BACK, header=HEADER.replace("设备号", "商户号")), 1, "comes twice"),
        (bill(PAID, BACK.rpartition(",`")[0]), 3, "26 cells, 27 columns"),
        (bill(PAID, BACK + ",`"), 3, "28 cells, 27 columns"),
        (bill(PAID[1:], BACK), 2, "no back-tick"),
        (bill(PAID, BACK.replace("`5.00,`0", "`5,000.00,`0")), 3,
         "退款金额 is no amount"),
        (bill(PAID.replace("12.30", "12.301"), BACK), 2, "应结订单金额 is no amount"),
        (bill(PAID.replace("`SUCCESS", "`USERPAYING"), BACK), 2, "交易状态 is a word"),
        (bill(PAID, BACK.replace("PROCESSING", "MAYBE")), 3, "退款状态 is a word"),
        (bill(PAID.replace("2026-11-20 00", "20261120 00"), BACK), 2, "交易时间 is no time"),
        (bill(PAID.replace("`sz01a", "`"), BACK), 2, "商户订单号 is no number"),
        (bill(PAID, BACK, total=TOTAL.replace("`2,", "`3,")), 0, "3 rows by the summary"),
        (bill(PAID, BACK, total=TOTAL.replace("0.04380", "0.04381")), 0, "手续费总金额"),
        (bill(PAID, BACK, total=TOTAL[:-4] + "5.01"), 0, "申请退款"),
        (bill(PAID, BACK).partition(SUMMARY)[0], 0, "summary is missing"),
        ("<html>busy</html>", 1, "no header"),
        (b"\xff\xfe\x00\x01" * 9, 1, "no header"),
    ],
)  # fmt: skip
def test_a_broken_wechat_bill_names_its_line(
    tmp_path: Path, text: str | bytes, line: int, reason: str
) -> None:
    problem = broken(tmp_path, text)
    assert (problem.line, reason in problem.reason) == (line, True), problem.reason


def test_a_cut_or_endless_download_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(bill(PAID, BACK).encode())
    with BillWriter(tmp_path / "a", 1 << 20, text=True) as writer:
        writer.take(packed[:-9])
        with pytest.raises(BillBroken, match="no end"):
            writer.finish()
    endless = gzip.compress(b"0" * (1 << 24))
    with (
        BillWriter(tmp_path / "b", 1 << 20, text=True) as writer,
        pytest.raises(BillBroken, match="larger than"),
    ):
        writer.take(endless)


def test_the_hash_is_of_the_file_unpacked_whatever_its_line_ends(tmp_path: Path) -> None:
    """wechat.md pitfall 22: not over the packed bytes."""
    plain = bill(PAID, end="\r\n").encode()
    for sent in (plain, gzip.compress(plain)):
        with BillWriter(tmp_path / "c", 1 << 20, text=True) as writer:
            for n in range(0, len(sent), 7):
                writer.take(sent[n : n + 7])
            assert writer.finish() == hashlib.sha1(plain).hexdigest()


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://api.mch.weixin.qq.com/v3/billdownload/file?token=x", True),
        ("https://api2.mch.weixin.qq.com/v3/x", True),
        ("https://evil.example/v3/x", False),
        ("https://weixin.qq.com.evil.example/x", False),
        ("ftp://a.weixin.qq.com/x", False),
        ("http://127.0.0.1:8001/v3/x", False),
    ],
)
def test_a_bill_comes_from_the_wallet_s_own_host(url: str, good: bool) -> None:
    base = "https://api.mch.weixin.qq.com"
    if good:
        check_host(url, base, "weixin.qq.com")
    else:
        with pytest.raises(GatewayUnknown):
            check_host(url, base, "weixin.qq.com")


# --- Alipay ---------------------------------------------------------------------------------------

NAMES = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SALE = (
    "2026112022001\t,sz01a\t,交易,{name},2026-11-20 00:00:01,2026-11-20 00:00:05,\t,,\t,\t,"
    "*晓(lin***)\t,12.30,12.00,0.00,0.00,0.00,0.30,0.00,,0.00,0.00,\t,-0.07,0.00,{remark}"
)
RETURN = (
    "2026100122009\t,sz01b\t,退款,面,2026-10-01 00:00:01,2026-11-20 23:59:59,\t,,\t,\t,"
    "*晓(lin***)\t,-5.00,-5.00,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,sz01bR1\t,0.03,0.00,"
)
ENDS = (
    "#-----------------------------------------业务明细列表结束------------------------------------",
    "#交易合计：1笔，商家实收共12.00元，商家优惠共0.30元",
    "#退款合计：1笔，商家实收退款共-5.00元，商家优惠退款共0.00元",
    "#导出时间：[2026年11月21日 09:11:02]",
)


class Gbk(zipfile.ZipInfo):
    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def packed(tmp_path: Path, *lines: str, names: str = NAMES, codec: str = "gbk") -> Path:
    head = (
        "#支付宝业务明细查询",
        f"#账号：[{PID}0156]",
        "#起始日期：[2026年11月20日 00:00:00]",
        "#---",
    )
    text = "\r\n".join((*head, names, *lines)) + "\r\n"
    path = tmp_path / "bill.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(Gbk("x_业务明细(汇总).csv"), "#支付宝业务汇总查询".encode("gbk"))
        made.writestr(Gbk("x_业务明细.csv"), text.encode(codec))
    return path


def open_it(path: Path, pid: str = PID) -> BillTotals | None:
    return alipay.read_bill(path, pid, path.with_name("rows.out"), most=1 << 20, memory_mb=64)


@pytest.mark.parametrize("codec", ["gbk", "utf-8-sig"])
@pytest.mark.parametrize(
    ("name", "remark"), [("茶", ""), ("茶, 大杯, 热", ""), ("茶", "a,b,,c"), ("茶,热", "少,冰")]
)
def test_an_alipay_bill_is_read_in_spite_of_commas_and_tabs(
    tmp_path: Path, name: str, remark: str, codec: str
) -> None:
    path = packed(tmp_path, SALE.format(name=name, remark=remark), RETURN, *ENDS, codec=codec)
    assert open_it(path) == BillTotals(1, 1230, 1, 500, 4000)
    assert rows_of(path.with_name("rows.out")) == [
        (
            "trade", "sz01a", "2026112022001", "", PID, 1230, 0, 1200, 7000, "success",
            datetime(2026, 11, 19, 16, 0, 5), False,
        ),
        (
            "refund", "sz01b", "2026100122009", "sz01bR1", PID, 0, 500, 500, -3000, "success",
            datetime(2026, 11, 20, 15, 59, 59), False,
        ),
    ]  # fmt: skip


SOLD = SALE.format(name="茶", remark="")


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        ((SOLD.partition(",")[2], RETURN, *ENDS), 6, "24 cells, 25 columns"),
        ((SOLD.replace("交易", "转账"), RETURN, *ENDS), 6, "业务类型"),
        ((SOLD, RETURN.replace("-5.00,-5.00", "5.00,5.00"), *ENDS), 7, "other sign"),
        ((SOLD.replace("12.30", "12.3x"), RETURN, *ENDS), 6, "no amount"),
        ((SOLD.replace("2026-11-20 00:00:05", "2026-11-20"), RETURN, *ENDS), 6, "no time"),
        ((SOLD, *ENDS), 0, "退款合计 is not the sum"),
        ((SOLD, RETURN, ENDS[0], ENDS[1].replace("12.00", "12.01"), ENDS[2]), 0, "交易合计"),
        ((SOLD, RETURN), 0, "no line 交易合计"),
    ],
)
def test_a_broken_alipay_bill_names_its_line(
    tmp_path: Path, lines: tuple[str, ...], line: int, reason: str
) -> None:
    path = packed(tmp_path, *lines)
    with pytest.raises(BillBroken) as refused:
        open_it(path)
    assert (refused.value.line, reason in refused.value.reason) == (line, True), refused.value
    assert not path.with_name("rows.out").exists()


def test_another_merchant_s_file_and_a_cut_zip_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, SOLD, RETURN, *ENDS)
    with pytest.raises(BillBroken, match="another account"):
        open_it(path, "2088000000000117")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BillBroken, match="zip is damaged"):
        open_it(path)
    missing = packed(tmp_path, SOLD, *ENDS, names=NAMES.replace("商户订单号", "订单"))
    with pytest.raises(BillBroken, match="no column 商户订单号"):
        open_it(missing)


def test_the_engine_sees_its_own_folder_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    with open_duck(inside, 64) as duck, pytest.raises(duckdb.PermissionException):
        duck.execute(f"SELECT * FROM read_csv({quoted(secret)})")
