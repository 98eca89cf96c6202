"""What the ledger refuses by itself, whoever asks: the program, the serving role, the owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.ledger import LedgerAccount as A
from models.ledger import MovementKind
from services import ledger
from services.cards import room as rooms
from services.cards.problems import BalanceCap, BalanceLow, MovementReused, TotalCap
from services.ledger_chain import seal
from tests.harness.database import Server
from tests.harness.product import Product
from tests.integration.ledger.helping import Issuer, card, issuers, move, spend, top_up
from tests.integration.test_database import owner, serving


@pytest.fixture
def issuer(product: Product) -> Issuer:
    return issuers(product.deps, 1)[0]


@pytest.fixture
def full(product: Product, issuer: Issuer) -> int:
    """A card with 100 paid and 20 bonus, sealed."""
    made = card(product.deps, issuer)
    top_up(product.deps, issuer, made, 10000, 2000, key="recharge:full")
    assert seal(product.deps) == 4
    return made


def stored(product: Product, card_id: int) -> tuple[int, int, int]:
    row = product.one("SELECT * FROM member_card WHERE id = :c", c=card_id)
    return row.paid_fen, row.bonus_fen, row.held_fen


def test_a_movement_is_written_whole_with_its_balances(
    product: Product, issuer: Issuer, full: int
) -> None:
    spend(product.deps, issuer, full, 1500, 2000, key="pay:1")
    lines = product.sql(
        "SELECT account, delta_fen, balance_after_fen FROM ledger_entry WHERE key = 'pay:1'"
        " ORDER BY account"
    )
    assert [tuple(row) for row in lines] == [
        ("card_bonus", -2000, 0), ("card_paid", -1500, 8500), ("sales", 3500, None)
    ]  # fmt: skip
    assert stored(product, full) == (8500, 0, 0)
    assert rooms_of(product, issuer) == (8500, 0)


def rooms_of(product: Product, issuer: Issuer) -> tuple[int, int]:
    found = product.deps.transact(
        lambda s: rooms.read_room(s, issuer.provider_id, issuer.merchant_id)
    )
    assert found is not None
    return found.balance_fen, found.held_fen


def test_the_same_key_again_changes_nothing_and_with_other_content_is_refused(
    product: Product, issuer: Issuer, full: int
) -> None:
    assert spend(product.deps, issuer, full, 100, key="pay:7")
    before = product.sql("SELECT * FROM ledger_entry ORDER BY id")
    assert not spend(product.deps, issuer, full, 100, key="pay:7")
    assert not top_up(product.deps, issuer, full, 10000, 2000, key="recharge:full")
    with pytest.raises(MovementReused):
        spend(product.deps, issuer, full, 101, key="pay:7")
    other = card(product.deps, issuer)
    top_up(product.deps, issuer, other, 500, key="recharge:other")
    with pytest.raises(MovementReused):
        spend(product.deps, issuer, other, 100, key="pay:7")
    assert (
        product.sql("SELECT * FROM ledger_entry WHERE card_id = :c ORDER BY id", c=full) == before
    )
    assert stored(product, full) == (9900, 2000, 0)
    assert stored(product, other) == (500, 0, 0)


@pytest.mark.parametrize(("paid", "bonus"), [(10001, 0), (0, 2001), (10000, 2001)])
def test_neither_part_of_a_card_goes_below_zero(
    product: Product, issuer: Issuer, full: int, paid: int, bonus: int
) -> None:
    with pytest.raises(BalanceLow):
        spend(product.deps, issuer, full, paid, bonus)
    assert stored(product, full) == (10000, 2000, 0)
    with pytest.raises(DBAPIError, match="never_negative"):
        product.do(
            "UPDATE member_card SET paid_fen = paid_fen - :p, bonus_fen = bonus_fen - :b"
            " WHERE id = :c",
            p=paid,
            b=bonus,
            c=full,
        )


def test_caps_hold_to_the_fen_by_the_program_and_by_the_database(
    product: Product, issuer: Issuer, full: int
) -> None:
    tight = card(product.deps, issuer, cap_fen=5000)
    with pytest.raises(BalanceCap):
        top_up(product.deps, issuer, tight, 5001)
    assert top_up(product.deps, issuer, tight, 5000), "equal is allowed"
    product.do("UPDATE card_room SET cap_fen = balance_fen + 10 WHERE provider_id = :p "
               "AND merchant_id = :m", p=issuer.provider_id, m=issuer.merchant_id)  # fmt: skip
    with pytest.raises(TotalCap):
        top_up(product.deps, issuer, full, 11)
    assert top_up(product.deps, issuer, full, 10)
    for statement in (
        "UPDATE card_room SET held_fen = held_fen + 1",
        "UPDATE card_room SET balance_fen = -1",
        f"UPDATE member_card SET held_fen = held_fen + 1 WHERE id = {tight}",
    ):
        with pytest.raises(DBAPIError, match=r"below_the_cap|never_negative"):
            product.do(statement)


def test_a_balance_moves_with_an_entry_only(product: Product, issuer: Issuer, full: int) -> None:
    """Not by the serving role, not by the owner; and neither does an entry without its balance."""
    for change in ("paid_fen = paid_fen + 1", "bonus_fen = bonus_fen - 1", "paid_fen = 0"):
        with pytest.raises(DBAPIError, match="its last entries say"):
            product.do(f"UPDATE member_card SET {change} WHERE id = :c", c=full)
    with pytest.raises(DBAPIError, match="its last entries say"):
        product.do(ENTRIES.format(first=5, second=-5, after=10005), c=full, k="x")
    assert stored(product, full) == (10000, 2000, 0)


ENTRIES = (
    "INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account, delta_fen,"
    " balance_after_fen, key, actor, reason, recorded_at, day_on)"
    " SELECT c.provider_id, merchant_id, c.id, 'adjust', leg.account, leg.delta, leg.after, :k,"
    " 'test', '', now(), current_date FROM member_card c, (VALUES"
    " ('card_paid', CAST({first} AS bigint), CAST({after} AS bigint)),"
    " ('adjustments', {second}, NULL)) AS leg(account, delta, after) WHERE c.id = :c"
)


@pytest.mark.parametrize(("first", "second"), [(5, -4), (5, 5), (-1, 2)])
def test_a_movement_that_does_not_sum_to_zero_is_refused(
    product: Product, full: int, first: int, second: int
) -> None:
    with pytest.raises(DBAPIError, match="does not sum to zero"):
        product.do(ENTRIES.format(first=first, second=second, after=10000), c=full, k="odd")


def test_the_database_takes_a_key_once(product: Product, full: int) -> None:
    with pytest.raises(DBAPIError, match="uq_ledger_entry_provider_id_key_account"):
        product.do(ENTRIES.format(first=5, second=-5, after=10005), c=full, k="recharge:full")


SERVING = [
    *(f"UPDATE {t} SET merchant_id = 1" for t in ("ledger_entry", "ledger_seal")),
    "UPDATE ledger_entry SET delta_fen = delta_fen + 1 WHERE false",
    *(f"DELETE FROM {t}" for t in ("ledger_entry", "ledger_seal")),
    *(f"TRUNCATE {t}" for t in ("ledger_entry", "ledger_seal", "ledger_tail", "ledger_head")),
    *(f"TRUNCATE {t} CASCADE" for t in ("member_card", "card_room")),
    *(
        f"ALTER TABLE {t} DISABLE TRIGGER {who}"
        for t in ("ledger_entry", "ledger_seal", "member_card")
        for who in ("ALL", "USER")
    ),
    "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_keep",
    "ALTER TABLE ledger_seal DISABLE TRIGGER ledger_seal_keep",
    "ALTER TABLE member_card DISABLE TRIGGER member_card_agrees",
    "DROP TRIGGER ledger_entry_keep ON ledger_entry",
    "DROP TABLE ledger_entry",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RETURN NULL; END'",
    "DELETE FROM member_card",
    "DELETE FROM card_room",
    "DELETE FROM ledger_head",
]


@pytest.mark.parametrize("statement", SERVING)
def test_the_serving_role_changes_and_removes_nothing(
    product: Product, server: Server, database: str, full: int, statement: str
) -> None:
    with (
        serving(server, database) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute(statement.encode())


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_seal"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET merchant_id = 1", "DELETE FROM {}", "TRUNCATE {}"])
def test_even_the_owner_is_stopped(
    product: Product, server: Server, database: str, full: int, table: str, verb: str
) -> None:
    with (
        owner(server, database) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="is append-only"),
    ):
        conn.execute(verb.format(table).encode())


def test_spending_waits_for_no_other_card_and_the_room_is_exact_beside_it(
    product: Product, issuer: Issuer
) -> None:
    """Spenders, rechargers, folders and readers at once; the sum is exact at the end."""
    deps = product.deps
    cards = [card(deps, issuer) for _ in range(4)]
    for one in cards:
        top_up(deps, issuer, one, 10000)
    together = Barrier(7)

    def payer(one: int) -> None:
        together.wait(20)
        for _ in range(15):
            spend(deps, issuer, one, 100)

    def charger() -> None:
        together.wait(20)
        for n in range(15):
            top_up(deps, issuer, cards[n % 4], 70)

    def folder() -> None:
        together.wait(20)
        for _ in range(30):
            rooms.fold(deps)

    with ThreadPoolExecutor(7) as pool:
        jobs = [pool.submit(payer, one) for one in cards]
        jobs += [pool.submit(charger), pool.submit(folder), pool.submit(folder)]
        for job in jobs:
            job.result(60)
    owed = int(product.one("SELECT sum(balance_fen) AS n FROM member_card").n)
    assert owed == 4 * 10000 - 60 * 100 + 15 * 70
    assert rooms_of(product, issuer) == (owed, 0)
    rooms.fold(deps)
    kept = "SELECT balance_fen AS n FROM card_room WHERE provider_id = :p AND merchant_id = :m"
    assert product.one(kept, p=issuer.provider_id, m=issuer.merchant_id).n == owed
    assert product.one("SELECT count(*) AS n FROM card_release").n == 0


def test_a_spender_does_not_wait_while_the_room_is_held(
    product: Product, issuer: Issuer, full: int
) -> None:
    with Session(product.deps.db.engine, autoflush=False) as held:
        rooms.lock_room(held, issuer.provider_id, issuer.merchant_id)

        def impatient(session: Session) -> bool:
            session.connection().exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            locked = ledger.lock_card(session, issuer.provider_id, full)
            legs = ((A.CARD_PAID, -100), (A.SALES, 100))
            said = ledger.Movement(MovementKind.PAY, "pay:w", legs, product.deps.now(), "test")
            return ledger.post(session, locked, said)

        assert product.deps.transact(impatient)
        held.rollback()
    assert rooms_of(product, issuer) == (11900, 0)


def test_a_movement_that_is_rolled_back_leaves_nothing(
    product: Product, issuer: Issuer, full: int
) -> None:
    def dies(session: Session) -> None:
        locked = ledger.lock_card(session, issuer.provider_id, full)
        legs = ((A.CARD_PAID, -100), (A.SALES, 100))
        said = ledger.Movement(MovementKind.PAY, "pay:d", legs, product.deps.now(), "test")
        assert ledger.post(session, locked, said)
        raise KeyError("died")

    with pytest.raises(KeyError):
        product.deps.transact(dies)
    assert stored(product, full) == (10000, 2000, 0)
    assert product.sql("SELECT 1 FROM ledger_entry WHERE key = 'pay:d'") == []
    assert product.sql("SELECT 1 FROM card_release") == []
    assert product.sql("SELECT 1 FROM ledger_tail") == []


def test_room_that_is_held_comes_back_with_the_movement_that_uses_it(
    product: Product, issuer: Issuer, full: int
) -> None:
    deps = product.deps

    def reserve(session: Session) -> None:
        room, locked = ledger.lock_with_room(session, issuer.provider_id, issuer.merchant_id, full)
        ledger.hold(session, room, locked, 3000)

    deps.transact(reserve)
    assert (stored(product, full), rooms_of(product, issuer)) == (
        (10000, 2000, 3000),
        (12000, 3000),
    )
    legs = ((A.CARD_PAID, 3000), (A.FUNDS, -3000))
    move(deps, issuer, full, MovementKind.RECHARGE, "recharge:h", *legs, hold_fen=-3000)
    assert (stored(product, full), rooms_of(product, issuer)) == ((13000, 2000, 0), (15000, 0))
