"""A process of its own that spends cards and gives some of it back, as fast as it can.

`python -m tests.integration.cards.spend.racing`, its orders as JSON on stdin; a line "ready", and
after any further line of input it runs and prints what became of it.
"""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import load_settings
from models.order import PayOrder
from services.cards.codes import issue
from services.cards.problems import BalanceLow
from services.cards.spend_problems import CardCodeExpired
from services.cards.spending import pay_by_card
from services.checkout import Purchase
from services.codepay.charging import Charge, charge
from services.deps import Deps, build_deps
from services.refunds.asking import Ask, ask_for
from services.scan import Scan, scan_store


def main() -> None:
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    deps = build_deps(load_settings(**given["settings"]), pool_size=given["threads"] + 1)
    spends = given["spends"]
    scan = deps.transact(lambda s: scan_store(s, given["provider_id"], given["store_id"], None))
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(given["threads"]) as pool:
        said = list(pool.map(lambda one: _spend(deps, scan, one), spends))
    print(json.dumps({word: said.count(word) for word in sorted(set(said))}), flush=True)


def _spend(deps: Deps, scan: Scan, one: dict[str, Any]) -> str:
    """One spend, with the pay page or a code; `back` fen of it are refunded."""
    try:
        if one["by_code"]:
            number = _by_code(deps, scan, one)
        else:
            number = _by_page(deps, scan, one)
    except BalanceLow:
        return "low"
    except CardCodeExpired:
        return "replaced"  # another thread has opened a newer code of the card meanwhile
    if one["back"]:
        ask_for(deps, Ask(scan.provider_id, number, one["back"], "退", "test:a", "test:b"))
    return "paid"


def _by_page(deps: Deps, scan: Scan, one: dict[str, Any]) -> str:
    started = pay_by_card(
        deps, scan, one["person_id"], Purchase(one["fen"]), intent_key=one["intent"]
    )
    return deps.transact(lambda s: _number(s, scan, started.public_id))


def _number(session: Session, scan: Scan, public_id: str) -> str:

    wanted = select(PayOrder.out_trade_no).where(
        PayOrder.provider_id == scan.provider_id, PayOrder.public_id == public_id
    )
    return str(session.execute(wanted).scalar_one())


def _by_code(deps: Deps, scan: Scan, one: dict[str, Any]) -> str:
    code = issue(deps, scan.provider_id, one["card_id"])
    found = charge(
        deps,
        Charge(
            provider_id=scan.provider_id,
            merchant_id=scan.merchant_id,
            store_id=scan.store_id,
            amount_fen=one["fen"],
            auth_code=code.text,
            asked_by="test:till",
        ),
    )
    return found.out_trade_no


def plan(rng: random.Random, cards: list[tuple[int, int]], count: int, mark: str) -> list[Any]:
    """`count` spends over (card id, person id)s: mostly pages, some codes, some given back."""
    made = []
    for n in range(count):
        card_id, person_id = rng.choice(cards)
        fen = rng.randint(1, 300)
        back = rng.randint(1, fen) if rng.random() < 0.3 else 0
        made.append(
            {
                "card_id": card_id,
                "person_id": person_id,
                "fen": fen,
                "by_code": rng.random() < 0.25,
                "back": back,
                "intent": f"race:{mark}:{n}",
            }
        )
    return made


if __name__ == "__main__":
    main()
