"""The life of a merchant's card: what each step needs, and what it refuses."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from errors import BadInput, Conflict
from models.card import RechargeMode
from models.ledger import LedgerAccount, MovementKind
from services import ledger
from services.cards import programs, terms
from services.cards.member_problems import NotEmpty, ProgramIncomplete, ProgramState, SubMchid
from services.cards.programs import Tier
from services.onboarding import set_merchant_wechat
from services.seed_cards import seed_card
from tests.harness.product import Product
from tests.integration.cards.members.conftest import ACTOR, TERMS, Shop


def status(product: Product) -> str:
    return str(product.one("SELECT status FROM card_program WHERE title LIKE '南窗%'").status)


def put(shop: Shop, card_id: int, fen: int, key: str) -> None:
    """Money on a card, without a wallet."""
    ledger_move = ledger.Movement(
        MovementKind.RECHARGE,
        key,
        ((LedgerAccount.CARD_PAID, fen), (LedgerAccount.FUNDS, -fen)),
        shop.deps.now(),
        ACTOR,
    )

    def unit(session: Session) -> None:
        room, card = ledger.lock_with_room(session, shop.provider_id, shop.merchant_id, card_id)
        ledger.post(session, card, ledger_move, room)

    shop.deps.transact(unit)


def test_a_card_goes_from_a_draft_to_its_members_and_away_again(
    product: Product, bare: Shop
) -> None:
    programs.create(*bare.place, {"title": "南窗会员"}, actor=ACTOR)
    with pytest.raises(ProgramIncomplete):  # nobody is owed anything by an issuer without a name
        programs.submit(*bare.place, actor=ACTOR)
    assert terms.publish(*bare.place, TERMS, actor=ACTOR) == 1
    with pytest.raises(ProgramState):
        programs.approve(*bare.place, actor=ACTOR)
    programs.submit(*bare.place, actor=ACTOR)
    programs.reject(*bare.place, "标题不符", actor=ACTOR)
    programs.redraft(*bare.place, actor=ACTOR)
    programs.change(*bare.place, {"title": "南窗面卡"}, actor=ACTOR)
    programs.submit(*bare.place, actor=ACTOR)
    with pytest.raises(ProgramState):
        programs.resume(*bare.place, actor=ACTOR)  # not a way around the approval
    programs.approve(*bare.place, actor=ACTOR)
    programs.suspend(*bare.place, actor=ACTOR)
    assert status(product) == "suspended"
    programs.resume(*bare.place, actor=ACTOR)
    programs.delete(*bare.place, actor=ACTOR)
    assert status(product) == "deleted"
    said = [row.action for row in product.sql("SELECT action FROM audit_entry ORDER BY id")]
    assert said[-3:] == ["card_suspended", "card_resumed", "card_deleted"]
    programs.create(*bare.place, {"title": "南窗新卡"}, actor=ACTOR)  # and another begins


def test_no_approval_without_terms_even_if_the_state_would_allow_it(
    product: Product, bare: Shop
) -> None:
    programs.create(*bare.place, {"title": "南窗会员"}, actor=ACTOR)
    product.do("UPDATE card_program SET status = 'auditing' WHERE title = '南窗会员'")
    with pytest.raises(ProgramIncomplete):
        programs.approve(*bare.place, actor=ACTOR)


def test_the_terms_are_kept_version_by_version(product: Product, shop: Shop) -> None:
    assert terms.publish(*shop.place, TERMS, actor=ACTOR) == 1  # the same text is no new version
    longer = terms.NewTerms(TERMS.issuer_name, TERMS.contact, "七天内无理由退回。")
    assert terms.publish(*shop.place, longer, actor=ACTOR) == 2
    rows = product.sql(
        "SELECT version, refund_rule FROM card_terms WHERE merchant_id = :m ORDER BY version",
        m=shop.merchant_id,
    )
    assert [(r.version, r.refund_rule) for r in rows] == [
        (1, TERMS.refund_rule),
        (2, "七天内无理由退回。"),
    ]
    with pytest.raises(BadInput):
        terms.publish(*shop.place, terms.NewTerms(" ", "x", "y"), actor=ACTOR)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("1900000117", "支付的子商户号"),  # the merchant's own payment number
        ("1900000109", "青禾茶事"),  # another merchant's
        ("1900000001", "服务商自己"),
        ("19000001", ""),
        ("abc", "8 到 10 位数字"),
    ],
)
def test_the_card_s_number_takes_no_payments(bare: Shop, number: str, why: str) -> None:
    facts = {"title": "南窗会员", "card_sub_mchid": number}
    if not why:
        programs.create(*bare.place, facts, actor=ACTOR)
        return
    with pytest.raises(SubMchid, match=why):
        programs.create(*bare.place, facts, actor=ACTOR)


def test_the_card_s_number_stays_while_the_card_exists(bare: Shop) -> None:
    programs.create(*bare.place, {"title": "南窗会员", "card_sub_mchid": "1900009001"}, actor=ACTOR)
    programs.change(*bare.place, {"card_sub_mchid": "1900009002"}, actor=ACTOR)  # a draft still
    terms.publish(*bare.place, TERMS, actor=ACTOR)
    programs.submit(*bare.place, actor=ACTOR)
    programs.approve(*bare.place, actor=ACTOR)
    for other in ("1900009003", None):
        with pytest.raises(SubMchid, match="不能更改"):
            programs.change(*bare.place, {"card_sub_mchid": other}, actor=ACTOR)
    assert programs.change(*bare.place, {"logo_url": "https://x.test/l.png"}, actor=ACTOR)


def test_a_card_with_a_balance_is_not_deleted(shop: Shop) -> None:
    put(shop, shop.claim("o-lin"), 1, "recharge:one")
    with pytest.raises(NotEmpty, match=r"0\.01"):
        programs.delete(*shop.place, actor=ACTOR)


def test_one_card_a_merchant(shop: Shop) -> None:
    with pytest.raises(Conflict):
        programs.create(*shop.place, {"title": "第二张"}, actor=ACTOR)


def test_a_sum_that_is_no_longer_offered_is_kept(product: Product, shop: Shop) -> None:
    programs.set_tiers(*shop.place, [Tier(10000, 2000), Tier(20000)], actor=ACTOR)
    program = shop.deps.transact(
        lambda s: programs.live_program(s, shop.provider_id, shop.merchant_id)
    )
    assert program is not None
    offered = shop.deps.transact(lambda s: programs.tiers(s, program))
    assert [(t.pay_fen, t.bonus_fen) for t in offered] == [(10000, 2000), (20000, 0)]
    kept = product.sql("SELECT pay_fen FROM card_tier WHERE program_id = :i AND NOT is_active",
                       i=program.id)  # fmt: skip
    assert [row.pay_fen for row in kept] == [5000]
    for wrong in ([Tier(0)], [Tier(100), Tier(100)], [Tier(100, -1)], [Tier(100, 101)]):
        with pytest.raises(BadInput):
            programs.set_tiers(*shop.place, wrong, actor=ACTOR)


def test_fixed_sums_need_a_sum(bare: Shop) -> None:
    programs.create(*bare.place, {"title": "南窗会员", "mode": RechargeMode.FIXED}, actor=ACTOR)
    terms.publish(*bare.place, TERMS, actor=ACTOR)
    with pytest.raises(ProgramIncomplete, match="一档"):
        programs.submit(*bare.place, actor=ACTOR)


@pytest.mark.parametrize(
    "facts",
    [{"title": "一二三四五六七八九十"}, {"logo_url": "http://x.test/l.png"}, {"color": "red"},
     {"bonus_days": 0}, {"paid_fen": 1}, {}],
)  # fmt: skip
def test_facts_that_wechat_would_not_take_are_refused(bare: Shop, facts: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        programs.create(*bare.place, facts, actor=ACTOR)


def test_payments_never_go_to_the_card_s_number(product: Product, bare: Shop) -> None:
    facts = {"title": "南窗会员", "card_sub_mchid": "1900009001"}
    programs.create(*bare.place, facts, actor=ACTOR)
    with pytest.raises(SubMchid, match="不能用来收款"):
        set_merchant_wechat(product.deps, "sub02NANCHUANG5T7W2Y", "1900009001", actor=ACTOR)
    set_merchant_wechat(product.deps, "sub02NANCHUANG5T7W2Y", "1900009002", actor=ACTOR)


def test_the_demo_has_a_card_once(product: Product) -> None:
    assert seed_card(product.deps)
    assert not seed_card(product.deps)
    row = product.one(
        "SELECT p.status, count(t.id) AS sums, max(t.bonus_fen) AS most FROM card_program p"
        " JOIN card_tier t ON t.provider_id = p.provider_id AND t.program_id = p.id"
        " GROUP BY p.provider_id, p.id, p.status"
    )
    assert (row.status, row.sums, row.most) == ("approved", 5, 5000)
