"""Which template of its account a provider tells payments by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from errors import BadInput, NotFound
from gateways.wechat_oa.messages import Template
from models.payment_notice import NoticeTemplate
from services.deps import Deps
from services.oa.tokens import call
from services.onboarding.checks import lock_provider, note
from services.payment_notices import words

_SAMPLE = words.Facts(
    "S" * 32, 123_456, datetime(2026, 1, 1, tzinfo=UTC), "wechat",
    is_recharge=False, is_large=False, merchant="商户", store="门店",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is now: the row, and what became of the last day's notices, by state."""

    template_id: str
    fields: dict[str, str]
    is_active: bool
    counts: dict[str, int]


def templates(deps: Deps, out_mch_id: str) -> list[Template]:
    """Those that the account has. Raises GatewayRejected, GatewayUnknown, PayProblem, NotFound."""
    provider = deps.transact(lambda s: lock_provider(s, out_mch_id))
    return call(deps, provider.id, deps.gateways.wechat_notices.templates)


def use(
    deps: Deps, out_mch_id: str, template_id: str, given: Mapping[str, str], *, actor: str
) -> dict[str, str]:
    """Tell by this one from now on: what is not given is guessed from the template's own words.

    The keywords in use. Raises NotFound for a template that the account has not, BadInput.
    """
    known = {one.template_id: one for one in templates(deps, out_mch_id)}
    if template_id not in known:
        raise NotFound(f"the account has no template {template_id[:64]}")
    fields = checked(known[template_id], given)

    def unit(session: Session) -> None:
        provider = lock_provider(session, out_mch_id)
        row = session.scalar(_row(provider.id).with_for_update())
        if row is None:
            row = NoticeTemplate(provider_id=provider.id, template_id=template_id, fields=fields)
            session.add(row)
        row.template_id, row.fields, row.is_active = template_id, dict(fields), True
        row.changed_at = deps.now()
        session.flush()
        subject = f"provider:{provider.out_mch_id}"
        note(
            session, provider, actor, "notice_template_set", subject, deps.now(),
            template=template_id, fields=fields,
        )  # fmt: skip

    deps.transact(unit)
    return fields


def checked(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """A source for each keyword of the template, and for no other. Raises BadInput."""
    keys = [key for key, _ in template.keys]
    if not keys:
        raise BadInput(f"the template {template.title} has no keywords that can be read")
    if foreign := sorted(set(given) - set(keys)):
        raise BadInput(f"the template has no {foreign[0]}; it has {', '.join(keys)}")
    for key, source in given.items():
        if source not in words.SOURCES and not source.startswith(words.FIXED):
            raise BadInput(f"{key}: not {source}, but one of {', '.join(words.SOURCES)}, or =words")
    fields = words.guess(template.keys) | dict(given)
    for key, value in words.data(fields, _SAMPLE).items():
        if not value:
            raise BadInput(f"{key} would be empty")
    return fields


def stop(deps: Deps, out_mch_id: str, *, actor: str) -> None:
    """Tell nobody any more; the template is kept. Raises NotFound where none is set."""

    def unit(session: Session) -> None:
        provider = lock_provider(session, out_mch_id)
        row = session.scalar(_row(provider.id).with_for_update())
        if row is None:
            raise NotFound("no template is set")
        row.is_active, row.changed_at = False, deps.now()
        session.flush()
        subject = f"provider:{provider.out_mch_id}"
        note(session, provider, actor, "notice_template_off", subject, deps.now())

    deps.transact(unit)


_COUNTS = text("""
SELECT status || CASE WHEN status = 'sent' THEN ' by ' || way ELSE '' END AS state, count(*) AS n
FROM payment_notice WHERE provider_id = :p AND created_at > CAST(:now AS timestamptz)
    - interval '1 day' GROUP BY 1 ORDER BY 1
""")


def standing(deps: Deps, out_mch_id: str) -> Standing | None:
    """None where no template was ever set. Raises NotFound for an unknown provider."""

    def unit(session: Session) -> Standing | None:
        provider = lock_provider(session, out_mch_id)
        row = session.scalar(_row(provider.id))
        if row is None:
            return None
        counts = session.execute(_COUNTS, {"p": provider.id, "now": deps.now()})
        return Standing(
            row.template_id, dict(row.fields), row.is_active, {r.state: r.n for r in counts}
        )

    return deps.transact(unit)


def is_on(session: Session, provider_id: int) -> bool:
    row = session.scalar(_row(provider_id))
    return row is not None and row.is_active


def _row(provider_id: int) -> Select[NoticeTemplate]:
    return select(NoticeTemplate).where(NoticeTemplate.provider_id == provider_id)
