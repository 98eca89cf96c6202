"""What cards do at each store, what is owed to members, the switch of each store, and files."""

from __future__ import annotations

from datetime import date, timedelta

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.members import HOME, staff
from gateways.money import yuan_from_fen
from services.cards import (
    code_figures,
    members,
    store_figures,
)
from services.cards.code_figures import CodeFigures
from services.cards.room import Room, read_room
from services.cards.store_figures import StoreFigures
from services.people.acting import Acting
from services.people.rights import Right, may
from services.totals import china_day
from web.files import as_csv
from web.formats import local_time
from web.runtime import deps

SPANS = {"today": ("今天", 0), "week": ("近 7 天", 6), "month": ("近 30 天", 29)}
NO_CODE = "会员付款码或会员卡页"
MOST_ROWS = 100_000
CHUNK = 500


def _span() -> tuple[str, date, date]:
    asked = request.args.get("span", "week")
    name = asked if asked in SPANS else "week"
    until = china_day(deps().now())
    return name, until - timedelta(days=SPANS[name][1]), until


def _figures(session: Session, since: date, until: date) -> list[StoreFigures]:
    """Of all stores for an owner; of the own one for a manager, and of none without one."""
    who = staff()
    if _sees_none(who):
        return []
    return store_figures.by_store(
        session, who.provider_id, who.merchant_id, since, until, store_id=_only(who)
    )


def _code_figures(session: Session, since: date, until: date) -> list[CodeFigures]:
    """The same by pay code and payee."""
    who = staff()
    if _sees_none(who):
        return []
    return code_figures.by_code(
        session, who.provider_id, who.merchant_id, since, until, store_id=_only(who)
    )


def _sees_none(who: Acting) -> bool:
    return not may(who, Right.ALL_STORES) and who.store_id is None


def _only(who: Acting) -> int | None:
    return None if may(who, Right.ALL_STORES) else who.store_id


def _is_by_code() -> bool:
    return request.args.get("by") == "code"


def figures() -> ResponseReturnValue:
    span, since, until = _span()
    by_code = _is_by_code()
    rows, room = deps().transact(
        lambda s: (
            _code_rows(_code_figures(s, since, until))
            if by_code
            else _store_rows(_figures(s, since, until)),
            _room(s),
        )
    )
    by = "&by=code" if by_code else ""
    return answers.page(
        "merchant/card_figures.html",
        title="会员卡统计",
        back_url=HOME,
        spans=[
            {"label": label, "href": f"{HOME}/figures?span={name}{by}", "current": name == span}
            for name, (label, _) in SPANS.items()
        ],
        ways=[
            {"label": "按门店", "href": f"{HOME}/figures?span={span}", "current": not by_code},
            {
                "label": "按收款码和收款人",
                "href": f"{HOME}/figures?span={span}&by=code",
                "current": by_code,
            },
        ],
        by_code=by_code,
        sees_none=_sees_none(staff()),
        rows=rows,
        since=since.isoformat(),
        until=until.isoformat(),
        room=room,
        csv_url=f"{HOME}/figures.csv?span={span}{by}" if may(staff(), Right.FIGURES) else None,
    )


def _store_rows(found: list[StoreFigures]) -> list[tuple[str, str, StoreFigures]]:
    """Heading, what stands below it, figures."""
    return [(row.store, "", row) for row in found]


def _code_rows(found: list[CodeFigures]) -> list[tuple[str, str, CodeFigures]]:
    return [
        (
            row.name or (f"收款码 {row.code}" if row.code else NO_CODE),
            " · ".join(part for part in (row.store, row.payee) if part),
            row,
        )
        for row in found
    ]


def _room(session: Session) -> Room | None:
    """What is owed, what recharges under way hold, what is left below the cap: for the owner."""
    if not may(staff(), Right.LIABILITY):
        return None
    return read_room(session, staff().provider_id, staff().merchant_id)


SUMS = ("充值笔数", "充值金额", "充值退回", "消费笔数", "消费金额", "消费退款")


def figures_csv() -> ResponseReturnValue:
    _, since, until = _span()
    first = ("开始日", "结束日", "门店编号", "门店")
    if _is_by_code():
        codes = deps().transact(lambda s: _code_figures(s, since, until))
        return as_csv(
            f"card-codes-{since}-{until}.csv",
            (*first, "收款码", "收款码名称", "收款人", *SUMS),
            [
                (
                    since, until, row.out_shop_id, row.store, row.code,
                    row.name if row.code else NO_CODE, row.payee, *_sums(row),
                )
                for row in codes
            ],
        )  # fmt: skip
    rows = deps().transact(lambda s: _figures(s, since, until))
    return as_csv(
        f"card-figures-{since}-{until}.csv",
        (*first, *SUMS),
        [(since, until, row.out_shop_id, row.store, *_sums(row)) for row in rows],
    )


def _sums(row: StoreFigures | CodeFigures) -> tuple[object, ...]:
    return (
        row.recharges, yuan_from_fen(row.recharged_fen), yuan_from_fen(row.recharge_back_fen),
        row.payments, yuan_from_fen(row.spent_fen), yuan_from_fen(row.spent_back_fen),
    )  # fmt: skip


def export() -> ResponseReturnValue:
    """Every member, newest first; phones and names masked as on the pages. Who took it and when
    stands in it and is kept."""
    head = ("卡号", "姓名", "手机号", "状态", "余额", "充值余额", "赠送余额", "领取时间")
    return answers.as_personal_csv("members.csv", head, _members())


def _members() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    before: int | None = None
    while len(rows) < MOST_ROWS:
        found = members.newest(
            deps(), staff().provider_id, staff().merchant_id, before_id=before, most=CHUNK
        )
        rows += [
            (
                line.number, line.name, line.phone, line.status.value,
                yuan_from_fen(line.balance_fen), yuan_from_fen(line.paid_fen),
                yuan_from_fen(line.bonus_fen), local_time(line.claimed_at),
            )
            for line in found
        ]  # fmt: skip
        if len(found) < CHUNK:
            break
        before = found[-1].card_id
    return rows
