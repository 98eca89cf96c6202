"""Everything that would ask a wallet about a payment does not ask about a card's, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from services import totals
from services.accounts import NotConfigured
from services.bills.planning import want_recent
from services.closing import find_target
from services.intent_log import read_log
from services.order_explained import explain
from services.order_story.telling import tell as story
from services.syncing import sync_order
from services.totals_check import differences, repair
from tests.harness.product import Product
from tests.harness.receiver import Receiver, receiver
from tests.integration.callbacks.helping import callbacks, key_of, opened, post, tell, understood
from tests.integration.cards.spend.helping import give_card, order, pay, refund
from tests.integration.refunds.helping import MakePhone
from tests.integration.refunds.helping import pay as pay_wallet
from tests.integration.test_order_list import OWN, Desk


def paid(product: Product, fen: int = 1234, bonus_fen: int = 234) -> Any:
    held = give_card(product.deps, 10_000, bonus_fen)
    return order(product, pay(product.deps, held, fen))


def test_syncing_looks_into_our_own_ledger(product: Product) -> None:
    row = paid(product)
    synced = sync_order(product.deps, row.provider_id, row.id, actor="test:a")
    (answer,) = synced.answers
    assert answer.said == "no wallet is asked: the ledger took ¥12.34 from the member's card"
    assert synced.is_settled
    assert (synced.before, synced.after) == ("paid", "paid")
    assert product.simulator.get("/sim/trail") == []


def test_no_account_of_a_wallet_is_taken_for_a_card(product: Product) -> None:
    row = paid(product)
    attempt = product.one("SELECT id FROM pay_attempt WHERE order_id = :o", o=row.id)
    with pytest.raises(NotConfigured):
        find_target(product.deps, row.provider_id, attempt.id)


def test_sweeping_and_bills_ask_no_wallet_about_it(product: Product) -> None:
    """Its bill, of the channel `balance`, is our own ledger."""
    row = paid(product)
    product.simulator.advance(86_400)
    product.sweep(3)
    want_recent(product.deps)
    assert product.simulator.get("/sim/trail") == []
    assert product.one("SELECT status FROM pay_order WHERE id = :o", o=row.id).status == "paid"


def test_a_log_that_names_it_makes_no_wallet_be_asked() -> None:
    line = '{"event": "order paid", "out_trade_no": "sz01x1", "channel": "balance"}'
    assert read_log([line]) == set()
    assert len(read_log([line.replace("balance", "wechat")])) == 1


def test_the_story_and_the_explanation_speak_of_the_card(product: Product) -> None:
    row = paid(product)
    refund(product, row, 1100)
    told = "\n".join(str(line) for line in story(product.deps, row.out_trade_no))
    assert "from the member's card" in told
    assert "¥2.34 of it bonus, ¥10.00 paid money" in told
    assert "wallet's number" not in told
    assert "accepted: not yet back" not in told
    said = explain(product.deps, row.out_trade_no)
    assert "back on the card" in said[0]
    assert "wallet" not in " ".join(said)
    assert said[-1] == ("tell the merchant: 这笔 ¥12.34 已用会员卡付款，其中 ¥11.00 已退回会员卡。")


@pytest.fixture
def there() -> Any:
    with receiver() as made:
        yield made


def test_a_callback_says_member_card_in_cloud_pays_words(product: Product, there: Receiver) -> None:
    tell(product, there, on_refund=True)
    row = paid(product)
    product.run_jobs()
    refund(product, row, 1234)
    post(opened(product))
    assert len(callbacks(product)) == 2
    first, second = (understood(heard, key_of(product)) for heard in there.heard)
    parties = first["pay_mch_key"]
    assert (parties["pay_platform"], parties["sub_pay_platform"]) == (3, 300)
    assert not {"wxpay_pay_mch_key_ext", "alipay_pay_mch_key_ext"} & set(parties)
    number = product.one("SELECT number FROM member_card").number
    said = first["order_content"]
    assert said["card_order_content_ext"]["membership_number"] == number
    assert said["card_order_content_ext"]["current_trade_state"] in (2, 4)
    assert said["total_fee"] == 1234
    (back,) = second["refund_order_content"]
    assert back["card_refund_order_content_ext"] == {"state": 2}
    assert back["refund_fee"] == 1234


def test_money_counts_once_and_spending_stands_beside_it(
    product: Product, phone: MakePhone
) -> None:
    """A day of a sale, a recharge, a payment from the card and some of it back."""
    sale = pay_wallet(product, phone, "wechat", "10")
    day = totals.china_day(sale.paid_at)
    recharge = pay_wallet(product, phone, "wechat", "100", "zhou")
    product.do("UPDATE pay_order SET purpose = 'recharge' WHERE id = :o", o=recharge.id)
    assert len(product.deps.transact(differences)) == 2, "what was counted as a sale is none"
    repair(product.deps)
    row = paid(product)
    refund(product, row, 200)
    found = product.deps.transact(
        lambda s: totals.per_day(s, sale.provider_id, sale.merchant_id, None, [day])
    )[day]
    assert (found.paid_count, found.paid_fen, found.kept_fen) == before(product, day, 2, 11_000)
    assert (found.card_count, found.card_fen, found.recharge_fen) == (1, 1034, 10_000)
    assert product.deps.transact(differences) == []
    totals.fold(product.deps)
    assert product.deps.transact(differences) == []
    page = Desk(product, OWN).get("/m/orders")
    assert "其中充值" in page
    assert "会员卡消费 1 笔" in page


def before(product: Product, day: Any, count: int, fen: int) -> tuple[int, int, int]:
    """With what the demo data sold on that day."""
    demo = product.one(
        "SELECT count(*) AS n, COALESCE(sum(amount_fen), 0) AS fen,"
        " COALESCE(sum(refunded_fen), 0) AS back FROM pay_order o"
        " WHERE intent_key LIKE 'demo:%' AND status = 'paid' AND merchant_id ="
        " (SELECT id FROM merchant WHERE out_sub_mch_id = :m)"
        " AND CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date) = :d",
        m=OWN,
        d=day,
    )
    return count + demo.n, fen + int(demo.fen), fen + int(demo.fen) - int(demo.back)


def test_the_merchants_page_of_it_names_the_card_and_its_bonus(product: Product) -> None:
    row = paid(product)
    number = product.one("SELECT number FROM member_card").number
    page = product.merchant_page(f"/m/orders/{row.out_trade_no}")
    assert "会员卡" in page
    assert number in page
    assert "其中赠送金额" in page
    assert "钱包单号" not in page
