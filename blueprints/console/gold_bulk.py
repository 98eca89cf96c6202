"""`/console/gold-plan/bulk`: one switch for many merchants; and the month's rebate estimate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import AppError, BadInput
from gateways.money import yuan_from_fen
from gateways.wechat_pay.goldplan import TAGS
from services.console.rights import Right
from services.gold_plan import bulk, rebate
from services.gold_plan.bulk import Wanted
from services.gold_plan.switching import Act, Change
from services.gold_plan.tags import NAMES, checked
from services.totals import china_day
from web.files import as_csv
from web.runtime import deps

# What can be asked for many at once: (act, on, words)
ACTS: Final = {
    "open": (Act.PLAN, True, "开通点金计划"),
    "close": (Act.PLAN, False, "关闭点金计划"),
    "receipt": (Act.RECEIPT, True, "开通商家小票"),
    "no-receipt": (Act.RECEIPT, False, "关闭商家小票"),
    "tags": (Act.TAGS, True, "设置同业过滤"),
    "ads": (Act.ADS, True, "打开微信广告"),
    "no-ads": (Act.ADS, False, "关闭微信广告"),
}
WALLETS: Final = {"wechat": "微信支付", "alipay": "支付宝"}


def form() -> ResponseReturnValue:
    typed = {"do": request.args.get("do", "open"), "q": request.args.get("q", "")[:64]}
    return _form(typed, [])


def _form(
    typed: dict[str, Any], chosen: list[str], problems: dict[str, AppError] | None = None
) -> Response:
    shown = {"acts": ACTS, "tags": TAGS, "names": NAMES, "chosen": chosen, "typed": typed}
    response = answers.page(
        "console/gold_bulk.html", 422 if problems else 200, problems=problems or {}, **shown
    )
    if problems:
        response.headers["X-Form-Again"] = "1"
    return response


def send() -> ResponseReturnValue:
    """First how many it would be; with `sure` a job begins, and its page follows it."""
    who, typed = answers.operator(), dict(request.form)
    chosen = request.form.getlist("tag")
    try:
        wanted = _wanted(typed, chosen)
    except _At as problem:
        return _form(typed, chosen, {problem.field: problem.error})
    if request.form.get("sure") != "1":
        count = deps().transact(lambda s: bulk.count(s, who.provider, wanted))
        if count == 0:
            return _form(typed, chosen, {"numbers": BadInput("没有找到这样的商户")})
        return answers.page(
            "console/gold_bulk_sure.html", wanted=wanted, count=count, names=NAMES,
            words=ACTS[typed["do"]][2], typed=typed, chosen=chosen,
        )  # fmt: skip
    try:
        number = bulk.start(deps(), who.provider, wanted, actor=who.actor)
    except AppError as problem:
        return _form(typed, chosen, {"": problem})
    return answers.see(f"/console/jobs/{number}")


class _At(Exception):
    """What stands against one field."""

    def __init__(self, field: str, error: AppError) -> None:
        super().__init__(field)
        self.field, self.error = field, error


def _wanted(typed: dict[str, Any], chosen: list[str]) -> Wanted:
    if typed.get("do") not in ACTS:
        raise _At("do", BadInput("选一项要做的事"))
    act, is_on, _ = ACTS[typed["do"]]
    tags: tuple[str, ...] = ()
    if act is Act.TAGS:
        try:
            tags = checked(chosen)
        except AppError as problem:
            raise _At("tag", problem) from None
    change = Change(act, on=is_on, tags=tags)
    if typed.get("whom") != "numbers":
        return Wanted(change, q="".join(typed.get("q", "").split())[:64])
    numbers = re.findall(r"[^\s,，;；]+", typed.get("numbers", ""))
    wrong = [one for one in numbers if not re.fullmatch(r"[0-9]{8,32}", one, re.ASCII)]
    if wrong:
        raise _At("numbers", BadInput(f"「{wrong[0][:20]}」不是微信子商户号"))
    if not 1 <= len(numbers) <= bulk.MOST_NUMBERS:
        raise _At("numbers", BadInput(f"一次 1 到 {bulk.MOST_NUMBERS} 个子商户号"))
    return Wanted(change, numbers=tuple(dict.fromkeys(numbers)))


# --- the rebate estimate ----------------------------------------------------------------------


def rebates() -> ResponseReturnValue:
    who = answers.operator()
    month = _month()
    said = request.args.get("after", "")
    after = int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0

    def unit(session: Session) -> dict[str, Any]:
        return {
            "lines": rebate.lines(session, who.provider, month, after=after),
            "totals": rebate.totals(session, who.provider, month),
        }

    found = deps().transact(unit)
    merchants = {line.merchant_id for line in found["lines"]}
    return answers.page(
        "console/gold_rebate.html", month=month, wallets=WALLETS, is_first=after == 0,
        next_after=max(merchants) if len(merchants) == rebate.PAGE else None,
        may_export=who.may(Right.EXPORT), newest=rebate.Month(china_day(deps().now())), **found,
    )  # fmt: skip


def rebates_file() -> ResponseReturnValue:
    head = ("月份", "商户号", "商户", "钱包", "净交易额", "返佣比例", "预计返佣（仅供参考）")
    month = _month()
    return as_csv(f"rebate-{month}.csv", head, _file_rows(answers.operator().provider, month))


def _file_rows(provider_id: int, month: rebate.Month) -> Iterator[tuple[object, ...]]:
    after = 0
    while True:
        start = after
        found = deps().transact(
            lambda s: rebate.lines(s, provider_id, month, after=start, most=500)  # noqa: B023
        )
        for one in found:
            yield (
                str(month), one.out_sub_mch_id, one.name, WALLETS[one.wallet],
                yuan_from_fen(one.net_fen), one.rate, yuan_from_fen(one.expected_fen),
            )  # fmt: skip
        if not found:
            return
        after = found[-1].merchant_id


def _month() -> rebate.Month:
    return rebate.Month.read(request.args.get("month", ""), china_day(deps().now()))
