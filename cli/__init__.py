"""Commands: `flask --app app <name>`."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    from cli import (
        backup,
        bills,
        callbacks,
        cases,
        codepay,
        demo,
        events,
        keyring,
        onboarding,
        orders,
        payers,
        refunds,
        totals,
        worker,
    )

    for module in (
        demo,
        onboarding,
        orders,
        refunds,
        codepay,
        callbacks,
        totals,
        bills,
        cases,
        events,
        payers,
        keyring,
        backup,
        worker,
    ):
        for command in module.COMMANDS:
            app.cli.add_command(command)
