"""Notices that WeChat does not take, or answers badly or too late: short messages, and an end."""

from __future__ import annotations

import pytest

from services.payment_notices import sweep
from services.payment_notices.reading import End, Outcome
from tests.harness.product import Product
from tests.integration.looking import until
from tests.integration.notices.helping import (
    account,
    arrived,
    give_phone,
    money,
    notices,
    on_duty,
    person,
    pushes_arrive,
    short_messages,
    told,
)

SEND = "wechat.template_send"
PHONE = "13800001234"


@pytest.fixture(autouse=True)
def _chen_serves(shop: Product) -> None:
    on_duty(shop, "陈一禾")


def state(product: Product) -> tuple[str, str, str, str]:
    [row] = notices(product)
    return row.status, row.way, row.wechat_code, row.sms_code


@pytest.mark.parametrize(
    ("act", "more", "code"),
    [("unfollow", {}, "43004"), ("block", {"blocked": True}, "43019")],
)
def test_who_cannot_be_reached_by_wechat_gets_a_short_message(
    shop: Product, act: str, more: dict[str, bool], code: str
) -> None:
    """NTF-3."""
    give_phone(shop, "陈一禾", f"+86{PHONE}")
    person(shop, "chen", act, **more)
    order = money(shop, purpose="recharge")
    told(shop)
    assert state(shop) == ("sent", "sms", code, "")
    [message] = short_messages(shop)
    assert message["phone"] == PHONE
    assert "会员充值12.34元" in message["text"]
    assert order.out_trade_no[-4:] in message["text"]
    told(shop)
    assert len(short_messages(shop)) == 1


def test_a_phone_whose_owner_did_not_agree_does_not_ring(shop: Product) -> None:
    give_phone(shop, "陈一禾", f"+86{PHONE}", agrees=False)
    person(shop, "chen", "unfollow")
    money(shop)
    told(shop)
    assert state(shop) == ("failed", "wechat", "43004", "")
    assert short_messages(shop) == []


def test_without_a_phone_the_failure_stands_there(shop: Product) -> None:
    person(shop, "chen", "unfollow")
    money(shop)
    told(shop)
    assert state(shop) == ("failed", "wechat", "43004", "")


def test_wechats_later_word_that_it_was_blocked_brings_a_short_message(shop: Product) -> None:
    """TEMPLATESENDJOBFINISH `failed:user block` (wechat.md C5)."""
    give_phone(shop, "陈一禾", f"+86{PHONE}")
    pushes_arrive(shop)
    shop.simulator.switch("wechat.template_result", "user_block")
    money(shop)
    told(shop)
    assert state(shop) == ("sent", "wechat", "", "")
    until(lambda: shop.sql("SELECT 1 FROM notice_verdict"))
    shop.simulator.advance(3)
    told(shop)
    assert state(shop) == ("sent", "sms", "USER_BLOCK", "")
    assert len(short_messages(shop)) == 1
    assert shop.sql("SELECT 1 FROM notice_verdict") == []


def test_a_word_that_comes_before_our_own_write_waits_for_it(shop: Product) -> None:
    """The event overtakes the answer: it is met when the number is there."""
    pushes_arrive(shop)
    shop.simulator.switch("wechat.template_result", "system_failed")
    money(shop)
    letters = sweep.claim_due(shop.deps, 4)
    [outcome] = [sweep._send(shop.deps, letter) for letter in letters]
    until(lambda: shop.sql("SELECT 1 FROM notice_verdict"))
    shop.simulator.advance(3)
    told(shop)  # nobody's yet
    assert len(shop.sql("SELECT 1 FROM notice_verdict")) == 1
    shop.deps.transact(lambda s: sweep.apply(s, shop.deps, [(letters[0], outcome)]))
    shop.simulator.advance(3)
    told(shop)
    assert state(shop) == ("failed", "wechat", "SYSTEM_FAILED", "")


def test_a_lost_answer_is_repeated_under_its_number_and_shown_once(shop: Product) -> None:
    shop.simulator.fault(SEND, "lose_answer")
    money(shop)
    told(shop)
    assert [row.status for row in notices(shop)] == ["pending"]
    assert len(arrived(shop)) == 1
    shop.simulator.advance(6)
    told(shop)
    assert state(shop) == ("sent", "wechat", "", "")
    assert len(arrived(shop)) == 1


def test_after_wechats_ten_minutes_nothing_is_repeated(shop: Product) -> None:
    """Whether it arrived is not known: no second message, no short message, and it is shown."""
    give_phone(shop, "陈一禾", f"+86{PHONE}")
    shop.simulator.fault(SEND, "lose_answer")
    money(shop)
    told(shop)
    shop.simulator.advance(601)
    told(shop)
    assert state(shop) == ("unsure", "wechat", "NO_ANSWER", "")
    assert len(arrived(shop)) == 1
    assert short_messages(shop) == []


def test_a_no_to_a_repeat_says_nothing_of_the_try_before(shop: Product) -> None:
    """The first arrived and its answer was lost; then the day's number of calls is used up."""
    give_phone(shop, "陈一禾", f"+86{PHONE}")
    shop.simulator.fault(SEND, "lose_answer")
    money(shop)
    told(shop)
    shop.simulator.fault(SEND, "error", code="45009")
    shop.simulator.advance(6)
    told(shop)
    assert state(shop) == ("unsure", "wechat", "NO_ANSWER", "")
    assert (len(arrived(shop)), short_messages(shop)) == (1, [])


def test_one_that_cannot_be_written_holds_up_nobody(shop: Product) -> None:
    on_duty(shop, "顾星遥")
    shop.do(
        "UPDATE person SET sealed = 'broken' WHERE id ="
        " (SELECT person_id FROM staff WHERE name = '顾星遥')"
    )
    money(shop)
    told(shop)
    assert {(row.name, row.status, row.wechat_code) for row in notices(shop)} == {
        ("陈一禾", "sent", ""), ("顾星遥", "failed", "NOT_WRITTEN"),
    }  # fmt: skip


def test_a_day_late_nothing_is_sent(shop: Product) -> None:
    """No worker ran, or a backup was restored: it is shown, and no phone rings."""
    money(shop)
    shop.simulator.advance(25 * 3600)
    told(shop)
    assert arrived(shop) == []
    assert [row.status for row in notices(shop)] == ["unsure"]


def test_tries_without_an_answer_have_an_end(shop: Product) -> None:
    shop.simulator.fault(SEND, "drop", times=99)
    money(shop)
    for pause in (0, *shop.deps.settings.notice_schedule):
        shop.simulator.advance(pause + 1)
        told(shop)
    [row] = notices(shop)
    assert (row.status, row.tries, row.due_at) == ("unsure", 5, None)


def test_a_token_that_is_not_to_be_had_is_no_try_at_wechat(shop: Product) -> None:
    """Surely not sent, so it may be tried at any time later, where an unknown answer may not."""
    money(shop)
    shop.simulator.post(f"/sim/oa/{account(shop)['appid']}/expire", {})
    shop.simulator.fault("wechat.base_token", "drop", times=99)
    told(shop)
    [row] = notices(shop)
    assert (row.status, row.tries, row.maybe_at) == ("pending", 1, None)
    assert arrived(shop) == []
    shop.simulator.clear_faults()
    shop.simulator.advance(601)
    told(shop)
    assert state(shop) == ("sent", "wechat", "", "")
    assert len(arrived(shop)) == 1


@pytest.mark.parametrize("code", ["48001", "40037", "45009"])
def test_what_the_account_may_not_do_brings_a_short_message_too(shop: Product, code: str) -> None:
    give_phone(shop, "陈一禾", f"+86{PHONE}")
    shop.simulator.fault(SEND, "error", code=code)
    money(shop)
    told(shop)
    assert state(shop) == ("sent", "sms", code, "")


def test_a_short_message_without_an_answer_is_not_sent_again(shop: Product) -> None:
    give_phone(shop, "陈一禾", f"+86{PHONE}")
    person(shop, "chen", "unfollow")
    shop.simulator.fault("sms.send", "lose_answer")
    money(shop)
    told(shop)
    assert state(shop) == ("unsure", "sms", "43004", "NO_ANSWER")
    shop.simulator.advance(3600)
    told(shop)
    assert len(short_messages(shop)) == 1


def test_a_short_message_begun_by_a_dead_worker_is_not_sent_again(shop: Product) -> None:
    give_phone(shop, "陈一禾", f"+86{PHONE}")
    person(shop, "chen", "unfollow")
    money(shop)
    sweep.tell(shop.deps, sweep.claim_due(shop.deps, 4))
    [letter] = sweep.claim_due(shop.deps, 4)
    sweep._send(shop.deps, letter)  # and dies
    shop.simulator.advance(61)
    told(shop)
    assert state(shop) == ("unsure", "sms", "43004", "NO_ANSWER")
    assert len(short_messages(shop)) == 1


def test_a_late_word_of_a_claim_that_is_over_changes_nothing(shop: Product) -> None:
    money(shop)
    late = sweep.claim_due(shop.deps, 4)
    shop.simulator.advance(61)
    told(shop)
    before = state(shop)
    assert before == ("sent", "wechat", "", "")
    refused = Outcome(End.REFUSED, "43004")
    shop.deps.transact(lambda s: sweep.apply(s, shop.deps, [(late[0], refused)]))
    assert state(shop) == before
