"""The product of a test under other settings, as if its process had been started with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from config.settings import Settings
from services.cloudpay.limits import Limits
from services.kept import Kept
from tests.harness.database import Server
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator


@contextmanager
def whole_product(
    server: Server,
    template: str,
    door: Door,
    upstream: Simulator,
    settings_for: Callable[..., Settings],
) -> Iterator[Product]:
    """One product for a whole module of tests that move no money."""
    name = server.create(template)
    where = server.addresses(name)
    made = Product.open(settings_for(where.app, migrate_database_url=where.owner), door, upstream)
    yield made
    made.close(door)
    server.drop(name)


def with_settings(product: Product, **more: Any) -> None:
    """One process, whose merchants are read for every call."""
    values = {"web_workers": 1, "cpay_caller_kept_s": 0.0, **more}
    settings = product.deps.settings.model_copy(update=values)
    product.deps = replace(product.deps, settings=settings, cpay_limits=Limits(), cpay_kept=Kept())
    product.app.extensions["yima"].deps = product.deps
