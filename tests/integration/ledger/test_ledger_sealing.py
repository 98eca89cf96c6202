"""Sealing: in time, once, by any number of workers, whatever dies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import psycopg
import pytest
from sqlalchemy.orm import Session

from services import ledger_chain
from services.cards import room as rooms
from services.ledger_chain import seal
from services.ledger_verify import verify
from tasks.jobs import build_job_app
from tasks.worker import SEAL_EVERY_S, Sweeper
from tests.harness.product import Product
from tests.integration.ledger.helping import card, issuers, spend, top_up
from tests.integration.test_database import libpq


def counts(product: Product) -> tuple[int, int, int]:
    row = product.one(
        "SELECT (SELECT count(*) FROM ledger_entry) AS entries, (SELECT count(*) FROM ledger_seal)"
        " AS seals, (SELECT count(*) FROM ledger_tail) AS tails"
    )
    return row.entries, row.seals, row.tails


def test_the_worker_seals_and_folds_and_writes_heads_by_itself(product: Product) -> None:
    issuer = issuers(product.deps, 1)[0]
    one = card(product.deps, issuer)
    top_up(product.deps, issuer, one, 1000, 100)
    spend(product.deps, issuer, one, 100)
    assert counts(product) == (6, 0, 2)
    assert product.one("SELECT count(*) AS n FROM card_release").n == 1
    sweeper = Sweeper(product.deps)
    names = {thread.name for thread in sweeper._threads}
    assert {"seal", "room", "heads"} <= names
    assert SEAL_EVERY_S <= 10
    sweeper.seal()
    sweeper._room()
    sweeper._pool.shutdown()
    assert counts(product) == (6, 6, 0)
    assert product.one("SELECT count(*) AS n FROM card_release").n == 0
    app = build_job_app(product.deps)
    night = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert night["verify_ledger"] == "10 20 * * *"


def test_each_merchant_has_a_chain_of_its_own(product: Product) -> None:
    first, second = issuers(product.deps, 2)
    one, two = card(product.deps, first), card(product.deps, second)
    for _ in range(3):
        top_up(product.deps, first, one, 10)
        top_up(product.deps, second, two, 10)
    assert seal(product.deps) == 12
    ends = product.sql("SELECT merchant_id, seq FROM ledger_head ORDER BY merchant_id")
    assert sorted(row.seq for row in ends) == [6, 6]
    assert verify(product.deps).is_whole


def test_a_chain_of_another_merchant_that_is_broken_holds_nobody_up(product: Product) -> None:
    first, second = issuers(product.deps, 2)
    one, two = card(product.deps, first), card(product.deps, second)
    top_up(product.deps, first, one, 10)
    assert seal(product.deps) == 2
    product.do("UPDATE ledger_head SET seq = 0")  # its next seals have numbers that are taken
    top_up(product.deps, first, one, 10)
    top_up(product.deps, second, two, 10)
    assert seal(product.deps) == 2
    product.do("UPDATE ledger_head SET seq = 2 WHERE seq = 0")
    assert seal(product.deps) == 2
    assert verify(product.deps).is_whole


def test_many_sealers_at_once_make_one_chain(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside people who pay, three movements at a time: no gap, no entry twice, in their order."""
    monkeypatch.setattr(ledger_chain, "MOVEMENTS", 3)
    deps, merchants = product.deps, issuers(product.deps, 2)
    cards = [(one, card(deps, one)) for one in merchants for _ in range(2)]
    for issuer, one in cards:
        top_up(deps, issuer, one, 1000)
    over, together = Event(), Barrier(8)

    def payer(n: int) -> None:
        together.wait(20)
        for turn in range(20):
            spend(deps, cards[n][0], cards[n][1], 1 + turn % 3)

    def sealer() -> None:
        together.wait(20)
        while not over.is_set():
            seal(deps)

    with ThreadPoolExecutor(8) as pool:
        payers = [pool.submit(payer, n) for n in range(4)]
        sealers = [pool.submit(sealer) for _ in range(4)]
        for job in payers:
            job.result(60)
        over.set()
        for job in sealers:
            job.result(60)
    while seal(deps):
        pass
    assert counts(product) == (168, 168, 0)
    report = verify(deps)
    assert (report.entries, report.unsealed, report.findings) == (168, 0, [])


def test_verifying_beside_payers_and_sealers_finds_nothing(product: Product) -> None:
    deps, issuer = product.deps, issuers(product.deps, 1)[0]
    cards = [card(deps, issuer) for _ in range(2)]
    for one in cards:
        top_up(deps, issuer, one, 1000)
    over, together = Event(), Barrier(4)

    def payer(one: int) -> None:
        together.wait(20)
        while not over.is_set():
            spend(deps, issuer, one, 1)
            top_up(deps, issuer, one, 1)

    def sealer() -> None:
        together.wait(20)
        while not over.is_set():
            seal(deps)
            rooms.fold(deps)

    with ThreadPoolExecutor(3) as pool:
        jobs = [*(pool.submit(payer, one) for one in cards), pool.submit(sealer)]
        together.wait(20)
        found = [verify(deps) for _ in range(8)]
        over.set()
        for job in jobs:
            job.result(60)
    assert [one.findings for one in found] == [[]] * 8
    assert found[-1].entries > found[0].entries


@pytest.mark.parametrize("step", ["_WRITE", "_MOVE", "_GONE"])
def test_a_sealer_that_dies_has_sealed_nothing(product: Product, step: str) -> None:
    """Killed after each of its writes: the next one seals the same entries, once."""
    deps, issuer = product.deps, issuers(product.deps, 1)[0]
    one = card(deps, issuer)
    top_up(deps, issuer, one, 1000)
    with psycopg.connect(libpq(deps.db.url), autocommit=True) as killer:
        session = Session(deps.db.engine, autoflush=False)
        statement = getattr(ledger_chain, step)
        execute = session.execute

        def dying(clause: object, *rest: object) -> object:
            done = execute(clause, *rest)  # type: ignore[call-overload]
            if clause is statement:
                connection = session.connection().connection.driver_connection
                assert connection is not None
                killer.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            return done

        session.execute = dying  # type: ignore[method-assign, assignment]
        with pytest.raises(Exception, match=r"terminat|closed|lost"):  # noqa: PT012
            ledger_chain._seal(session, deps, issuer.provider_id, issuer.merchant_id)
            session.commit()
        session.close()
    assert counts(product) == (2, 0, 1)
    assert seal(deps) == 2
    assert counts(product) == (2, 2, 0)
    assert verify(deps).is_whole


def test_text_that_reads_like_columns_cannot_stand_for_others(product: Product) -> None:
    """Tabs, line ends and backslashes in words people typed: sealed and verified as they are."""
    from models.ledger import LedgerAccount as A
    from models.ledger import MovementKind
    from services import ledger

    deps, issuer = product.deps, issuers(product.deps, 1)[0]
    one = card(deps, issuer)

    def unit(session: Session) -> bool:
        room, locked = ledger.lock_with_room(session, issuer.provider_id, issuer.merchant_id, one)
        legs = ((A.CARD_PAID, 5), (A.ADJUSTMENTS, -5))
        words = "a\tb\nc\\N\r会员\u2028"
        said = ledger.Movement(
            MovementKind.ADJUST, "adjust:\\N\tx", legs, deps.now(), "staff:1", reason=words
        )
        return ledger.post(session, locked, said, room)

    assert deps.transact(unit)
    assert seal(deps) == 2
    report = verify(deps)
    assert (report.entries, report.findings) == (2, [])
