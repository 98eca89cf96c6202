"""`flask worker`: jobs, due times and heartbeats, until it is told to stop."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from web.runtime import deps


@click.command("worker")
@with_appcontext
def worker_command() -> None:
    """Run one worker. Any number may run, on any number of machines."""
    from tasks.worker import run_worker

    run_worker(deps())


COMMANDS = (worker_command,)
