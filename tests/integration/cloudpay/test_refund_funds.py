"""refund_account: what a refund is paid out of is said to WeChat, kept, and told as WeChat says."""

from __future__ import annotations

from typing import Any

import pytest

from gateways.base import RefundFunds
from services.cards.codes import issue
from services.refunds import repeating
from services.refunds.refusals import RefundConflict
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cards.spend.helping import give_card
from tests.integration.cloudpay.helping import asking, calls, paid, refusal
from tests.integration.cloudpay.test_deposits import Deposits
from tests.integration.mailbox import Mailbox

UNSETTLED, RECHARGE = "REFUND_SOURCE_UNSETTLED_FUNDS", "REFUND_SOURCE_RECHARGE_FUNDS"
WORDS = {UNSETTLED: "UNSETTLED", RECHARGE: "AVAILABLE"}
SPELLINGS = ("wx_pay_refund_content_ext", "wxpay_refund_content_ext")
SENT = "wechat.refund"


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def ask(till: Till, number: str, account: str | None, **more: Any) -> dict[str, Any]:
    """The content of a refund of 3.00 of 10.00; `more` goes around."""
    content = {
        "out_trade_no": number, "out_refund_no": till.number(), "total_fee": 1000,
        "refund_fee": 300, "refund_fee_type": "CNY",
    }  # fmt: skip
    if account is not None:
        content[SPELLINGS[0]] = {"refund_account": account}
    return {
        "refund_content": content,
        "pay_mch_key": till.mch_key(pay_platform=1),
        "order_client": till.client(),
        "nonce_str": "7" * 32,
        **more,
    }


def number_of(content: dict[str, Any]) -> str:
    return str(content["refund_content"]["out_refund_no"])


def told(till: Till, number: str) -> list[Any]:
    """refund_account of each refund, as the query tells it."""
    answer = till.call("query_refund_order", asking(till, number))
    assert answer["status"] == 0, answer
    rows = answer["query_refund_order"]["refund_order_content"]
    return [row["wxpay_refund_order_content_ext"].get("refund_account") for row in rows]


def books(product: Product, number: str) -> list[str]:
    """The money that each refund came out of, at WeChat."""
    trade = product.simulator.trade(number)
    assert trade is not None
    return [refund["funds_account"] for refund in trade["refunds"]]


def kept(product: Product, out_refund_no: str) -> tuple[str | None, str | None]:
    row = product.one("SELECT * FROM refund WHERE out_refund_no = :n", n=out_refund_no)
    return row.funds_asked, row.funds_account


def end(product: Product) -> None:
    product.simulator.advance(60)
    product.sweep(2)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("account", WORDS)
def test_a_refund_is_paid_out_of_what_its_client_names(
    product: Product, till: Till, spelling: str, account: str
) -> None:
    number = paid(product, till, fen=1000)
    content = ask(till, number, None)
    content["refund_content"][spelling] = {"refund_account": account}
    answer = till.call("refund", content)
    assert answer["status"] == 0, answer
    made = answer["refund"]["refund_order_content"]["wxpay_refund_order_content_ext"]
    assert made == {"state": 4, "refund_account": account}
    assert books(product, number) == [WORDS[account]]
    assert kept(product, number_of(content)) == (WORDS[account], WORDS[account])
    end(product)  # the notice of the end says nothing of it
    assert told(till, number) == [account]


def test_where_nothing_is_said_wechat_chooses_and_the_query_tells_what(
    product: Product, till: Till
) -> None:
    number = paid(product, till, fen=1000)
    for account in (None, ""):
        content = ask(till, number, account)
        assert till.call("refund", content)["status"] == 0
        assert kept(product, number_of(content)) == (None, "UNSETTLED")
        end(product)
    assert told(till, number) == [UNSETTLED, UNSETTLED]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("account", ["AVAILABLE", "REFUND_SOURCE_BALANCE", 7, {"a": 1}])
def test_an_account_that_is_none_is_refused_by_name(
    product: Product, till: Till, spelling: str, account: Any
) -> None:
    number = paid(product, till, fen=1000)
    content = ask(till, number, None)
    content["refund_content"][spelling] = {"refund_account": account}
    answer = till.call("refund", content)
    assert refusal(answer) == (104, 1002)
    named = f"参数refund_content.{spelling}.refund_account"
    assert answer["description"].startswith(named), answer
    assert product.sql("SELECT 1 FROM refund") == []
    assert calls(product, SENT) == 0
    content["refund_content"][spelling] = {"refund_account": RECHARGE}
    assert till.call("refund", content)["status"] == 0  # the number was not used up
    end(product)


def test_a_refund_that_nobody_heard_goes_again_out_of_the_same_money(
    product: Product, till: Till
) -> None:
    number = paid(product, till, fen=1000)
    product.simulator.fault(SENT, "drop")
    content = ask(till, number, RECHARGE)
    answer = till.call("refund", content)
    assert "不要换单号" in answer["description"]
    assert told(till, number) == [None]  # WeChat has not said
    assert kept(product, number_of(content)) == ("AVAILABLE", None)
    end(product)
    end(product)
    assert books(product, number) == ["AVAILABLE"]
    assert told(till, number) == [RECHARGE]


def test_a_lost_answer_is_repeated_word_for_word(
    product: Product, till: Till, mailbox: Mailbox
) -> None:
    """WeChat refuses a number that comes again with other words.

    Its notification, which says nothing of the money's account, does not come before that.
    """
    number = paid(product, till, fen=1000)
    product.simulator.fault(SENT, "bad_signature")
    assert till.call("refund", ask(till, number, RECHARGE))["status"] == 0
    end(product)
    assert (books(product, number), told(till, number)) == (["AVAILABLE"], [RECHARGE])


def test_unsettled_money_is_too_little_and_the_balance_pays_under_the_same_number(
    product: Product, till: Till
) -> None:
    number = paid(product, till, fen=1000)
    product.simulator.switch("wechat.merchant_funds", "unsettled_short")
    content = ask(till, number, UNSETTLED)
    assert refusal(till.call("refund", content)) == (104, 1011)
    assert kept(product, number_of(content)) == ("UNSETTLED", None)
    content["refund_content"][SPELLINGS[0]] = {"refund_account": RECHARGE}
    answer = till.call("refund", content)
    assert answer["status"] == 0, answer
    end(product)
    assert (books(product, number), told(till, number)) == (["AVAILABLE"], [RECHARGE])
    assert len(product.sql("SELECT 1 FROM refund")) == 1


def test_other_money_under_the_number_of_a_refund_under_way_is_refused(
    product: Product, till: Till
) -> None:
    number = paid(product, till, fen=1000)
    content = ask(till, number, RECHARGE)
    assert till.call("refund", content)["status"] == 0
    content["refund_content"][SPELLINGS[0]] = {"refund_account": UNSETTLED}
    assert refusal(till.call("refund", content)) == (102, 1009)
    row = product.one("SELECT provider_id, id FROM refund")
    for other in (None, RefundFunds.UNSETTLED):
        with pytest.raises(RefundConflict):
            repeating.take_up(product.deps, row.provider_id, row.id, other)
    repeating.take_up(product.deps, row.provider_id, row.id, RefundFunds.AVAILABLE)
    end(product)
    assert books(product, number) == ["AVAILABLE"]


def test_by_an_operator_it_is_the_same(product: Product, till: Till) -> None:
    product.do(
        "INSERT INTO staff (provider_id, merchant_id, public_id, name, role, is_active, can_refund,"
        " created_at, number) SELECT s.provider_id, s.merchant_id, 'p9002', '9002', 'owner', true,"
        " true, now(), '9002' FROM store s WHERE s.out_shop_id = :shop", shop=till.out_shop_id,
    )  # fmt: skip
    number = paid(product, till, fen=1000)
    content = ask(till, number, RECHARGE, api_version=2)
    content["pay_mch_key"]["authorization_staff_id"] = "9002"
    assert till.call("refund", content)["status"] == 0
    end(product)
    assert books(product, number) == ["AVAILABLE"]


def test_what_was_consumed_of_a_deposit_goes_back_out_of_it_too(product: Product) -> None:
    it = Deposits(product, "wechat")
    freeze = it.freeze(100)
    number = it.consume(freeze, 60)["deposit_consume"]["order_content"]["out_trade_no"]
    product.simulator.advance(5)
    product.sweep()
    content = {
        "out_trade_no": number, "out_refund_no": it.till.number(), "total_fee": 60,
        "refund_fee": 25, "refund_fee_type": "CNY", "out_freeze_no": freeze,
        SPELLINGS[0]: {"refund_account": RECHARGE},
    }  # fmt: skip
    assert it.till.call("refund", it.around(refund_content=content))["status"] == 0
    product.simulator.advance(20)
    product.sweep()
    assert books(product, freeze) == ["AVAILABLE"]  # WeChat knows it by the deposit's number
    assert told(it.till, number) == [RECHARGE]


def test_other_wallets_have_no_such_choice(product: Product, till: Till) -> None:
    """A till sends it whatever was paid with."""
    held = give_card(product.deps, 10_000)
    code = issue(product.deps, held.provider_id, held.card_id).text
    of_card = till.pay(code, 1000)
    of_card["pay_mch_key"]["pay_platform"] = 3
    assert till.call("micro_pay", of_card)["status"] == 0
    for number in (
        paid(product, till, "alipay", 1000),
        of_card["pay_content"]["out_trade_no"],
    ):
        content = ask(till, number, RECHARGE)
        answer = till.call("refund", content)
        assert (answer["status"], answer["description"]) == (0, "退款成功"), answer
        assert "refund_account" not in str(answer)
        assert kept(product, number_of(content)) == (None, None)
        assert refusal(till.call("refund", ask(till, number, "BALANCE"))) == (104, 1002)
