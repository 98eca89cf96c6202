"""The health of the official account, as the provider's people read it on the phone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.provider import OaState
from services.oa import health
from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.integration.people.desk import Desk, peopled


def told(product: Product) -> dict[str, health.Check]:
    return {check.name: check for check in health.report(product.deps, MAIN)}


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (OaState.NOT_VERIFIED, "年审"), (OaState.SCOPE_DENIED, "10005"),
        (OaState.NOT_AUTHORIZED, "flask oa authorise"),
    ],
)  # fmt: skip
def test_each_state_names_who_can_mend_it(product: Product, state: OaState, remedy: str) -> None:
    product.do("UPDATE provider SET oa_state = :s", s=state.value)
    found = told(product)["微信付款入口"]
    assert found.colour is health.Colour.RED
    assert remedy in found.said + found.remedy


def test_10005_is_explained_with_both_its_causes() -> None:
    """Expired or unverified: renew. Scope missing: authorise again, with the way to the link."""
    said = health.explain("10005")
    assert "年审" in said
    assert "flask oa authorise" in said
    assert health.explain("0") == ""


def test_the_verifications_end_comes_near(product: Product) -> None:
    now = product.deps.now()
    product.do(
        "INSERT INTO official_account (provider_id, mode, app_id, user_name, nick_name,"
        " principal_name, granted, is_authorised, seal_key, said_code, created_at, verify_until)"
        " SELECT id, 'direct', 'wx', '', '', '', '[]', true, 'k', '', :now, :until FROM provider"
        " WHERE out_mch_id = :m", m=MAIN, now=now, until=now + timedelta(days=31),
    )  # fmt: skip
    assert told(product)["微信认证"].colour is health.Colour.GREEN
    product.simulator.advance(2 * 86400)
    assert told(product)["微信认证"].colour is health.Colour.YELLOW
    product.simulator.advance(30 * 86400)
    assert told(product)["微信认证"].colour is health.Colour.RED


def test_the_provider_reads_it_and_a_merchants_owner_does_not(product: Product) -> None:
    peopled(product)
    desk = Desk(product, "p23")
    desk.act_as("青禾茶事")
    product.do("UPDATE provider SET oa_state = 'not_verified'")
    page = desk.get("/m/official")
    assert page.status_code == 200
    assert "未认证或认证已过期" in page.text
    assert "年审" in page.text
    assert page.text.index("要处理") < page.text.index("留意")
    assert "/m/official" in desk.get("/m/me").text
    assert Desk(product, "p20").get("/m/official").status_code in (403, 401)
