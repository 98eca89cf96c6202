"""What a notice says fits the keywords of WeChat's templates, whatever a shop is called."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from services.payment_notices import words
from services.payment_notices.hours import is_quiet

# What WeChat takes at each kind of keyword (developers' pages on template messages).
KINDS = {
    "thing": r"[^\n]{1,20}", "character_string": r"[\x20-\x7e]{1,32}",
    "amount": r"[¥￥]?[0-9]{1,10}(\.[0-9]{1,2})?元?", "phrase": r"[\u4e00-\u9fff]{1,5}",
    "time": r"\d{4}(-\d\d-\d\d|年\d{1,2}月\d{1,2}日) ?\d\d:\d\d(:\d\d)?",
    "date": r"\d{4}年\d{1,2}月\d{1,2}日|\d{4}-\d\d-\d\d",
}  # fmt: skip
FACTS = words.Facts(
    "sz0100qhcs26112612345678900001", 123_456, datetime(2026, 11, 26, 4, 0, 5, tzinfo=UTC),
    "wechat", is_recharge=False, is_large=False, merchant="青禾茶事", store="湖滨店",
)  # fmt: skip
LONG = replace(FACTS, store="很长很长的门店名称" * 4, merchant="换\n行", is_large=True)
KEYS = (
    ("amount1", "收款金额"), ("time2", "收款时间"), ("thing3", "收款门店"),
    ("character_string4", "订单编号"), ("phrase5", "支付方式"), ("thing6", "交易类型"),
    ("date7", "日期"), ("number8", "流水号"), ("thing9", "商户名称"),
)  # fmt: skip


def test_keywords_are_guessed_by_their_labels() -> None:
    assert words.guess(KEYS) == {
        "amount1": "amount", "time2": "time", "thing3": "store", "character_string4": "number",
        "phrase5": "wallet", "thing6": "kind", "date7": "time", "number8": "number",
        "thing9": "merchant",
    }  # fmt: skip


@pytest.mark.parametrize("facts", [FACTS, LONG, replace(LONG, is_recharge=True, channel="x")])
@pytest.mark.parametrize("key", [key for key, _ in KEYS if not key.startswith("number")])
def test_each_value_fits_its_keyword(facts: words.Facts, key: str) -> None:
    value = words.data(words.guess(KEYS), facts)[key]
    assert re.fullmatch(KINDS[key.rstrip("0123456789")], value), (key, value)


@pytest.mark.parametrize(
    ("recharge", "large", "kind", "store"),
    [
        (False, False, "收款", "湖滨店"),
        (True, False, "会员充值", "会员充值 · 湖滨店"),
        (False, True, "大额收款", "大额收款 · 湖滨店"),
        (True, True, "大额充值", "大额充值 · 湖滨店"),
    ],
)
def test_a_recharge_and_a_large_sum_are_worded_apart(
    recharge: bool, large: bool, kind: str, store: str
) -> None:
    facts = replace(FACTS, is_recharge=recharge, is_large=large)
    assert words.data({"thing1": "store"}, facts) == {"thing1": store}
    both = words.data({"thing1": "store", "thing2": "kind", "thing3": "=多谢"}, facts)
    assert both == {"thing1": "湖滨店", "thing2": kind, "thing3": "多谢"}
    assert f"{kind}1234.56元" in words.sms(facts)
    assert "11-26 12:00" in words.sms(facts)


@pytest.mark.parametrize(
    ("hour", "quiet"), [(21, False), (22, True), (0, True), (7, False), (12, False)]
)
def test_quiet_hours_go_over_midnight_in_the_shops_time(hour: int, quiet: bool) -> None:
    at = datetime(2026, 11, 26, (hour - 8) % 24, 0, tzinfo=UTC)
    assert is_quiet(at, time(22), time(7)) is quiet
    assert is_quiet(at, time(7), time(22)) is not quiet
    assert not is_quiet(at, None, None)
