"""Whoever changes the ledger behind the program's back, with every right there, is found out."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from sqlalchemy import text
from sqlalchemy.orm import Session

from config.settings import Settings
from models.db import raw
from secretbox.ring import KeyRing
from services import ledger_heads, ledger_nightly
from services.ledger_chain import START, ledger_key, mac, seal
from services.ledger_verify import Report, asked, verify
from tests.harness.database import Server
from tests.harness.places import Places, open_places
from tests.harness.product import Door, Product
from tests.integration.ledger.helping import Issuer, card, issuers, spend, top_up
from tests.integration.test_database import owner

pytestmark = pytest.mark.books_differ  # what other hands did stays done

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TABLES = ("ledger_entry", "ledger_seal", "member_card", "card_room")


@dataclass
class Books:
    """A product whose first merchant has two cards and ten movements, sealed."""

    product: Product
    issuer: Issuer
    other: Issuer
    cards: list[int]
    hands: Callable[..., None]

    def verify(self) -> Report:
        return verify(self.product.deps)

    def said(self) -> list[str]:
        return [one.words for one in self.verify().findings]

    def entry(self, key: str, account: str) -> int:
        found: int = self.product.one(
            "SELECT id FROM ledger_entry WHERE key = :k AND account = :a", k=key, a=account
        ).id
        return found

    def command(self, *words: str) -> Result:
        return self.product.app.test_cli_runner().invoke(args=["ledger", *words])


@pytest.fixture
def books(product: Product, server: Server, database: str, tmp_path: Path) -> Books:
    settings = product.deps.settings.model_copy(
        update={"ledger_heads_file": str(tmp_path / "heads.jsonl")}
    )
    product.deps = replace(product.deps, settings=settings)
    product.app.extensions["yima"].deps = product.deps

    def hands(*statements: str, **values: Any) -> None:
        """As the owner of the tables, whom no trigger stops: he turned them off."""
        with owner(server, database) as conn, conn.transaction():
            for table in TABLES:
                conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
            for statement in statements:
                conn.execute(statement.encode(), values)
            for table in TABLES:
                conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())

    first, second = issuers(product.deps, 2)
    cards = [card(product.deps, first), card(product.deps, first)]
    for n, one in enumerate(cards):
        top_up(product.deps, first, one, 10000, 1000, key=f"recharge:{n}")
        for turn in range(4):
            spend(product.deps, first, one, 100 + turn, 10, key=f"pay:{n}{turn}")
    assert seal(product.deps) == 2 * (4 + 4 * 3)
    return Books(product, first, second, cards, hands)


@contextmanager
def named(books: Books, *words: str, count: int = 1) -> Iterator[None]:
    """Whole before; afterwards so many findings, all these words in the first of them; exit 1."""
    assert books.said() == []
    assert ledger_heads.write(books.product.deps) is not None
    assert books.command("verify").exit_code == 0
    yield
    said = books.said()
    assert len(said) == count, said
    for word in words:
        assert word in said[0], said
    done = books.command("verify", "--merchant", books.issuer.label)
    assert done.exit_code == 1
    assert books.issuer.label in done.output
    assert words[0] in done.output
    assert books.command("verify").exit_code == 1


def test_a_whole_ledger_is_whole_and_says_how_much_it_read(books: Books) -> None:
    spend(books.product.deps, books.issuer, books.cards[0], 5, key="pay:new")
    report = books.verify()
    assert (report.entries, report.unsealed, report.chains) == (34, 2, 1)
    assert report.is_whole
    assert "no heads file" in report.warnings[0]
    done = books.command("verify")
    assert done.exit_code == 0
    assert "34 entries, 1 chains, 2 not sealed yet" in done.output
    assert books.command("verify", "--merchant", "nobody").exit_code == 1
    assert "2 entries sealed" in books.command("seal").output
    assert "1 heads written" in books.command("heads").output
    assert (books.verify().unsealed, books.verify().warnings) == (0, [])


def test_two_indexes_merged_are_not_sorted_again_and_say_the_same(
    books: Books, server: Server, database: str
) -> None:
    """As with ten million entries: no row waits until the last one was read."""

    def query() -> str:
        def unit(session: Session) -> str:
            session.execute(text("SET LOCAL enable_hashjoin = off"))
            connection = raw(session)
            return asked(connection.cursor(), None).as_string(connection)

        return books.product.deps.transact(unit)

    books.hands(
        "DELETE FROM ledger_entry WHERE key = 'pay:02' AND account = 'sales'",
        "UPDATE ledger_entry SET actor = 'somebody' WHERE key = 'pay:11'",
    )
    sorted_query, said = query(), books.said()
    assert "ORDER BY" in sorted_query
    assert len(said) > 2
    with owner(server, database) as conn:
        for name in ("enable_sort", "enable_seqscan", "enable_bitmapscan"):
            conn.execute(f'ALTER DATABASE "{database}" SET {name} = off'.encode())
    books.product.deps.db.dispose()  # the next connections plan by it
    assert query() == sorted_query.partition(" ORDER BY")[0] + ") TO STDOUT"
    assert books.said() == said


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ("delta_fen = delta_fen - 1", 2),  # and its movement's sum
        ("key = 'pay:else'", 3),  # and the sums of both
        ("card_id = %(other)s", 1),
        ("actor = 'somebody'", 1),
        ("reason = 'because'", 1),
        ("recorded_at = recorded_at + interval '1 microsecond'", 1),
        ("day_on = day_on - 1", 1),
        ("order_id = 7", 1),
        ("refund_id = 7", 1),
        ("kind = 'adjust'", 1),
    ],
)
def test_an_edited_row_is_named(books: Books, change: str, count: int) -> None:
    where = books.entry("pay:12", "sales")
    with named(books, f"entry {where} (", "seal 29 does not fit", count=count):
        books.hands(
            f"UPDATE ledger_entry SET {change} WHERE id = %(id)s", id=where, other=books.cards[0]
        )


def test_a_whole_movement_edited_with_its_balances_is_named(books: Books) -> None:
    """Sums, balances and the room all fit: only the seals do not."""
    where = books.entry("recharge:1", "card_paid")
    with named(books, f"entry {where} (recharge:1, card {books.cards[1]}, card_paid", count=6):
        books.hands(
            "UPDATE ledger_entry SET delta_fen = delta_fen + sign(delta_fen) * 50000"
            " WHERE key = 'recharge:1' AND account IN ('card_paid', 'funds')",
            "UPDATE ledger_entry SET balance_after_fen = balance_after_fen + 50000"
            " WHERE card_id = %(c)s AND account = 'card_paid'",
            "UPDATE member_card SET paid_fen = paid_fen + 50000 WHERE id = %(c)s",
            "UPDATE card_room SET balance_fen = balance_fen + 50000 WHERE merchant_id = %(m)s",
            c=books.cards[1],
            m=books.issuer.merchant_id,
        )


def test_a_removed_row_is_named(books: Books) -> None:
    where = books.entry("pay:03", "sales")
    with named(books, f"entry {where}: removed", count=2):
        books.hands("DELETE FROM ledger_entry WHERE id = %(id)s", id=where)


def test_a_movement_removed_with_its_seals_leaves_a_gap(books: Books) -> None:
    """The newest spend of a card, taken back with everything that hangs on it."""
    with named(books, "entries removed before it: seals 14 to 16 are missing"):
        books.hands(*_without("pay:03"), c=books.cards[0], m=books.issuer.merchant_id)


def _without(key: str) -> list[str]:
    """A card's newest movement never was: 103 paid and 10 bonus are on the card again."""
    return [
        "DELETE FROM ledger_seal WHERE entry_id IN"
        f" (SELECT id FROM ledger_entry WHERE key = '{key}')",
        f"DELETE FROM ledger_entry WHERE key = '{key}'",
        "UPDATE member_card SET paid_fen = paid_fen + 103, bonus_fen = bonus_fen + 10"
        " WHERE id = %(c)s",
        "UPDATE card_room SET balance_fen = balance_fen + 113 WHERE merchant_id = %(m)s",
    ]


def test_a_gap_closed_by_renumbering_does_not_fit(books: Books) -> None:
    after = books.entry("recharge:1", "card_paid")
    with named(books, f"entry {after} (", "seal 14 does not fit", count=2):
        books.hands(
            *_without("pay:03"),
            "UPDATE ledger_seal SET seq = -seq WHERE seq > 16",
            "UPDATE ledger_seal SET seq = -seq - 3 WHERE seq < 0",
            "UPDATE ledger_head SET seq = seq - 3",
            c=books.cards[0],
            m=books.issuer.merchant_id,
        )


def test_an_inserted_movement_is_named(books: Books) -> None:
    """With fitting sums, balances and room, and no seal."""
    with named(books, "movement adjust:mine: not sealed and not waiting"):
        books.hands(*INSERTED, c=books.cards[1], m=books.issuer.merchant_id)


INSERTED = (
    "INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account, delta_fen,"
    " balance_after_fen, key, actor, reason, recorded_at, day_on)"
    " SELECT c.provider_id, merchant_id, c.id, 'adjust', leg.account, leg.delta, leg.after,"
    " 'adjust:mine', 'test', '', now(), current_date FROM member_card c, LATERAL (VALUES"
    " ('card_paid', 500, paid_fen + 500), ('adjustments', -500, NULL))"
    " AS leg(account, delta, after) WHERE c.id = %(c)s",
    "UPDATE member_card SET paid_fen = paid_fen + 500 WHERE id = %(c)s",
    "UPDATE card_room SET balance_fen = balance_fen + 500 WHERE merchant_id = %(m)s",
)


def test_an_inserted_movement_with_seals_of_its_own_is_named(books: Books) -> None:
    with named(books, "(adjust:mine, card", "does not fit", count=2):
        books.hands(
            *INSERTED,
            "INSERT INTO ledger_seal SELECT provider_id, id, merchant_id,"
            " 32 + row_number() OVER (ORDER BY id), sha256(key::bytea) FROM ledger_entry"
            " WHERE key = 'adjust:mine'",
            "UPDATE ledger_head SET seq = 34, mac = sha256('adjust:mine'::bytea)",
            c=books.cards[1],
            m=books.issuer.merchant_id,
        )


def written_anew(books: Books, key: bytes) -> list[str]:
    """Every seal of the chain computed again, as one can who has this key."""
    rows = books.product.sql(
        "SELECT s.seq, e.* FROM ledger_seal s JOIN ledger_entry e ON e.provider_id = s.provider_id"
        " AND e.id = s.entry_id ORDER BY s.seq"
    )
    before, made = START, []
    for row in rows:
        entry = "\t".join(
            r"\N" if one is None else str(one)
            for one in (
                row.provider_id, row.merchant_id, row.card_id, row.account, row.key, row.delta_fen,
                row.balance_after_fen, row.id, row.kind, row.order_id, row.refund_id, row.actor,
                row.reason, (row.recorded_at - EPOCH) // timedelta(microseconds=1),
                (row.day_on - date(2000, 1, 1)).days,
            )
        )  # fmt: skip
        before = mac(key, before, entry.encode())
        made.append(f"UPDATE ledger_seal SET mac = '\\x{before.hex()}' WHERE seq = {row.seq}")
    return [*made, f"UPDATE ledger_head SET mac = '\\x{before.hex()}'"]


def test_the_chain_is_what_its_description_says(books: Books) -> None:
    """Computed here from the rows, by hand: the same seals. So the next test has no excuse."""
    books.hands(*written_anew(books, ledger_key(books.product.deps.ring)))
    assert books.said() == []


def test_a_chain_written_anew_without_the_key_is_found(books: Books) -> None:
    where = books.entry("recharge:0", "card_paid")
    with named(books, f"entry {where} (recharge:0", "does not fit", count=20):
        books.hands(
            "UPDATE ledger_entry SET reason = 'gift' WHERE key = 'recharge:0'",
        )
        books.hands(*written_anew(books, hashlib.sha256(b"a key of one's own").digest()))
    assert "more" in books.command("verify").output


def test_a_chain_written_anew_with_the_key_is_found_by_the_heads_file(books: Books) -> None:
    where = books.product.one("SELECT entry_id FROM ledger_seal WHERE seq = 32").entry_id
    with named(books, f"entry {where} (", "the chain was written anew"):
        books.hands("UPDATE ledger_entry SET reason = 'gift' WHERE key = 'recharge:0'")
        books.hands(*written_anew(books, ledger_key(books.product.deps.ring)))


def test_a_truncated_end_is_found_by_the_heads_file(books: Books) -> None:
    ends = books.product.one("SELECT mac FROM ledger_seal WHERE seq = 29").mac
    with named(books, "the chain ends at seal 29", "had 32"):
        books.hands(
            *_without("pay:13"),
            f"UPDATE ledger_head SET seq = 29, mac = '\\x{bytes(ends).hex()}'",
            c=books.cards[1],
            m=books.issuer.merchant_id,
        )


def test_a_truncated_end_that_grew_again_stays_found(books: Books) -> None:
    """The chain is as long as before, and even the next day's line is written: it says so."""
    ends = books.product.one("SELECT mac FROM ledger_seal WHERE seq = 29").mac
    deps = books.product.deps
    assert ledger_heads.write(deps) == 1
    books.hands(
        *_without("pay:13"),
        f"UPDATE ledger_head SET seq = 29, mac = '\\x{bytes(ends).hex()}'",
        c=books.cards[1],
        m=books.issuer.merchant_id,
    )
    spend(deps, books.issuer, books.cards[1], 7, key="pay:later")
    spend(deps, books.issuer, books.cards[1], 7, 1, key="pay:later2")
    assert seal(deps) == 5
    assert ["written anew" in one for one in books.said()] == [True]
    assert ledger_heads.write(deps) == 1
    assert ["was gone when a later line" in one for one in books.said()] == [True]
    assert ledger_heads.write(deps, restored=True) == 1
    assert books.said() == []


def test_a_head_set_back_is_found(books: Books) -> None:
    with named(books, "the chain ends at seal 32, its head says 31"):
        books.hands("UPDATE ledger_head SET seq = 31")


def test_a_movement_that_does_not_sum_to_zero_is_named(books: Books) -> None:
    """Not sealed yet, so that nothing but its sum is wrong."""
    spend(books.product.deps, books.issuer, books.cards[0], 50, key="pay:odd")
    with named(books, "movement pay:odd: its entries make 1 fen"):
        books.hands(
            "UPDATE ledger_entry SET delta_fen = 51 WHERE key = 'pay:odd' AND account = 'sales'"
        )


def test_a_stored_balance_that_is_not_its_entries_is_named(books: Books) -> None:
    one = books.cards[0]
    with named(books, f"card {one}: card_paid is 10000 fen, its entries make 9594", count=2):
        books.hands("UPDATE member_card SET paid_fen = 10000 WHERE id = %(c)s", c=one)


def test_a_running_balance_that_breaks_is_named(books: Books) -> None:
    spend(books.product.deps, books.issuer, books.cards[0], 50, key="pay:run")
    where = books.entry("pay:run", "card_paid")
    with named(books, f"entry {where} (pay:run", "9543 fen are left", "9544", count=2):
        books.hands("UPDATE ledger_entry SET balance_after_fen = 9543 WHERE id = %(id)s", id=where)


def test_a_room_that_is_not_the_sum_of_its_cards_is_named(books: Books) -> None:
    with named(books, "its room counts", "owed and 5 held"):
        books.hands(
            "UPDATE card_room SET balance_fen = balance_fen - 1, held_fen = 5"
            " WHERE merchant_id = %(m)s",
            m=books.issuer.merchant_id,
        )


def test_room_held_for_nothing_is_named(books: Books) -> None:
    one = books.cards[1]
    with named(books, f"card {one}: holds 5 fen, what is under way makes 0"):
        books.hands(
            "UPDATE member_card SET held_fen = 5 WHERE id = %(c)s",
            "UPDATE card_room SET held_fen = 5 WHERE merchant_id = %(m)s",
            c=one,
            m=books.issuer.merchant_id,
        )


def test_a_waiting_row_without_entries_is_named(books: Books) -> None:
    spend(books.product.deps, books.issuer, books.cards[0], 50, key="pay:gone")
    assert books.verify().unsealed == 2
    with named(books, "movement pay:gone: waits for its seal, and its entries are gone"):
        books.hands(
            "DELETE FROM ledger_entry WHERE key = 'pay:gone'",
            "UPDATE member_card SET paid_fen = paid_fen + 50 WHERE id = %(c)s",
            "DELETE FROM card_release WHERE freed_fen = 50",
            c=books.cards[0],
        )
    assert seal(books.product.deps) == 0, "and it holds up nothing"


# --- the heads file -------------------------------------------------------------------------------


def test_a_line_of_the_heads_file_is_written_once_a_day_and_only_for_what_moved(
    books: Books,
) -> None:
    deps = books.product.deps
    today = deps.now()

    def at(days: int) -> Any:
        return replace(deps, now=lambda: today + timedelta(days=days))

    assert ledger_heads.write_if_due(deps)
    assert not ledger_heads.write_if_due(deps)
    assert ledger_heads.write_if_due(at(1))
    spend(deps, books.issuer, books.cards[0], 5)
    seal(deps)
    assert ledger_heads.write_if_due(at(2))
    path = ledger_heads.path_of(deps.settings)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [len(line["heads"]) for line in lines] == [1, 0, 1]
    assert path.stat().st_mode & 0o777 == 0o600
    assert verify(at(2)).is_whole
    assert "newest line" in verify(at(5)).warnings[0]


@pytest.mark.parametrize("how", ["edit", "drop", "swap", "junk", "forge"])
def test_a_changed_heads_file_is_found(books: Books, how: str) -> None:
    deps = books.product.deps
    path = ledger_heads.path_of(deps.settings)
    for _ in range(3):
        spend(deps, books.issuer, books.cards[0], 5)
        seal(deps)
        ledger_heads.write(deps)
    assert books.said() == []
    lines = path.read_text().splitlines()
    said = json.loads(lines[1])
    if how == "edit":
        said["heads"][0][2] -= 1
        lines[1] = json.dumps(said)
    elif how == "drop":
        del lines[1]
    elif how == "swap":
        lines[0], lines[1] = lines[1], lines[0]
    elif how == "junk":
        lines[1] = "{"
    else:
        words = json.dumps({k: v for k, v in said.items() if k != "mac"}, sort_keys=True)
        said["mac"] = hmac.new(b"mine", words.encode(), "sha256").hexdigest()
        lines[1] = json.dumps(said)
    path.write_text("\n".join(lines) + "\n")
    assert any("heads file: line" in one for one in books.said())


def test_a_line_torn_by_a_kill_never_counted(books: Books) -> None:
    deps = books.product.deps
    path = ledger_heads.path_of(deps.settings)
    ledger_heads.write(deps)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert books.said() == []
    spend(deps, books.issuer, books.cards[0], 5)
    seal(deps)
    assert ledger_heads.write(deps) == 1
    assert path.read_bytes().startswith(whole)
    assert len(path.read_text().splitlines()) == 2
    assert books.said() == []


# --- by night, and after a restore ----------------------------------------------------------------


def test_the_night_opens_a_case_that_readyz_tells_and_ends_it(books: Books) -> None:
    product = books.product
    assert ledger_nightly.verify(product.deps).is_whole
    books.hands("UPDATE ledger_head SET seq = 31")
    for _ in range(2):
        ledger_nightly.verify(product.deps)
    case = product.one("SELECT * FROM money_case WHERE kind = 'ledger_broken'")
    assert case.out_trade_no == f"ledger:{books.issuer.label}"
    assert case.facts["last"]["count"] == 1
    warned = product.app.test_client().get("/readyz").get_json()["warnings"]
    assert any("flask ledger verify" in one for one in warned)
    books.hands("UPDATE ledger_head SET seq = 32")
    ledger_nightly.verify(product.deps)
    case = product.one("SELECT * FROM money_case WHERE kind = 'ledger_broken'")
    assert (case.healed, case.closed_at is not None) == (True, True)
    warned = product.app.test_client().get("/readyz").get_json()["warnings"]
    assert not any("flask ledger verify" in one for one in warned)


def test_rotating_the_ring_breaks_no_chain(books: Books, tmp_path: Path) -> None:
    """A ring of its own, since the run's other tests share theirs."""
    ring = KeyRing(path=tmp_path / "ring.json")
    deps = replace(books.product.deps, ring=ring)
    assert not verify(deps).is_whole, "another ring has another key"
    books.hands(*written_anew(books, ledger_key(ring)))
    ledger_heads.write(deps)
    assert verify(deps).is_whole
    ring.add_key()
    ring.retire_others()
    spend(deps, books.issuer, books.cards[0], 5)
    seal(deps)
    ledger_heads.write(deps)
    again = replace(deps, ring=KeyRing(path=tmp_path / "ring.json"))
    assert verify(again).findings == []
    kept = json.loads((tmp_path / "ring.json").read_text())
    assert list(kept) == ["primary", "keys", "index"]


@pytest.fixture
def places(
    product: Product, server: Server, settings_for: Callable[..., Settings], door: Door
) -> Iterator[Places]:
    with open_places(server, settings_for, door, product.simulator) as made:
        yield made


def test_a_restored_backup_verifies_with_the_same_ring(
    books: Books, places: Places, tmp_path: Path
) -> None:
    made = books.product.app.test_cli_runner().invoke(
        args=["backup", "--to", str(tmp_path / "kept")]
    )
    assert made.exit_code == 0, made.output
    ledger_heads.write(books.product.deps)
    place = places.empty()
    done = place.app.test_cli_runner().invoke(args=["restore", json.loads(made.stdout)["backup"]])
    assert done.exit_code == 0, done.output
    heads = books.product.deps.settings.ledger_heads_file
    settings = place.deps.settings.model_copy(update={"ledger_heads_file": heads})
    report = verify(replace(place.deps, settings=settings))
    assert (report.entries, report.findings) == (32, [])
    spend(place.deps, books.issuer, books.cards[0], 5)
    with pytest.raises(Exception, match="permission denied"):
        place.do("DELETE FROM ledger_entry")
    with (
        psycopg.connect(
            place.deps.settings.migrate_database_url.replace("+psycopg", ""), autocommit=True
        ) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="is append-only"),
    ):
        conn.execute("DELETE FROM ledger_entry")
    place.deps.db.dispose()


def test_a_restore_that_lost_sealed_entries_is_told_and_then_accepted(
    books: Books, places: Places, tmp_path: Path
) -> None:
    made = books.product.app.test_cli_runner().invoke(
        args=["backup", "--to", str(tmp_path / "kept")]
    )
    spend(books.product.deps, books.issuer, books.cards[0], 5)
    seal(books.product.deps)
    ledger_heads.write(books.product.deps)
    place = places.empty()
    done = place.app.test_cli_runner().invoke(args=["restore", json.loads(made.stdout)["backup"]])
    assert done.exit_code == 0, done.output
    heads = books.product.deps.settings.ledger_heads_file
    settings = place.deps.settings.model_copy(update={"ledger_heads_file": heads})
    deps = replace(place.deps, settings=settings)
    assert "--restored" in verify(deps).findings[0].words
    ledger_heads.write(deps, restored=True)
    assert verify(deps).is_whole
    place.deps.db.dispose()
