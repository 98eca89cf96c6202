"""The page that customers are sent to after paying: the provider's, and merchants' own."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.console import answers
from blueprints.console.ads import acting
from errors import AppError
from models.after_payment import AfterPage
from models.merchant import Merchant
from services.after_payment import complete_page, trying
from services.after_payment.problems import AdChanged, AdPlace
from services.after_payment.trying import Tried
from services.gold_plan import state as gold_plan
from web.runtime import deps


def show() -> ResponseReturnValue:
    return answers.page("console/after_page.html", **_shown())


def save() -> ResponseReturnValue:
    """Sets it, or takes it away when the field is empty; the fresh code was asked for before."""
    typed, merchant = request.form.get("url", ""), request.form.get("merchant", "").strip()
    said = request.form.get("version", "")
    seen = int(said) if said.isdecimal() and len(said) < 9 else 0

    def unit(session: Session) -> None:
        who = acting()
        url = complete_page.read_address(typed, allow_http=_allows_http())
        row = _merchant(session, who.provider_id, merchant)
        complete_page.save(session, who, None if row is None else row.id, url, seen_version=seen)

    try:
        deps().transact(unit)
    except AppError as problem:
        where = "" if isinstance(problem, AdChanged) else _field(problem)
        return answers.form_again(
            "console/after_page.html", {where: problem}, **_shown(typed, merchant)
        )
    return answers.see(f"/console/ads/complete-page?merchant={merchant}")


def try_it() -> ResponseReturnValue:
    """Opens it as a phone would after paying. Nothing is saved."""
    typed, merchant = request.form.get("url", ""), request.form.get("merchant", "").strip()
    tried: Tried | None = None
    try:
        url = complete_page.read_address(typed, allow_http=_allows_http())
        if url is not None:
            tried = trying.try_page(deps(), url, answers.operator().out_mch_id)
    except AppError as problem:
        return answers.form_again(
            "console/after_page.html", {"url": problem}, **_shown(typed, merchant)
        )
    return answers.page("console/after_page.html", tried=tried, **_shown(typed, merchant))


def _field(problem: AppError) -> str:
    return "merchant" if isinstance(problem, AdPlace) else "url"


def _allows_http() -> bool:
    """In simulation, where the deployer opened addresses of its own network."""
    settings = deps().settings
    return settings.simulation and settings.allow_private_callbacks


def _merchant(session: Session, provider_id: int, number: str) -> Merchant | None:
    """None for the whole provider. Raises AdPlace for a number that is nobody's here."""
    if not number:
        return None
    found = session.scalar(
        select(Merchant).where(
            Merchant.provider_id == provider_id, Merchant.out_sub_mch_id == number[:32]
        )
    )
    if found is None:
        raise AdPlace("没有找到这个商户号")
    return found


def _shown(typed: str | None = None, merchant: str | None = None) -> dict[str, Any]:
    """`typed` keeps what was in the field; the row is that of the merchant, or the provider's."""
    number = (request.args.get("merchant", "") if merchant is None else merchant).strip()

    def unit(session: Session) -> dict[str, Any]:
        provider = answers.operator().provider
        try:
            chosen = _merchant(session, provider, number)
        except AdPlace:
            chosen = None
        chosen_id = None if chosen is None else chosen.id
        row = session.scalar(
            select(AfterPage).where(
                AfterPage.provider_id == provider,
                AfterPage.merchant_id.is_not_distinct_from(chosen_id),
            )
        )
        return {
            "chosen": chosen,
            "url": typed if typed is not None else (row.complete_url or "") if row else "",
            "version": row.version if row else 0,
            "others": _others(session, provider),
            "is_replaced": chosen is not None and gold_plan.is_open(session, provider, chosen.id),
        }

    return {
        **deps().transact(unit), "merchant": number, "names": complete_page.NAMES,
        "replaced": gold_plan.REPLACED_WHY,
    }  # fmt: skip


def _others(session: Session, provider: int) -> list[Any]:
    """Everybody who has one: the provider first, then merchants, at most a hundred."""
    wanted = (
        select(AfterPage.complete_url, AfterPage.changed_at, Merchant.out_sub_mch_id,
               Merchant.short_name)
        .outerjoin(
            Merchant,
            (Merchant.provider_id == AfterPage.provider_id)
            & (Merchant.id == AfterPage.merchant_id),
        )
        .where(AfterPage.provider_id == provider, AfterPage.complete_url.is_not(None))
        .order_by(AfterPage.merchant_id.nulls_first())
        .limit(100)
    )  # fmt: skip
    return list(session.execute(wanted))
