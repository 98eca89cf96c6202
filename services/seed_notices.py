"""Demo data: the demo provider tells payments by the template that its account has for it."""

from __future__ import annotations

from typing import Any, Final

from services.deps import Deps
from services.payment_notices import setting

TITLE: Final = "收款到账通知"


def seed_notices(deps: Deps, credentials: dict[str, Any], out_mch_id: str) -> bool:
    """Set it once; False where one is set, or the account has none. Asks the simulator's WeChat."""
    if setting.standing(deps, out_mch_id) is not None:
        return False
    accounts: list[dict[str, Any]] = credentials["wechat"].get("accounts", [])
    for template in accounts[0]["templates"] if accounts else ():
        if template["title"] == TITLE:
            setting.use(deps, out_mch_id, template["template_id"], {}, actor="seed")
            return True
    return False
