"""Commands: `flask --app app <name>`."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    from cli import demo, keyring, orders, worker

    for command in (*demo.COMMANDS, *orders.COMMANDS, *keyring.COMMANDS, *worker.COMMANDS):
        app.cli.add_command(command)
