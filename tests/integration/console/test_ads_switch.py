"""One press takes every ad away, in every process; a database that hangs on ads stops no page."""

from __future__ import annotations

import time

from sqlalchemy import text

from tests.harness.console import Console
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.console.ads_desk import AdsDesk
from tests.integration.console.test_ads import MakePhone, ad_on, pay, said_on
from tests.integration.webs import web_processes


def test_the_switch_takes_every_ad_away_in_all_processes_within_five_seconds(
    product: Product, phone: MakePhone
) -> None:
    desk, payer = AdsDesk(Console(product)), phone()
    path = pay(payer, product)
    desk.make("快关")
    clerk = Console(product, "demo-operator")
    assert clerk.post("/ads/stop-all").status_code == 403
    with product.deps.db.engine.begin() as held:  # a database that hangs on ads alone
        held.execute(text("LOCK TABLE ad IN ACCESS EXCLUSIVE MODE"))
        asked = time.monotonic()
        page = payer.get(path).text
        assert time.monotonic() - asked < 5
        assert "付款成功" in page
        assert ad_on(page) is None
    with web_processes(product, 2) as url:
        there = Phone(url, product.simulator)
        found = ad_on(there.get(path).text)
        assert found is not None
        assert there.get(found[1]).status_code == 200
        pressed = time.monotonic()
        assert desk.desk.post("/ads/stop-all").status_code == 303
        for _ in range(12):  # both processes
            assert ad_on(there.get(path).text) is None
            assert there.get(found[1]).status_code == 404
        gone = there.get(found[0], allow_redirects=False)
        assert time.monotonic() - pressed < 5
        assert gone.status_code == 404
        assert "这条广告已经下线" in gone.text
        assert "付款成功" in there.get(path).text
        assert "全部广告已停止展示" in desk.desk.get("/ads").text
        assert desk.desk.post("/ads/allow-all").status_code == 303
        assert said_on(there.get(path).text) == "快关"
