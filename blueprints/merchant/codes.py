"""The pay codes of a store: what there is, a new one, its name, switching off, unbinding."""

from __future__ import annotations

from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.stores import HOME, who
from gateways.money import fen_from_yuan
from models.merchant import Staff, Store
from models.paycode import PayCodeKind
from services.paycodes import changing, reading
from services.paycodes.changing import NewCode
from services.paycodes.problems import CodeRefused
from services.paycodes.reading import KINDS, CodeLine
from services.people.rights import Right, may
from services.stores import reading as stores
from web.formats import money
from web.runtime import deps

CODES: Final = "/m/codes"
SAID: Final = {
    "added": "收款码已生成，打印出来就能收款。",
    "saved": "已保存，下一位扫码的顾客就会看到。",
    "on": "已启用。",
    "off": "已停用，扫码的顾客会看到停止收款。",
    "bound": "已绑定，现在就能收款。",
    "unbound": "已解绑，这个码可以再绑定到本商户的门店或店员。",
}
NEW_KINDS: Final = (
    (PayCodeKind.STORE, "门店码", "到账通知发给全店"),
    (PayCodeKind.STAFF, "店员码", "到账通知只发给这位店员"),
    (PayCodeKind.FIXED, "定额码", "写好单价，顾客选数量"),
)


def of_store(out_shop_id: str) -> ResponseReturnValue:
    store, lines = deps().transact(lambda s: _of_store(s, out_shop_id))
    own = f"{HOME}/{out_shop_id}"
    return answers.page(
        "merchant/codes.html",
        title="收款码",
        store=stores.short_name(store),
        rows=[_row(line) for line in lines],
        add_url=f"{own}/codes/new" if may(who(), Right.CODES) else None,
        back_url=own,
        said=SAID.get(request.args.get("said", ""), ""),
    )


def _of_store(session: Session, out_shop_id: str) -> tuple[Store, list[CodeLine]]:
    store = stores.find(session, who(), out_shop_id)
    lines = reading.of_store(session, store)
    return store, sorted(lines, key=lambda line: not _is_own(line))


def _is_own(line: CodeLine) -> bool:
    return not who().role.is_providers and line.code.staff_id == who().id


def _row(line: CodeLine) -> dict[str, Any]:
    parts = [KINDS[line.code.kind], line.code.code, line.payee]
    if line.code.unit_price_fen:
        parts.append(f"单价 {money(line.code.unit_price_fen)}")
    return {
        "href": f"{CODES}/{line.code.code}",
        "name": line.title,
        "note": " · ".join(part for part in parts if part),
        "is_own": _is_own(line),
        "is_on": line.code.is_active,
    }


def show(code: str) -> ResponseReturnValue:
    return _page(code)


def _page(code: str, status: int = 200, **more: Any) -> ResponseReturnValue:
    line, url = deps().transact(lambda s: _read(s, code))
    own, edits = f"{CODES}/{line.code.code}", may(who(), Right.CODES)
    shown = {
        "title": line.title,
        "line": line,
        "kind": KINDS[line.code.kind],
        "store": stores.name_of(line.store),
        "price": money(line.code.unit_price_fen) if line.code.unit_price_fen else "",
        "url": url,
        "own": own,
        "edits": edits,
        "typed": line.code.name,
        "back_url": f"{HOME}/{line.store.out_shop_id}/codes",
        "said": SAID.get(request.args.get("said", ""), ""),
        "error": "",
        "asks": edits and request.args.get("ask") == "unbind" and not line.is_first,
    }
    return answers.page("merchant/code.html", status, **{**shown, **more})


def _read(session: Session, code: str) -> tuple[CodeLine, str]:
    line = reading.find(session, who(), code)
    return line, reading.url_of(session, deps(), line.code)


def rename(code: str) -> ResponseReturnValue:
    answers.check_token()
    typed = request.form.get("name", "")[:200]
    try:
        changing.rename(deps(), who(), code, typed)
    except CodeRefused as refused:
        return _page(code, refused.status, error=str(refused), typed=typed)
    return answers.see(f"{CODES}/{code}?said=saved")


def switch(code: str) -> ResponseReturnValue:
    answers.check_token()
    is_on = request.form.get("on") == "1"
    changing.turn(deps(), who(), code, is_on=is_on)
    return answers.see(f"{CODES}/{code}?said={'on' if is_on else 'off'}")


def unbind(code: str) -> ResponseReturnValue:
    answers.check_token()
    shop = changing.unbind(deps(), who(), code)
    return answers.see(f"{HOME}/{shop}/codes?said=unbound")


def new_form(out_shop_id: str) -> ResponseReturnValue:
    return _form(out_shop_id, {"kind": "store", "name": "", "staff": "", "price": ""})


def _form(out_shop_id: str, typed: dict[str, str], error: str = "") -> ResponseReturnValue:
    store, people = deps().transact(lambda s: _people(s, out_shop_id))
    own = f"{HOME}/{out_shop_id}/codes"
    return answers.page(
        "merchant/code_form.html",
        400 if error else 200,
        title="新建收款码",
        store=stores.name_of(store),
        kinds=[(kind.value, name, note) for kind, name, note in NEW_KINDS],
        people=people,
        typed=typed,
        error=error,
        action=f"{own}/new",
        back_url=own,
        tabs=None,
    )


def _people(session: Session, out_shop_id: str) -> tuple[Store, list[Staff]]:
    store = stores.find(session, who(), out_shop_id)
    return store, changing.staff_of(session, store.provider_id, store.id)


def new(out_shop_id: str) -> ResponseReturnValue:
    answers.check_token()
    typed = {name: request.form.get(name, "")[:200] for name in ("kind", "name", "staff", "price")}
    try:
        made = changing.add(deps(), who(), out_shop_id, _wanted(typed))
    except CodeRefused as refused:
        return _form(out_shop_id, typed, str(refused))
    return answers.see(f"{CODES}/{made}?said=added")


def _wanted(typed: dict[str, str]) -> NewCode:
    try:
        kind = PayCodeKind(typed["kind"])
    except ValueError as problem:
        raise CodeRefused("选择收款码的种类") from problem
    price = None
    if kind is PayCodeKind.FIXED:
        try:
            price = fen_from_yuan(typed["price"])
        except ValueError as problem:
            raise CodeRefused("单价写成数字，最多两位小数，例如 28.00") from problem
    return NewCode(kind, typed["name"], typed["staff"], price)
