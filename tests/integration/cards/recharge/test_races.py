"""Many at once, in several processes: the cap is never passed, and all of it can be used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from config.settings import ROOT
from models.card import RechargeMode
from models.order import OrderPurpose, PayOrder
from services import attempts
from services.attempts import NewOrder
from services.cards import reservations
from services.cards.reservations import Wanted
from services.numbers import new_out_trade_no, new_public_id
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.integration.cards.recharge.helping import CODE, MakePhone, Shop, crowd, open_shop
from tests.integration.looking import orders

PROCESSES = 2


@contextmanager
def racing(shop: Shop, races: list[list[dict[str, Any]]], place: Path) -> Iterator[Any]:
    """Processes that are ready; each call lets them press all keys of the next race at once and
    gives how often each end came."""
    settings = shop.product.deps.settings
    names = ("database_url", "public_url", "simulator_url", "read_timeout_s", "log_level")
    cookies = shop.phone.http.cookies
    plan = {
        "settings": {"data_dir": str(settings.data_dir)}
        | {name: getattr(settings, name) for name in names},
        "out_mch_id": MAIN,
        "code": CODE,
        "cookie": next(c.value for c in cookies if c.name.startswith("yima_payer")),
        "processes": PROCESSES,
        "races": races,
    }
    where = place / "plan.json"
    where.write_text(json.dumps(plan))
    words = [sys.executable, "-m", "tests.integration.cards.recharge.racer", str(where)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running: list[Any] = [
        subprocess.Popen([*words, str(n)], cwd=ROOT, bufsize=1, **pipes) for n in range(PROCESSES)
    ]

    def race() -> Counter[str]:
        for one in running:
            one.stdin.write("\n")
        ended: Counter[str] = Counter()
        for one in running:
            ended.update(json.loads(one.stdout.readline()))
        return ended

    try:
        assert [one.stdout.readline() for one in running] == ["ready\n"] * PROCESSES
        yield race
    finally:
        for one in running:
            one.kill()
            one.communicate()


def test_many_at_once_never_pass_a_cap_by_one_fen_and_use_all_of_it(
    product: Product, phone: MakePhone, tmp_path: Path
) -> None:
    """failures.md 34: losers are refused before paying; the wallet never hears of them."""
    shop = open_shop(
        product, phone, total_cap_fen=20_500, card_cap_fen=7_000, mode=RechargeMode.ANY
    )
    mine = {"person": shop.payer.person_id, "card": shop.card_id, "fen": 1_000}
    members = [
        {"person": person, "card": card, "fen": 1_000, "intent": f"race{card}:{n}"}
        for person, card in crowd(product, shop.scan, 20)
        for n in range(3)
    ]
    one_card = [{**mine, "intent": f"one{n}"} for n in range(30)]
    one_form = [{**mine, "intent": "same"} for _ in range(24)]
    with racing(shop, [members, one_card, one_form], tmp_path) as race:
        assert race() == {"started": 20, "CARD_TOTAL_CAP": 40}
        assert shop.room == (0, 20_000)
        assert len(product.simulator.books()) == len(orders(product)) == 20

        product.do("UPDATE card_room SET cap_fen = 1000000")
        assert race() == {"started": 7, "CARD_BALANCE_CAP": 23}
        assert shop.money == (0, 0, 7_000)

        product.do("UPDATE member_card SET cap_fen = 500000")
        ended = race()
        assert set(ended) <= {"started", "SYS_BUSY"}
        assert ended["started"] >= 1
        assert shop.money == (0, 0, 8_000)
        assert len(orders(product)) == 28


def test_orders_left_unpaid_at_the_cap_free_all_of_it_when_they_expire(
    product: Product, phone: MakePhone
) -> None:
    """The bench `card_caps` does it with a thousand."""
    many = 100
    shop = open_shop(product, phone, total_cap_fen=many, mode=RechargeMode.ANY)
    fill(product, shop, many)
    assert shop.room == (0, many)
    with pytest.raises(Exception, match="总余额已达上限"):
        shop.start(1)
    product.simulator.advance(product.deps.settings.order_expires_s + 1)
    product.sweep()
    assert shop.room == (0, 0)
    assert {status for status, *_ in shop.recharges} == {"freed"}
    shop.start(many)


def fill(product: Product, shop: Shop, many: int) -> None:
    """Orders of one fen each that hold room, as if their payers had gone before the sheet."""
    now, settings = product.deps.now(), product.deps.settings
    (expires_at,) = product.one(
        "SELECT CAST(:now AS timestamptz) + make_interval(secs => :s)",
        now=now,
        s=settings.order_expires_s,
    )

    def unit(session: Session) -> None:
        for n in range(many):
            new = NewOrder(
                provider_id=shop.scan.provider_id,
                out_trade_no=new_out_trade_no(shop.scan.order_prefix, now),
                public_id=new_public_id(),
                intent_key=f"fill{n}",
                merchant_id=shop.scan.merchant_id,
                store_id=shop.scan.store_id,
                pay_code_id=None,
                person_id=shop.payer.person_id,
                channel="wechat",
                amount_fen=1,
                undiscountable_fen=None,
                deposit_fen=None,
                quantity=1,
                remark="",
                app="wx8888888888888888",
                payee="1900000109",
                request={"beside": {"card_id": shop.card_id, "bonus_fen": 0}},
                created_at=now,
                expires_at=expires_at,
                first_question_s=settings.order_expires_s,
                purpose=OrderPurpose.RECHARGE,
            )
            made = attempts.insert_in(session, new)
            assert made is not None
            order = session.get_one(PayOrder, (new.provider_id, made.order_id))
            reservations.reserve(session, settings, order, Wanted(shop.card_id, 1, 0, 1), now)

    product.deps.transact(unit)
