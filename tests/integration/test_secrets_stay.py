"""Secrets stay where they are sealed: not in logs, not in error pages, not in a dump or a backup.

Failures 45: keys are planted, a whole road with everything going wrong is walked, and everything
that leaves the process is searched for them.
"""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from config.logging import configure_logging
from postgres import dumping
from services.accounts import seal_place
from tests.harness.phone import MAIN, Form, Phone
from tests.harness.places import run
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import orders
from tests.integration.mailbox import Mailbox
from tests.integration.refunds.helping import pay, refund

MakePhone = Callable[..., Phone]


@pytest.fixture
def journal(product: Product, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The log as the service writes it, at its most talkative."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging("DEBUG")
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


def planted(product: Product) -> dict[str, str]:
    """The secrets of the demo's first provider, as they are in use, and the ring's own keys."""
    deps = product.deps
    row = product.one("SELECT id, account_version FROM provider WHERE out_mch_id = :m", m=MAIN)
    accounts = deps.accounts_of(row.id, row.account_version)
    assert accounts.official is not None
    merchant = product.sql("SELECT * FROM merchant WHERE provider_id = :p ORDER BY id", p=row.id)[0]
    place = seal_place("merchant", "authen_key_sealed", merchant.seal_key)
    ring = json.loads((deps.settings.data_dir / "keyring.json").read_text())
    found = {
        "apiv3 key": accounts.wechat[0].apiv3_key,
        "merchant private key": _middle(accounts.wechat[0].merchant_private_key),
        "Alipay app private key": _middle(accounts.alipay[0].app_private_key),
        "authen_key": deps.ring.open(merchant.authen_key_sealed, place),
        "app_auth_token": next(iter(accounts.grants.values())).app_auth_token,
        "AppSecret": accounts.official.secret,
        "ring": next(iter(ring["keys"].values())),
        "ring index": ring["index"],
    }
    for n, person in enumerate(product.sql("SELECT * FROM person WHERE sealed IS NOT NULL")):
        where = seal_place("person", "sealed", f"{person.provider_id}:{person.subject_hash}")
        found[f"payer {n} ({person.channel})"] = deps.ring.open(person.sealed, where)
    assert all(len(secret) >= 16 for secret in found.values()), "too short to be looked for"
    return found


def _middle(pem: str) -> str:
    """One whole line out of the middle of a key: a part of it is as bad as all of it."""
    lines = pem.strip().splitlines()
    return lines[len(lines) // 2]


def walk(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> list[requests.Response]:
    """Payments over both wallets with what can go wrong on the way; every answer that was given."""
    seen: list[requests.Response] = []
    mailbox.is_open = True
    for wallet, create, query in (
        ("wechat", "wechat.jsapi", "wechat.query"),
        ("alipay", "alipay.trade.create", "alipay.trade.query"),
    ):
        buyer = phone(wallet)
        order = pay(product, phone, wallet)
        refund(product, order, 1000)
        for kind in ("error", "bad_signature", "lose_answer"):
            simulator.fault(create, kind)
            seen.append(buyer.press(buyer_form(buyer), "3.00"))
            simulator.clear_faults()
        simulator.fault(query, "bad_signature", times=3)
        run(product, "orders", "sync", order.out_trade_no)
        simulator.clear_faults()
        seen += [
            buyer.get(f"/q/{MAIN}/nosuchcode"),
            buyer.get(f"/q/{MAIN}/back/{wallet}?code=forged&auth_code=forged&state=forged"),
            buyer.get("/cpay/qrcode_disposable_payment?trade_num=1&sign=0"),
            buyer.get(f"/q/{MAIN}/o/nosuch"),
        ]
        notice = mailbox.notices[-1]
        seen.append(mailbox.deliver(notice, body=notice.body[:-9] + b"tampered}"))
    return seen


def buyer_form(buyer: Phone) -> Form:
    buyer.scan()
    return buyer.form(path=f"/q/{MAIN}/8K3FQ2?new=1")


def unexpected(
    product: Product, phone: MakePhone, monkeypatch: pytest.MonkeyPatch
) -> requests.Response:
    """A fault of ours in the middle of a payment: the last page that may show what it holds."""
    buyer = phone("wechat", "zhou")
    form = buyer.form()

    def broken(*arguments: object, **more: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr("services.attempts.insert_order", broken)
        return buyer.press(form, "4.00")


def dumped(product: Product, folder: Path) -> str:
    """The database as SQL, as pg_dump of the owner writes it, and the backup's own content."""
    url = product.deps.settings.migrate_database_url
    major = product.one("SELECT current_setting('server_version_num')::int / 10000 AS n").n
    programs = dumping.programs_for(major, "")
    done = run(product, "backup", "--to", str(folder))
    assert done.exit_code == 0, done.output
    backup = Path(json.loads(done.stdout)["backup"])
    whole = subprocess.run(
        [programs / "pg_restore", "--file=-", backup / "database.dump"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    plain = subprocess.run(
        [programs / "pg_dump", dumping.libpq(url)], capture_output=True, check=True
    ).stdout
    raw = b"".join(path.read_bytes() for path in sorted(backup.iterdir()))
    return (whole + plain + raw).decode("utf-8", "replace") + done.output


@pytest.mark.books_differ  # trades whose creation was made to fail are open at the wallets
def test_planted_secrets_are_found_nowhere_outside(
    product: Product,
    simulator: Simulator,
    phone: MakePhone,
    mailbox: Mailbox,
    journal: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    seen = walk(product, simulator, phone, mailbox)
    seen.append(unexpected(product, phone, monkeypatch))
    assert {answer.status_code for answer in seen} >= {401, 404, 500, 503}
    simulator.advance(400)
    product.sweep()
    number = orders(product)[0].out_trade_no
    told = [
        run(product, *words).output
        for words in (
            ("orders", "show", number),
            ("orders", "explain", number),
            ("orders", "sync", number),
            ("cases", "list"),
            ("provider", "check"),
            ("refunds", "list", "--all"),
        )
    ]
    places = {
        "log": journal.getvalue(),
        "pages": "\n".join(f"{a.url}\n{a.headers}\n{a.text}" for a in seen),
        "commands": "\n".join(told),
        "dump and backup": dumped(product, tmp_path),
    }
    for name in ("log", "commands", "dump and backup"):
        assert number in places[name], f"{name} was not really searched"
    assert "a fault of ours" in places["log"]
    secrets = planted(product)
    assert len(secrets) >= 10
    hits = [
        (what, name) for what, said in places.items() for name in secrets if secrets[name] in said
    ]
    assert hits == []
