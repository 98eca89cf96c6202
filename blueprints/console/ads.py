"""Ads after payment: the list with the form of a new one, one ad with its versions, decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers, too_large
from blueprints.console.ads_seen import framing
from errors import AppError
from models.after_payment import Ad, AdPicture
from services.after_payment import ads, drafts, listing, pictures, switch
from services.after_payment.ads import Acting
from services.after_payment.listing import AdRow, AdState
from services.after_payment.pictures import Encoded
from services.after_payment.problems import AdChanged, PictureMissing, PictureSize
from services.console.rights import Right
from services.gold_plan import state as gold_plan
from services.totals import china_day
from web.runtime import deps

FIELDS: Final = ("name", "link", "scope", "target", "starts_on", "ends_on", "weight",
                 "most_per_day", "picture_id", "version")  # fmt: skip
MOST_BYTES: Final = pictures.MOST_SENT + 128 * 1024
Form = dict[str, str]


def acting() -> Acting:
    who = answers.operator()
    return Acting(who.provider, who.actor, deps().now())


def today() -> date:
    return china_day(deps().now())


def index() -> ResponseReturnValue:
    return framing(answers.page("console/ads.html", **_index(_blank())))


def show(public_id: str) -> ResponseReturnValue:
    row = deps().transact(lambda s: _one(s, public_id))
    return framing(answers.page("console/ad.html", **_detail(row, _form_of(row))))


def create() -> ResponseReturnValue:
    """A new ad; `go=live` by who may approve puts it on at once."""
    form, go_live, sent = _typed(), _goes_live(), _sent()

    def unit(session: Session) -> Ad | Mapping[str, AppError]:
        who = acting()
        reading = drafts.read(session, who.provider_id, form, today())
        picture = _picture(session, who, form, sent, reading.problems, needed=True)
        if reading.draft is None or picture is None:
            return reading.problems
        return ads.add(session, who, reading.draft, picture, go_live=go_live)

    made = deps().transact(unit)
    if isinstance(made, Ad):
        return answers.see(f"/console/ads/{made.public_id}")
    return _form_again("console/ads.html", made, _index(form))


def change(public_id: str) -> ResponseReturnValue:
    form, go_live, sent = _typed(), _goes_live(), _sent()
    seen = int(form["version"]) if form["version"].isdecimal() else 0

    def unit(session: Session) -> Ad | Mapping[str, AppError]:
        who = acting()
        ads.lock(session, who.provider_id, public_id)
        reading = drafts.read(session, who.provider_id, form, today())
        picture = _picture(session, who, form, sent, reading.problems, needed=False)
        if reading.draft is None or reading.problems:
            return reading.problems
        try:
            return ads.change(
                session, who, public_id, reading.draft, picture, seen_version=seen, go_live=go_live
            )
        except AdChanged as problem:
            return {"": problem}

    made = deps().transact(unit)
    if isinstance(made, Ad):
        return answers.see(f"/console/ads/{public_id}")
    return _again(public_id, made, form)


def _again(public_id: str, problems: Mapping[str, AppError], form: Form) -> Response:
    """With the version of now, so that saving once more is a decision and no accident."""
    row = deps().transact(lambda s: _one(s, public_id))
    if "" in problems:
        form = {**form, "version": str(row.version)}
    return _form_again("console/ad.html", problems, _detail(row, form))


def _form_again(
    template: str, problems: Mapping[str, AppError], shown: Mapping[str, Any]
) -> Response:
    """As `answers.form_again`, for what was typed is in `shown`: a request that was too large has
    no form."""
    response = answers.page(template, 422, problems=problems, **shown)
    response.headers["X-Form-Again"] = "1"
    return framing(response)


def approve(public_id: str) -> ResponseReturnValue:
    number = _number()
    return _act(public_id, lambda s, who: ads.approve(s, who, public_id, number))


def refuse(public_id: str) -> ResponseReturnValue:
    number, why = _number(), request.form.get("why", "")
    return _act(public_id, lambda s, who: ads.refuse(s, who, public_id, number, why))


def stop(public_id: str) -> ResponseReturnValue:
    return _act(public_id, lambda s, who: ads.stop(s, who, public_id))


def start(public_id: str) -> ResponseReturnValue:
    return _act(public_id, lambda s, who: ads.start(s, who, public_id))


def stop_all() -> ResponseReturnValue:
    deps().transact(lambda s: switch.stop_all(s, acting()))
    return answers.see("/console/ads")


def allow_all() -> ResponseReturnValue:
    deps().transact(lambda s: switch.allow_all(s, acting()))
    return answers.see("/console/ads")


def _act(public_id: str, work: Callable[[Session, Acting], Ad]) -> ResponseReturnValue:
    deps().transact(lambda s: work(s, acting()) and None)
    return answers.see(f"/console/ads/{public_id}")


def _number() -> int:
    said = request.form.get("number", "")
    return int(said) if said.isdecimal() and len(said) < 9 else 0


def _goes_live() -> bool:
    return request.form.get("go") == "live" and answers.operator().may(Right.APPROVE)


def _typed() -> Form:
    return {name: request.form.get(name, "")[:600] for name in FIELDS}


def _blank() -> Form:
    """Of a new ad; `?merchant=<number>` begins one for that merchant."""
    merchant = request.args.get("merchant", "")[:32]
    return {
        **dict.fromkeys(FIELDS, ""), "scope": "merchant" if merchant else "all",
        "target": merchant, "starts_on": today().isoformat(), "weight": "10",
    }  # fmt: skip


def _form_of(row: AdRow) -> Form:
    values = {
        "name": row.name, "link": row.link, "scope": row.scope, "target": row.target,
        "starts_on": row.starts_on, "ends_on": row.ends_on, "weight": row.weight,
        "most_per_day": row.most_per_day, "version": row.version,
    }  # fmt: skip
    return {name: "" if values.get(name) is None else str(values.get(name)) for name in FIELDS}


def _sent() -> Encoded | AppError | None:
    """The picture that came with the form, encoded anew; None where none did."""
    sent = request.files.get("picture")
    if sent is None or not sent.filename:
        return None
    try:
        return pictures.encode(sent.stream.read(pictures.MOST_SENT + 1))
    except AppError as problem:
        return problem


def _picture(
    session: Session,
    who: Acting,
    form: Form,
    sent: Encoded | AppError | None,
    problems: dict[str, AppError],
    *,
    needed: bool,
) -> AdPicture | None:
    """What came now, or with the form before. It is kept whatever else stands against the form:
    nobody picks a file twice."""
    if isinstance(sent, AppError):
        problems["picture"] = sent
        return None
    if sent is not None:
        kept = pictures.keep(session, who.provider_id, sent, by=who.actor, at=who.at)
        form["picture_id"] = kept.public_id
        return kept
    found = pictures.find(session, who.provider_id, form["picture_id"])
    if found is None and needed:
        problems["picture"] = PictureMissing()
    return found


def _one(session: Session, public_id: str) -> AdRow:
    return listing.one(session, answers.operator().provider, public_id, today())


def _index(form: Form) -> dict[str, Any]:
    """What the page of the list shows besides the form."""
    said = request.args.get("state", "")
    state = AdState(said) if said in set(AdState) else None

    def unit(session: Session) -> dict[str, Any]:
        provider = answers.operator().provider
        beside = {name: request.args.get(name, "")[:24] or None for name in ("before", "after")}
        return {
            "found": listing.page(session, provider, today(), state=state, **beside),
            "picture": pictures.find(session, provider, form["picture_id"]),
            **_switch(session, provider),
        }

    shown = deps().transact(unit)
    return {**shown, "form": form, "state": said if state else "", **_words()}


def _detail(row: AdRow, form: Form) -> dict[str, Any]:
    def unit(session: Session) -> dict[str, Any]:
        provider = answers.operator().provider
        versions = listing.versions(session, provider, row.id)
        actors = {row.stopped_by}
        for one in versions:
            actors |= {one.uploaded_by, one.approved_by, one.refused_by}
        return {
            "versions": versions,
            "days": listing.days(session, provider, row.id, today()),
            "names": listing.names_of(session, provider, actors),
            "picture": pictures.find(session, provider, form["picture_id"] or row.picture),
            "is_replaced": row.of_merchant is not None
            and gold_plan.is_open(session, provider, row.of_merchant),
            **_switch(session, provider),
        }

    return {**deps().transact(unit), "ad": row, "form": form, **_words()}


def _switch(session: Session, provider: int) -> dict[str, Any]:
    row = switch.of_provider(session, provider)
    by = row.ads_stopped_by if row else None
    return {
        "stopped_at": row.ads_stopped_at if row else None,
        "stopped_by": listing.names_of(session, provider, [by]).get(by or "", ""),
        "has_page": row is not None and bool(row.complete_url),
    }


def _words() -> dict[str, Any]:
    return {
        "scopes": drafts.SCOPES, "states": listing.STATE_WORDS, "replaced": gold_plan.REPLACED_WHY,
        "most_sent": pictures.MOST_SENT,
    }  # fmt: skip


def _too_large(typed: Mapping[str, str], size: int) -> Response:
    """The form again, without the picture that was too large for it."""
    form = {name: typed.get(name, "")[:600] for name in FIELDS}
    problem = PictureSize(f"图片有 {size / 1048576:.1f} MB，最多 2 MB")
    public_id = (request.view_args or {}).get("public_id")
    if public_id is not None:
        return _again(public_id, {"picture": problem}, form)
    return _form_again("console/ads.html", {"picture": problem}, _index(form))


too_large.FORMS.update({"ads_create": _too_large, "ad_change": _too_large})
