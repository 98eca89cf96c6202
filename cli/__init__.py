"""Commands: `flask --app app <name>`."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    from cli import (
        backup,
        callbacks,
        cases,
        demo,
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
        callbacks,
        totals,
        cases,
        payers,
        keyring,
        backup,
        worker,
    ):
        for command in module.COMMANDS:
            app.cli.add_command(command)
