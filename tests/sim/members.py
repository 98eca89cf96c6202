"""Members: they claim a card, recharge it near its caps, and pay from it on the page or at a till.

Only a share of the plays has cards, so that the others cost and show what they always did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from models.card import MemberCard
from services.cards import adjusting, bonus_expiry, codes, members, programs, recharging
from services.cards import recharge_intents as intents
from services.cards.problems import CardRefused
from services.cards.recharging import Offer
from services.cards.spending import pay_by_card
from services.checkout import Purchase, Started
from services.codepay import listing
from services.codepay.charging import Charge
from services.problems import PayProblem
from services.scan import check_open
from tests.sim.calm import run_out
from tests.sim.customers import Visit, sheet
from tests.sim.issuer import OWNER, SHOP, TIERS
from tests.sim.play import Play, Sheet
from tests.sim.stage import CAST
from tests.sim.tills import PREFIX, Sale

CODES, ELSEWHERE = ("8K3FQ2", "8K3FQ3"), "4M8RT6"


@dataclass
class Member:
    """Somebody with a card, who looks at it now and then."""

    play: Play
    name: str
    person: str
    card_id: int = 0

    def begin(self) -> None:
        play, chance = self.play, self.play.chance
        play.after(chance.seconds(0, 15), f"{self.name} claims", self.claim)
        if chance.hits(0.3):
            play.after(chance.seconds(0, 15), f"{self.name} claims again", self.claim)
        for n in range(chance.whole(1, 3)):
            Recharge(
                play, f"{self.name}r{n}", self.person, "wechat", 0, CODES[0], member=self
            ).begin()
        for n in range(chance.whole(1, 3)):
            if chance.hits(0.4):
                number = f"{PREFIX[SHOP]}m{play.seed:08d}{self.name[-1]}{n}"
                CardSale(
                    play, f"{self.name}t{n}", "balance", self.person, SHOP, 0, number, member=self
                ).begin()
            else:
                code = chance.among(CODES)
                Meal(play, f"{self.name}p{n}", self.person, "wechat", 0, code, member=self).begin()

    def claim(self) -> None:
        stage = self.play.stage
        shop = listing.shop(stage.deps, SHOP)
        payer = stage.payers["wechat", self.person]
        self.card_id = members.claim(
            stage.deps, shop.provider_id, shop.merchant_id, payer.person_id
        )

    def offer(self) -> Offer:
        """The card's page; without a card it is claimed there."""
        if not self.card_id:
            self.claim()
        deps, key = self.play.stage.deps, (self.play.stage.provider_id, self.card_id)
        return deps.transact(lambda s: recharging.offer(s, deps, s.get_one(MemberCard, key)))

    def something(self) -> int:
        """A price: anything, or all that is on the card, or a fen more."""
        balance, chance = self.offer().balance_fen, self.play.chance
        kind = chance.weighted({"any": 5.0, "all": 4.0, "above": 1.0})
        if kind == "any" or not balance:
            return chance.whole(1, max(2, balance))
        return balance + (kind == "above")


@dataclass
class Recharge(Visit):
    """One wish to recharge: the ordinary road of a payment, with room reserved beside it."""

    member: Member = field(kw_only=True)

    def begin(self) -> None:
        super().begin()
        if self.play.chance.hits(0.6):
            at = self.play.chance.seconds(310, 430)
            self.play.after(at, f"{self.name} pays after all", self.after_all)

    def _at_the_sheet(self, wallet: str, bridge: Mapping[str, Any]) -> None:
        if not self.play.chance.hits(0.3):  # a sheet that is left holds room until its end
            super()._at_the_sheet(wallet, bridge)

    def after_all(self) -> None:
        """What its wallet has closed, it takes the money for all the same; often when somebody has
        filled the room meanwhile."""
        play, wallets = self.play, self.play.stage.wallets
        for late in [one for one in play.sheets if one.person == self.person]:
            trade = wallets.world.books.by_ref("wechat", late.ref)
            if trade is None or trade.state != "CLOSED" or not _is_unpaid(play, trade.out_trade_no):
                continue
            if play.chance.hits(0.7):
                self._fill()
            trade.state, trade.expires_at = "NOTPAY", play.now + 60
            wallets.world.books.put(trade)
            play.reach("fault paid after its end")
            pays = partial(sheet, play, "wechat", late.bridge, "confirm", late.person)
            play.after(play.chance.seconds(0.5, 9), f"{trade.out_trade_no} is paid late", pays)
            return

    def _fill(self) -> None:
        """As much as fits, paid at once: an order of its own, in another store."""
        offer = self.member.offer()
        fits = [tier.pay_fen for tier in offer.tiers if tier.fits]
        fen = max(fits, default=0) if offer.mode == "fixed" else offer.room_fen
        if not fen:
            return
        other = Recharge(
            self.play, f"{self.name}f", self.person, "wechat", fen, ELSEWHERE, member=self.member
        )
        started = other._start()
        if started.bridge is not None:
            self.play.sheets.append(Sheet("wechat", dict(started.bridge), self.person))
            sheet(self.play, "wechat", started.bridge, "confirm", self.person)

    def _start(self) -> Started:
        play, deps = self.play, self.play.stage.deps
        offer, scan = self.member.offer(), self._scan()
        if not self.amount_fen:
            self.amount_fen = self._sum(offer)
        if not self.intent_key:
            self.intent_key = self._next(scan.provider_id, scan.store_id)
        try:
            started = recharging.start_recharge(
                deps, scan, play.stage.payers["wechat", self.person], self.member.card_id,
                self.amount_fen, terms_version=1, intent_key=self.intent_key,
            )  # fmt: skip
        except CardRefused as no:
            play.reach(f"card {no.code}")
            self.amount_fen = 0  # another sum, next time
            raise
        if self.amount_fen == offer.room_fen and started.bridge is not None:
            play.reach("card filled to its cap")
        return started

    def _next(self, provider_id: int, store_id: int) -> str:
        deps, card_id = self.play.stage.deps, self.member.card_id
        newest = deps.transact(lambda s: intents.latest(s, provider_id, card_id, store_id))
        return intents.next_key(card_id, store_id, newest, deps.now())

    def _sum(self, offer: Offer) -> int:
        chance = self.play.chance
        if offer.mode == "fixed":
            return chance.among(offer.tiers).pay_fen
        kind = chance.weighted({"any": 4.0, "all": 4.0, "above": 1.0})
        if kind == "any":
            return chance.whole(1, 30_000)
        return max(1, offer.room_fen) + (kind == "above")

    def _other(self) -> None:
        """Rather less than before; and the first sum may be paid all the same."""
        first, self.amount_fen = self.amount_fen, 0
        if first > 1 and first not in {tier.pay_fen for tier in TIERS}:
            self.amount_fen = self.play.chance.whole(1, first)
        self.press()
        if self.play.chance.hits(0.8):
            wait = self.play.chance.seconds(0.5, 40)
            self.play.after(wait, f"{self.name} pays the first sum", self.after_all)


def _is_unpaid(play: Play, number: str) -> bool:
    """Whether its order is closed, or waits for another attempt."""
    return bool(
        play.rows(
            "SELECT 1 FROM recharge r JOIN pay_attempt a ON a.provider_id = r.provider_id"
            " AND a.order_id = r.order_id WHERE r.status IN ('freed', 'held')"
            f" AND a.out_trade_no = '{number}'"
        )
    )


@dataclass
class Meal(Visit):
    """One bill on the pay page: from the card, from the wallet, or from both at once."""

    member: Member = field(kw_only=True)

    def begin(self) -> None:
        play, chance = self.play, self.play.chance
        at = chance.seconds(15, 350)
        play.after(at, f"{self.name} orders", self._order)
        if chance.hits(0.4):
            play.after(at + 0.05, f"{self.name} presses the wallet", self.press)
        at += chance.seconds(0.1, 60)
        play.after(at, f"{self.name} pays by card", self.by_card)
        if chance.hits(0.3):
            play.after(
                at + chance.seconds(0.05, 5), f"{self.name} pays by card again", self.by_card
            )
        if chance.hits(0.2):
            play.after(at + chance.seconds(1, 60), f"{self.name} presses the wallet", self.press)

    def _start(self) -> Started:
        if not self.amount_fen:
            self._order()
        return super()._start()

    def _order(self) -> None:
        self.amount_fen = self.member.something()

    def by_card(self) -> None:
        play, deps = self.play, self.play.stage.deps
        payer, scan = play.stage.payers["wechat", self.person], self._scan()
        check_open(scan, "wechat", deps.now())
        if not self.amount_fen:
            self._order()
        if not self.intent_key:
            self.intent_key = self._intent(scan, payer)
        try:
            started = pay_by_card(
                deps, scan, payer.person_id, Purchase(self.amount_fen), intent_key=self.intent_key
            )
        except (CardRefused, PayProblem) as no:
            play.say(f"{self.name} reads {no.code}")
            _refused(play, no.code)
            return
        self.public_ids.add(started.public_id)
        play.reach("card page")


@dataclass
class CardSale(Sale):
    """The card's bar code at a till: shown, scanned a while later, perhaps twice or too late."""

    member: Member = field(kw_only=True)

    def scan(self) -> None:
        play, deps = self.play, self.play.stage.deps
        self.amount_fen = self.member.something()
        store = listing.shop(deps, self.shop)
        code = codes.issue(deps, store.provider_id, self.member.card_id)
        self.asked = Charge(
            provider_id=store.provider_id,
            merchant_id=store.merchant_id,
            store_id=store.id,
            amount_fen=self.amount_fen,
            auth_code=code.text,
            asked_by="sim:till",
            out_trade_no=self.number,
        )
        wait = play.chance.seconds(1, 70)
        play.after(wait, f"{self.name}'s code is scanned", self.again)
        if play.chance.hits(0.3):
            play.after(wait + play.chance.seconds(0.1, 20), f"{self.name} once more", self.twice)

    def twice(self) -> None:
        """The same code under another number."""
        if self.asked is not None:
            self._charge(replace(self.asked, out_trade_no=f"{self.number}b"))

    def _charge(self, asked: Charge) -> None:
        try:
            super()._charge(asked)
        except CardRefused as no:
            self.play.say(f"{self.name}: {no.code}")
            _refused(self.play, no.code)


def _refused(play: Play, code: str) -> None:
    play.reach(f"card {code}")
    if code == "CARD_BALANCE_LOW":
        play.reach("case 35")


@dataclass
class Owner:
    """Whose card it is: adjusts, pauses it for a while, and lets lapse what has lapsed."""

    play: Play
    members: list[Member]

    def begin(self) -> None:
        play, chance = self.play, self.play.chance
        if chance.hits(0.4):
            key, at = f"{play.seed}a{chance.whole(0, 9)}", chance.seconds(20, 300)
            fen = chance.whole(1, 20_000) * chance.among((1, -1))
            play.after(at, "the owner adjusts", partial(self.adjust, fen, key))
            if chance.hits(0.4):
                play.after(at + chance.seconds(0.1, 9), "again", partial(self.adjust, fen, key))
        if chance.hits(0.15):
            at = chance.seconds(30, 250)
            play.after(at, "the card is suspended", partial(self._program, programs.suspend))
            at += chance.seconds(10, 100)
            play.after(at, "the card is resumed", partial(self._program, programs.resume))
        if chance.hits(0.2):
            play.after(chance.seconds(50, 400), "the night's bonus", self.night)

    def adjust(self, fen: int, key: str) -> None:
        member, stage = self.members[0], self.play.stage
        if member.card_id:
            adjusting.adjust(
                stage.deps, stage.provider_id, member.card_id, fen,
                reason="多收了", actor=OWNER, key=key,
            )  # fmt: skip
            self.play.reach("card adjusted")

    def _program(self, move: Callable[..., None]) -> None:
        shop = listing.shop(self.play.stage.deps, SHOP)
        move(self.play.stage.deps, shop.provider_id, shop.merchant_id, actor=OWNER)

    def night(self) -> None:
        """Once a night: bonus whose last day is over leaves the cards."""
        found = bonus_expiry.expire(self.play.stage.deps)
        self.play.say(f"{found.bonus_fen} fen of bonus lapsed on {found.cards} cards")
        self.play.trace.reach("card bonus lapsed", found.cards)

    def close_books(self) -> None:
        """The night after, and whatever follows from it."""
        self.play.act("the night's bonus", self.night)
        run_out(self.play)


def draw(play: Play) -> Owner:
    """Who has a card today, and how much all of them may hold."""
    chance, stage = play.chance, play.stage
    stage.admin.execute(
        "UPDATE card_program SET status = 'approved', mode = %s, bonus_days = %s",
        [chance.among(("fixed", "any")), chance.among((None, 0, 1))],
    )
    stage.admin.execute(
        "INSERT INTO card_room (provider_id, merchant_id, cap_fen, balance_fen, held_fen)"
        " SELECT provider_id, merchant_id, %s, 0, 0 FROM card_program",
        [chance.among((45_000, 70_000, 150_000))],
    )
    people = chance.shuffled(CAST)[: chance.whole(1, 2)]
    found = [Member(play, f"member{n}", person) for n, person in enumerate(people)]
    for member in found:
        member.begin()
    owner = Owner(play, found)
    owner.begin()
    return owner
