"""The product on a real loopback port, in this process, over one test's own database."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import requests
from flask import Flask
from sqlalchemy import text
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app import create_app
from config.logging import configure_logging
from config.settings import Settings, load_settings
from services.deps import Deps, build_deps
from services.orders import stuck
from tasks import longjobs
from tasks.jobs import QUEUES, build_job_app
from tasks.worker import Sweeper
from tests.harness import card_books
from tests.harness.simulator import Simulator
from web.runtime import Runtime


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the product logs for itself."""


class Door:
    """One port for the whole run; each test puts its own application behind it."""

    def __init__(self, port: int) -> None:
        self.app: Callable[..., Iterable[bytes]] | None = None
        self._inside = self._notices = 0
        self._turn = threading.Condition()
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, self._call, threaded=True, request_handler=_Quiet
        )
        self.url = f"http://127.0.0.1:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _call(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        notice = environ["PATH_INFO"].startswith("/notify/")
        with self._turn:
            app = self.app
            if app is None:  # a late notification of the test before
                start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
                return [b""]
            self._inside += 1
            self._notices += notice
        try:
            answer = app(environ, start_response)
            try:
                return list(answer)  # all of it is made in here, wherever its reader has gone
            finally:
                getattr(answer, "close", bool)()
        finally:
            with self._turn:
                self._inside -= 1
                self._notices -= notice
                self._turn.notify_all()

    def settle(self, seconds: float = 2) -> None:
        """Let notifications that are inside finish; those that a test holds back are left."""
        with self._turn:
            self._turn.wait_for(lambda: self._notices == 0, seconds)

    def shut(self, seconds: float = 30) -> None:
        """Let nobody in, and wait for those inside: their database goes when this returns."""
        with self._turn:
            self.app = None
            assert self._turn.wait_for(lambda: self._inside == 0, seconds), "a request does not end"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _done(refund: dict[str, Any]) -> bool:
    return refund["state"] in ("SUCCESS", "REFUND_SUCCESS")


@cache
def _app(proxies: int) -> Flask:
    return create_app(load_settings(trusted_proxies=proxies, log_level="CRITICAL"), _NOBODYS)


_NOBODYS: Any = SimpleNamespace(settings=SimpleNamespace(web_threads=2))


def _app_over(deps: Deps) -> Flask:
    """The process's one application over another database: routes are bound, and templates
    compiled, once in a run and not once in a test."""
    app = _app(deps.settings.trusted_proxies)
    configure_logging(deps.settings.log_level)
    app.extensions["yima"] = Runtime.over(deps)
    return app


@dataclass
class Product:
    """What a test holds of the product."""

    url: str
    app: Flask
    deps: Deps
    simulator: Simulator
    door: Door | None = None

    @classmethod
    def open(cls, settings: Settings, door: Door, simulator: Simulator) -> Product:
        deps = build_deps(settings)
        app = _app_over(deps)
        door.app = app
        return cls(door.url, app, deps, simulator, door)

    def sweep(self, rounds: int = 1) -> None:
        """Meet every due time that has come, as the worker does.

        A row that a notification holds at that moment is passed over: it is waited for instead.
        """
        self.simulator.settle()
        sweeper = Sweeper(self.deps)
        for _ in range(rounds):
            while sweeper.sweep() | sweeper.refunds() | sweeper.recharges():
                pass
            while sweeper.deposits():
                pass
            sweeper._abandoned()
        sweeper._pool.shutdown()
        if self.door is not None:
            self.door.settle()

    def run_long_jobs(self) -> None:
        """Work off every long job that is due, to its end or its next pause."""
        while longjobs.run_due(self.deps):
            pass

    def run_jobs(self) -> None:
        """Run every job that waits, then stop."""

        async def run() -> None:
            app = build_job_app(self.deps)
            async with app.open_async():
                await app.run_worker_async(
                    queues=[queue.name for queue in QUEUES],
                    wait=False,
                    listen_notify=False,
                    install_signal_handlers=False,
                )

        asyncio.run(run())

    def sql(self, statement: str, **values: Any) -> list[Any]:
        return self.deps.transact(lambda s: list(s.execute(text(statement), values)))

    def do(self, statement: str, **values: Any) -> None:
        self.deps.transact(lambda s: s.execute(text(statement), values) and None)

    def one(self, statement: str, **values: Any) -> Any:
        rows = self.sql(statement, **values)
        assert len(rows) == 1, f"{len(rows)} rows"
        return rows[0]

    def wait_paid(self, out_trade_no: str, seconds: float = 10) -> None:
        """Until the notification has arrived."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rows = self.sql(
                "SELECT o.status FROM pay_order o JOIN pay_attempt a ON a.provider_id ="
                " o.provider_id AND a.order_id = o.id WHERE a.out_trade_no = :n",
                n=out_trade_no,
            )
            if rows and rows[0].status == "paid":
                return
            time.sleep(0.05)
        raise AssertionError(f"{out_trade_no} is not paid after {seconds} s")

    def assert_books_agree(self) -> None:
        """The simulator's books and ours, trade by trade; history of the demo data apart."""
        theirs = {
            row["out_trade_no"]: (
                row["amount_fen"],
                "SUCCESS" if row["refunds"] else row["state"],  # closed by a whole refund
                sorted((r["out_refund_no"], r["amount_fen"]) for r in row["refunds"] if _done(r)),
            )
            for row in self.simulator.books()
        }
        paid = {"SUCCESS", "REFUND", "TRADE_SUCCESS", "TRADE_FINISHED"}
        back = self._refunds_by_trade()
        self._drop_reversed(theirs)
        ours = {
            row.out_trade_no: row
            for row in self.sql(
                "SELECT out_trade_no, amount_fen, status FROM pay_attempt"
                " WHERE channel <> 'balance'"  # a member's card: our own ledger
            )
        }
        for number, (amount, state, refunds) in theirs.items():
            row = ours.get(number)
            assert row is not None, f"upstream has {number}, we have not"
            assert (row.status == "paid") == (state in paid), f"{number}: {row.status} vs {state}"
            assert row.amount_fen == amount, f"{number}: {row.amount_fen} vs {amount}"
            assert back.get(number, []) == refunds, f"{number}: {back.get(number)} vs {refunds}"
        for number, row in ours.items():
            assert row.status != "paid" or number in theirs, f"we have {number}, upstream has not"
        self.assert_cards_agree()

    def assert_cards_agree(self) -> None:
        """Cards, ledger, caps and orders, to the fen."""
        assert self.deps.transact(card_books.wrong) == [[], [], []]

    def _drop_reversed(self, theirs: dict[str, Any]) -> None:
        """What was reversed: the wallet keeps nothing of it, unpaid or given back, and nor do we.

        Alipay writes what it gave back as a refund of the whole, under the trade's own number.
        """
        for row in self.sql(
            "SELECT out_trade_no FROM pay_attempt WHERE reversed_at IS NOT NULL"
            " AND status <> 'paid'"
        ):
            amount, state, refunds = theirs.pop(row.out_trade_no, (0, "", []))
            unpaid = ("", "REVOKED", "CLOSED", "PAYERROR", "TRADE_CLOSED")
            assert state in unpaid or refunds == [(row.out_trade_no, amount)], f"kept: {row}"

    def _refunds_by_trade(self) -> dict[str, list[tuple[str, int]]]:
        """Our refunds that are done, by the trade's number; their sums as the attempt says."""
        found: dict[str, list[tuple[str, int]]] = {}
        for row in self.sql(
            "SELECT a.out_trade_no, r.out_refund_no, r.amount_fen FROM refund r JOIN pay_attempt a"
            " ON a.provider_id = r.provider_id AND a.id = r.attempt_id WHERE r.status = 'success'"
            " ORDER BY r.out_refund_no"
        ):
            found.setdefault(row.out_trade_no, []).append((row.out_refund_no, row.amount_fen))
        wrong = self.sql(
            "SELECT a.out_trade_no FROM pay_attempt a LEFT JOIN refund r"
            " ON r.provider_id = a.provider_id AND r.attempt_id = a.id"
            " GROUP BY a.provider_id, a.id HAVING"
            " a.refunded_fen <> COALESCE(sum(r.amount_fen) FILTER (WHERE r.status = 'success'), 0)"
            " OR a.held_fen <> COALESCE(sum(r.amount_fen)"
            " FILTER (WHERE r.status NOT IN ('failed', 'void')), 0)"
        )
        assert not wrong, f"an attempt's room is not the sum of its refunds: {wrong}"
        return found

    def merchant_page(self, path: str) -> str:
        """A page of the merchant's backend, as the first demo person of the order's merchant."""
        session = requests.Session()
        session.trust_env = False
        with session:
            for row in self.sql("SELECT public_id FROM staff ORDER BY id"):
                session.get(f"{self.url}/m/demo-login/{row.public_id}", timeout=10)
                answer = session.get(self.url + path, timeout=10)
                if answer.status_code == 200:
                    return answer.text
        raise AssertionError(f"nobody sees {path}")

    def assert_nothing_stuck(self) -> None:
        assert stuck(self.deps) == []

    def close(self, door: Door) -> None:
        self.app.extensions["yima"].watcher.stop()  # first: a waiting page is inside the door
        door.shut()
        self.deps.db.dispose()
