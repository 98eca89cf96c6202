"""Another empty database with an application over it: where a backup is restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import Result

from app import create_app
from config.settings import Settings
from services.deps import build_deps
from tests.harness.database import Server
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator


@dataclass
class Places:
    """Makes empty databases; `drop` and the end of the test take them away."""

    server: Server
    settings_for: Callable[..., Settings]
    door: Door
    simulator: Simulator
    made: list[str] = field(default_factory=list)

    def empty(self, data_dir: Path | None = None) -> Product:
        """The product over a database without a table, behind no door yet."""
        name = self.server.create()
        self.made.append(name)
        where = self.server.addresses(name)
        more: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
        settings = self.settings_for(where.app, migrate_database_url=where.owner, **more)
        deps = build_deps(settings)
        return Product(self.door.url, create_app(settings, deps), deps, self.simulator, self.door)

    def drop_all(self) -> None:
        for name in self.made:
            self.server.drop(name)


@contextmanager
def open_places(
    server: Server, settings_for: Callable[..., Settings], door: Door, simulator: Simulator
) -> Iterator[Places]:
    places = Places(server, settings_for, door, simulator)
    try:
        yield places
    finally:
        places.drop_all()


def run(product: Product, *words: str) -> Result:
    """A command, as it is typed."""
    return product.app.test_cli_runner().invoke(args=list(words))
