"""Whatever races for one deposit: never more than was frozen leaves it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from errors import AppError
from services.deposits import consuming, freezing, releasing
from services.deposits.consuming import Consume
from services.deposits.freezing import Freeze
from services.deposits.releasing import Release
from tests.harness.product import Product
from tests.integration.deposits.helping import WALLETS, Desk, paycode, room_adds_up


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """All of them side by side; a refusal is a result."""

    def run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except AppError as no:
            return no

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result() for done in [pool.submit(run, work) for work in works]]


@WALLETS
def test_consumptions_that_race_take_what_is_there_and_no_more(
    product: Product, wallet: str
) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    ends = wallet == "wechat"
    heard = at_once(*[lambda: desk.consume(held, 4000, ends=ends)] * 4)
    done = [one for one in heard if not isinstance(one, AppError)]
    assert len(done) == (1 if wallet == "wechat" else 2)
    held = desk.after(held, 10)
    paid = product.sql("SELECT amount_fen FROM pay_order WHERE intent_key LIKE 'deposit:%'"
                       " AND status = 'paid'")  # fmt: skip
    assert len(paid) == len(done)
    assert held.consumed_fen == 4000 * len(done)
    desk.agrees(held)


@WALLETS
def test_a_consumption_and_a_release_that_race_never_both_take_it(
    product: Product, wallet: str
) -> None:
    desk = Desk(product)
    for _ in range(3):
        held = desk.freeze(wallet)
        product.simulator.advance(20)
        heard = at_once(lambda: desk.consume(held, 9000), lambda: desk.release(held, 10000))  # noqa: B023
        assert sum(isinstance(one, AppError) for one in heard) == 1, heard
        held = desk.after(held, 15)
        assert held.status == "closed"
        assert held.consumed_fen in (0, 9000)
        desk.agrees(held)


@WALLETS
def test_one_number_is_consumed_once_however_often_it_comes(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held, number = desk.freeze(wallet), desk.number()
    at_once(*[lambda: desk.consume(held, 4000, out_trade_no=number)] * 4)
    held = desk.after(held, 10)
    assert (held.consumed_fen, held.released_fen) == (4000, 6000)
    assert len(product.sql("SELECT 1 FROM deposit_move")) == 1
    desk.agrees(held)


@WALLETS
def test_one_number_is_released_once_however_often_it_comes(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held, number = desk.freeze(wallet), desk.number()
    product.simulator.advance(20)
    at_once(*[lambda: desk.release(held, 10000, out_unfreeze_no=number)] * 4)
    held = desk.after(held, 40)
    assert (held.status, held.released_fen) == ("closed", 10000)
    assert len(product.sql("SELECT 1 FROM deposit_move")) == 1
    desk.agrees(held)


@WALLETS
def test_one_number_is_frozen_once_however_often_it_comes(product: Product, wallet: str) -> None:
    desk = Desk(product)
    number, code = desk.number(), paycode(product, wallet)
    at_once(*[lambda: desk.freeze(wallet, out_freeze_no=number, auth_code=code)] * 4)
    held = desk.after(desk.now(number), 10)
    assert held.status == "frozen"
    desk.agrees(held)


class Killed(BaseException):
    """A process that dies: nobody catches it."""


@pytest.fixture
def killed_after(product: Product, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """The process dies once the wallet was called, before its answer is written down."""

    def die(where: Any, name: str) -> None:
        wallet = where
        call = getattr(type(wallet), name)

        def dying(self: Any, *args: Any) -> Any:
            call(self, *args)
            raise Killed

        monkeypatch.setattr(type(wallet), name, dying)

    return die


@WALLETS
def test_a_till_that_dies_after_the_wallet_was_asked_loses_nothing(
    product: Product, wallet: str, killed_after: Callable[[Any, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    desk, gateway = Desk(product), product.deps.gateways.deposits[wallet]
    where: dict[str, Any] = {
        "provider_id": desk.shop.provider_id,
        "merchant_id": desk.shop.merchant_id,
    }
    number = desk.number()
    killed_after(gateway, "freeze")
    with pytest.raises(Killed):
        freezing.freeze(product.deps, Freeze(
            **where, store_id=desk.shop.id, out_freeze_no=number, freeze_fen=10000,
            asked_by="test:till", auth_code=paycode(product, wallet),
        ))  # fmt: skip
    monkeypatch.undo()
    held = desk.after(desk.now(number), 6)
    assert held.status == "frozen"

    order = desk.number()
    killed_after(gateway, "consume")
    with pytest.raises(Killed):
        consuming.consume(product.deps, Consume(
            **where, store_id=desk.shop.id, out_freeze_no=number, out_trade_no=order,
            amount_fen=2000, ends=True, asked_by="test:till",
        ))  # fmt: skip
    monkeypatch.undo()
    held = desk.after(held, 8)
    assert desk.order(order).status == "paid"
    assert held.status == "closed"
    desk.agrees(held)


@WALLETS
def test_a_till_that_dies_while_it_releases_loses_nothing(
    product: Product, wallet: str, killed_after: Callable[[Any, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    desk = Desk(product)
    held = desk.freeze(wallet)
    product.simulator.advance(20)
    killed_after(product.deps.gateways.deposits[wallet], "release")
    with pytest.raises(Killed):
        releasing.release(product.deps, Release(
            provider_id=desk.shop.provider_id, merchant_id=desk.shop.merchant_id,
            out_freeze_no=held.out_freeze_no, out_unfreeze_no=desk.number(), amount_fen=10000,
            asked_by="test:till", allowed_by="test:till",
        ))  # fmt: skip
    monkeypatch.undo()
    held = desk.after(held, 40)
    assert held.status == "closed"
    desk.agrees(held)


@WALLETS
def test_a_consumption_that_was_only_written_down_is_given_up(
    product: Product, wallet: str
) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    cmd = Consume(
        provider_id=desk.shop.provider_id, merchant_id=desk.shop.merchant_id,
        store_id=desk.shop.id, out_freeze_no=held.out_freeze_no, out_trade_no=desk.number(),
        amount_fen=2000, ends=True, asked_by="test:till",
    )  # fmt: skip
    product.deps.transact(lambda s: consuming._begin(s, product.deps, cmd))
    assert desk.now(held).held_fen == 10000
    held = desk.after(held, 70)
    assert desk.order(cmd.out_trade_no).status == "closed"
    assert (held.status, held.room_fen) == ("frozen", 10000)
    room_adds_up(product)
