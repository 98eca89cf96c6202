"""A second factor that is being set up: its secret travels with the form, sealed.

Nothing is kept before the first code from the new authenticator was right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from secretbox.ring import SealBroken
from services.accounts import seal_place
from services.console import totp
from services.console.problems import CodeRefused
from services.deps import Deps

LIFE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`secret` in base32 for who types it, `uri` for who scans it, `sealed` for the form."""

    secret: str
    uri: str
    sealed: str

    @property
    def spaced(self) -> str:
        """The secret in groups of four, as people read it."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))


def begin(deps: Deps, subject: str, username: str) -> Enrolment:
    """A fresh secret, good for the form of `subject` (a link or a session) alone."""
    secret = totp.make_secret()
    said = f"{secret} {int((deps.now() + LIFE).timestamp())}"
    return Enrolment(secret, totp.uri(secret, username), deps.ring.seal(said, _place(subject)))


def again(deps: Deps, sealed: str, subject: str, username: str) -> Enrolment:
    """The same as a form brought it back, so that its picture stays; a fresh one if it is over."""
    secret = _secret(deps, sealed, subject, deps.now())
    if secret is None:
        return begin(deps, subject, username)
    return Enrolment(secret, totp.uri(secret, username), sealed)


def prove(deps: Deps, sealed: str, subject: str, code: str, now: datetime) -> tuple[str, int]:
    """The secret and the step of its first code. Raises CodeRefused."""
    secret = _secret(deps, sealed, subject, now)
    if secret is None:
        raise CodeRefused("这张二维码已过期，请用新的验证器条目重新扫描")
    step = totp.taken_step(secret, code, now, 0)
    if step is None:
        raise CodeRefused("验证码不对：扫描上面的二维码后，输入验证器显示的 6 位数字")
    return secret, step


def _secret(deps: Deps, sealed: str, subject: str, now: datetime) -> str | None:
    try:
        secret, _, until = deps.ring.open(sealed, _place(subject)).partition(" ")
    except SealBroken:
        return None
    return secret if now.timestamp() < int(until) else None


def _place(subject: str) -> str:
    return seal_place("console_user", "enrolment", subject)
