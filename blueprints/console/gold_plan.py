"""`/console/gold-plan`: each merchant's switches at WeChat, and what its receipt shows.

Without script each switch is a form of one button; with htmx the merchant's lines alone come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import AppError, BadInput
from gateways.wechat_pay.goldplan import SCENES, TAGS
from services.console.rights import Right
from services.gold_plan import blocks, listing, rows, settings, switching
from services.gold_plan.problems import left_words
from services.gold_plan.receipt import Receipt
from services.gold_plan.switching import Act, Change
from services.gold_plan.tags import NAMES
from web.runtime import deps

HOME: Final = "/console/gold-plan"
SCENE_NAMES: Final = dict(
    zip(SCENES, ("公众号页面付款", "小程序付款", "公众号页面和小程序付款"), strict=True)
)
WAYS: Final = {"open": True, "closed": False}


def show() -> ResponseReturnValue:
    return _list(request.args)


def _list(
    said: Mapping[str, str], problem: AppError | None = None, problem_at: str = ""
) -> Response:
    """`problem_at` is the merchant whose switch it stands against."""
    asked = listing.Asked(
        q="".join(c for c in said.get("q", "") if c.isprintable()).strip()[:64],
        show=said.get("show", "") if said.get("show", "") in listing.SHOWS else "",
        after=_number(said.get("after", "")),
        before=_number(said.get("before", "")),
    )
    provider_id = answers.operator().provider
    now = deps().now()

    def unit(session: Session) -> dict[str, Any]:
        return {
            "found": listing.page(session, provider_id, asked, now),
            "counts": listing.counts(session, provider_id),
            "setting": rows.setting(session, provider_id),
            "has_views": listing.has_views(session, provider_id),
        }

    return answers.page(
        "console/gold_plan.html", problem.status if problem else 200,
        asked=asked, url=_list_url, names=NAMES, may=answers.operator().may(Right.GOLD_PLAN),
        link=receipt_link(), sample=sample([]), left_words=left_words,
        base=deps().settings.base_url,
        problem=problem, problem_at=problem_at, back=_list_url(asked, asked.after, asked.before),
        typed_file=(request.form.get("name", ""), request.form.get("content", "")),
        **deps().transact(unit),
    )  # fmt: skip


def _list_url(asked: listing.Asked, after: int | None = None, before: int | None = None) -> str:
    named = {"q": asked.q, "show": asked.show, "after": after, "before": before}
    query = urlencode({name: value for name, value in named.items() if value})
    return f"{HOME}?{query}" if query else HOME


def _number(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def receipt_link() -> str:
    """What is to be entered at WeChat; it names the provider."""
    return f"{deps().settings.base_url}/receipt/{answers.operator().out_mch_id}"


# --- one switch -------------------------------------------------------------------------------


def switch(out_sub_mch_id: str) -> ResponseReturnValue:
    who = answers.operator()
    merchant = deps().transact(lambda s: listing.merchant_of(s, who.provider, out_sub_mch_id))
    problem: AppError | None = None
    try:
        switching.change(deps(), who.provider, merchant.id, _change(), actor=who.actor)
    except AppError as error:
        problem = error
    if request.headers.get(answers.HTMX):
        return _lines_of(out_sub_mch_id, problem)
    back = answers.own_path(request.form.get("back"))
    if problem is None:
        return answers.see(back if back.startswith(HOME) else HOME)
    if back.startswith(f"{HOME}/m/"):
        return _merchant(out_sub_mch_id, problem)
    return _list(dict(parse_qsl(back.partition("?")[2])), problem, out_sub_mch_id)


def _change() -> Change:
    said = request.form
    if said.get("act") not in {Act.PLAN, Act.RECEIPT, Act.ADS} or said.get("to") not in WAYS:
        raise BadInput("没有这个开关，请刷新页面再点一次")
    scene = said.get("scene", SCENES[0])
    if scene not in SCENES:
        raise BadInput("没有这种付款场景")
    return Change(Act(said["act"]), on=WAYS[said["to"]], scene=scene)


def _lines_of(out_sub_mch_id: str, problem: AppError | None) -> Response:
    """The merchant's own lines of the table and the counts, for htmx to put in their place."""
    now, provider_id = deps().now(), answers.operator().provider
    line, counts = deps().transact(
        lambda s: (
            listing.one(s, provider_id, out_sub_mch_id, now),
            listing.counts(s, provider_id),
        )
    )
    back = answers.own_path(request.form.get("back"))
    return answers.page(
        "console/_gold_lines.html", problem.status if problem else 200,
        line=line, counts=counts, names=NAMES, may=True, problem=problem,
        problem_at=out_sub_mch_id, back=back, left_words=left_words,
    )  # fmt: skip


# --- one merchant -----------------------------------------------------------------------------


def merchant(out_sub_mch_id: str) -> ResponseReturnValue:
    return _merchant(out_sub_mch_id)


def _merchant(
    out_sub_mch_id: str,
    problem: AppError | None = None,
    *,
    problems: Mapping[str, AppError] | None = None,
    typed: Mapping[str, Any] | None = None,
    chosen: list[str] | None = None,
) -> Response:
    """`problem` is about a switch, `problems` stand at the fields of a form that comes again."""
    who, now = answers.operator(), deps().now()
    line = deps().transact(lambda s: listing.one(s, who.provider, out_sub_mch_id, now))
    filled = line.row.blocks if line.row is not None else []
    problems = problems or {}
    response = answers.page(
        "console/gold_merchant.html", 422 if problems else problem.status if problem else 200,
        line=line, names=NAMES, tags=TAGS, scenes=SCENE_NAMES, may=who.may(Right.GOLD_PLAN),
        problem=problem, problem_at=out_sub_mch_id, problems=problems,
        chosen=list(line.tags) if chosen is None else chosen,
        typed=typed if typed is not None else blocks.as_form(filled), longest=blocks.LONGEST,
        sample=sample(filled), base=deps().settings.base_url, link=receipt_link(),
        back=f"{HOME}/m/{out_sub_mch_id}", saved=request.args.get("saved", ""),
        left_words=left_words,
    )  # fmt: skip
    if problems:
        response.headers["X-Form-Again"] = "1"
    return response


def tags(out_sub_mch_id: str) -> ResponseReturnValue:
    who, chosen = answers.operator(), request.form.getlist("tag")
    found = deps().transact(lambda s: listing.merchant_of(s, who.provider, out_sub_mch_id))
    wanted = Change(Act.TAGS, tags=tuple(chosen))
    try:
        switching.change(deps(), who.provider, found.id, wanted, actor=who.actor)
    except AppError as problem:
        return _merchant(out_sub_mch_id, problems={"tag": problem}, chosen=chosen)
    return answers.see(f"{HOME}/m/{out_sub_mch_id}?saved=tags")


def receipt(out_sub_mch_id: str) -> ResponseReturnValue:
    """What this merchant's receipt shows: all of the form at once."""
    who = answers.operator()
    found = deps().transact(lambda s: listing.merchant_of(s, who.provider, out_sub_mch_id))
    made, wrong = blocks.read(request.form)
    if wrong:
        return _merchant(out_sub_mch_id, problems=wrong, typed=request.form)
    settings.set_blocks(deps(), who.provider, found.id, made, actor=who.actor)
    return answers.see(f"{HOME}/m/{out_sub_mch_id}?saved=receipt")


def sample(filled: list[dict[str, Any]]) -> Receipt:
    """A receipt as the payer would see it, with an order that never was."""
    return Receipt(
        shop="青禾茶事 · 湖滨店",
        shown=blocks.lines(filled, "QH20261121A086", deps().now()),
        is_proven=True,
        is_paid=True,
        amount_fen=3850,
        order_path="/",
        card_path="/",
    )


# --- the provider's own page at WeChat --------------------------------------------------------


def provider_setting() -> ResponseReturnValue:
    """What somebody saw on WeChat's page: no API tells it."""
    who = answers.operator()
    settings.set_provider(
        deps(), who.provider, managed=request.form.get("managed") == "1",
        has_link=request.form.get("has_link") == "1", actor=who.actor,
    )  # fmt: skip
    return answers.see(HOME)


def verification_file() -> ResponseReturnValue:
    """The file that WeChat looks for beside the receipt link."""
    who, name = answers.operator(), request.form.get("name", "").strip()
    try:
        settings.put_file(
            deps(), who.provider, name, request.form.get("content", ""), actor=who.actor
        )
    except BadInput as problem:
        return _list({}, problem, "file")
    return answers.see(f"{HOME}?file={name}")
