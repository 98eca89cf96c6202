"""Running the checks and writing down what they found.

Upstreams are asked with no transaction open, side by side; what was found is written in one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import AppError
from models.health import HealthFinding, Level
from services.deps import Deps
from services.health import merchant_checks, provider_checks
from services.health.reading import worst
from services.health.table import BY_NAME, CHECKS, Check, Scope, of_scope
from services.health.words import Said, unknown

G = TypeVar("G")
AT_A_TIME: Final = 4  # merchants asked about side by side
KEYS: Final = ["provider_id", "merchant_id", "store_id", "check_name"]
SOLID: Final = frozenset({Level.OK, Level.WARN})  # what a further check can stand on
# What asks another upstream than its neighbours: these groups run side by side.
GROUPS: Final = ("wechat_", "alipay_", "oa_")


@dataclass(frozen=True, slots=True)
class Found:
    """One answer, of the provider where no merchant is named."""

    check: str
    said: Said | None  # None: the check is about something that is not in use
    merchant_id: int | None = None
    store_id: int | None = None


def check_provider(deps: Deps, provider_id: int, only: str = "") -> list[Found]:
    """Ask everything about the provider itself and keep it. Seconds, at worst the sum of the
    time-outs of one upstream. `only`: one of GROUPS."""
    ground = provider_checks.ground(deps, provider_id)
    said: dict[str, Said | None] = {}
    checks = [check for check in of_scope(Scope.PROVIDER) if check.name.startswith(only)]
    first = [[c for c in checks if c.name.startswith(group)] for group in GROUPS]
    by = (provider_checks.ASKERS, provider_checks.USED)
    with ThreadPoolExecutor(len(first), "health") as pool:
        for part in pool.map(lambda group: _ask_all(group, ground, *by, {}), first):
            said.update(part)
    rest = [check for check in checks if check.name not in said]
    said.update(_ask_all(rest, ground, *by, _levels(said)))
    found = [Found(name, one) for name, one in said.items()]
    deps.transact(lambda s: keep(s, deps, provider_id, found))
    return found


def check_merchants(deps: Deps, provider_id: int, merchant_ids: Sequence[int]) -> list[Found]:
    """Ask about these merchants; nothing is written yet."""
    grounds = merchant_checks.grounds(deps, provider_id, list(merchant_ids))
    known = deps.transact(lambda s: _provider_levels(s, provider_id))
    with ThreadPoolExecutor(AT_A_TIME, "health") as pool:
        parts = pool.map(lambda ground: _of_merchant(ground, known), grounds)
        return [one for part in parts for one in part]


def check_merchant(deps: Deps, provider_id: int, merchant_id: int) -> list[Found]:
    """Ask about one merchant and keep it."""
    found = check_merchants(deps, provider_id, [merchant_id])
    deps.transact(lambda s: keep(s, deps, provider_id, found))
    return found


def _of_merchant(ground: merchant_checks.Ground, known: Mapping[str, Level]) -> list[Found]:
    by = (merchant_checks.ASKERS, merchant_checks.USED)
    said = _ask_all(of_scope(Scope.MERCHANT), ground, *by, known)
    found = [Found(name, one, ground.merchant_id) for name, one in said.items()]
    levels = {**known, **_levels(said)}
    for store in ground.stores:
        own = _ask_all(of_scope(Scope.STORE), replace(ground, store=store), *by, levels)
        found += [Found(name, one, ground.merchant_id, store.id) for name, one in own.items()]
    return found


def _ask_all(
    checks: Sequence[Check],
    ground: G,
    askers: Mapping[str, Callable[[G], Said]],
    used: Mapping[str, Callable[[G], bool]],
    known: Mapping[str, Level],
) -> dict[str, Said | None]:
    """In the order of the table: a check is not asked before what it stands on is fine."""
    said: dict[str, Said | None] = {}
    for check in checks:
        levels = {**known, **_levels(said)}
        shaky = [name for name in check.after if levels.get(name, Level.OK) not in SOLID]
        if not used.get(check.name, _always)(ground):
            said[check.name] = None
        elif shaky:
            said[check.name] = unknown(f"先查清「{BY_NAME[shaky[0]].title}」，才能查这一项")
        else:
            said[check.name] = _asked(askers[check.name], ground)
    return said


def _asked(asker: Callable[[G], Said], ground: G) -> Said:
    """A check that cannot be asked is unknown, and keeps no other from being asked."""
    try:
        return asker(ground)
    except AppError as problem:
        return unknown(problem.title[:200], problem.code)


def _always(_: object) -> bool:
    return True


def _levels(said: Mapping[str, Said | None]) -> dict[str, Level]:
    return {name: Level(one.level) for name, one in said.items() if one is not None}


def _provider_levels(session: Session, provider_id: int) -> dict[str, Level]:
    rows = session.execute(
        text(
            "SELECT check_name, level FROM health_finding"
            " WHERE provider_id = :p AND merchant_id IS NULL"
        ),
        {"p": provider_id},
    )
    return {row.check_name: Level(row.level) for row in rows}


def keep(session: Session, deps: Deps, provider_id: int, found: Sequence[Found]) -> None:
    """The newest word on each; one about something that is not in use any more goes."""
    now = deps.now()
    _forget_closed(session, provider_id, found)
    for one in found:
        if one.said is None:
            session.execute(
                text(
                    "DELETE FROM health_finding WHERE provider_id = :p AND check_name = :c"
                    " AND merchant_id IS NOT DISTINCT FROM :m AND store_id IS NOT DISTINCT FROM :s"
                ),
                {"p": provider_id, "c": one.check, "m": one.merchant_id, "s": one.store_id},
            )
    rows = [_row(provider_id, one, one.said, now) for one in found if one.said is not None]
    if not rows:
        return
    wanted = insert(HealthFinding).values(rows)
    new = wanted.excluded
    session.execute(
        wanted.on_conflict_do_update(
            index_elements=KEYS,
            set_={
                "said": new.said, "upstream_code": new.upstream_code, "level": new.level,
                "upstream_text": new.upstream_text, "until_at": new.until_at,
                "checked_at": new.checked_at,
                "since_at": text(
                    "CASE WHEN health_finding.level = excluded.level"
                    " THEN health_finding.since_at ELSE excluded.since_at END"
                ),
            },
        )
    )  # fmt: skip


def _forget_closed(session: Session, provider_id: int, found: Sequence[Found]) -> None:
    """Stores that are not in use any more are nobody's trouble."""
    session.execute(
        text(
            "DELETE FROM health_finding f USING store s WHERE f.provider_id = :p"
            " AND f.merchant_id = ANY(:m) AND s.provider_id = f.provider_id"
            " AND s.id = f.store_id AND NOT s.is_active"
        ),
        {"p": provider_id, "m": sorted({one.merchant_id for one in found if one.merchant_id})},
    )


def _row(provider_id: int, one: Found, said: Said, now: Any) -> dict[str, Any]:
    return {
        "provider_id": provider_id, "merchant_id": one.merchant_id, "store_id": one.store_id,
        "check_name": one.check, "level": Level(said.level), "said": said.said[:200],
        "upstream_code": said.code[:64], "upstream_text": said.text[:200],
        "until_at": said.until_at, "since_at": now, "checked_at": now,
    }  # fmt: skip


def worst_said(found: Sequence[Found]) -> Level:
    return worst(Level(one.said.level) for one in found if one.said is not None)


assert set(provider_checks.ASKERS) | set(merchant_checks.ASKERS) == {c.name for c in CHECKS}
