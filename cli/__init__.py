"""Commands: `flask --app app <name>`."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    from cli import (
        api,
        audit,
        backup,
        bills,
        callbacks,
        cards,
        cards_caps,
        cards_law,
        cards_members,
        cards_payouts,
        cases,
        codepay,
        console,
        demo,
        devices,
        events,
        keyring,
        ledger,
        oa,
        oa_notices,
        onboarding,
        orders,
        payers,
        people,
        refunds,
        totals,
        worker,
    )

    for module in (
        demo,
        onboarding,
        oa,
        oa_notices,
        orders,
        refunds,
        codepay,
        callbacks,
        cards,
        cards_members,
        cards_law,
        cards_payouts,
        cards_caps,
        totals,
        bills,
        cases,
        events,
        payers,
        people,
        devices,
        keyring,
        ledger,
        backup,
        audit,
        api,
        console,
        worker,
    ):
        for command in module.COMMANDS:
            app.cli.add_command(command)
