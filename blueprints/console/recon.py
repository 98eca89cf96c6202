"""`/console/recon`: the wallets' bills beside ours, and everything that somebody must finish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers, cursors
from errors import AppError
from gateways.money import yuan_from_fen
from services import audit
from services.bills.days import china_date
from services.console.rights import Right
from services.recon import acting, days, items
from services.recon.items import Item, Place
from services.recon.problems import ReasonNeeded
from services.recon.words import STATES
from web.files import as_csv
from web.formats import local_short, local_time, money
from web.runtime import deps

HOME: Final = "/console/recon"
WALLETS: Final = {"wechat": "微信支付", "alipay": "支付宝", "balance": "会员卡"}
SAID: Final = {
    "healed": ("ok", "问过钱包，已按它的话更正。"),
    "same": ("warn", "问过钱包，还没有解决：看下面的「钱包的答复」，再决定怎么办。"),
    "closed": ("ok", "已关闭，原因写进了日志。"),
    "voided": ("ok", "钱包确认从没有过，已作废。没有动钱。"),
    "again": ("ok", "已安排重新下载，取回后自动再对一次。"),
}
ACTIONS: Final = {
    "bill_case_explained": "写明了原因",
    "bill_case_closed": "关闭",
    "healed_from_bill": "按钱包的话更正",
    "voided_after_bill": "作废",
    "case_closed": "关闭",
}


def show() -> ResponseReturnValue:
    who, now = answers.operator(), deps().now()
    yesterday = china_date(now) - timedelta(days=1)
    on = min(_day(request.args.get("day")) or yesterday, yesterday)
    is_open = request.args.get("state") != "done"
    of_day = on if request.args.get("all") != "1" else None
    after, before = _place(request.args.get("after")), _place(request.args.get("before"))

    def unit(session: Session) -> dict[str, Any]:
        found, has_more = items.listed(
            session, who.provider, is_open=is_open, day=of_day, after=after, before=before
        )
        return {
            "day": days.read(session, who.provider, on),
            "items": [shown(one, now) for one in found],
            "pages": _pages(found, has_more, after, before),
            "open_items": items.count_open(session, who.provider),
        }

    found = deps().transact(unit)
    return answers.page(
        "console/recon.html", on=on, yesterday=yesterday, is_open=is_open, of_day=of_day,
        wallets=WALLETS, said=SAID.get(request.args.get("said", "")),
        tabs=_tabs(on, is_open, of_day), may_resolve=who.may(Right.RESOLVE),
        may_export=who.may(Right.EXPORT), **found,
    )  # fmt: skip


def shown(one: Item, now: datetime) -> dict[str, Any]:
    kind, state = STATES[one.state]
    return {
        "one": one,
        "chip": kind if one.state != "found" or one.kind == "state" else "bad",
        "state": state,
        "at": local_short(one.at, now),
        "url": f"{HOME}/{one.source}/{one.id}",
    }


def _tabs(on: date, is_open: bool, of_day: date | None) -> list[dict[str, Any]]:
    wanted = (
        ("这一天待处理", True, on), ("全部待处理", True, None), ("这一天处理过的", False, on),
        ("全部处理过的", False, None),
    )  # fmt: skip
    return [
        {"href": _url(on, open_, day), "label": label, "current": (open_, day) == (is_open, of_day)}
        for label, open_, day in wanted
    ]


def _url(on: date, is_open: bool, of_day: date | None, **more: str) -> str:
    named = {
        "day": on.isoformat(), "state": "" if is_open else "done", "all": "" if of_day else "1",
        **more,
    }  # fmt: skip
    return f"{HOME}?{urlencode({k: v for k, v in named.items() if v})}"


def _pages(
    found: list[Item], has_more: bool, after: Place | None, before: Place | None
) -> dict[str, str]:
    named = {k: v for k, v in request.args.items() if k in ("day", "state", "all")}
    pages = {}
    if found and (before or has_more):
        pages["next"] = f"{HOME}?{urlencode({**named, 'after': _sealed(found[-1])})}"
    if found and (after or (before and has_more)):
        pages["previous"] = f"{HOME}?{urlencode({**named, 'before': _sealed(found[0])})}"
    return pages


def _sealed(item: Item) -> str:
    at, source, key = item.place
    return cursors.sealed(at.isoformat(), source, key)


def _place(said: str | None) -> Place | None:
    parts = cursors.opened(said, str, str, int)
    try:
        at = datetime.fromisoformat(parts[0]) if parts else None
    except ValueError:
        return None
    return (at, parts[1], parts[2]) if parts and at is not None and at.tzinfo else None


def _day(said: str | None) -> date | None:
    try:
        return max(date.fromisoformat(said or ""), date(2020, 1, 1))
    except ValueError:
        return None


def fetch_again() -> ResponseReturnValue:
    who, now = answers.operator(), deps().now()
    yesterday = china_date(now) - timedelta(days=1)
    on = min(_day(request.form.get("day")) or yesterday, yesterday)
    deps().transact(lambda s: days.fetch_again(s, who.provider, on, who.actor, now))
    return answers.see(f"{HOME}?{urlencode({'day': on.isoformat(), 'said': 'again'})}")


HEAD: Final = (
    "账单日", "类型", "状态", "商户", "商户号", "单号", "钱包", "平台金额", "钱包金额", "差额",
    "可能原因", "发现时间", "处理时间", "处理人", "原因",
)  # fmt: skip


def csv() -> ResponseReturnValue:
    """Every item of the day, whatever became of it."""
    who, now = answers.operator(), deps().now()
    yesterday = china_date(now) - timedelta(days=1)
    on = min(_day(request.args.get("day")) or yesterday, yesterday)

    def unit(session: Session) -> list[Item]:
        audit.record(
            session, provider_id=who.provider, actor=who.actor, action="differences_exported",
            subject=f"bills:{on}", at=now,
        )  # fmt: skip
        return [one for state in (True, False) for one in _every(session, who.provider, state, on)]

    found = deps().transact(unit)
    return as_csv(f"differences-{on}.csv", HEAD, (_cells(one) for one in found))


def _every(session: Session, provider_id: int, is_open: bool, on: date) -> Iterator[Item]:
    after: Place | None = None
    while True:
        found, has_more = items.listed(
            session, provider_id, is_open=is_open, day=on, after=after, most=500
        )
        yield from found
        if not has_more:
            return
        after = found[-1].place


def _cells(one: Item) -> tuple[object, ...]:
    def yuan(fen: int | None) -> str:
        return "" if fen is None else yuan_from_fen(fen)

    return (
        one.bill_on, one.words.title, STATES[one.state][1], one.merchant, one.merchant_number,
        one.number, WALLETS.get(one.channel, ""), yuan(one.ours_fen), yuan(one.theirs_fen),
        yuan(one.apart_fen), one.words.cause, one.at, one.ended_at, one.ended_by or "", one.reason,
    )  # fmt: skip


def item(source: str, number: int) -> ResponseReturnValue:
    return _item(source, number)


def _item(source: str, number: int, problem: AppError | None = None) -> Response:
    who, now = answers.operator(), deps().now()

    def unit(session: Session) -> tuple[Item, list[tuple[str, str, str, datetime]]]:
        one = items.one(session, who.provider, source, number)
        return one, items.trail(session, one, who.provider)

    one, trail = deps().transact(unit)
    shows = {
        **shown(one, now),
        "facts": _facts(one),
        "asked": _asked(one),
        "trail": [
            (local_time(at), _who(actor), ACTIONS.get(action, action), reason)
            for actor, action, reason, at in trail
        ],
        "wallet": WALLETS.get(one.channel, ""),
        "may_resolve": who.may(Right.RESOLVE),
        "may_void": acting.may_void(one),
        "said": SAID.get(request.args.get("said", "")),
    }
    if problem is None:
        return answers.page("console/recon_item.html", problem=None, typed={}, **shows)
    response = answers.form_again(
        "console/recon_item.html", {"reason": problem}, problem=problem, **shows
    )
    response.status_code = problem.status
    return response


def _who(actor: str) -> str:
    kind = actor.partition(":")[0]
    return {"console": "控制台", "cli": "运维", "worker": "系统"}.get(kind, "系统")


LABELS: Final = {
    "out_trade_no": "订单号", "transaction_id": "钱包单号", "amount_fen": "金额", "payee": "收款方",
    "state": "状态", "theirs": "钱包说", "ours": "平台记的", "out_refund_no": "退款单号",
    "currency": "币种", "at": "时间", "said": "钱包的状态", "said_fen": "钱包的金额",
    "said_payee": "钱包的收款方", "said_at": "钱包的付款时间", "adopted": "补记", "looked": "核对",
    "no_answer": "没有答复", "code": "代码", "message": "说明", "refund_id": "钱包退款单号",
}  # fmt: skip


def _facts(one: Item) -> list[tuple[str, str]]:
    """What was known when it came up, as far as it is fit for the eyes: numbers, sums, codes."""
    facts = one.facts
    if one.source == "case":
        facts = facts.get("last") or facts.get("first") or {}
    return _told({key: value for key, value in facts.items() if key != "asked"})


def _asked(one: Item) -> list[tuple[str, str]]:
    return _told(one.facts.get("asked") or {})


def _told(facts: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    for key, value in facts.items():
        label = f"{above}{LABELS.get(key, key)}"
        if isinstance(value, dict):
            told += _told(value, f"{label} · ")
        elif value is not None:
            is_fen = key.endswith("_fen") and isinstance(value, int)
            told.append((label, money(value) if is_fen else str(value)[:200]))
    return told


def _acted(source: str, number: int, act: Callable[[], str]) -> ResponseReturnValue:
    """Back on the item with what came of it, or with what stands against it."""
    try:
        said = act()
    except AppError as problem:
        if problem.status == 404:
            raise
        return _item(source, number, problem)
    return answers.see(f"{HOME}/{source}/{number}?said={said}")


def ask(source: str, number: int) -> ResponseReturnValue:
    who = answers.operator()

    def act() -> str:
        is_right = acting.ask_again(deps(), who.provider, source, number, who.actor)
        return "healed" if is_right else "same"

    return _acted(source, number, act)


def close(source: str, number: int) -> ResponseReturnValue:
    who, reason = answers.operator(), request.form.get("reason", "")

    def act() -> str:
        acting.close(deps(), who.provider, source, number, actor=who.actor, reason=reason)
        return "closed"

    return _acted(source, number, act)


def void(source: str, number: int) -> ResponseReturnValue:
    who, reason = answers.operator(), request.form.get("reason", "")

    def act() -> str:
        if source != "bill":
            raise ReasonNeeded()
        acting.void(deps(), who.provider, number, actor=who.actor, reason=reason)
        return "voided"

    return _acted(source, number, act)
