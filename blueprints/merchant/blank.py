"""Binding a blank code: whoever of the merchant scans it chooses the store, or himself."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.codes import CODES
from blueprints.merchant.stores import who
from services.paycodes import binding
from services.paycodes.binding import Place
from services.paycodes.problems import CodeRefused
from services.stores.reading import name_of
from web.runtime import deps


def form(code: str) -> ResponseReturnValue:
    """Several stores: first which; then to the store or to himself, and its name."""
    return _form(code, request.args.get("store", ""))


def _form(
    code: str, shop: str, error: str = "", typed: dict[str, str] | None = None
) -> ResponseReturnValue:
    def unit(session: Session) -> list[Place]:
        return binding.places(session, who(), binding.find_blank(session, who(), code))

    found = deps().transact(unit)
    chosen = [place for place in found if place.store.out_shop_id == shop] or (
        found if len(found) == 1 else []
    )
    return answers.page(
        "merchant/bind.html",
        400 if error else 200,
        title="绑定收款码",
        code=code,
        action=f"/m/bind/{code}",
        places=[_row(code, place) for place in found],
        place=_shown(chosen[0]) if chosen else None,
        typed=typed or {},
        error=error,
        tabs=None,
        back_url="/m/" if not chosen or len(found) == 1 else f"/m/bind/{code}",
    )


def _row(code: str, place: Place) -> dict[str, str]:
    return {
        "href": f"/m/bind/{code}?store={place.store.out_shop_id}",
        "name": place.name,
        "merchant": place.merchant,
    }


def _shown(place: Place) -> dict[str, Any]:
    return {
        "shop": place.store.out_shop_id,
        "name": place.name,
        "merchant": place.merchant,
        "staff": place.staff_name,
        "why_not": place.why_not_staff,
        "rests": not place.store.is_active,
    }


def bind(code: str) -> ResponseReturnValue:
    answers.check_token()
    typed = {name: request.form.get(name, "")[:200] for name in ("store", "to", "name")}
    try:
        binding.bind(
            deps(), who(), code, typed["store"],
            to_staff=typed["to"] == "staff", name=typed["name"].strip(),
        )  # fmt: skip
    except CodeRefused as refused:
        return _form(code, typed["store"], str(refused), typed)
    return answers.see(f"/m/bind/{code}/done")


def done(code: str) -> ResponseReturnValue:
    """It takes payments now. Its own page is linked where the store is one that he acts for."""
    line = deps().transact(lambda s: binding.bound(s, who(), code))
    return answers.page(
        "merchant/bind_done.html",
        title="已绑定",
        name=line.title,
        store=name_of(line.store),
        code=code,
        code_url=f"{CODES}/{code}" if line.store.merchant_id == who().merchant_id else None,
        tabs=None,
    )
