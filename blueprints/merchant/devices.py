"""The devices of a store: what there is, a new one, its set-up code, freeing and deleting it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.stores import HOME, who
from models.device import Device, ShiftType
from models.merchant import Staff, Store
from services.devices import changing, reading, setting
from services.devices.problems import DeviceRefused, DeviceUnbound
from services.devices.reading import TYPES
from services.devices.trading import TradeRefusal
from services.maidan import DEVICE_WORDS, devices_of
from services.people.rights import Right, may
from services.stores import reading as stores
from web.formats import local_time, money
from web.qr import svg_uri
from web.runtime import deps

DEVICES: Final = "/m/devices"
SHOWN_FOR: Final = timedelta(days=7)
REFUSED: Final = {
    TradeRefusal.UNBOUND: "设备已解绑，没有再绑定",
    TradeRefusal.NO_SERIAL: "请求没有带机器的序列号，请升级机器上的应用，或请服务商改「设备核对」",
    TradeRefusal.OTHER_SERIAL: "请求来自另一台机器，序列号和绑定的不同",
    TradeRefusal.ELSEWHERE: "机器绑定的是另一台设备",
}
SAID: Final = {
    "added": "设备已添加。接着生成配置二维码，让机器扫码绑定。",
    "saved": "已保存。",
    "same": "没有改动。",
    "unbound": "已强制解绑。再次绑定之前，这个设备号不能收款和退款。",
    "removed": "设备已删除，不能再收款和退款。它收过的款和统计都保留。",
    "bound": "已绑定。机器会在几秒内显示绑定成功。",
}


def of_store(out_shop_id: str) -> ResponseReturnValue:
    def unit(session: Session) -> tuple[Store, list[Device], list[str]]:
        store = stores.find(session, who(), out_shop_id)
        brought = devices_of(session, store.provider_id, store.merchant_id)
        return store, list(reading.of_store(session, store)), [one.serial for one in brought]

    store, rows, brought = deps().transact(unit)
    own = f"{HOME}/{out_shop_id}"
    return answers.page(
        "merchant/devices.html",
        title="设备",
        store=stores.short_name(store),
        rows=[_row(one) for one in rows],
        brought=brought,
        brought_words=DEVICE_WORDS,
        add_url=f"{own}/devices/new" if may(who(), Right.DEVICES) else None,
        back_url=own,
        said=SAID.get(request.args.get("said", ""), ""),
    )


def _row(device: Device) -> dict[str, Any]:
    seen = f"最近上报 {local_time(device.seen_at)[:16]}" if device.seen_at else ""
    parts = [reading.type_name(device.shift_type), device.device_id, device.sn_code or "", seen]
    return {
        "href": f"{DEVICES}/{device.out_device_id}",
        "name": device.name,
        "note": " · ".join(part for part in parts if part),
        "is_bound": device.sn_code is not None,
        "is_stopped": reading.is_stopped(device),
    }


def new_form(out_shop_id: str) -> ResponseReturnValue:
    return _form(out_shop_id, {})


def _form(out_shop_id: str, typed: dict[str, str], error: str = "") -> ResponseReturnValue:
    store = deps().transact(lambda s: stores.find(s, who(), out_shop_id))
    own = f"{HOME}/{out_shop_id}/devices"
    return answers.page(
        "merchant/device_form.html",
        400 if error else 200,
        title="添加设备",
        store=stores.name_of(store),
        types=[(str(int(kind)), name, note) for kind, (name, note) in TYPES.items()],
        typed=typed,
        error=error,
        action=f"{own}/new",
        back_url=own,
        tabs=None,
    )


def new(out_shop_id: str) -> ResponseReturnValue:
    answers.check_token()
    names = ("name", "device_id", "type", "remark")
    typed = {name: request.form.get(name, "")[:200] for name in names}
    kind = int(typed["type"]) if re.fullmatch(r"[1-4]", typed["type"]) else 0
    wish = changing.Wish(typed["name"], kind, typed["device_id"], typed["remark"])
    try:
        made = changing.add(deps(), who(), out_shop_id, wish)
    except DeviceRefused as refused:
        return _form(out_shop_id, typed, _words(refused))
    return answers.see(f"{DEVICES}/{made}?said=added")


def _words(refused: DeviceRefused) -> str:
    return refused.detail or f"{refused.title}。{''.join(refused.steps)}"


def show(out_device_id: str) -> ResponseReturnValue:
    return _page(out_device_id)


def _page(out_device_id: str, status: int = 200, **more: Any) -> ResponseReturnValue:
    edits = may(who(), Right.DEVICES)

    def unit(session: Session) -> dict[str, Any]:
        line = reading.find(session, who(), out_device_id)
        device = line.device
        return {
            "title": device.name,
            "device": device,
            "store": stores.name_of(line.store),
            "is_stopped": reading.is_stopped(device),
            "refused": _refused(device),
            "facts": _facts(session, line.device, line.store),
            "reports": [_report(one) for one in reading.reports(session, device)],
            "telemetry": reading.telemetry(session, device),
            "workers": [_worker(one) for one in reading.workers(session, line.store)],
            "sets_up": edits and device.shift_type != ShiftType.PC_CASHIER,
            "own": f"{DEVICES}/{device.out_device_id}",
            "back_url": f"{HOME}/{line.store.out_shop_id}/devices",
        }

    asks = request.args.get("ask", "") if edits and request.method == "GET" else ""
    shown = {
        "edits": edits, "asks": asks, "error": "", "typed": {},
        "said": SAID.get(request.args.get("said", ""), ""),
    }  # fmt: skip
    return answers.page(
        "merchant/device.html", status, **{**deps().transact(unit), **shown, **more}
    )


def _refused(device: Device) -> str:
    """Why the last trade in its name was refused, lately and not before it was bound."""
    at = device.refused_at
    if at is None or device.refused_why not in REFUSED:
        return ""
    if at < deps().now() - SHOWN_FOR or (device.bound_at is not None and at < device.bound_at):
        return ""
    return f"{local_time(at)[:16]} 有交易被拒绝：{REFUSED[TradeRefusal(device.refused_why)]}。"


def _facts(session: Session, device: Device, store: Store) -> list[tuple[str, str, str]]:
    """(word, value, class of the value)."""
    worker = None
    if device.staff_id is not None:
        worker = session.get(Staff, (device.provider_id, device.staff_id))
    called_at = reading.last_call_at(session, device, store.out_shop_id)
    found = [
        ("门店", stores.name_of(store), ""),
        ("设备号", device.device_id, "mono"),
        ("类型", reading.type_name(device.shift_type), ""),
        ("绑定设备 S/N", device.sn_code or "未绑定", "mono" if device.sn_code else "dim"),
        ("解绑时间", local_time(device.unbound_at), ""),
        ("绑定时间", local_time(device.bound_at), ""),
        ("收款店员", worker.name if worker and device.sn_code else "", ""),
        ("应用版本", device.app_version, "mono"),
        ("最近上报", local_time(device.seen_at), ""),
        ("最近收款请求", local_time(called_at), ""),
    ]
    return [line for line in found if line[1]]


def _report(one: Any) -> dict[str, str]:
    span = f"{local_time(one.begin_at)[:16]} — {local_time(one.end_at)[11:16]}"
    failed = one.facts.get("calls_failed", 0)
    return {
        "span": span,
        "note": f"{one.pay_count} 笔，成功 {one.success_count} 笔"
        + (f"，接口失败 {failed} 次" if failed else ""),
        "amount": money(one.amount_fen),
    }


def _worker(one: Staff) -> tuple[str, str]:
    return one.public_id, one.name


def rename(out_device_id: str) -> ResponseReturnValue:
    answers.check_token()
    typed = {name: request.form.get(name, "")[:200] for name in ("name", "remark")}
    try:
        changed = changing.rename(deps(), who(), out_device_id, typed["name"], typed["remark"])
    except DeviceRefused as refused:
        if refused.status == 404:
            raise
        return _page(out_device_id, refused.status, error=_words(refused), typed=typed)
    return answers.see(f"{DEVICES}/{out_device_id}?said={'saved' if changed else 'same'}")


def set_up(out_device_id: str) -> ResponseReturnValue:
    """The code is shown by this answer alone: it is in no address and cannot be read again."""
    answers.check_token()
    try:
        offer = setting.make(deps(), who(), out_device_id, request.form.get("staff", "")[:24])
    except DeviceRefused as refused:
        if refused.status == 404:
            raise
        return _page(out_device_id, refused.status, error=_words(refused))
    return answers.page(
        "merchant/device_setting.html",
        title="配置二维码",
        name=deps().transact(lambda s: reading.find(s, who(), out_device_id).device.name),
        qr=svg_uri(offer.url),
        until=local_time(offer.expires_at)[11:],
        own=f"{DEVICES}/{out_device_id}",
        back_url=f"{DEVICES}/{out_device_id}",
        tabs=None,
    )


def unbind(out_device_id: str) -> ResponseReturnValue:
    answers.check_token()
    try:
        changing.force_unbind(deps(), who(), out_device_id)
    except DeviceUnbound:
        return answers.see(f"{DEVICES}/{out_device_id}?said=same")
    return answers.see(f"{DEVICES}/{out_device_id}?said=unbound")


def remove(out_device_id: str) -> ResponseReturnValue:
    answers.check_token()
    shop = changing.remove(deps(), who(), out_device_id)
    return answers.see(f"{HOME}/{shop}/devices?said=removed")
