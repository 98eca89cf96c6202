"""What the provider says about its own page at WeChat, and what each receipt shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from services import audit
from services.deps import Deps
from services.gold_plan import rows


def set_provider(
    deps: Deps, provider_id: int, *, managed: bool, has_link: bool, actor: str
) -> None:
    """`managed`: "open by default" is on at WeChat. `has_link`: the receipt link is entered there.

    Nobody can ask WeChat for either.
    """

    def unit(session: Session) -> None:
        now = deps.now()
        row = rows.lock_setting(session, provider_id, now)
        row.managed_by_default, row.has_link = managed, has_link
        audit.record(
            session, provider_id=provider_id, actor=actor, action="gold_plan_setting",
            subject="provider", at=now, managed=managed, has_link=has_link,
        )  # fmt: skip

    deps.transact(unit)


def set_blocks(
    deps: Deps, provider_id: int, merchant_id: int, blocks: Sequence[dict[str, Any]], *, actor: str
) -> None:
    """What the merchant's receipt shows from the next view on."""

    def unit(session: Session) -> None:
        now = deps.now()
        row = rows.lock(session, provider_id, merchant_id, now)
        row.blocks = list(blocks)
        audit.record(
            session, provider_id=provider_id, actor=actor, action="gold_plan_receipt",
            subject=f"merchant:{merchant_id}", at=now, blocks=[one["kind"] for one in blocks],
        )  # fmt: skip

    deps.transact(unit)
