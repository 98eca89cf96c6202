"""`/m/stores`: the merchant's stores, a new one, and what is written down of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from gateways.money import yuan_from_fen
from models.merchant import Merchant, PageMode, Store
from services.cards import programs
from services.cards.room import Room, read_room
from services.people.acting import Acting
from services.people.rights import Right, may
from services.stores import changing, forms, reading
from services.stores.forms import FormRefused
from services.stores.reading import StoreLine, StoreState
from services.totals import china_day
from web.runtime import deps

HOME = "/m/stores"
STATES = {
    StoreState.OPEN: ("ok", "营业中"),
    StoreState.RESTING: ("", "休息中"),
    StoreState.PAUSED: ("warn", "已暂停"),
    StoreState.STOPPED: ("bad", "已停用"),
}
MODES = (
    (PageMode.DEFAULT, "一个金额", "顾客只填付款金额"),
    (
        PageMode.TOTAL_PLUS_UNDISCOUNTABLE,
        "总额和不参与优惠金额",
        "只用于支付宝，微信仍是一个金额",
    ),
    (
        PageMode.CONSUME_PLUS_DEPOSIT,
        "消费和押金",
        "备注自动写明押金，之后用部分退款退还",
    ),
)


def who() -> Acting:
    found: Acting = g.staff
    return found


def show() -> ResponseReturnValue:
    def unit(session: Session) -> tuple[list[StoreLine], Room | None, Any]:
        acting = who()
        lines = reading.listed(session, acting, china_day(deps().now()))
        if not may(acting, Right.LIABILITY):
            return lines, None, None
        place = (acting.provider_id, acting.merchant_id)
        return lines, read_room(session, *place), programs.alive_program(session, *place)

    lines, room, program = deps().transact(unit)
    return answers.page(
        "merchant/stores.html",
        title="门店",
        rows=[_row(line) for line in lines],
        add_url=f"{HOME}/new" if may(who(), Right.STORE_ADD) else None,
        room=room,
        program=program,
        deleted=request.args.get("deleted", "")[:32],
    )


def _row(line: StoreLine) -> dict[str, Any]:
    store = line.store
    kind, word = STATES[reading.state_of(store, deps().now())]
    return {
        "href": f"{HOME}/{store.out_shop_id}",
        "name": reading.short_name(store),
        "kind": kind,
        "word": word,
        "where": store.address or store.name,
        "codes": line.codes,
        "today_fen": line.today_fen,
    }


def new_form() -> ResponseReturnValue:
    def name(session: Session) -> str:
        merchant = session.get_one(Merchant, (who().provider_id, who().merchant_id))
        return merchant.short_name or merchant.name

    return _form({"name": deps().transact(name)[:32], "page_mode": "default"})


def new() -> ResponseReturnValue:
    answers.check_token()
    try:
        shop = changing.add(deps(), who(), forms.read(request.form))
    except FormRefused as refused:
        return _form(_typed(), refused.faults)
    return answers.see(f"{HOME}/{shop}?said=added")


def edit_form(out_shop_id: str) -> ResponseReturnValue:
    store = deps().transact(lambda s: reading.find(s, who(), out_shop_id))
    return _form(_written(store), store=store)


def edit(out_shop_id: str) -> ResponseReturnValue:
    answers.check_token()
    store = deps().transact(lambda s: reading.find(s, who(), out_shop_id))
    try:
        changed = changing.change(deps(), who(), out_shop_id, forms.read(request.form))
    except FormRefused as refused:
        return _form(_typed(), refused.faults, store)
    return answers.see(f"{HOME}/{out_shop_id}?said={'saved' if changed else 'same'}")


def _form(
    values: Mapping[str, str], faults: Mapping[str, str] | None = None, store: Store | None = None
) -> ResponseReturnValue:
    own = HOME if store is None else f"{HOME}/{store.out_shop_id}"
    return answers.page(
        "merchant/store_form.html",
        400 if faults else 200,
        title="新建门店" if store is None else "门店信息",
        action=f"{HOME}/new" if store is None else f"{own}/edit",
        back_url=own,
        values=values,
        faults=faults or {},
        modes=[(mode.value, name, note) for mode, name, note in MODES],
        shop=store.out_shop_id if store else "",
        is_new=store is None,
        tabs=None,
    )


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "")[:200] for name in forms.FIELDS}


def _written(store: Store) -> dict[str, str]:
    values = {name: str(getattr(store, name) or "") for name in forms.TEXTS}
    for name in ("opens_at", "closes_at"):
        at = getattr(store, name)
        values[name] = f"{at:%H:%M}" if at is not None else ""
    values["page_mode"] = store.page_mode.value
    values["max_fen"] = yuan_from_fen(store.max_fen) if store.max_fen else ""
    return values
