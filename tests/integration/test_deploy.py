"""failures.md 48: a deploy, migrations back and forth and a rollback while people pay.

As docs/operations.md has it: workers stop, then web; the database migrates; web starts, then
workers. Whoever pays meanwhile scans again or presses again. Nothing paid is lost or doubled.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from cli.supervise import migrate
from config.settings import ROOT, load_settings
from services.deps import build_deps
from services.seed import seed
from tests.harness.database import Server
from tests.harness.phone import MAIN, Form, Phone
from tests.harness.ports import free_port, wait_for
from tests.harness.product import Product
from tests.harness.simulator import run_simulator

OTHER_SP, OTHER_APP = "1900000501", "2021000000000501"
PAYERS = (("wechat", "lin"), ("alipay", "zhou"), ("wechat", "chen"), ("alipay", "lin"))
PROGRAMS = {
    "web": ("gunicorn", "--config", "config/gunicorn.py", "wsgi:app"),
    "worker": ("flask", "worker"),
}
EACH = 4  # payments that each payer makes while the product is deployed, and as many around it


@dataclass
class Site:
    """An installation with a web and a worker process, which come and go."""

    product: Product
    env: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        words = [sys.executable, "-m", *PROGRAMS[name]]
        self.running[name] = subprocess.Popen(words, cwd=ROOT, env=self.env)
        if name == "web":
            wait_for(f"{self.product.url}/healthz")

    def stop(self, name: str) -> None:
        program = self.running.pop(name)
        program.terminate()
        program.wait(30)

    def alembic(self, *words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "alembic", *words],
            cwd=ROOT, env=self.env, check=True, capture_output=True,
        )  # fmt: skip


@contextmanager
def open_site(server: Server, home: Path) -> Iterator[Site]:
    port = free_port()
    url, data = f"http://127.0.0.1:{port}", home / "data"
    with run_simulator(data / "sim", data / "clock", url) as simulator:
        where = server.addresses(server.create())
        migrate(where)
        values: dict[str, Any] = {
            "data_dir": data,
            "database_url": where.app,
            "migrate_database_url": where.owner,
            "port": port,
            "public_url": url,
            "simulator_url": simulator.url,
            "web_workers": 1,
            "log_level": "CRITICAL",
        }
        deps = build_deps(load_settings(**values))
        others = {
            "wechat": simulator.credentials(OTHER_SP)["wechat"],
            "alipay": simulator.credentials(OTHER_APP)["alipay"],
        }
        seed(deps, simulator.credentials(), others)
        named = {key.upper(): str(value) for key, value in values.items()}
        env = {**os.environ, **named, "FLASK_APP": "wsgi:app"}
        site = Site(Product(url, Flask("unused"), deps, simulator), env)
        try:
            yield site
        finally:
            for name in list(site.running):
                site.stop(name)
            deps.db.dispose()


class Payer(threading.Thread):
    """Pays one sum after another and does not give up: a page that does not come is scanned again,
    a key that is not answered is pressed again, on the same form."""

    def __init__(self, site: Site, wallet: str, person: str) -> None:
        super().__init__(daemon=True)
        self.phone = Phone(site.product.url, site.product.simulator, wallet, person)
        self.paid: list[str] = []
        self.refused = 0  # how often nobody was there
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            form = self._form()
            made = None if form is None else self._press(form)
            if made is None:
                continue
            if "bridge" in made:
                self._confirm(made)
            time.sleep(0.05)

    def _confirm(self, made: dict[str, Any]) -> None:
        """A sheet of what is paid already says so: the product had not heard of it yet."""
        phone = self.phone
        status, said = phone.simulator.wallet(
            phone.wallet, made["bridge"], "confirm", person=phone.person,
            page_url=f"{phone.product_url}/q/{MAIN}/x",
        )  # fmt: skip
        if status == 200:
            self.paid.append(made["result"])
        else:
            assert said["code"] in ("TRADE_HAS_SUCCESS", "ORDERPAID"), said

    def _form(self) -> Form | None:
        while not self.stopping.is_set():
            try:
                return Phone.read_form(self.phone.scan(path=f"/q/{MAIN}/8K3FQ2?new=1"))
            except (requests.RequestException, AssertionError):
                self.refused += 1
                time.sleep(0.1)
        return None

    def _press(self, form: Form) -> dict[str, Any] | None:
        while not self.stopping.is_set():
            try:
                answer = self.phone.press(form, "12.34")
            except requests.RequestException:
                self.refused += 1
                time.sleep(0.1)
                continue
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            if answer.status_code < 500:
                return None  # the form is too old, or its order over: scan again
            time.sleep(0.1)
        return None


@pytest.mark.timeout(400)
def test_a_deploy_under_load_loses_and_doubles_nothing(server: Server, tmp_path: Path) -> None:
    with open_site(server, tmp_path) as site:
        site.start("web")
        site.start("worker")
        payers = [Payer(site, *who) for who in PAYERS]
        for payer in payers:
            payer.start()
        _until_each_paid(payers, EACH)
        site.stop("worker")
        site.stop("web")
        site.alembic("downgrade", "-1")
        site.alembic("upgrade", "head")
        site.start("web")
        site.start("worker")
        before = min(len(payer.paid) for payer in payers)
        _until_each_paid(payers, before + EACH)
        for payer in payers:
            payer.stopping.set()
        for payer in payers:
            payer.join(30)
            assert not payer.is_alive()
        assert sum(payer.refused for payer in payers) > 0, "nobody met the deploy"
        _settle(site, sum(len(payer.paid) for payer in payers))


def _until_each_paid(payers: list[Payer], count: int) -> None:
    ends = time.monotonic() + 120
    while min(len(payer.paid) for payer in payers) < count:
        assert time.monotonic() < ends, [len(payer.paid) for payer in payers]
        assert all(payer.is_alive() for payer in payers)
        time.sleep(0.05)


def _settle(site: Site, paid: int) -> None:
    """Every sum that a wallet took is ours, once, and what follows it was done once."""
    product, ends = site.product, time.monotonic() + 90
    ours = "SELECT count(*) AS n, count(followed_up_at) AS done FROM pay_order"
    ours += " WHERE status = 'paid' AND intent_key NOT LIKE 'demo:%'"
    while (row := product.one(ours)).done < paid:
        assert time.monotonic() < ends, f"{row} of {paid}"
        site.product.simulator.advance(20)
        time.sleep(1)
    assert row.n == paid
    product.assert_books_agree()
    twice = product.sql(
        "SELECT subject FROM audit_entry WHERE action = 'order_followed_up'"
        " GROUP BY subject HAVING count(*) > 1"
    )
    assert twice == []
