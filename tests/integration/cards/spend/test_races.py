"""Many at once, in several processes: a card is never below zero, and the books are equal."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from config.settings import ROOT
from services.checkout import Started
from tests.harness.product import Product
from tests.integration.cards.spend.helping import Held, give_card, parts, pay
from tests.integration.cards.spend.racing import plan

PROCESSES, THREADS = 4, 5
SETTINGS = ("data_dir", "database_url", "migrate_database_url", "public_url", "simulator_url")


def race(product: Product, held: Held, each: list[list[Any]]) -> Counter[str]:
    """Start them, let them go together, and add up what they say."""
    settings = product.deps.settings.model_dump(mode="json")
    given = {
        "settings": {name: settings[name] for name in SETTINGS},
        "threads": THREADS,
        "provider_id": held.provider_id,
        "store_id": held.scan.store_id,
    }
    module = "tests.integration.cards.spend.racing"
    running = [
        subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in each
    ]
    for process, spends in zip(running, each, strict=True):
        assert process.stdin
        process.stdin.write(json.dumps({**given, "spends": spends}) + "\n")
        process.stdin.flush()
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    said: Counter[str] = Counter()
    for process in running:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        said.update(json.loads(out))
    return said


def test_two_hundred_spends_of_one_card_are_as_many_as_it_holds(product: Product) -> None:
    """Failures, case 35: 200 at once with room for exactly 100, so 34 fen are left; between them
    pages, codes and refunds of six other cards. At the end the books are equal."""
    rng = random.Random(35)
    held = give_card(product.deps, 8_000, 2_034)
    cards = [give_card(product.deps, rng.randint(0, 3000), rng.randint(0, 500)) for _ in range(6)]
    keys = [(card.card_id, card.person_id) for card in cards]
    each = []
    for process in range(PROCESSES):
        spends = [spend(held, 100, f"race:one:{process}:{n}") for n in range(50)]
        spends += plan(rng, keys, 25, str(process))
        rng.shuffle(spends)
        each.append(spends)
    said = race(product, held, each)
    assert said.total() == PROCESSES * 75
    assert parts(product, held) == (34, 0)
    paid = "SELECT count(*) AS n FROM card_spend WHERE card_id = :c"
    assert product.one(paid, c=held.card_id).n == 100
    assert product.one("SELECT min(balance_after_fen) AS fen FROM ledger_entry").fen == 0
    assert product.one("SELECT count(*) AS n FROM card_spend WHERE back_paid_fen > 0").n


def test_one_form_sent_many_times_at_once_is_charged_once(product: Product) -> None:
    held, together = give_card(product.deps, 10_000), Barrier(16)

    def send(_: int) -> Started:
        together.wait(30)
        return pay(product.deps, held, 100, "form:same")

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(send, range(16)))) == 1
    assert parts(product, held) == (9_900, 0)


def spend(held: Held, fen: int, intent: str) -> dict[str, Any]:
    whose = {"card_id": held.card_id, "person_id": held.person_id}
    return {**whose, "fen": fen, "by_code": False, "back": 0, "intent": intent}
