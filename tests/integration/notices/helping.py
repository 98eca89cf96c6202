"""A shop whose people hold phones of the simulator, told of payments by the account's template."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from models.merchant import Staff
from services.followup import after_payment
from services.payment_notices import verdicts
from services.payment_notices.hours import SHANGHAI
from services.payment_notices.sweep import claim_due, tell
from services.people.contact import keep_phone
from services.people.own_phone import KIND
from services.privacy import consents
from tests.harness.phone import MAIN, Phone
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.looking import orders

MakePhone = Callable[..., Phone]
TITLE = "收款到账通知"


def account(product: Product) -> dict[str, Any]:
    """The provider's account as WeChat knows it."""
    found: dict[str, Any] = product.simulator.credentials()["wechat"]["accounts"][0]
    return found


def template_id(product: Product) -> str:
    [found] = [t for t in account(product)["templates"] if t["title"] == TITLE]
    return str(found["template_id"])


def turn_on(product: Product) -> None:
    done = run(product, "oa", "notices", "--provider", MAIN, "--template-id", template_id(product))
    assert done.exit_code == 0, done.output


def person(product: Product, who: str, act: str, **more: object) -> None:
    """What one does with the account: follow, unfollow, block."""
    appid = account(product)["appid"]
    product.simulator.post(f"/sim/oa/{appid}/{act}", {"person": who, **more})


def follow(product: Product, *people: str) -> None:
    for who in people:
        person(product, who, "follow")


def pushes_arrive(product: Product) -> None:
    """WeChat pushes the account's events to us, sealed."""
    own = account(product)
    files = {"push-token": own["token"], "push-key": own["encoding_aes_key"]}
    words = ["oa", "set", "--provider", MAIN]
    for name, secret in files.items():
        path = product.deps.settings.data_dir / f"notices-{name}"
        path.write_text(secret)
        words += [f"--{name}-file", str(path)]
    done = run(product, *words)
    assert done.exit_code == 0, done.output
    product.simulator.post(
        f"/sim/oa/{own['appid']}/server", {"url": f"{product.url}/oa/{MAIN}", "mode": "safe"}
    )


def on_duty(product: Product, name: str, code: str | None = None) -> None:
    product.do(
        "INSERT INTO shift (provider_id, merchant_id, store_id, staff_id, pay_code_id, state,"
        " started_at) SELECT w.provider_id, w.merchant_id, w.store_id, w.id, (SELECT c.id FROM"
        " pay_code c WHERE c.provider_id = w.provider_id AND c.code = :c), 'on', now()"
        " FROM staff w WHERE w.name = :n AND w.store_id IS NOT NULL",
        n=name, c=code,
    )  # fmt: skip


def store(product: Product, column: str, value: bool = True) -> None:
    product.do(f"UPDATE store SET {column} = :v WHERE out_shop_id = 'qinghe-hubin'", v=value)


def paid(product: Product, phone: MakePhone, amount: str = "12.34", wallet: str = "wechat") -> Any:
    """One paid order whose follow-up has run."""
    buyer = phone(wallet, "p01" if wallet == "wechat" else "lin")
    buyer.pay(amount=amount)
    number = orders(product)[-1].out_trade_no
    product.wait_paid(number)
    product.run_jobs()
    return orders(product)[-1]


def told(product: Product, rounds: int = 50) -> None:
    """Meet every notice that is due, as the worker does."""
    verdicts.meet(product.deps)
    for _ in range(rounds):
        letters = claim_due(product.deps, 4)
        if not letters:
            return
        tell(product.deps, letters)
    raise AssertionError("notices without an end")


def notices(product: Product) -> list[Any]:
    """With the name of whom each is for."""
    return product.sql(
        "SELECT n.*, w.name, o.out_trade_no FROM payment_notice n JOIN staff w ON w.provider_id ="
        " n.provider_id AND w.id = n.staff_id JOIN pay_order o ON o.provider_id = n.provider_id"
        " AND o.id = n.order_id ORDER BY n.id"
    )


def whom(product: Product) -> set[str]:
    """Names of those that something is to be told, or was."""
    return {row.name for row in notices(product) if row.status != "quiet"}


def forget(product: Product) -> None:
    product.do("DELETE FROM payment_notice")


def arrived(product: Product, who: str | None = None) -> list[Any]:
    more = f"&person={who}" if who else ""
    found: list[Any] = product.simulator.get(f"/sim/messages?kind=template{more}")
    return found


def short_messages(product: Product) -> list[Any]:
    found: list[Any] = product.simulator.get("/sim/sms")
    return found


def give_phone(product: Product, name: str, number: str, *, agrees: bool = True) -> None:
    row = product.one("SELECT provider_id, id FROM staff WHERE name = :n", n=name)

    def unit(session: Any) -> None:
        staff = session.get_one(Staff, (row.provider_id, row.id))
        keep_phone(product.deps, staff, number)
        if agrees and staff.person_id is not None:
            place = (staff.provider_id, staff.merchant_id, staff.person_id)
            yes = consents.Agreed(str(consents.WORDS[KIND].version))
            consents.give(session, product.deps, *place, KIND, yes)

    product.deps.transact(unit)


def money(product: Product, amount_fen: int = 1234, code: str = "8K3FQ2", **more: Any) -> Any:
    """An order that is paid by our books alone, and its follow-up: for who is told, not for how
    money comes."""
    now = product.deps.now()
    number = f"n{secrets.token_hex(11)}"
    values: dict[str, Any] = {
        "n": number, "c": code, "a": amount_fen, "now": now, "paid": now, "purpose": "sale", **more,
    }  # fmt: skip
    row = product.one(
        "INSERT INTO pay_order (provider_id, out_trade_no, public_id, intent_key, merchant_id,"
        " store_id, pay_code_id, channel, purpose, status, amount_fen, quantity, refunded_fen,"
        " remark, is_unknown, is_late, is_frozen, created_at, expires_at, paid_at, transaction_id,"
        " staff_id)"
        " SELECT provider_id, CAST(:n AS text), CAST(:n AS text), 'test:' || :n, merchant_id,"
        " store_id, id, 'wechat', :purpose, 'paid', :a, 1, 0, '', false, false, false, :now, :now,"
        " :paid, 'T' || :n, staff_id FROM pay_code WHERE code = :c RETURNING *",
        **values,
    )
    assert after_payment(product.deps, row.provider_id, row.id)
    return row


def quiet(product: Product, who: str, minutes: int = 60, **more: Any) -> None:
    """This person's quiet hours: from an hour before now to so many minutes after it."""
    local = product.deps.now().astimezone(SHANGHAI)
    values: dict[str, Any] = {
        "n": who, "f": (local - timedelta(hours=1)).time(),
        "u": (local + timedelta(minutes=minutes)).time(), "now": product.deps.now(),
        "large": more.get("large_fen"), "every": more.get("all_payments", False),
    }  # fmt: skip
    product.do(
        "INSERT INTO notice_choice (provider_id, person_id, quiet_from, quiet_until, large_fen,"
        " all_payments, changed_at) SELECT provider_id, person_id, :f, :u, :large, :every, :now"
        " FROM staff WHERE name = :n ORDER BY id LIMIT 1",
        **values,
    )
