"""陈一禾 pays, recharges, serves in the shop and is told of payments: a person with many traces."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import requests

from services.accounts import seal_place
from services.cards import payouts
from services.cards.payout_begin import Wish
from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.integration.cards.law.helping import allow, wallets_answer
from tests.integration.cards.recharge.helping import Shop as CardShop
from tests.integration.cards.recharge.helping import open_shop, settled
from tests.integration.looking import orders
from tests.integration.notices.helping import on_duty, paid, told
from tests.integration.people.desk import Desk, staff, token_of

MakePhone = Callable[..., Phone]
NAME, CALLED = "陈一禾", "小陈师傅"
PHONE, WORK_PHONE = "13812345678", "13911112222"
REMARK = f"{NAME}收，{PHONE}"
CARD = f"/card/{MAIN}"


class Life:
    """What he did, and the numbers that it left."""

    def __init__(self, product: Product, phone: MakePhone) -> None:
        self.product, self.phone = product, phone
        self.desk = Desk(product, "chen")
        self.role = staff(product, NAME)
        self.person_id = self.role.person_id
        self.card = self._card()

    def _card(self) -> CardShop:
        made = open_shop(self.product, self.phone, person="chen")
        row = self.product.one(
            "SELECT out_sub_mch_id FROM merchant WHERE id = :m", m=made.scan.merchant_id
        )
        self.home = f"{CARD}/{row.out_sub_mch_id}"
        return made

    @property
    def member(self) -> Any:
        return self.product.one("SELECT * FROM member WHERE id = :i", i=self.card.card.member_id)

    def live(self) -> None:
        self.pays()
        self.agrees()
        self.recharges()
        self.works()

    def pays(self) -> None:
        made = self.card.phone.pay(amount="30.00", remark=REMARK)
        self.number = orders(self.product)[-1].out_trade_no
        assert made
        self.product.wait_paid(self.number)

    def post(self, below: str, **fields: str) -> requests.Response:
        """A form of the card's phone page."""
        page = self.card.phone.get(f"{self.home}/phone").text
        return self.card.phone.http.post(
            f"{self.product.url}{self.home}{below}",
            data={"token": token_of(page), **fields},
            timeout=30,
        )

    def agrees(self) -> None:
        assert self.post("/phone", phone=PHONE, agree="1").status_code == 200
        sent = self.product.simulator.get(f"/sim/sms?phone={PHONE}")[-1]["text"]
        [code] = re.findall(r"\d{6}", sent)
        assert self.post("/phone/confirm", phone=PHONE, sms=code).status_code == 200
        assert self.post("/name", name=CALLED, agree="1").status_code == 200
        self.desk.post("/m/me/phone", phone=WORK_PHONE, agree="1")
        assert "已保存" in self.desk.said

    def recharges(self) -> None:
        self.card.pay(10_000)
        settled(self.card, "credited")

    def works(self) -> None:
        """On duty, and told of somebody else's payment."""
        on_duty(self.product, NAME)
        paid(self.product, self.phone)
        told(self.product)

    def is_paid_back(self) -> None:
        """The card's money goes back over the recharge."""
        payouts_made = payouts.ask(
            self.product.deps, self.card.scan.provider_id, self.card.card_id,
            Wish(reason=f"{NAME}搬家了"), actor=f"member:{self.member.id}",
        )  # fmt: skip
        allow(self.card, payouts_made)

    def money_arrives(self) -> None:
        wallets_answer(self.card)
        assert self.card.card.paid_fen == 0

    def plain(self) -> dict[str, str]:
        """What must be found nowhere afterwards."""
        person = self.product.one("SELECT * FROM person WHERE id = :i", i=self.person_id)
        place = seal_place("person", "sealed", f"{person.provider_id}:{person.subject_hash}")
        return {
            "openid": self.product.deps.ring.open(person.sealed, place),
            "phone": PHONE,
            "work phone": WORK_PHONE,
            "name": NAME,
            "called": CALLED,
        }

    def kept(self) -> dict[str, str]:
        """Every sealed value and hash of his: as good as gone is not gone."""
        found: dict[str, str] = {}
        for table, row in (
            ("person", f"id = {self.person_id}"),
            ("member", f"person_id = {self.person_id}"),
            ("staff", f"person_id = {self.person_id}"),
            ("phone_code", f"card_id = {self.card.card_id}"),
        ):
            for one in self.product.sql(f"SELECT * FROM {table} WHERE {row}"):
                found |= {
                    f"{table}.{name}": str(value)
                    for name, value in one._mapping.items()
                    if value and name.endswith(("sealed", "_hash"))
                }
        for event in self.product.sql(
            "SELECT e.id, e.sealed FROM upstream_event e JOIN pay_attempt a"
            " ON a.out_trade_no = e.out_trade_no WHERE a.person_id = :i", i=self.person_id,
        ):  # fmt: skip
            found[f"event {event.id}"] = event.sealed
        return found

    def sums(self) -> list[Any]:
        """All that is money, row by row."""
        return [
            [tuple(row) for row in self.product.sql(query)]
            for query in (
                "SELECT id, out_trade_no, status, amount_fen, refunded_fen, person_id, channel"
                " FROM pay_order ORDER BY id",
                "SELECT id, out_trade_no, status, amount_fen, refunded_fen FROM pay_attempt"
                " ORDER BY id",
                "SELECT id, out_refund_no, status, amount_fen FROM refund ORDER BY id",
                "SELECT * FROM ledger_entry ORDER BY id",
                "SELECT provider_id, day_on, channel, sum(paid_fen), sum(refund_fen) FROM"
                " (SELECT provider_id, day_on, channel, paid_fen, refund_fen FROM day_total"
                " UNION ALL SELECT provider_id, day_on, channel, paid_fen, refund_fen"
                " FROM day_delta) t GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
                "SELECT id, paid_fen, bonus_fen, held_fen FROM member_card ORDER BY id",
            )
        ]
