"""Whose token counts: late holders, refusals in use, wrong secrets, copies in a process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from errors import GatewayRejected
from gateways.wechat_oa.tokens import Issued
from services.deps import Deps
from services.leases import Held, claim
from services.oa import renewing, store, sweep, tokens
from services.oa.book import Key, Token
from services.oa.store import Got
from tests.harness.phone import MAIN
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.oa.crowds import STABLE, asked, dead_token, key_of, provider


@dataclass
class Late:
    """A holder that is paused in mid-call until another has taken its lease and is done."""

    deps: Deps
    product: Product
    key: Key

    def ready(self) -> None:
        """Nothing is wanted first."""

    def ask(self, held: Held, bad: Token | None) -> Got:
        self.product.do("UPDATE lease SET until = :now", now=self.deps.now())
        renewing.obtain(self.deps, tokens.access_asker(self.deps, self.key.provider_id), bad)
        return Got(Issued("LATE", 7200), self.deps.now())


def _token(product: Product) -> tuple[str, int]:
    token, _ = store.read(product.deps, key_of(product))
    assert token is not None
    return token.value, token.version


def test_a_late_holders_token_is_refused_by_its_fencing_number(product: Product) -> None:
    dead_token(product)
    deps, key = product.deps, key_of(product)
    held = claim(deps, key.lease, renewing.LEASE)
    assert held is not None
    old, _ = store.read(deps, key)
    renewing._ask(deps, Late(deps, product, key), held, old, 1)
    value, version = _token(product)
    assert old is not None
    assert value.startswith("SIM_")
    assert value != old.value
    assert version == old.version + 1
    assert store.write(deps, held, key, Got(Issued("LATER", 7200), deps.now())) is None
    assert _token(product) == (value, version)


def test_a_thousand_refusals_are_one_question(product: Product) -> None:
    """Whoever holds a newer token by then just uses it."""
    dead_token(product)
    deps, who = product.deps, provider(product)
    asker = tokens.access_asker(deps, who)
    bad = renewing.obtain(deps, asker)
    fresh = {renewing.obtain(deps, asker, bad=bad).value for _ in range(20)}
    assert len(fresh) == 1
    assert asked(product) == 1


def test_a_second_refusal_is_the_callers(product: Product) -> None:
    calls: list[str] = []

    def refused(token: str) -> None:
        calls.append(token)
        raise GatewayRejected("40001", "invalid credential")

    with pytest.raises(GatewayRejected):
        tokens.call(product.deps, provider(product), refused)
    assert len(set(calls)) == 2


def test_other_refusals_ask_for_no_token(product: Product) -> None:
    def refused(token: str) -> None:
        raise GatewayRejected("48001", "api unauthorized")

    tokens.call(product.deps, provider(product), lambda token: token)
    for _ in range(3):
        with pytest.raises(GatewayRejected):
            tokens.call(product.deps, provider(product), refused)
    assert asked(product) == 1


def test_a_wrong_secret_is_said_to_all_and_shown(product: Product) -> None:
    """A definite no is not asked for again by each who waits; health and readyz name it."""
    deps, who = product.deps, provider(product)
    official = deps.accounts_of(who, product.one(
        "SELECT account_version v FROM provider WHERE id = :p", p=who).v).official  # fmt: skip
    assert official is not None
    product.simulator.fault(STABLE, "error", code="40125")
    with pytest.raises(GatewayRejected) as said:
        tokens.call(deps, who, lambda token: token)
    assert said.value.upstream_code == "40125"
    assert official.secret not in str(said.value)
    health = run(product, "oa", "health", "--provider", MAIN)
    assert health.exit_code == 1
    assert "40125" in health.output
    assert "AppSecret" in health.output
    warnings = product.app.test_client().get("/readyz").get_json()["warnings"]
    assert any("40125" in line for line in warnings)
    with pytest.raises(GatewayRejected):  # said again, and not asked for
        tokens.call(deps, who, lambda token: token)
    assert asked(product) == 0
    product.simulator.advance(4)
    assert tokens.call(deps, who, lambda token: token)  # put right: the next caller asks again
    assert "40125" not in run(product, "oa", "health", "--provider", MAIN).output


def test_another_process_token_is_used_within_a_minute(product: Product) -> None:
    """A copy is old after a minute: what another process wrote is read then."""
    deps, who = product.deps, provider(product)
    tokens.call(deps, who, lambda token: token)
    key = key_of(product)
    sealed = deps.ring.seal("FROM_ANOTHER", store.token_place(key))
    product.do("UPDATE oa_token SET sealed = :s, version = version + 1", s=sealed)
    assert tokens.call(deps, who, lambda token: token) != "FROM_ANOTHER"
    product.simulator.advance(61)
    assert tokens.call(deps, who, lambda token: token) == "FROM_ANOTHER"


def test_a_token_is_renewed_at_two_thirds_of_its_life(product: Product) -> None:
    deps = product.deps
    first = tokens.call(deps, provider(product), lambda token: token)
    product.simulator.advance(2 * 7200 / 3 - 60)
    assert sweep.claim_due(deps, 10) == []
    product.simulator.advance(120)
    [claimed] = sweep.claim_due(deps, 10)
    assert sweep.claim_due(deps, 10) == []  # one holder
    sweep.pursue(deps, claimed)
    row = product.one("SELECT until_at - got_at AS life, due_at - got_at AS due, version FROM"
                      " oa_token WHERE kind = 'access'")  # fmt: skip
    assert row.version == 2
    assert abs(row.due - row.life * 2 / 3) < timedelta(seconds=1)
    assert first  # the old one was never taken away


def test_a_holder_that_dies_in_the_sweep_comes_back(product: Product) -> None:
    deps = product.deps
    tokens.call(deps, provider(product), lambda token: token)
    product.simulator.advance(2 * 7200 / 3 + 5)
    [claimed] = sweep.claim_due(deps, 10)
    product.simulator.advance(sweep.CLAIM.total_seconds() + 1)
    assert sweep.claim_due(deps, 10) == [claimed]


def test_the_ticket_is_asked_for_once_and_kept(product: Product) -> None:
    deps, who = product.deps, provider(product)
    one = tokens.jsapi_ticket(deps, who)
    assert tokens.jsapi_ticket(deps, who) == one
    assert tokens.card_ticket(deps, who) != one
    assert asked(product, "/cgi-bin/ticket/getticket") == 2


def test_a_ticket_survives_a_dead_token(product: Product) -> None:
    dead_token(product)
    assert tokens.jsapi_ticket(product.deps, provider(product))
    assert asked(product) == 1


def test_no_secret_and_no_token_in_the_clear(product: Product) -> None:
    token = tokens.call(product.deps, provider(product), lambda token: token)
    rows = str(product.sql("SELECT * FROM oa_token")) + str(product.sql("SELECT * FROM lease"))
    assert token not in rows
    assert token not in repr(renewing.obtain(
        product.deps, tokens.access_asker(product.deps, provider(product))))  # fmt: skip
