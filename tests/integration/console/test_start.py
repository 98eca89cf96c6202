"""The checklist from an empty provider to its first payment."""

from __future__ import annotations

import re

from services.console import starting
from services.onboarding.providers import add_provider
from services.seed import MAIN
from tests.harness.console import Console
from tests.harness.product import Product


def steps(desk: Console) -> dict[str, bool]:
    """title -> done, as the page shows it."""
    page = desk.get("/start").text
    found = re.findall(r"<li( class=\"done\")?><h2>(.*?)(?: <span.*?)?</h2>", page)
    return {title: bool(done) for done, title in found}


def test_the_checklist_says_what_comes_next(product: Product) -> None:
    desk = Console(product, "demo-viewer")
    before = steps(desk)
    assert list(before) == [step.title for step in starting.STEPS]
    assert before["填写微信支付密钥"]
    assert before["添加商户"]
    product.do("UPDATE provider SET oa_state = 'not_authorized' WHERE out_mch_id = :m", m=MAIN)
    assert not steps(desk)["授权公众号"]
    assert "下一步：授权公众号" in desk.get("/start").text
    product.do("UPDATE provider SET oa_state = 'authorized' WHERE out_mch_id = :m", m=MAIN)
    product.do("UPDATE credential SET retired_at = now() WHERE kind = 'merchant_private_key'")
    assert not steps(desk)["填写微信支付密钥"]
    assert "下一步：填写微信支付密钥" in desk.get("/start").text


def test_another_provider_s_progress_is_not_ours(product: Product) -> None:
    add_provider(product.deps, name="新服务商", out_mch_id="sz03NEWPROVIDER00000", actor="test")
    new = product.one("SELECT id FROM provider WHERE out_mch_id = 'sz03NEWPROVIDER00000'").id
    lines = product.deps.transact(lambda s: starting.of_provider(s, new))
    assert [line.step.name for line in lines if line.is_done] == ["provider"]
    assert starting.next_of(lines) == starting.STEPS[1]


def test_the_console_s_footer_says_that_nothing_settles(product: Product) -> None:
    page = Console(product).get("/start").text
    assert "不做结算" in page
    assert 'href="/help"' in page
    assert 'href="/help/no-developers"' in page, "what is asked on this page"
