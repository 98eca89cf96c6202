"""The batches of a provider, their packages, and what became of the codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.provider import Provider
from services.blank_codes.making import PACKAGE
from services.blank_codes.problems import PackageNotReady
from services.deps import Deps
from services.onboarding.merchants import code_url

PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class BatchLine:
    public_id: str
    number: int
    packages: int
    made: int
    note: str
    job_id: int | None
    created_at: datetime
    bound: int  # codes of it that belong to a store today

    @property
    def is_whole(self) -> bool:
        return self.made == self.packages * PACKAGE


@dataclass(frozen=True, slots=True)
class Printed:
    """A code as it is printed; `place` counts through its batch, from one."""

    place: int
    code: str
    url: str
    is_bound: bool

    @property
    def package(self) -> int:
        return (self.place - 1) // PACKAGE + 1

    @property
    def shown(self) -> str:
        """In fours, as it is read out on the phone."""
        return "-".join(self.code[i : i + 4] for i in range(0, len(self.code), 4))


_LINES: Final = """
SELECT b.public_id, b.number, b.packages, b.made, b.note, b.job_id, b.created_at,
    (SELECT count(*) FROM pay_code c WHERE c.provider_id = b.provider_id AND c.batch_id = b.id
        AND c.store_id IS NOT NULL) AS bound
FROM code_batch b WHERE b.provider_id = :p
"""


def newest(session: Session, provider_id: int, before: int | None = None) -> list[BatchLine]:
    """A page of batches, the newest first, from the number before `before` on."""
    more = " AND b.number < :before" if before is not None else ""
    found = session.execute(
        text(f"{_LINES}{more} ORDER BY b.number DESC LIMIT :most"),
        {"p": provider_id, "before": before, "most": PAGE},
    )
    return [BatchLine(**row._mapping) for row in found]


def find(session: Session, provider_id: int, public_id: str) -> BatchLine:
    """Raises NotFound, for another provider's too."""
    row = session.execute(
        text(f"{_LINES} AND b.public_id = :i"), {"p": provider_id, "i": public_id[:24]}
    ).one_or_none()
    if row is None:
        raise NotFound(f"no batch {public_id[:24]}")
    return BatchLine(**row._mapping)


def bound_by_package(session: Session, provider_id: int, public_id: str) -> dict[int, int]:
    """package -> how many of its codes belong to a store today."""
    rows = session.execute(
        text(
            "SELECT (c.batch_place - 1) / :size + 1 AS package, count(*) AS bound"
            " FROM pay_code c JOIN code_batch b ON b.provider_id = c.provider_id"
            " AND b.id = c.batch_id WHERE b.provider_id = :p AND b.public_id = :i"
            " AND c.store_id IS NOT NULL GROUP BY 1 ORDER BY 1"
        ),
        {"p": provider_id, "i": public_id, "size": PACKAGE},
    )
    return {row.package: row.bound for row in rows}


def codes_of(
    session: Session, deps: Deps, provider_id: int, public_id: str, package: int | None = None
) -> Sequence[Printed]:
    """The codes of one package, or of the whole batch. Raises NotFound and PackageNotReady."""
    batch = find(session, provider_id, public_id)
    first, last = 1, batch.made
    if package is not None:
        if not 1 <= package <= batch.packages:
            raise NotFound(f"no package {package}")
        first, last = (package - 1) * PACKAGE + 1, package * PACKAGE
    if batch.made < last or not batch.made:
        raise PackageNotReady
    out_mch_id = session.scalar(select(Provider.out_mch_id).where(Provider.id == provider_id))
    rows = session.execute(
        text(
            "SELECT c.batch_place, c.code, c.store_id IS NOT NULL AS is_bound FROM pay_code c"
            " JOIN code_batch b ON b.provider_id = c.provider_id AND b.id = c.batch_id"
            " WHERE b.provider_id = :p AND b.public_id = :i"
            " AND c.batch_place BETWEEN :first AND :last ORDER BY c.batch_place"
        ),
        {"p": provider_id, "i": public_id, "first": first, "last": last},
    )
    return [
        Printed(r.batch_place, r.code, code_url(deps, str(out_mch_id), r.code), r.is_bound)
        for r in rows
    ]
