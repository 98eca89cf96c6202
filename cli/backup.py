"""`flask backup` and `flask restore`: the database on a disk, without the key ring."""

from __future__ import annotations

import json
from pathlib import Path

import click
from flask.cli import AppGroup, with_appcontext

from cli.supervise import migrate
from config.settings import ROOT
from postgres import addresses
from postgres.programs import PostgresUnavailable
from services.backups import making, manifest, restoring
from services.backups.manifest import BackupBroken, Manifest
from web.runtime import deps

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("backup", cls=AppGroup, invoke_without_command=True)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Where its folder is made. Default: $DATA_DIR/backups.",
)
@click.pass_context
@with_appcontext
def backup(context: click.Context, to: Path | None) -> None:
    """Back up the database while everything serves. The key ring is never in it."""
    if context.invoked_subcommand is not None:
        return
    settings = deps().settings
    into = (to or settings.data_dir / "backups").resolve()
    try:
        folder, made = making.make(deps(), addresses.resolve(settings).owner, into)
    except (PostgresUnavailable, OSError) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(json.dumps({"backup": str(folder), **_told(made)}))


@backup.command("verify")
@click.argument("folder", type=FOLDER)
def verify(folder: Path) -> None:
    """Check a backup's files, signature and that the key ring here opens it. Exit 1 if not."""
    try:
        found = manifest.verify(folder, deps().ring)
    except BackupBroken as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(json.dumps({"backup": str(folder), "whole": True, **_told(found)}))


@click.command("restore")
@click.argument("folder", type=FOLDER)
@with_appcontext
def restore(folder: Path) -> None:
    """Put a backup into an EMPTY database, then migrate and set rights. Stop web and worker first.

    It must be the ring that the backup was made under. Refunds wait until `orders resync` is done.
    """
    where = addresses.resolve(deps().settings)
    try:
        found = restoring.restore(
            deps(), where.owner, folder, migrate=lambda: migrate(where), newest=newest_revision()
        )
    except (BackupBroken, PostgresUnavailable) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(json.dumps({"restored": str(folder), **_told(found)}))
    click.echo(
        "Next: start web and worker, then type\n"
        f"  flask --app app orders resync --since {found.snapshot_at}\n"
        "Payments and refunds made after the backup come back from the wallets; until it has run,"
        " refunds are refused."
    )


def newest_revision() -> str:
    names = (ROOT / "migrations" / "versions").glob("[0-9]*.py")
    return max(path.name.partition("_")[0] for path in names)


def _told(made: Manifest) -> dict[str, object]:
    return {
        "snapshot_at": made.snapshot_at,
        "schema": made.revision,
        "server": made.server,
        "rows": sum(made.rows.values()),
        "orders": made.rows.get("pay_order", 0),
        "bytes": sum(int(said["bytes"]) for said in made.files.values()),
    }


COMMANDS = (backup, restore)
