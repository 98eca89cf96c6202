"""`/console/orders`: where is one payment? By any number of it, with everything that happened."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers, deposits
from errors import AppError
from services import syncing
from services.console.rights import Right
from services.deposits import listing
from services.order_desk import finding, telling
from services.order_desk.finding import Found
from services.order_desk.telling import Told
from services.recon.problems import WalletSilent
from services.ways import NAMES
from web.formats import local_time
from web.runtime import deps

CHIPS: Final = {
    "created": ("info", "待付款"),
    "pending": ("info", "待确认"),
    "unknown": ("warn", "结果未知"),
    "paid": ("ok", "已支付"),
    "late_paid": ("warn", "过期后付成"),
    "part_refunded": ("warn", "部分退款"),
    "refunded": ("", "已全额退款"),
    "closed": ("", "已关闭"),
    "failed": ("bad", "未成功"),
    "void": ("", "已作废"),
}
BY: Final = {
    "order": "订单号", "attempt": "付款单号", "wallet": "钱包单号", "refund": "退款单号",
    "wallet_refund": "钱包退款单号", "link": "订单链接",
}  # fmt: skip
SAID: Final = {
    "changed": ("ok", "问过钱包，状态有了变化。"),
    "same": ("info", "问过钱包，它说的与记录一致。"),
    "differs": ("warn", "问过钱包，它说的与记录不一致：已转到「对账」等人处理。"),
}


def search() -> ResponseReturnValue:
    """One order or deposit is shown at once; several, or none, as a list."""
    typed = "".join(c for c in request.args.get("q", "") if c.isprintable()).strip()[:300]
    number = finding.clean(typed) if typed else None
    who = answers.operator()
    found, held = deps().transact(lambda s: _find(s, who.provider, number)) if number else ([], [])
    if len(found) + len(held) == 1:
        return answers.see(_url(found[0]) if found else deposits.url_of(held[0].out_freeze_no))
    return answers.page(
        "console/orders.html",
        typed=typed,
        is_number=not typed or number is not None,
        found=[_shown(one) for one in found],
        rows=[deposits.line(one) for one in held],
    )


def _find(
    session: Session, provider_id: int, number: str
) -> tuple[list[Found], list[listing.HoldRow]]:
    """Orders and deposits: at WeChat a consumption has the number of its deposit."""
    held = listing.find_holds(session, listing.Whose(provider_id), number)
    return finding.find(session, provider_id, number), held


def _url(one: Found) -> str:
    return f"/console/orders/{quote(one.out_trade_no, safe='')}"


def _shown(one: Found) -> dict[str, Any]:
    kind, said = CHIPS[one.state]
    return {
        "one": one, "kind": kind, "said": said, "by": BY[one.by], "at": local_time(one.at),
        "url": _url(one), "way": NAMES[one.way],
    }  # fmt: skip


def show(number: str) -> ResponseReturnValue:
    return _order(number)


def _order(number: str, problem: AppError | None = None) -> Response:
    who = answers.operator()

    def unit(session: Session) -> tuple[Found, list[Told], str, str]:
        one = finding.named(session, who.provider, number)
        told = telling.tell(session, who.provider, one.order_id)
        standing = telling.standing(session, who.provider, one.order_id)
        return one, told, standing, telling.deposit_of(session, who.provider, one.order_id)

    one, told, standing, deposit = deps().transact(unit)
    return answers.page(
        "console/order.html",
        problem.status if problem else 200,
        **_shown(one),
        told=[(local_time(line.at), line.who, line.what, line.number) for line in told],
        standing=standing,
        deposit=deposit,
        deposit_url=deposits.url_of(deposit) if deposit else "",
        problem=problem,
        result=SAID.get(request.args.get("said", "")),
        may_ask=who.may(Right.RESOLVE),
    )


def ask(number: str) -> ResponseReturnValue:
    """Ask every wallet that has something of this order, now; only their words change anything."""
    who = answers.operator()
    one = deps().transact(lambda s: finding.named(s, who.provider, number))
    found = syncing.sync_order(deps(), who.provider, one.order_id, actor=who.actor)
    if not all(answer.is_answered for answer in found.answers):
        return _order(number, WalletSilent())
    said = "same" if found.before == found.after else "changed"
    return answers.see(f"{_url(one)}?said={said if found.is_settled else 'differs'}")
