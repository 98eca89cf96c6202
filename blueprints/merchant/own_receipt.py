"""`/m/receipt`: what the merchant's receipt shows inside WeChat's page after a payment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from errors import AppError
from services.gold_plan import blocks, rows, settings, state
from services.gold_plan.receipt import Receipt
from services.people.acting import Acting
from web.runtime import deps


def show(
    problems: Mapping[str, AppError] | None = None, typed: Mapping[str, Any] | None = None
) -> Response:
    """`problems` stand at the fields of a form that comes again, with what was typed."""
    who: Acting = g.staff

    def unit(session: Session) -> tuple[list[dict[str, Any]], bool]:
        row = rows.find(session, who.provider_id, who.merchant_id)
        filled = list(row.blocks) if row is not None else []
        return filled, state.is_open(session, who.provider_id, who.merchant_id)

    filled, is_open = deps().transact(unit)
    return answers.page(
        "merchant/own_receipt.html",
        422 if problems else 200,
        title="微信付款后的小票",
        back_url="/m/me",
        is_open=is_open,
        problems=problems or {},
        typed=typed if typed is not None else blocks.as_form(filled),
        sample=_sample(filled, who.merchant_name),
        done="已保存，下一位顾客起生效。" if request.args.get("done") == "1" else "",
    )


def _sample(filled: list[dict[str, Any]], shop: str) -> Receipt:
    return Receipt(
        shop=shop, shown=blocks.lines(filled, "0000A086", deps().now()), is_proven=True,
        is_paid=True, amount_fen=3850, order_path="/m/receipt", card_path="/m/receipt",
    )  # fmt: skip


def save() -> ResponseReturnValue:
    answers.check_token()
    who: Acting = g.staff
    made, wrong = blocks.read(request.form)
    if wrong:
        return show(wrong, request.form)
    settings.set_blocks(deps(), who.provider_id, who.merchant_id, made, actor=who.actor)
    return answers.see("/m/receipt?done=1")
