"""`/m/official`: what works with the provider's official account, for the provider's own people."""

from __future__ import annotations

from typing import Final

from flask import g
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from models.provider import Provider
from services.oa import health
from services.oa.health import Colour
from services.people.acting import Acting
from web.runtime import deps

CHIPS: Final = {
    Colour.RED: ("bad", "要处理"),
    Colour.YELLOW: ("warn", "留意"),
    Colour.GREEN: ("ok", "正常"),
}


def show() -> ResponseReturnValue:
    who: Acting = g.staff

    def unit(session: Session) -> str:
        return session.get_one(Provider, who.provider_id).out_mch_id

    found = health.report(deps(), deps().transact(unit))
    order = list(CHIPS)
    checks = sorted(found, key=lambda check: order.index(check.colour))  # what is red comes first
    return answers.page(
        "merchant/official.html", title="公众号", back_url="/m/me", checks=checks, chips=CHIPS
    )
