"""A database that is backed up, lost, and restored elsewhere."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from services.numbers import SHANGHAI
from tests.harness.database import Server
from tests.harness.places import Places, run
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator


def back_up(product: Product, into: Path) -> Path:
    done = run(product, "backup", "--to", str(into))
    assert done.exit_code == 0, done.output
    return Path(json.loads(done.stdout)["backup"])


def lose_and_restore(
    product: Product, server: Server, database: str, door: Door, places: Places, folder: Path
) -> Product:
    """Drop the database; the backup goes into another, which serves from now on."""
    product.app.extensions["yima"].watcher.stop()
    door.shut()
    product.deps.db.dispose()
    server.drop(database)
    place = places.empty()
    done = run(place, "restore", str(folder))
    assert done.exit_code == 0, done.output
    door.app = place.app
    return place


def settle(product: Product, simulator: Simulator) -> None:
    simulator.advance(70)
    product.sweep()


def tomorrow(simulator: Simulator, place: Product) -> None:
    """Half past ten in China on the next day: the bills are there."""
    now = place.deps.now().astimezone(SHANGHAI)
    then = (now + timedelta(days=1)).replace(hour=10, minute=30)
    simulator.advance((then - now).total_seconds())
