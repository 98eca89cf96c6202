"""Each check of the configuration turns red by one fault alone, and green by its remedy.

Generated over the table of checks: one without a pair fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.settings import Settings
from services.health.table import BY_NAME, CHECKS
from services.onboarding import WechatEntry, set_alipay, set_wechat
from services.seed import MAIN
from tests.harness.console import Console
from tests.harness.database import Server
from tests.harness.phone import Phone
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator
from tests.integration.health.pairs import LINK, OWN_STORE, OWN_SUB, PAIRS, Desk

PARTS = (("wechat_",), ("oa_", "pay_", "callback"), ("alipay_",), ("merchant_", "store_"))


@pytest.fixture
def desk(
    server: Server, database: str, door: Door, upstream: Simulator,
    settings_for: Callable[..., Settings],
) -> Iterator[Desk]:  # fmt: skip
    """A provider all of whose checks are fine; its own system is the simulator's receiver."""
    upstream.reset()
    where = server.addresses(database)
    settings = settings_for(
        where.app, migrate_database_url=where.owner, allow_private_callbacks=True
    )
    product = Product.open(settings, door, upstream)
    product.do("UPDATE store SET wechat_sub_mchid = :w WHERE out_shop_id = :s",
               w=OWN_SUB, s=OWN_STORE)  # fmt: skip
    made = Desk(
        product, Console(product),
        lambda wallet="wechat", person="lin": Phone(product.url, upstream, wallet, person),
    )  # fmt: skip
    made.save("/settings/callback", url=f"{upstream.url}/sim/receiver")
    yield made
    product.assert_books_agree()
    product.close(door)


def begin(desk: Desk) -> None:
    """Customers pay, so that what only payments prove is known."""
    desk.pay()
    desk.pay("alipay")
    desk.console.post("/settings/callback/test")
    desk.look()


def restore(desk: Desk) -> None:
    """Everything at the wallets and in the forms as it was, between two pairs."""
    deps, held = desk.product.deps, desk.product.simulator.credentials()
    rows: dict[str, Any] = desk.product.simulator.get("/sim/switches")
    for name, row in rows.items():
        if row["value"] != row["default"]:
            desk.switch(name, row["default"])
    own = held["wechat"]
    facts = {name: own[name] for name in (
        "merchant_serial", "merchant_certificate", "public_key", "public_key_id")}  # fmt: skip
    secret = {n: own[n] for n in ("merchant_private_key", "apiv3_key", "apiv2_key")}
    set_wechat(deps, MAIN, WechatEntry(facts, secret, own["oa_secret"]), actor="test")
    secret = {n: held["alipay"][n] for n in ("app_private_key", "alipay_public_key")}
    set_alipay(deps, MAIN, facts={}, secret=secret, actor="test")


def test_every_check_has_a_pair() -> None:
    assert set(PAIRS) == set(BY_NAME)
    assert [name for name in BY_NAME if not name.startswith(sum(PARTS, ()))] == []
    assert all(check.remedy and check.link for check in CHECKS)


@pytest.mark.books_differ
@pytest.mark.parametrize("part", PARTS)
def test_each_fault_turns_one_check_red_and_its_remedy_turns_it_green(
    desk: Desk, part: tuple[str, ...]
) -> None:
    begin(desk)
    wrong: list[str] = []
    for check in [check for check in CHECKS if check.name.startswith(part)]:
        fault, remedy = PAIRS[check.name]
        fault(desk)
        red = desk.red()
        if red != {check.name}:
            wrong.append(f"{check.name}: {sorted(red)} red")
        page = desk.pages()
        assert check.title in page
        assert check.remedy[0] in page
        assert LINK.search(page), "no link to where it is put right"
        remedy(desk)
        levels = desk.look()
        if levels.get(check.name) not in ("ok", "warn"):
            wrong.append(f"{check.name}: still {levels.get(check.name)}")
        assert "bad" not in levels.values(), f"after {check.name}: {levels}"
        restore(desk)
    assert wrong == []
