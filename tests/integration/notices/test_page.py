"""`/m/notices`: one's own choice, and what did not arrive with what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.phone import words
from tests.harness.product import Product
from tests.integration.notices.helping import MakePhone, on_duty, paid, person, told, whom
from tests.integration.people.desk import Desk

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk(shop: Product) -> MakeDesk:
    return lambda who: Desk(shop, who)


def test_quiet_hours_and_a_sum_are_chosen_and_kept(shop: Product, desk: MakeDesk) -> None:
    chen = desk("chen")
    chen.post(
        "/m/notices", opened="/m/notices", on="1",
        quiet_from="22:00", quiet_until="07:30", large="888.5", all="1",
    )  # fmt: skip
    assert "已保存" in chen.said
    row = shop.one("SELECT * FROM notice_choice")
    assert (str(row.quiet_from), str(row.quiet_until)) == ("22:00:00", "07:30:00")
    assert (row.large_fen, row.all_payments) == (88850, False), "all stores are an owner's"
    page = chen.get("/m/notices").text
    assert 'value="22:00"' in page
    assert 'value="888.50"' in page
    chen.post("/m/notices", opened="/m/notices")  # nothing chosen: off
    row = shop.one("SELECT * FROM notice_choice")
    assert (row.quiet_from, row.large_fen) == (None, None)
    assert shop.one("SELECT wants_notices FROM staff WHERE name = '陈一禾'").wants_notices is False


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"quiet_from": "22:00"}, "开始和结束两个时间"),
        ({"quiet_from": "08:00", "quiet_until": "08:00"}, "不能相同"),
        ({"quiet_from": "25:00", "quiet_until": "08:00"}, "22:00 这样"),
        ({"large": "0"}, "最多两位小数"),
        ({"large": "1e3"}, "最多两位小数"),
        ({"large": "-5"}, "最多两位小数"),
        ({"large": "１００"}, "最多两位小数"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_typed(
    shop: Product, desk: MakeDesk, fields: dict[str, str], said: str
) -> None:
    chen = desk("chen")
    answer = chen.post("/m/notices", opened="/m/notices", on="1", **fields)
    assert answer.status_code == 400
    assert said in chen.said
    for value in fields.values():
        assert f'value="{value}"' in answer.text
    assert shop.sql("SELECT 1 FROM notice_choice") == []


def test_a_form_of_another_session_changes_nothing(shop: Product, desk: MakeDesk) -> None:
    chen = desk("chen")
    assert chen.post("/m/notices", token="x" * 32, large="1").status_code == 400
    assert shop.sql("SELECT 1 FROM notice_choice") == []


def test_an_owner_chooses_to_hear_of_each_payment(
    shop: Product, desk: MakeDesk, phone: MakePhone
) -> None:
    desk("p20").post("/m/notices", opened="/m/notices", on="1", all="1")
    paid(shop, phone)
    assert whom(shop) == {"何知秋"}


def test_providers_people_have_no_notices(desk: MakeDesk) -> None:
    admin = desk("p23")
    admin.act_as("青禾茶事")
    assert "没有自己的通知设置" in words(admin.get("/m/notices").text)
    assert admin.post("/m/notices", opened="/m/me", on="1").status_code == 403


def test_who_could_not_be_told_is_shown_with_what_to_do(
    shop: Product, desk: MakeDesk, phone: MakePhone
) -> None:
    """To the owner and the store's manager; a clerk sees only the own."""
    on_duty(shop, "陈一禾")
    person(shop, "chen", "unfollow")
    order = paid(shop, phone)
    told(shop)
    for who in ("p20", "zhou", "chen"):
        page = desk(who).get("/m/notices")
        assert "陈一禾 · 没有关注公众号" in words(page.text), who
        assert "登记手机号并同意" in page.text
        assert f"/m/orders/{order.out_trade_no}" in page.text
    for who in ("p21", "p22"):
        assert "最近 7 天都送到了" in words(desk(who).get("/m/notices").text), who
