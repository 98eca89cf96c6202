"""Every state, refund and case has words, in both languages, and none promises what is unsure."""

from __future__ import annotations

import string

import pytest

from models.event import CaseKind
from models.order import CloseReason, OrderStatus, PayOrder
from models.refund import RefundStatus
from services.order_explained import state_words
from services.order_words import CASES, REFUNDS, STATES, Words
from services.refunds.words import REFUNDED

FACTS = {
    name: name.upper()
    for name in ("number", "amount", "back", "left", "when", "refusal", "said", "refund")
}


def every_order() -> list[PayOrder]:
    """Orders in every combination of what decides their state."""
    made = []
    for status in OrderStatus:
        reasons = list(CloseReason) if status is OrderStatus.CLOSED else [None]
        for reason in reasons:
            for flags in range(8):
                for code in (None, "PARAM_ERROR"):
                    for back in (0, 1, 2):
                        made.append(
                            PayOrder(
                                status=status, close_reason=reason, amount_fen=2,
                                refunded_fen=back if status is OrderStatus.PAID else 0,
                                is_unknown=bool(flags & 1), is_frozen=bool(flags & 2),
                                is_late=bool(flags & 4), reject_code=code,
                            )
                        )  # fmt: skip
    return made


def test_every_state_that_an_order_can_have_has_words_and_no_other_does() -> None:
    assert {state_words(order) for order in every_order()} == set(STATES)


def test_every_refund_and_every_case_has_words() -> None:
    assert set(REFUNDS) == set(RefundStatus)
    assert set(CASES) == set(CaseKind)


@pytest.mark.parametrize("words", [*STATES.values(), *REFUNDS.values(), *CASES.values()])
def test_words_can_be_filled_in(words: Words) -> None:
    for said in (words.why, words.do, words.zh):
        names = {name for _, name, _, _ in string.Formatter().parse(said) if name}
        assert names <= set(FACTS)
        assert "{" not in said.format(**FACTS)
    assert words.why
    assert words.do


@pytest.mark.parametrize("words", [*STATES.values(), *REFUNDS.values()])
def test_a_sentence_for_the_merchant_is_chinese_and_short(words: Words) -> None:
    assert 8 <= len(words.zh) <= 70
    assert words.zh.endswith("。")
    assert not set(words.zh) & set(",;:!?")


def test_only_what_is_certain_is_said_about_money() -> None:
    for state in ("created", "pending", "unknown", "frozen", "closed"):
        assert "没有扣款" not in STATES[state].zh, state
        assert "成功" not in STATES[state].zh, state
    for status, words in REFUNDS.items():
        is_back = "已完成" in words.zh or "已退款" in words.zh
        assert is_back == (status in REFUNDED), status
