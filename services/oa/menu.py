"""The account's menu for merchants: what it should be, what WeChat has, and the difference."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import ndiff
from typing import Any

from errors import GatewayRejected
from services.deps import Deps
from services.oa.answering import HELP_KEY
from services.oa.tokens import call
from services.onboarding.checks import lock_provider, note

WHY = {
    "40018": "a button's name is too long",
    "40020": "a button's address is not taken",
    "40025": "a sub-button's name is too long",
    "40027": "a sub-button's address is not taken",
    "48001": "the account may not make menus: not verified, or the menu permission was not granted",
    "61007": "the menu permission (15) was not granted: authorise again",
    "65316": "the menu leads to more than three domains that are not the account's",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The menu as it should be, and what would change there. Lines begin with +, - or a blank."""

    buttons: tuple[dict[str, Any], ...]
    difference: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        return all(line.startswith(" ") for line in self.difference)


def wanted(base_url: str, out_mch_id: str) -> list[dict[str, Any]]:
    """Merchants' backend, today's takings, help."""
    return [
        {"type": "view", "name": "商户后台", "url": f"{base_url}/m/choose?p={out_mch_id}"},
        {"type": "view", "name": "今日收款", "url": f"{base_url}/m/?p={out_mch_id}"},
        {"type": "click", "name": "帮助", "key": HELP_KEY},
    ]


def plan(deps: Deps, out_mch_id: str) -> Plan:
    """Raises GatewayRejected, GatewayUnknown, NotFound."""
    provider = deps.transact(lambda s: lock_provider(s, out_mch_id))
    buttons = wanted(deps.settings.base_url, provider.out_mch_id)
    there = call(deps, provider.id, deps.gateways.wechat_menus.get)
    return Plan(tuple(buttons), tuple(difference(there, buttons)))


def apply(deps: Deps, out_mch_id: str, *, actor: str) -> Plan:
    """Make the menu; people see it within five minutes of opening the account again."""
    found = plan(deps, out_mch_id)
    if found.is_same:
        return found
    provider = deps.transact(lambda s: lock_provider(s, out_mch_id))
    buttons = list(found.buttons)
    menus = deps.gateways.wechat_menus
    try:
        call(deps, provider.id, lambda token: menus.create(token, buttons))
    except GatewayRejected as problem:
        why = WHY.get(problem.upstream_code)
        if why is None:
            raise
        raise GatewayRejected(problem.upstream_code, why) from None
    subject = f"provider:{provider.out_mch_id}"
    deps.transact(
        lambda s: note(
            s, lock_provider(s, provider.out_mch_id), actor, "oa_menu_set", subject, deps.now(),
            changed=list(found.difference),
        )
    )  # fmt: skip
    return found


def preview(buttons: tuple[dict[str, Any], ...]) -> list[str]:
    """The menu as lines, one per button."""
    return [line for button in buttons for line in _lines(button)]


def difference(there: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    """Line by line, in the order of the menu."""
    before = [line for button in there for line in _lines(button)]
    after = [line for button in ours for line in _lines(button)]
    return [line for line in ndiff(before, after) if line[0] != "?"]


def _lines(button: dict[str, Any], depth: int = 0) -> list[str]:
    subs = button.get("sub_button")
    name = str(button.get("name", ""))
    if isinstance(subs, list) and subs:
        inside = [line for sub in subs if isinstance(sub, dict) for line in _lines(sub, depth + 1)]
        return ["  " * depth + name, *inside]
    what = next((str(button[f]) for f in ("url", "key", "media_id") if button.get(f)), "")
    return ["  " * depth + f"{name} [{button.get('type', '')}] {what}".rstrip()]
