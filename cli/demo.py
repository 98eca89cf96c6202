"""`flask seed` and `flask demo-info`: simulation only."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import requests
from flask.cli import with_appcontext

from services.demo_info import demo_info
from services.seed import MAIN, seed
from services.seed_cards import seed_card
from services.seed_console import seed_console
from services.seed_notices import seed_notices
from services.seed_people import seed_people
from web.runtime import deps

PATIENCE_S = 20
OTHER_SP, OTHER_APP = "1900000501", "2021000000000501"  # a second provider, for foreign codes


def _credentials(owner: str = "") -> dict[str, Any]:
    """What an integrator of the demo parties holds; waits for the simulator to come up."""
    url = f"{deps().settings.simulator_url}/sim/credentials"
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = requests.get(url, params={"owner": owner}, timeout=3)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise click.ClickException(f"the simulator at {url} does not answer") from None
            time.sleep(0.2)


@click.command("seed")
@with_appcontext
def seed_command() -> None:
    """Load the demo data, once. Needs SIMULATOR_URL."""
    if not deps().settings.simulation:
        raise click.ClickException("demo data exists in simulation only: set SIMULATOR_URL")
    others = {
        "wechat": _credentials(OTHER_SP)["wechat"],
        "alipay": _credentials(OTHER_APP)["alipay"],
    }
    own = _credentials()
    made = seed(deps(), own, others)
    made |= seed_card(deps())  # a demo of an older version has none
    made |= seed_people(deps(), own, MAIN)
    made |= seed_notices(deps(), own, MAIN)
    made |= seed_console(deps(), MAIN)
    settings = deps().settings
    where = {"simulator_url": settings.simulator_url, "public_url": settings.base_url}
    _recorded().write_text(json.dumps(where), "utf-8")
    click.echo("demo data loaded" if made else "demo data is there already")


@click.command("demo-info")
@with_appcontext
def demo_info_command() -> None:
    """Print the demo parties, codes and logins as JSON, of the simulation last started here."""
    here = deps()
    if not here.settings.simulation:
        if not _recorded().exists():
            raise click.ClickException("no simulation was started here: type `make run` first")
        where = json.loads(_recorded().read_text("utf-8"))
        here = replace(here, settings=here.settings.model_copy(update=where))
    click.echo(json.dumps(demo_info(here), ensure_ascii=False, indent=2))


def _recorded() -> Path:
    """Where the last simulation's addresses are written; nothing that serves reads it."""
    return deps().settings.data_dir / "demo.json"


COMMANDS = (seed_command, demo_info_command)
