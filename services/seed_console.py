"""Demo data: three accounts of the console, one of each role. Simulation only.

Their passwords are made from the deployment's own ring: none is in the code, and the demo can
print them again.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.console import ConsoleRole, ConsoleUser
from models.provider import Provider
from services.accounts import seal_place
from services.console import totp
from services.console.accounts import add_member, add_user
from services.deps import Deps

USERS: Final = (
    ("demo", "沈澄", ConsoleRole.ADMIN),
    ("demo-operator", "陆一行", ConsoleRole.OPERATOR),
    ("demo-viewer", "方远", ConsoleRole.VIEWER),
)


def seed_console(deps: Deps, out_mch_id: str) -> bool:
    """Make them once; False where there are accounts already, or no such provider."""

    def unit(session: Session) -> bool:
        provider = session.scalar(select(Provider.id).where(Provider.out_mch_id == out_mch_id))
        if provider is None or session.scalar(select(ConsoleUser.id).limit(1)) is not None:
            return False
        now = deps.now()
        for username, name, role in USERS:
            user = add_user(
                session, deps, username=username, name=name, password=_password(deps, username),
                totp_secret=totp.make_secret(), now=now,
                can_add_providers=role is ConsoleRole.ADMIN,
            )  # fmt: skip
            add_member(session, provider, user.id, role, now)
        return True

    return deps.transact(unit)


def demo_logins(session: Session, deps: Deps) -> list[dict[str, Any]]:
    """How to sign in as each; [] where the demo's accounts are not there."""
    names = [username for username, _, _ in USERS]
    found = session.scalars(
        select(ConsoleUser).where(ConsoleUser.username.in_(names)).order_by(ConsoleUser.id)
    )
    return [
        {
            "username": user.username,
            "password": _password(deps, user.username),
            "totp_secret": deps.ring.open(
                user.totp_sealed, seal_place("console_user", "totp_sealed", user.seal_key)
            ),
            "url": f"{deps.settings.base_url}/console/",
        }
        for user in found
        if user.totp_sealed is not None
    ]


def _password(deps: Deps, username: str) -> str:
    return deps.ring.blind(username, "demo-console")[:20]
