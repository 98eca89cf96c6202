"""`/console/deposits`: what wallets hold for merchants, and where one hold is, by any number."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import NotFound
from models.deposit import FreezeStatus, MoveKind
from services.deposits import listing, telling
from services.deposits.listing import HoldRow, Kind, Whose
from services.order_list import clean
from web.formats import local_time, money
from web.runtime import deps

HOME: Final = "/console/deposits"
PAGE: Final = 50
KINDS: Final = {Kind.OPEN: "冻结中", Kind.SOON: "七天内到期", Kind.ENDED: "已结束"}
ACTORS: Final = {
    "api": "商户系统", "staff": "商户人员", "admin": "服务商", "console": "服务商", "cli": "运维",
}  # fmt: skip
WALLETS: Final = {"wechat": "微信支付", "alipay": "支付宝"}


def url_of(out_freeze_no: str) -> str:
    return f"{HOME}/{quote(out_freeze_no, safe='')}"


def show() -> ResponseReturnValue:
    """With `?q=` whatever has this number, a single one at once; else what is open."""
    who, now = answers.operator(), deps().now()
    typed = "".join(c for c in request.args.get("q", "") if c.isprintable()).strip()[:80]
    whose = Whose(who.provider)
    if typed:
        found = deps().transact(lambda s: listing.find_holds(s, whose, typed))
        if len(found) == 1:
            return answers.see(url_of(found[0].out_freeze_no))
        is_number = clean(typed) is not None
        return _page(found, typed=typed, is_number=is_number, standing=None, older=None)
    kind = next((one for one in Kind if one == request.args.get("kind")), Kind.OPEN)
    before = _number(request.args.get("before", ""))

    def unit(session: Session) -> tuple[list[HoldRow], listing.Standing]:
        rows = listing.list_holds(session, whose, now, kind=kind, before=before, most=PAGE)
        return rows, listing.standing(session, whose, now)

    rows, standing = deps().transact(unit)
    older = f"{HOME}?kind={kind}&before={rows[-1].id}" if len(rows) == PAGE else None
    return _page(rows, typed="", standing=standing, older=older, kind=kind, before=before)


def _page(rows: list[HoldRow], **more: Any) -> ResponseReturnValue:
    kind = more.pop("kind", None)
    tabs = [
        {"href": f"{HOME}?kind={one}", "label": label, "current": one is kind}
        for one, label in KINDS.items()
    ]
    return answers.page(
        "console/deposits.html", **{"is_number": True, "before": None, **more},
        tabs=tabs, rows=[line(one) for one in rows],
    )  # fmt: skip


def _number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def line(one: HoldRow) -> dict[str, Any]:
    kind, said = telling.state(one, deps().now())
    return {"one": one, "kind": kind, "said": said, "url": url_of(one.out_freeze_no)}


def one(number: str) -> ResponseReturnValue:
    who = answers.operator()

    def unit(session: Session) -> dict[str, Any]:
        row = listing.named(session, Whose(who.provider), number)
        if row is None:
            raise NotFound(number)
        return {
            "row": row,
            "origin": telling.origin(session, who.provider, row.id),
            "moves": telling.moves(session, who.provider, row.id),
            "told": telling.story(session, who.provider, row.out_freeze_no),
        }

    found = deps().transact(unit)
    return answers.page("console/deposit.html", **_shown(**found))


def _shown(
    row: HoldRow,
    origin: telling.Origin,
    moves: list[telling.Move],
    told: list[telling.Line],
) -> dict[str, Any]:
    return {
        **line(row),
        "origin": origin,
        "actor": _person(origin.actor),
        "moves": [
            {
                "one": move,
                "what": telling.KINDS[move.kind],
                "chip": telling.MOVES[move.status],
                "url": f"/console/orders/{quote(move.number, safe='')}"
                if move.kind is MoveKind.CONSUME
                else None,
            }
            for move in moves
        ],
        "told": [
            (local_time(one.at), _person(one.actor), _words(one), one.number) for one in told[::-1]
        ],
        "standing": standing(row),
    }


def _words(one: telling.Line) -> str:
    yuan = money(one.amount_fen) if one.amount_fen is not None else ""
    return one.words.format(yuan=yuan).strip().removeprefix("钱包")  # who says it stands before it


def _person(actor: str) -> str:
    """An actor of the audit as people say it; who exactly, the audit log says."""
    kind, _, name = actor.partition(":")
    return WALLETS.get(name, "钱包") if kind == "upstream" else ACTORS.get(kind, "系统")


def standing(row: HoldRow) -> str:
    """One sentence about where the money is now, fit to be sent to the merchant."""
    whole = f"押金 {money(row.freeze_fen)}"
    match row.status:
        case FreezeStatus.FROZEN:
            left = f"还冻结 {money(row.left_fen)}"
            when = local_time(row.lapses_at)[:16]
            return f"{whole}，{left}；{when} 前没有消费的，钱包会自动退回顾客。"
        case FreezeStatus.CLOSED:
            back = f"退回顾客 {money(row.back_fen)}"
            return f"{whole}已结束：消费 {money(row.consumed_fen)}，{back}。"
        case FreezeStatus.FAILED | FreezeStatus.VOID:
            return f"{whole}没有冻结，顾客的钱没有动。"
        case _:
            if row.is_unknown:
                return f"{whole}的结果还不知道，正在问钱包，不要重复冻结。"
            return f"{whole}正在等顾客确认，还没有冻结。"
