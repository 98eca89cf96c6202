"""Pay codes: whose a link, a code or a number is; and the batches of blank ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.console import answers
from models.health import Level
from models.merchant import Store
from models.paycode import PayCode
from services import audit
from services.blank_codes import reading as batches
from services.blank_codes.making import AT_ONCE, LONGEST_NOTE, MOST_PACKAGES, PACKAGE
from services.code_finding import numbers
from services.code_finding.finding import Found, Verdict, find
from services.code_finding.parsing import LABELS, Kind
from services.health import reading as health
from services.help import link_for
from services.onboarding.merchants import code_url
from services.paycodes.reading import KINDS
from services.stores.reading import name_of
from web.files import as_csv
from web.formats import local_time
from web.problems import problem
from web.qr import svg_uri
from web.runtime import deps

CODES: Final = "/console/codes"
DEVICES_HEAD: Final = ("类型", "编号", "商户编号", "商户", "门店编号", "门店", "从什么时候起")
CHIPS: Final = {
    Level.OK: ("ok", "正常"),
    Level.WARN: ("warn", "注意"),
    Level.BAD: ("bad", "有问题"),
    Level.UNKNOWN: ("", "未知"),
}


@dataclass(frozen=True, slots=True)
class Meets:
    """What whoever scans it meets, in the words of the customer's page."""

    channel: str
    title: str
    code: str
    help_url: str | None
    staff: tuple[str, ...]


def show() -> ResponseReturnValue:
    """With `?q=` what was asked for: a printed code or a number; what is secret comes by POST."""
    return page(request.args.get("q", ""))


def send() -> ResponseReturnValue:
    return page(request.form.get("q", ""))


def page(asked: str = "", status: int = 200, **more: Any) -> Response:
    provider_id = answers.operator().provider
    before = request.args.get("before", "")
    wanted = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None

    def unit(session: Session) -> dict[str, Any]:
        found = find(session, deps(), provider_id, asked)
        ids = sorted({hit.merchant_id for hit in found.hits})
        return {
            "found": found, "health": _health(session, found),
            "levels": health.worst_of(session, provider_id, ids) if ids else {},
            "batches": batches.newest(session, provider_id, wanted),
        }  # fmt: skip

    held = deps().transact(unit)
    found, findings, lines = held["found"], held["health"], held["batches"]
    shown = {
        "found": found, "typed_code": found.link.typed, "kind_label": LABELS[found.kind],
        "Kind": Kind, "meets": [_meets(found, one) for one in found.verdicts],
        "findings": [one for one in findings if not one.is_fine], "checks": len(findings),
        "chips": CHIPS, "place": _place(found), "code_line": _code_line(found.code),
        "own_url": _own_url(found), "qr_of": svg_uri,
        "kinds": KINDS, "connected": numbers.connected(), "missing": numbers.missing(),
        "own_address": deps().settings.base_url, "link_to": link_to,
        "levels": held["levels"], "level_chips": {str(k.value): v for k, v in CHIPS.items()},
        "batches": lines, "is_first": wanted is None,
        "last": lines[-1].number if len(lines) == batches.PAGE and lines[-1].number > 1 else None,
        "package": PACKAGE, "most": MOST_PACKAGES, "at_once": AT_ONCE, "longest_note": LONGEST_NOTE,
    }  # fmt: skip
    return answers.page("console/codes.html", status, **{**shown, **more})


def devices_csv() -> ResponseReturnValue:
    """Which device is at whom, and since when: what is asked for when one breaks or moves."""
    who, now = answers.operator(), deps().now()

    def unit(session: Session) -> None:
        audit.record(
            session, provider_id=who.provider, actor=who.actor, action="file_exported",
            subject="devices", at=now,
        )  # fmt: skip

    deps().transact(unit)
    lines = (
        (one.kind, one.name, one.merchant, one.merchant_name, one.store, one.store_name, one.since)
        for one in numbers.every_device(deps(), who.provider)
    )
    return as_csv(f"devices-{local_time(now)[:10]}.csv", DEVICES_HEAD, lines)


def link_to(path: str) -> str:
    """The path where there is such a page, else ""."""
    return path if current_app.url_map.bind("").test(path, "GET") else ""


def _health(session: Session, found: Found) -> list[health.Finding]:
    """The provider's checks, and those of the merchant and this one store."""
    if found.merchant is None:
        return []
    now, provider_id = deps().now(), found.merchant.provider_id
    of_merchant = health.of_merchant(session, provider_id, found.merchant.id, now)
    store_id = found.store.id if found.store is not None else None
    own = [one for one in of_merchant if one.store_id in (None, store_id)]
    return [*health.of_provider(session, provider_id, now), *own]


def _meets(found: Found, verdict: Verdict) -> Meets:
    if verdict.problem is None:
        return Meets(verdict.channel, "可以付款", "", None, ())
    known = {**verdict.problem.facts, "client": verdict.channel}
    code = known.pop("code", None)
    said = problem(verdict.problem.code, code_id=code, **known)
    return Meets(
        verdict.channel, said.title, said.code, link_for(said.code), said.staff_steps or said.steps
    )


def _place(found: Found) -> str:
    return name_of(found.store) if isinstance(found.store, Store) else ""


def _own_url(found: Found) -> str:
    """The link of a code that is bound to a store of ours, as it is printed."""
    if found.code is None or found.store is None:
        return ""
    return code_url(deps(), answers.operator().out_mch_id, found.code.code)


def _code_line(code: PayCode | None) -> str:
    if code is None:
        return ""
    return "-".join(code.code[i : i + 4] for i in range(0, len(code.code), 4))
