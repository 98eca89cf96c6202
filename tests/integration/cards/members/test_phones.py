"""A phone confirmed by a code: who may, how often, and what joins the card then."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from errors import AppError
from models.consent import ConsentKind
from services.cards import phones
from services.cards.member_problems import (
    CodeOver,
    CodeWrong,
    PhoneInvalid,
    PhoneSet,
    PhoneTaken,
    SmsFailed,
    SmsLimit,
    SmsOff,
)
from services.privacy.consents import WORDS, Agreed
from tests.harness.product import Product
from tests.integration.cards.members.conftest import Shop

PHONE, OTHER = "13812345678", "13987654321"
AGREED = Agreed(str(WORDS[ConsentKind.MEMBER_PHONE].version))


def code_of(product: Product, phone: str = PHONE) -> str:
    """The newest code that arrived at a phone."""
    text = product.simulator.get(f"/sim/sms?phone={phone}")[-1]["text"]
    found = re.search(r"验证码 ([0-9]{6})", text)
    assert found, text
    return found[1]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def register(product: Product, shop: Shop, card_id: int, phone: str = PHONE) -> None:
    phones.ask_phone(shop.deps, shop.provider_id, card_id, phone, AGREED)
    phones.confirm_phone(shop.deps, shop.provider_id, card_id, phone, code_of(product, phone))


def row(product: Product, card_id: int) -> Any:
    return product.one(
        "SELECT c.*, m.phone_hash, m.phone_sealed, m.phone_confirmed_at, m.person_id"
        " FROM member_card c JOIN member m ON m.provider_id = c.provider_id AND m.id = c.member_id"
        " WHERE c.id = :i",
        i=card_id,
    )


def test_a_confirmed_phone_registers_the_card(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    phones.ask_phone(shop.deps, shop.provider_id, card_id, "+86 138-1234-5678", AGREED)
    code = code_of(product)
    phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, code)
    found = row(product, card_id)
    assert found.cap_fen == 500_000
    assert found.expires_on is None
    assert found.registered_at is not None
    said = product.simulator.get("/sim/trail")
    assert [line["more"] for line in said if line["what"] == "短信 138****5678"]
    phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, "000000")  # done already
    with pytest.raises(PhoneSet):
        phones.ask_phone(shop.deps, shop.provider_id, card_id, OTHER, AGREED)


def test_a_code_is_nowhere_but_on_the_phone(
    product: Product, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    card_id = shop.claim("o-lin")
    register(product, shop, card_id)
    code = code_of(product)
    kept = " ".join(
        str(tuple(found))
        for table in ("phone_code", "member", "member_card", "sms_quota", "audit_entry")
        for found in product.sql(f"SELECT * FROM {table}")
    )
    for secret in (code, PHONE):
        assert not re.search(rf"(?<![0-9a-f]){secret}(?![0-9a-f])", kept)
        assert secret not in caplog.text


def test_five_wrong_tries_end_a_code(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    phones.ask_phone(shop.deps, shop.provider_id, card_id, PHONE, AGREED)
    code = code_of(product)
    left = []
    for _ in range(5):
        with pytest.raises(CodeWrong) as problem:
            phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, wrong(code))
        left.append(problem.value.facts["left"])
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(CodeOver):
        phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, code)


def test_forty_guesses_at_once_are_five(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    phones.ask_phone(shop.deps, shop.provider_id, card_id, PHONE, AGREED)
    code = code_of(product)

    def guess(_: int) -> str:
        try:
            phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, wrong(code))
        except AppError as problem:
            return problem.code
        return "in"

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(guess, range(40)))
    assert (said.count("CARD_CODE_WRONG"), said.count("CARD_CODE_OVER")) == (5, 35)


def test_a_code_ends_after_five_minutes_and_with_the_next_one(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    phones.ask_phone(shop.deps, shop.provider_id, card_id, PHONE, AGREED)
    first = code_of(product)
    product.simulator.advance(61)
    phones.ask_phone(shop.deps, shop.provider_id, card_id, PHONE, AGREED)
    second = code_of(product)
    if first != second:
        with pytest.raises(CodeWrong):
            phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, first)
    with pytest.raises(CodeOver):  # of this phone, not of another
        phones.confirm_phone(shop.deps, shop.provider_id, card_id, OTHER, second)
    product.simulator.advance(300)
    with pytest.raises(CodeOver):
        phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, second)


def test_a_code_is_good_for_one_card(product: Product, shop: Shop) -> None:
    mine, theirs = shop.claim("o-lin"), shop.claim("o-zhou")
    phones.ask_phone(shop.deps, shop.provider_id, mine, PHONE, AGREED)
    with pytest.raises(CodeOver):
        phones.confirm_phone(shop.deps, shop.provider_id, theirs, PHONE, code_of(product))


def test_a_phone_is_not_flooded(product: Product, shop: Shop) -> None:
    mine, theirs = shop.claim("o-lin"), shop.claim("o-zhou")
    phones.ask_phone(shop.deps, shop.provider_id, mine, PHONE, AGREED)
    for card_id in (mine, theirs):  # within a minute, from wherever
        with pytest.raises(SmsLimit):
            phones.ask_phone(shop.deps, shop.provider_id, card_id, PHONE, AGREED)
    for turn in range(4):
        product.simulator.advance(61)
        phones.ask_phone(shop.deps, shop.provider_id, (mine, theirs)[turn % 2], PHONE, AGREED)
    product.simulator.advance(61)
    with pytest.raises(SmsLimit):  # five an hour
        phones.ask_phone(shop.deps, shop.provider_id, mine, PHONE, AGREED)
    assert len(product.simulator.get(f"/sim/sms?phone={PHONE}")) == 5
    product.simulator.advance(3600)
    phones.ask_phone(shop.deps, shop.provider_id, mine, PHONE, AGREED)


def test_a_card_does_not_flood_many_phones(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    for turn in range(8):
        phones.ask_phone(shop.deps, shop.provider_id, card_id, f"1380000000{turn}", AGREED)
        product.simulator.advance(61)
    with pytest.raises(SmsLimit):
        phones.ask_phone(shop.deps, shop.provider_id, card_id, "13800000009", AGREED)


def test_two_persons_claim_one_phone_and_the_first_confirmed_has_it(
    product: Product, shop: Shop
) -> None:
    lin, zhou = shop.claim("o-lin"), shop.claim("o-zhou")
    phones.ask_phone(shop.deps, shop.provider_id, lin, PHONE, AGREED)
    first = code_of(product)
    product.simulator.advance(61)
    phones.ask_phone(shop.deps, shop.provider_id, zhou, PHONE, AGREED)  # tells nothing of it
    second = code_of(product)
    phones.confirm_phone(shop.deps, shop.provider_id, zhou, PHONE, second)
    with pytest.raises(PhoneTaken):
        phones.confirm_phone(shop.deps, shop.provider_id, lin, PHONE, first)
    assert row(product, lin).cap_fen == 100_000
    assert row(product, lin).phone_hash is None
    assert row(product, zhou).phone_hash is not None


def test_of_two_at_the_same_moment_one_has_it(product: Product, shop: Shop) -> None:
    cards = dict.fromkeys((shop.claim("o-lin"), shop.claim("o-zhou")), "")
    for card_id in cards:
        phones.ask_phone(shop.deps, shop.provider_id, card_id, PHONE, AGREED)
        cards[card_id] = code_of(product)
        product.simulator.advance(61)

    def confirm(card_id: int) -> str:
        try:
            phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, cards[card_id])
        except AppError as problem:
            return problem.code
        return "mine"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(confirm, cards)) == ["CARD_PHONE_TAKEN", "mine"]


@pytest.mark.parametrize(
    "phone", ["", "1381234567", "12812345678", "138123456789", "１３８abc45678"]
)
def test_what_is_no_phone_is_refused(shop: Shop, phone: str) -> None:
    with pytest.raises(PhoneInvalid):
        phones.ask_phone(shop.deps, shop.provider_id, shop.claim("o-lin"), phone, AGREED)


def test_without_a_relay_a_card_stays_unregistered(product: Product, shop: Shop) -> None:
    from gateways.sms import SmsRelay
    from services.deps import Deps

    off = SmsRelay(url="", transport=None)  # type: ignore[arg-type]
    deps: Deps = replace(shop.deps, gateways=replace(shop.deps.gateways, sms=off))
    with pytest.raises(SmsOff):
        phones.ask_phone(deps, shop.provider_id, shop.claim("o-lin"), PHONE, AGREED)


def test_a_message_whose_relay_fell_silent_may_still_arrive(product: Product, shop: Shop) -> None:
    card_id = shop.claim("o-lin")
    product.simulator.fault("sms.send", "lose_answer")
    with pytest.raises(SmsFailed):
        phones.ask_phone(shop.deps, shop.provider_id, card_id, PHONE, AGREED)
    phones.confirm_phone(shop.deps, shop.provider_id, card_id, PHONE, code_of(product))
    assert row(product, card_id).registered_at is not None
