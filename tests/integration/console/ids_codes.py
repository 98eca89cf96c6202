"""Ids of batches of blank codes."""

from __future__ import annotations

from services.blank_codes import making
from services.seed import MAIN
from tests.harness.console import Console
from tests.integration.console.ids import supplies


@supplies("codes.public_id")
def batch(desk: Console) -> str:
    """A batch of one package, made by the desk's provider."""
    product = desk.product
    provider = product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=MAIN).id
    return product.deps.transact(
        lambda s: making.ask(s, product.deps, provider, 1, "", actor="console:1").public_id
    )


@supplies("codes.package")
def package(desk: Console) -> str:
    return "1"
