"""A further provider of a deployment, made by an account that may (product PRV-1)."""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from errors import BadInput, Forbidden
from models.console import ConsoleRole
from services.console import signing_in
from services.console.accounts import add_member
from services.console.acting import Operator
from services.deps import Deps
from services.onboarding.checks import letters
from services.onboarding.providers import make_provider


class ProviderName(BadInput):
    title = "名称要有 1 到 64 个字，不含换行和控制字符"
    steps = ("填写微信服务商平台上的全称。",)
    money = ""


def add(deps: Deps, who: Operator, typed: str) -> str:
    """The account is its admin and acts for it from now on; gives its `out_mch_id`.

    Raises Forbidden for an account that may not, and ProviderName.
    """
    if not who.can_add_providers:
        raise Forbidden("may not add providers")
    name = re.sub(r"\s+", " ", typed).strip()
    if not name or len(name) > 64 or not name.isprintable():
        raise ProviderName

    def unit(session: Session) -> str:
        chosen = "sz" + letters(18)
        made = make_provider(session, deps, name=name, out_mch_id=chosen, actor=who.actor)
        add_member(session, made.id, who.user_id, ConsoleRole.ADMIN, deps.now())
        signing_in.choose(session, who.session_hash, who.user_id, chosen)
        return chosen

    return deps.transact(unit)
