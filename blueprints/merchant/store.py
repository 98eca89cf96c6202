"""One store's page: what it is, its switches, resting, and why it cannot be deleted yet."""

from __future__ import annotations

from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.stores import HOME, STATES, who
from errors import BadInput
from models.merchant import Store
from services.cards import store_switch
from services.devices import reading as devices
from services.people.rights import Right, may
from services.stores import changing, deleting, reading
from services.stores.changing import Switch
from services.stores.deleting import Standing, StoreRecentTrade
from web.formats import money, to_local
from web.runtime import deps

SAID: Final = {
    "added": "门店已建好。先打印收款码，再请店长激活身份。",
    "saved": "已保存，下一位扫码的顾客就会看到。",
    "same": "没有改动。",
    "paused": "已暂停收款。扫码的顾客会看到「门店休息中」。",
    "resumed": "已恢复收款。",
}
SWITCHES: Final = {
    Switch.REMARK: ("允许顾客填写备注", ""),
    Switch.AFTER_DUTY: ("下班后也收到账通知", "关闭后，只通知上班中的店员"),
    Switch.PAYMENT_CODE: ("扫付款码收款也通知", "用扫码枪收的款也发到账通知"),
}


def show(out_shop_id: str) -> ResponseReturnValue:
    found = deps().transact(lambda s: _read(s, out_shop_id))
    return answers.page("merchant/store.html", **_shown(*found))


def _read(session: Session, out_shop_id: str) -> tuple[Store, int, int, int]:
    """The store, its codes, people and devices."""
    store = reading.find(session, who(), out_shop_id)
    codes = {line.store.id: line.codes for line in reading.listed(session, who(), _today())}
    people = reading.people(session, who()).get(store.id, 0)
    return store, codes.get(store.id, 0), people, len(devices.of_store(session, store))


def _today() -> Any:
    return to_local(deps().now()).date()


def _shown(store: Store, codes: int, people: int, machines: int) -> dict[str, Any]:
    own, acting = f"{HOME}/{store.out_shop_id}", who()
    kind, word = STATES[reading.state_of(store, deps().now())]
    edits = may(acting, Right.STORE_EDIT)
    return {
        "title": reading.short_name(store),
        "back_url": HOME,
        "kind": kind,
        "word": word,
        "shop": store.out_shop_id,
        "hours": _hours(store),
        "address": store.address or ("填写地址和电话" if edits else "未填写"),
        "codes": codes,
        "people": people,
        "codes_url": f"{own}/codes",
        "devices": machines,
        "devices_url": f"{own}/devices",
        "people_url": f"/m/staff?store={store.out_shop_id}" if may(acting, Right.STAFF) else None,
        "edit_url": f"{own}/edit" if edits else None,
        "limit": money(store.max_fen) if store.max_fen else "不限",
        "switches": _switches(store, own),
        "pause_url": f"{own}/pause" if edits and store.is_active else None,
        "resume_url": f"{own}/resume" if edits and store.paused_at else None,
        "is_stopped": not store.is_active and store.paused_at is None,
        "delete_url": f"{own}/delete" if may(acting, Right.STORE_ADD) else None,
        "said": SAID.get(request.args.get("said", ""), ""),
        "saved": request.args.get("saved", "")[:40],
    }


def _hours(store: Store) -> str:
    if store.opens_at is None or store.closes_at is None:
        return "全天营业"
    return f"每天 {store.opens_at:%H:%M}–{store.closes_at:%H:%M}"


def _switches(store: Store, own: str) -> list[dict[str, Any]]:
    """Each with its address where this person may turn it."""
    cards = {
        "label": store_switch.LABEL,
        "note": "顾客可用储值余额付款和充值",
        "is_on": store_switch.takes_cards(store),
        "action": f"{own}/cards" if may(who(), Right.SWITCH) else None,
        "name": "cards",
    }
    found = [cards]
    for switch, (label, note) in SWITCHES.items():
        found.append(
            {
                "label": label,
                "note": note,
                "is_on": bool(getattr(store, switch.value)),
                "action": f"{own}/switch" if may(who(), Right.STORE_EDIT) else None,
                "name": switch.value,
            }
        )
    return found


def cards(out_shop_id: str) -> ResponseReturnValue:
    """「本门店启用会员卡」."""
    answers.check_token()
    deps().transact(lambda s: reading.find(s, who(), out_shop_id) and None)
    store_switch.set_cards(
        deps(),
        out_shop_id,
        is_on=request.form.get("on") == "1",
        actor=who().actor,
        provider_id=who().provider_id,
    )
    return answers.see(f"{HOME}/{out_shop_id}?saved=cards")


def switch(out_shop_id: str) -> ResponseReturnValue:
    answers.check_token()
    try:
        wanted = Switch(request.form.get("name", ""))
    except ValueError as problem:
        raise BadInput("没有这个开关") from problem
    changing.turn(deps(), who(), out_shop_id, wanted, is_on=request.form.get("on") == "1")
    return answers.see(f"{HOME}/{out_shop_id}?saved={wanted.value}")


def pause(out_shop_id: str) -> ResponseReturnValue:
    answers.check_token()
    changing.pause(deps(), who(), out_shop_id)
    return answers.see(f"{HOME}/{out_shop_id}?said=paused")


def resume(out_shop_id: str) -> ResponseReturnValue:
    answers.check_token()
    changing.go_on(deps(), who(), out_shop_id)
    return answers.see(f"{HOME}/{out_shop_id}?said=resumed")


def delete_form(out_shop_id: str) -> ResponseReturnValue:
    """Over the store's own page: what speaks against it, or the question whether to do it."""
    return _delete_page(out_shop_id, 200)


def _delete_page(out_shop_id: str, status: int) -> ResponseReturnValue:
    def unit(session: Session) -> tuple[tuple[Store, int, int, int], Standing]:
        read = _read(session, out_shop_id)
        return read, deleting.standing(session, read[0], deps().now())

    read, found = deps().transact(unit)
    store = read[0]
    own = f"{HOME}/{store.out_shop_id}"
    return answers.page(
        "merchant/store_delete.html",
        status,
        **_shown(*read),
        found=found,
        last=_when(found),
        free=_free(found),
        own_url=own,
        code=StoreRecentTrade.code,
        tabs=None,
    )


def _free(found: Standing) -> str:
    """From when on, where that is still to come."""
    if found.free_at is None or found.free_at <= deps().now():
        return ""
    return f"{to_local(found.free_at):%Y-%m-%d %H:%M}"


def _when(found: Standing) -> str:
    if found.last_at is None:
        return ""
    last, now = to_local(found.last_at), to_local(deps().now())
    if last.date() == now.date():
        return f"今天 {last:%H:%M}"
    return f" {last:%Y-%m-%d %H:%M}"


def delete(out_shop_id: str) -> ResponseReturnValue:
    answers.check_token()
    try:
        deleting.delete(deps(), who(), out_shop_id)
    except StoreRecentTrade as refused:
        return _delete_page(out_shop_id, refused.status)
    return answers.see(f"{HOME}?deleted=1")
