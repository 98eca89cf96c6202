"""Ids of accounts and their sessions."""

from __future__ import annotations

from tests.harness.console import Console
from tests.integration.console.ids import supplies


@supplies("people.number")
def member(desk: Console) -> str:
    """The demo's viewer."""
    return str(
        desk.product.one(
            "SELECT m.id FROM console_member m JOIN console_user u ON u.id = m.user_id"
            " WHERE u.username = 'demo-viewer'"
        ).id
    )
