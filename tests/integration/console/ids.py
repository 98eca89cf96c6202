"""What there is to name in an address of the console: one supplier for each `<parameter>`.

Every file `ids_<part>.py` beside this one adds its own with `@supplies`. A parameter is found by
the first segment of its rule ("people.number" for `/people/<int:number>/role`), then by its name
alone ("number"). A route whose parameter nobody supplies fails `test_routes.py`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from blueprints.console.routes import Route
from tests.harness.console import Console

Supplier = Callable[[Console], str]
SUPPLIERS: Final[dict[str, Supplier]] = {}
PARAMETER: Final = re.compile(r"<(?:[a-z]+(?:\([^)]*\))?:)?([a-z_]+)>")


def supplies(*names: str) -> Callable[[Supplier], Supplier]:
    """The decorated function makes or finds a row of the desk's provider; gives it as addresses do.

    The desk is the demo's admin, signed in. It is called once per test that walks the table.
    """

    def keep(supplier: Supplier) -> Supplier:
        for name in names:
            assert name not in SUPPLIERS, name
            SUPPLIERS[name] = supplier
        return supplier

    return keep


def names_of(route: Route) -> list[str]:
    return PARAMETER.findall(route.rule)


def key_of(route: Route, name: str) -> str:
    own = f"{route.rule.split('/')[1]}.{name}"
    return own if own in SUPPLIERS else name


def address(route: Route, ids: dict[str, str]) -> str:
    """The route's path below `/console` with these ids in it."""
    return PARAMETER.sub(lambda found: ids[key_of(route, found[1])], route.rule)


for file in sorted(Path(__file__).parent.glob("ids_*.py")):
    importlib.import_module(f"{__package__}.{file.stem}")
