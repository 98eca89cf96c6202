"""Everything that one process needs for its plays, built once: a play only empties it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app import create_app
from cli.supervise import migrate
from config.settings import Settings, load_settings
from gateways.http import Downloader
from models.provider import Provider
from secretbox.ring import KeyRing
from services.demo_info import demo_info
from services.deps import Deps, open_gateways
from services.payers import Payer, find_or_make_person
from services.seed import MAIN, seed
from simulator.parties import PEOPLE
from tests.harness.database import Server
from tests.sim.issuer import issue_card
from tests.sim.kills import Kills, MortalDatabase
from tests.sim.receivers import ADDRESS, Receiver
from tests.sim.timeline import ProductClock, Timeline
from tests.sim.wallets import Wallets
from tests.sim.wire import Wire

PRODUCT = "http://127.0.0.1:8000"
OTHER_SP, OTHER_APP = "1900000501", "2021000000000501"
CARD_CAP = 60_000  # small, so that it is met
CAST = ("lin", "zhou", "chen", "p01", "p02", "p03")
# What a play does not change: the parties. Every other table is emptied before each play.
STANDING = frozenset(
    {
        *("alembic_version", "provider", "merchant", "store", "staff", "pay_code", "route"),
        *("channel_account", "credential", "person", "sim_move"),
        *("card_program", "card_terms", "card_tier"),
    }
)
# Tables with a status that moves.
WATCHED = ("pay_order", "pay_attempt", "refund", "recharge", "deposit_freeze", "deposit_move")

LOOK_BEHIND = "services.cards.sweep"  # what it mends should not have been
HEARD = ("blueprints.notify.views", "services.ledger_chain", LOOK_BEHIND)

_MOVES = """
CREATE TABLE sim_move (tab text, was text, became text);
CREATE FUNCTION sim_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO sim_move VALUES (TG_TABLE_NAME, OLD.status, NEW.status); RETURN NULL;
END $$;
"""
_CALLED = """
UPDATE provider SET callback_url = %s, callback_is_active = true, callback_on_refund = true
WHERE out_mch_id = %s
"""
_ON = """
CREATE TRIGGER sim_moves AFTER UPDATE OF status ON {0} FOR EACH ROW
WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION sim_moved();
"""


@dataclass(frozen=True)
class Theatre:
    """What all processes of a run share: a server, a database to copy, the wallets' keys."""

    server: Server
    template: str
    home: Path


@contextmanager
def open_theatre(server: Server, home: Path) -> Iterator[Theatre]:
    """Migrate and seed one database, note every move of a status in it, and make the keys."""
    name = server.create()
    where = server.addresses(name)
    migrate(where)
    timeline = Timeline()
    wallets = Wallets(timeline, home / "wallets", PRODUCT)
    wire = Wire()
    wire.through = wallets.send
    made = _deps(_settings(server, name, home), ProductClock(timeline), wire, Kills())
    mine, theirs = _credentials(wallets), _credentials(wallets, OTHER_SP)
    others = {"wechat": theirs["wechat"], "alipay": _credentials(wallets, OTHER_APP)["alipay"]}
    seed(made, mine, others)
    issue_card(made)
    made.db.dispose()
    with psycopg.connect(server.admin, dbname=name, autocommit=True) as conn:
        conn.execute(_MOVES + "".join(_ON.format(table) for table in WATCHED))
        conn.execute(_CALLED, [ADDRESS, MAIN])
        conn.execute("UPDATE provider SET is_active = false WHERE out_mch_id <> %s", [MAIN])
        conn.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    yield Theatre(server, name, home)
    server.drop(name)


def _settings(server: Server, database: str, home: Path) -> Settings:
    where = server.addresses(database)
    values: dict[str, Any] = {
        "data_dir": home,
        "database_url": where.app,
        "migrate_database_url": where.owner,
        "public_url": PRODUCT,
        "simulator_url": "http://127.0.0.1:8001",
        "log_level": "CRITICAL",
        "card_balance_cap_unregistered_fen": CARD_CAP,
    }
    return load_settings(**values)


def _deps(settings: Settings, clock: ProductClock, transport: Downloader, kills: Kills) -> Deps:
    return Deps(
        db=MortalDatabase(settings.database_url, kills, pool_size=6),
        gateways=open_gateways(settings, clock, lambda: transport),
        ring=KeyRing(path=settings.data_dir / "keyring.json", text=""),
        now=clock,
        settings=settings,
    )


def _credentials(wallets: Wallets, owner: str = "") -> dict[str, Any]:
    import json

    answer = wallets.send("GET", f"http://wallets/sim/credentials?owner={owner}", {})
    found: dict[str, Any] = json.loads(answer.body)
    return found


class _Overheard(logging.Handler):
    """What is said to the log of a notification that was not applied, of a chain that was not
    sealed, of a reservation that its order had left behind."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(logging.ERROR)
        self._stage = stage

    def emit(self, record: logging.LogRecord) -> None:
        if self._stage.is_down:
            return
        if record.exc_info and record.exc_info[1]:
            self._stage.failures.append("".join(traceback.format_exception(record.exc_info[1])))
        elif record.name == LOOK_BEHIND:
            self._stage.failures.append(record.getMessage())


class Stage:
    """The product and the wallets of one process."""

    def __init__(self, theatre: Theatre) -> None:
        self._server = theatre.server
        self.database = theatre.server.create(theatre.template)
        self.timeline = Timeline()
        self.clock = ProductClock(self.timeline)
        self.wallets = Wallets(self.timeline, theatre.home / "wallets", PRODUCT)
        self.wire = Wire()
        self.receiver = Receiver()
        settings = _settings(theatre.server, self.database, theatre.home)
        self.kills = Kills()
        self.is_down = False  # the database, for whoever asks for a connection
        self.failures: list[str] = []  # of requests that ended in an exception
        made = _deps(settings, self.clock, self.wire, self.kills)
        self.deps = replace(made, gateways=replace(made.gateways, callbacks=self.receiver))
        self.receiver.authen_key = str(demo_info(self.deps)["provider"]["authen_key"])
        self.app = create_app(settings, self.deps)
        event.listen(self.deps.db.engine, "checkout", self._refuse_if_down)
        for name in HEARD:
            log = logging.getLogger(name)
            log.addHandler(_Overheard(self))
            log.setLevel(logging.ERROR)
            log.propagate = False
        self.admin = psycopg.connect(
            theatre.server.admin, dbname=self.database, autocommit=True, row_factory=namedtuple_row
        )
        # A lock that is waited for would never come: everything runs in this one thread.
        self.admin.execute(f"ALTER DATABASE \"{self.database}\" SET lock_timeout = '3s'")
        self.admin.execute(f'ALTER DATABASE "{self.database}" SET synchronous_commit = off')
        self.admin.execute("SET session_replication_role = replica")
        self._empty = self._emptying()
        self.payers = self.deps.transact(self._cast)
        # Read once and kept by the process: else its first play would pass more points than others.
        version = self.deps.transact(
            lambda s: s.get_one(Provider, self.provider_id).account_version
        )
        self.deps.accounts_of(self.provider_id, version)

    def _refuse_if_down(self, *_: object) -> None:
        if self.is_down:
            raise psycopg.OperationalError("the database is down")

    def _emptying(self) -> str:
        rows: list[Any] = self.admin.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        names = [row.tablename for row in rows if row.tablename not in STANDING]
        return ";".join(f"DELETE FROM {name}" for name in [*names, "sim_move"])

    def _cast(self, session: Session) -> dict[tuple[str, str], Payer]:
        """(wallet, person): who they are to the demo provider."""
        provider = text("SELECT id FROM provider WHERE out_mch_id = :m")
        self.provider_id = int(session.execute(provider, {"m": MAIN}).scalar_one())
        sp = next(iter(self.wallets.world.wechat.values()))
        app = next(iter(self.wallets.world.alipay.values()))
        found: dict[tuple[str, str], Payer] = {}
        for person in CAST:
            openid = self.wallets.world.openid(sp.appids[0], person)
            who = {
                "wechat": (sp.appids[0], openid),
                "alipay": (app.app_id, PEOPLE[person].alipay_user_id),
            }
            for wallet, (appid, subject) in who.items():
                row = find_or_make_person(
                    session, self.deps, self.provider_id, wallet, appid, subject
                )
                found[wallet, person] = Payer(row, wallet, subject)
        return found

    def empty(self) -> None:
        """Nobody has bought anything yet."""
        self.admin.execute(self._empty)
        self.wallets.reset()
        self.clock.off_s = 0.0
        self.failures.clear()

    def close(self) -> None:
        self.deps.db.dispose()
        self.admin.close()
        self._server.drop(self.database)
