"""What an operator is told before a customer says it."""

from __future__ import annotations

from collections.abc import Callable

from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator

MakePhone = Callable[..., Phone]


def warnings(product: Product, phone: MakePhone) -> list[str]:
    found: list[str] = phone().get("/readyz").json()["warnings"]
    return found


def test_payers_who_leave_for_wechat_and_never_return_are_a_warning(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    """WeChat shows its own page for 10005 and sends nobody back: only the silence can be seen."""
    for _ in range(5):
        phone().get(f"/q/{MAIN}/8K3FQ2", allow_redirects=False)
    assert warnings(product, phone) == [], "they may still be on their way"
    simulator.advance(61)
    (said,) = warnings(product, phone)
    assert MAIN in said
    assert "wechat" in said
    assert "10005" in said


def test_one_payer_who_returns_shows_that_the_account_works(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    for _ in range(5):
        phone().get(f"/q/{MAIN}/8K3FQ2", allow_redirects=False)
    phone().form()
    simulator.advance(61)
    assert warnings(product, phone) == []
