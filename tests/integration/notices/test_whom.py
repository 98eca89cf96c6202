"""Who is told of a payment, and when: product NTF-1, NTF-2, NTF-4, quiet hours, large sums."""

from __future__ import annotations

from datetime import timedelta

from tests.harness.product import Product
from tests.integration.codepay.helping import pay
from tests.integration.notices.helping import (
    arrived,
    forget,
    money,
    notices,
    on_duty,
    quiet,
    store,
    told,
    whom,
)

CODE, OTHER_CODE = "8K3FQ2", "8K3FQ3"
LARGE = 100_000  # the deployment's


def test_a_persons_own_code_tells_that_person_alone(shop: Product) -> None:
    store(shop, "receive_notify_after_duty")
    shop.do(
        "UPDATE pay_code SET kind = 'staff', staff_id ="
        " (SELECT id FROM staff WHERE name = '陈一禾') WHERE code = :c",
        c=CODE,
    )
    money(shop)
    assert whom(shop) == {"陈一禾"}
    forget(shop)
    money(shop, LARGE - 1, OTHER_CODE)
    assert whom(shop) == {"周予安", "陈一禾", "顾星遥"}


def test_on_duty_at_a_code_one_hears_of_that_code(shop: Product) -> None:
    store(shop, "receive_notify_after_duty")
    on_duty(shop, "陈一禾", OTHER_CODE)
    money(shop)
    assert whom(shop) == {"周予安", "顾星遥"}
    forget(shop)
    money(shop, code=OTHER_CODE)
    assert whom(shop) == {"周予安", "陈一禾", "顾星遥"}


def test_a_code_payment_is_told_where_the_store_wants_it(shop: Product) -> None:
    """NTF-4: the till has seen it already."""
    on_duty(shop, "陈一禾")
    pay(shop, "wechat")
    shop.run_jobs()
    assert notices(shop) == []
    store(shop, "send_micro_pay_notify")
    pay(shop, "wechat")
    shop.run_jobs()
    assert whom(shop) == {"陈一禾"}


def test_quiet_hours_hold_for_all_but_large_sums(shop: Product) -> None:
    """Quiet is neither sent nor sent later; a large sum rings at any hour, for owners too."""
    on_duty(shop, "陈一禾")
    quiet(shop, "陈一禾", large_fen=50_000)
    money(shop, 49_999)
    told(shop)
    assert [(row.name, row.status) for row in notices(shop)] == [("陈一禾", "quiet")]
    assert arrived(shop) == []
    forget(shop)
    money(shop, 50_000)
    told(shop)
    assert whom(shop) == {"陈一禾"}
    [mine] = arrived(shop, "chen")
    assert mine["data"]["thing3"] == "大额收款 · 湖滨店"
    forget(shop)
    money(shop, LARGE)
    assert whom(shop) == {"周予安", "陈一禾", "顾星遥", "林小满", "何知秋"}, "off duty, too"


def test_a_notice_that_waits_into_the_quiet_hours_is_not_sent(shop: Product) -> None:
    on_duty(shop, "陈一禾")
    money(shop)
    quiet(shop, "陈一禾")
    told(shop)
    assert arrived(shop) == []
    assert [row.status for row in notices(shop)] == ["quiet"]


def test_whoever_is_dismissed_meanwhile_is_not_told(shop: Product) -> None:
    store(shop, "receive_notify_after_duty")
    money(shop)
    shop.do("UPDATE staff SET is_active = false WHERE name = '陈一禾'")
    shop.do("UPDATE staff SET wants_notices = false WHERE name = '顾星遥'")
    told(shop)
    assert {row["person"] for row in arrived(shop)} == {"zhou"}


def test_one_person_in_two_roles_is_told_once(shop: Product) -> None:
    """何知秋 owns the merchant and manages the store as well."""
    quiet(shop, "何知秋", minutes=-30, all_payments=True)
    shop.do(
        "INSERT INTO staff (provider_id, merchant_id, store_id, person_id, public_id, name, role,"
        " is_active, wants_notices, created_at) SELECT w.provider_id, w.merchant_id, s.id,"
        " w.person_id, 'second', '何知秋', 'manager', true, true, now() FROM staff w JOIN store s"
        " ON s.provider_id = w.provider_id AND s.out_shop_id = 'qinghe-hubin'"
        " WHERE w.name = '何知秋'"
    )
    store(shop, "receive_notify_after_duty")
    money(shop)
    told(shop)
    assert len(arrived(shop, "p20")) == 1
    assert [row.name for row in notices(shop)].count("何知秋") == 1


def test_a_recharge_is_worded_apart(shop: Product) -> None:
    """NTF-5."""
    on_duty(shop, "陈一禾")
    money(shop, 20_000, purpose="recharge")
    told(shop)
    [mine] = arrived(shop, "chen")
    assert mine["data"]["thing3"] == "会员充值 · 湖滨店"
    assert mine["data"]["amount1"] == "200.00元"


def test_without_a_template_or_a_day_late_nobody_is_told(shop: Product) -> None:
    on_duty(shop, "陈一禾")
    money(shop, paid=shop.deps.now() - timedelta(hours=25))
    assert notices(shop) == []
    shop.do("UPDATE notice_template SET is_active = false")
    money(shop)
    assert notices(shop) == []
