"""A person's yes to one use of the own data, and taking it back (个人信息保护法 13 to 16).

Each yes names the version of the words that were shown. A change of words is a new version: what
was agreed to before stays what it was, and the next form shows the new ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.consent import Consent, ConsentKind
from services import audit
from services.deps import Deps
from services.privacy.problems import ConsentMissing


class Words(NamedTuple):
    version: int
    zh: str  # as the form shows them; other languages stand in `translations/`


# The versions before stand in docs/privacy.md.
WORDS: Final = {
    ConsentKind.MEMBER_PHONE: Words(
        1, "同意商家用我的手机号发验证码、认领这张会员卡。可以随时撤回。"
    ),
    ConsentKind.MEMBER_NAME: Words(1, "同意商家保存这个称呼，店员凭它称呼我。可以随时撤回。"),
    ConsentKind.STAFF_PHONE: Words(
        1, "同意用我的手机号给我发收款通知短信，本店管理员能看到它。可以随时撤回。"
    ),
}


class Agreed(NamedTuple):
    """What a form brought: the version of the words that it showed, ticked or not."""

    version: str

    def check(self, kind: ConsentKind) -> int:
        """The version. Raises ConsentMissing without a tick, and for words of another day."""
        if self.version != str(WORDS[kind].version):
            raise ConsentMissing()
        return WORDS[kind].version


def give(
    session: Session,
    deps: Deps,
    provider_id: int,
    merchant_id: int,
    person_id: int,
    kind: ConsentKind,
    agreed: Agreed,
) -> None:
    """A yes to the words as they are now; the same yes again changes nothing."""
    version = agreed.check(kind)
    found = live(session, provider_id, merchant_id, person_id, kind)
    if found is not None and found.text_version == version:
        return
    now = deps.now()
    if found is not None:
        found.withdrawn_at = now
        session.flush()
    keys = {"p": provider_id, "m": merchant_id, "i": person_id, "kind": kind.value}
    made = session.execute(
        text(
            "INSERT INTO consent (provider_id, merchant_id, person_id, kind, text_version,"
            " given_at) VALUES (:p, :m, :i, :kind, :version, :now) ON CONFLICT DO NOTHING"
            " RETURNING id"
        ),
        {**keys, "version": version, "now": now},
    ).first()
    if made is not None:
        _note(session, deps, provider_id, person_id, "consent_given", kind, version)


def withdraw(
    session: Session,
    deps: Deps,
    provider_id: int,
    merchant_id: int,
    person_id: int,
    kind: ConsentKind,
) -> bool:
    """Ends a yes; whoever calls removes what was kept because of it."""
    found = live(session, provider_id, merchant_id, person_id, kind)
    if found is None:
        return False
    found.withdrawn_at = deps.now()
    session.flush()
    version = found.text_version
    _note(session, deps, provider_id, person_id, "consent_withdrawn", kind, version)
    return True


def live(
    session: Session, provider_id: int, merchant_id: int, person_id: int, kind: ConsentKind
) -> Consent | None:
    """The yes that holds now, locked."""
    return session.scalar(
        select(Consent)
        .where(
            Consent.provider_id == provider_id,
            Consent.merchant_id == merchant_id,
            Consent.person_id == person_id,
            Consent.kind == kind,
            Consent.withdrawn_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _note(
    session: Session,
    deps: Deps,
    provider_id: int,
    person_id: int,
    action: str,
    kind: ConsentKind,
    version: int,
) -> None:
    audit.record(
        session,
        provider_id=provider_id,
        actor=f"person:{person_id}",
        action=action,
        subject=f"person:{person_id}",
        at=deps.now(),
        kind=kind.value,
        text_version=version,
    )
