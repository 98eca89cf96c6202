"""`/console/official`: the official account: what it granted us, and the four checks in order."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.orm import Session

from blueprints.console import answers
from blueprints.console.findings import SHOWN
from errors import AppError
from models.health import Level
from models.official import OaMode
from services.configuration import wallets, words
from services.configuration.words import FieldWrong
from services.health import reading, running
from services.health.reading import Finding
from services.oa import grants, rows, setting
from services.oa.health import FEATURES
from web.runtime import deps

PAY_PATHS: Final = ("/q/", "/card/", "/cpay/")
# The four checks of an authorisation that failed, in their order.
ORDER: Final = (
    ("oa_verified", "公众号的审核与认证是否有效"),
    ("oa_web", "网页授权的权限是否齐全"),
    ("pay_page", "用任一门店的收款码付一笔，能付成即配置正常"),
)


def show() -> ResponseReturnValue:
    return answers.page("console/official.html", typed={}, problems={}, **_look())


def _look() -> dict[str, Any]:
    who = answers.operator()

    def unit(session: Session) -> dict[str, Any]:
        row = session.scalar(rows.of_provider(who.provider))
        found = {
            one.check.name: one for one in reading.of_provider(session, who.provider, deps().now())
        }
        count = session.execute(
            text("SELECT count(*) FROM merchant WHERE provider_id = :p AND is_active"),
            {"p": who.provider},
        ).scalar()
        return {
            "row": row,
            "app_id": str(wallets.facts(session, who.provider, "wechat", "oa").get("app_id") or ""),
            "secret_since": wallets.secrets_since(session, who.provider, "wechat", "oa"),
            "has_platform": session.scalar(text("SELECT 1 FROM wechat_component LIMIT 1"))
            is not None,
            "is_component": row is not None and row.mode is OaMode.COMPONENT,
            "scopes": _scopes(row),
            "trouble": _worst(found),
            "steps": [(label, found.get(name)) for name, label in ORDER],
            "merchants": count,
        }

    base = deps().settings.base_url
    return deps().transact(unit) | {
        "shown": SHOWN,
        "directories": [base + path for path in PAY_PATHS],
        "domain": base.partition("://")[2].partition("/")[0],
        "out_mch_id": who.out_mch_id,
        "said": request.args.get("said", ""),
    }


def _scopes(row: Any) -> list[tuple[str, str, str, str]]:
    """Name, purpose, kind of chip and its word of each permission set that is of use."""
    found = []
    for one in FEATURES:
        if row is None or row.mode is OaMode.DIRECT:
            chip = ("", "微信不告知")
        elif row.is_authorised and one.func in row.granted:
            chip = ("ok", "已授权")
        else:
            chip = ("bad", "缺失") if one.func == 4 else ("", "未授权")
        found.append((one.name, one.purpose, *chip))
    return found


def _worst(found: dict[str, Finding]) -> Finding | None:
    names = ("oa_access", "oa_verified", "oa_web", "pay_page")
    wrong = [found[name] for name in names if name in found and found[name].level is Level.BAD]
    return wrong[0] if wrong else None


def authorise() -> ResponseReturnValue:
    """To the page of consent, by a link that is good for an hour."""
    who = answers.operator()
    try:
        return answers.see(grants.link(deps(), who.out_mch_id, actor=who.actor))
    except AppError:
        wrong = FieldWrong("本系统还没有设置第三方平台：用下面的直连方式")
        return answers.form_again("console/official.html", {"": wrong}, **_look())


def direct() -> ResponseReturnValue:
    """The account's own AppID and AppSecret, kept with us; asked at once whether they are right."""
    who = answers.operator()
    typed = {"sp_appid": request.form.get("sp_appid", ""),
             "oa_secret": request.form.get("oa_secret", "")}  # fmt: skip
    out = wallets.save_wechat(deps(), who.provider, typed, actor=who.actor)
    if not out.problems:
        try:
            setting.set_direct(deps(), who.out_mch_id, setting.Entry(), actor=who.actor)
        except AppError as problem:
            out = wallets.Outcome({"": words.said(problem)})
    if out.problems:
        return answers.form_again("console/official.html", out.problems, **_look())
    running.check_provider(deps(), who.provider, "oa_")
    return answers.see("/console/official?said=saved")


def verified() -> ResponseReturnValue:
    """When the verification ends: no call of WeChat's tells it."""
    who = answers.operator()
    try:
        day = date.fromisoformat(request.form.get("until", ""))
    except ValueError:
        wrong = FieldWrong("填日期，如 2027-06-30")
        return answers.form_again("console/official.html", {"until": wrong}, **_look())
    until = datetime.combine(day, time(), UTC)
    try:
        if deps().transact(lambda s: s.scalar(rows.of_provider(who.provider))) is None:
            entry = setting.Entry(verified_until=until)  # an account that nothing is known of yet
            setting.set_direct(deps(), who.out_mch_id, entry, actor=who.actor)
        else:
            setting.set_verified_until(deps(), who.out_mch_id, until, actor=who.actor)
    except AppError as problem:
        wrong = words.said(problem)
        return answers.form_again("console/official.html", {"until": wrong}, **_look())
    running.check_provider(deps(), who.provider, "oa_")
    return answers.see("/console/official?said=saved")
