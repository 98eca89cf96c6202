"""The official account through a third-party platform: authorised and re-authorised at the desk."""

from __future__ import annotations

from services.health import reading
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.oa.test_component import Admin, admin

__all__ = ["admin"]  # the fixture


def level(product: Product, name: str) -> str:
    found = product.deps.transact(lambda s: reading.of_provider(s, 1, product.deps.now()))
    return next(str(one.level) for one in found if one.check.name == name)


def link(desk: Console) -> str:
    answer = desk.post("/official/authorise", confirmed=True)
    assert answer.status_code == 303, answer.text[-400:]
    return answer.headers["Location"]


def test_a_grant_that_is_gone_or_partial_is_red_and_authorising_again_mends_it(
    product: Product, admin: Admin
) -> None:
    desk = Console(product)
    assert "点击授权" in desk.get("/official").text
    assert "已授权给" in admin.consent(link(desk)).text
    desk.post("/health/run")
    assert (level(product, "oa_access"), level(product, "oa_web")) == ("ok", "ok")
    admin.cancel()
    desk.post("/health/run")
    assert level(product, "oa_access") == "bad"
    assert level(product, "oa_web") == "unknown"
    page = desk.get("/official").text
    assert "重新授权" in page
    assert "公众号已取消授权" in page
    admin.consent(link(desk), funcs=(1, 7, 15))
    desk.post("/health/run")
    assert (level(product, "oa_access"), level(product, "oa_web")) == ("ok", "bad")
    assert "没有授权「网页服务」" in desk.get("/official").text
    assert "已授权给" in admin.consent(link(desk)).text
    desk.post("/health/run")
    assert level(product, "oa_web") == "ok"
