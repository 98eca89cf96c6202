"""Of ads: one that is live, and its picture."""

from __future__ import annotations

from tests.harness.console import Console
from tests.integration.console.ads_desk import AdsDesk
from tests.integration.console.ids import supplies


@supplies("ads.public_id")
def ad(desk: Console) -> str:
    return AdsDesk(desk).make("路线里的广告")


@supplies("ads.picture_id")
def picture(desk: Console) -> str:
    AdsDesk(desk).make("路线里的图片", colour="navy")
    row = desk.product.sql("SELECT public_id FROM ad_picture ORDER BY id DESC LIMIT 1")[0]
    return str(row.public_id)
