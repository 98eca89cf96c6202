"""One hold as its merchant sees it: sums, facts, what took from it, and what happened when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy.orm import Session

from blueprints.merchant import detail
from errors import NotFound
from models.deposit import FreezeStatus, MoveKind, MoveStatus
from services.deposits import by_people, listing, telling
from services.deposits.listing import HoldRow, Whose
from services.order_list import Scope
from services.people.acting import Acting
from services.shop_figures import scope
from web.formats import local_time, money
from web.runtime import deps

HOME: Final = "/m/deposits"


def seen(who: Acting) -> Scope:
    return scope.scope_of(who, whole_store_on_duty=deps().settings.clerk_sees_store)


def url_of(out_freeze_no: str) -> str:
    return f"{HOME}/{quote(out_freeze_no, safe='')}"


@dataclass(frozen=True, slots=True)
class Found:
    """A hold with what its page needs."""

    row: HoldRow
    origin: telling.Origin
    moves: list[telling.Move]
    story: list[telling.Line]
    people: dict[str, str]
    most_fen: int  # what may be given back now


def find(who: Acting, out_freeze_no: str) -> Found:
    """A hold that this person may see. Raises NotFound for any other, alike."""

    def unit(session: Session) -> Found:
        row = listing.named(session, Whose.of(seen(who)), out_freeze_no)
        if row is None:
            raise NotFound(out_freeze_no)
        return Found(
            row,
            telling.origin(session, who.provider_id, row.id),
            telling.moves(session, who.provider_id, row.id),
            telling.story(session, who.provider_id, row.out_freeze_no),
            detail.people_of(session, who.provider_id, who.merchant_id),
            by_people.most_fen(deps(), row),
        )

    return deps().transact(unit)


def shown(found: Found, *, may_release: bool = False) -> dict[str, Any]:
    """What the template takes."""
    row, now = found.row, deps().now()
    kind, said = telling.state(row, now)
    note, note_kind = _note(found, now)
    is_held = row.status is FreezeStatus.FROZEN
    own, sums = url_of(row.out_freeze_no), _sums(row)
    release = f"{own}/release" if may_release and found.most_fen else None
    return {
        "title": "押金详情",
        "net_label": "还冻结着" if is_held else "押金",
        "net_fen": row.left_fen if is_held else row.freeze_fen,
        "chip_kind": kind,
        "chip_text": said,
        "sums": sums,
        "bar": _bar(sums),
        "facts": _facts(found),
        "moves": [_move(one) for one in found.moves],
        "timeline": _timeline(found),
        "note": note,
        "note_kind": note_kind,
        "back_url": HOME,
        "release_url": release,
        "is_docked": release is not None,
        "tabs": None,
    }


def _sums(row: HoldRow) -> list[dict[str, Any]]:
    """The parts, which add up to what was frozen; `kind` is how the bar above shows one."""
    if row.status not in (FreezeStatus.FROZEN, FreezeStatus.CLOSED):
        return []
    parts = (
        ("已消费", row.consumed_fen, "used"),
        ("已退还", row.released_fen, "back"),
        ("到期退回", row.lapsed_fen, "back"),
        ("处理中", row.held_fen, "held"),
        ("还能用", row.room_fen, "left"),
    )
    shown = [_sum(*part) for part in parts if part[1] or part[0] in _always(row)]
    return [_sum("冻结", row.freeze_fen, ""), *shown]


def _always(row: HoldRow) -> tuple[str, ...]:
    is_held = row.status is FreezeStatus.FROZEN
    return ("已消费", "已退还", "还能用") if is_held else ("已消费",)


def _sum(label: str, fen: int, kind: str) -> dict[str, Any]:
    return {"label": label, "fen": fen, "kind": kind}


def _bar(sums: list[dict[str, Any]]) -> dict[str, Any]:
    """The parts side by side; a sentence says the same."""
    whole, at, pieces = sums[0]["fen"] if sums else 1, 0.0, []
    for part in sums[1:]:
        width = round(100 * part["fen"] / whole, 2)
        if width:
            gap = 0.6 if at + width < 99.9 else 0
            pieces.append({"kind": part["kind"], "x": at, "width": max(width - gap, 0.4)})
        at = round(at + width, 2)
    return {"pieces": pieces, "said": "，".join(f"{p['label']} {money(p['fen'])}" for p in sums)}


def _facts(found: Found) -> list[dict[str, Any]]:
    row, origin = found.row, found.origin
    facts = [
        ("付款方式", detail.WALLETS.get(row.channel, row.channel), ""),
        ("门店", row.shop.split(" · ")[-1], ""),
        ("谁冻结的", _who_froze(found), ""),
        ("发起时间", local_time(row.created_at), "num"),
    ]
    if row.frozen_at is not None:
        facts.append(("冻结时间", local_time(row.frozen_at), "num"))
    if row.lapses_at is not None:
        facts.append(("自动退回", local_time(row.lapses_at), "num"))
    if row.status in (FreezeStatus.CREATED, FreezeStatus.WAITING):
        facts.append(("等顾客到", local_time(row.expires_at), "num"))
    if row.closed_at is not None:
        facts.append(("结束时间", local_time(row.closed_at), "num"))
    facts.append(("押金单号", row.out_freeze_no, "mono"))
    if origin.wallet_number:
        facts.append(("钱包单号", origin.wallet_number, "mono"))
    return [{"label": label, "value": value, "kind": kind} for label, value, kind in facts]


def _who_froze(found: Found) -> str:
    origin = found.origin
    by = _actor(found, origin.actor)
    named = " · ".join(part for part in (origin.staff, origin.device) if part)
    return f"{by}（{named}）" if named else by


def _actor(found: Found, actor: str) -> str:
    """An actor of the audit as people say it."""
    if actor in found.people:
        return found.people[actor]
    kind = actor.partition(":")[0]
    return {"api": "收银系统", "admin": "服务商", "console": "服务商", "cli": "服务商"}.get(
        kind, "系统"
    )


def _move(one: telling.Move) -> dict[str, Any]:
    kind, said = telling.MOVES[one.status]
    is_consumption = one.kind is MoveKind.CONSUME
    notes = [local_time(one.at)]
    if one.rest_fen and one.status is not MoveStatus.FAILED:
        notes.append(f"余下 {money(one.rest_fen)} 退还顾客")
    notes += [one.remark] if one.remark else []
    notes += [one.why] if one.status is MoveStatus.FAILED and one.why else []
    return {
        "label": telling.KINDS[one.kind],
        "amount_fen": one.amount_fen,
        "chip_kind": kind,
        "chip_text": said,
        "notes": " · ".join(notes),
        "number": one.number,
        "href": f"/m/orders/{quote(one.number, safe='')}" if is_consumption else None,
    }


def _timeline(found: Found) -> list[dict[str, Any]]:
    steps = []
    for line in found.story:
        notes = []
        if not line.actor.startswith("upstream:"):
            notes.append(f"{_actor(found, line.actor)}操作")
        allowed = found.people.get(line.allowed_by, "")
        if allowed and line.allowed_by != line.actor:
            notes.append(f"{allowed}授权")
        notes += [line.number] if line.number else []
        yuan = money(line.amount_fen) if line.amount_fen is not None else ""
        steps.append(
            {
                "at": local_time(line.at),
                "text": line.words.format(yuan=yuan).strip(),
                "note": " · ".join(notes),
            }
        )
    return steps


def _note(found: Found, now: datetime) -> tuple[str | None, str]:
    row = found.row
    if row.is_unknown:
        return "钱包还没有回音，正在查。结果出来前不要重复冻结。", "warn"
    days = telling.days_left(row, now)
    if days is not None and row.lapses_at is not None:
        when = local_time(row.lapses_at)[:16]
        return f"{when} 前没有消费的部分，钱包会自动退回顾客。要收的钱请尽快消费。", "warn"
    if row.status is FreezeStatus.FAILED and found.origin.reject:
        why = found.origin.reject
        return (
            "顾客没有及时确认，没有冻结。" if why == "CANCELLED" else f"没有冻结：{why}"
        ), "info"
    return None, "info"
