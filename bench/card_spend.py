"""Two hundred spends at once: of one card that holds half of them, and of fifty cards.

Each round is `spending.pay_by_card` two hundred times from four processes, on cards that no round
has used before: exactly a hundred must be paid and the rest be refused, or the bench raises. The
bound, in turns with it on the same server: the same two hundred as one guarded UPDATE each.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from bench import filled
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, say, show
from bench.filled import Filled

NAME = "yima_card_spend"
PROCESSES, AT_ONCE, CONNECTIONS = 4, 200, 12  # connections of each process
ROUNDS = 2 if QUICK else 20  # per run; five runs make a hundred of each kind
FEN = 100
CARDS = {"one": 1, "fifty": 50}  # that a round spends
ALL = sum(CARDS.values()) * ROUNDS * LEAST_RUNS

_FILL = (
    "INSERT INTO card_program (provider_id, id, merchant_id, status, reject_reason, title, notice,"
    " description, color, logo_url, background_url, service_phone, mode, has_online_recharge,"
    " version, created_at) VALUES (1, 1, 1, 'approved', '', 'c', '', '', '', '', '', '', 'any',"
    " true, 0, now())",
    "INSERT INTO card_room (provider_id, merchant_id, cap_fen, balance_fen, held_fen)"
    " VALUES (1, 1, 1000000000000, 0, 0)",
    "INSERT INTO person (provider_id, id, channel, app, subject_hash, created_at)"
    " SELECT 1, c + 1, 'wechat', 'wx8888888888888888', 'b' || c, now()"
    f" FROM generate_series(1, {ALL}) c",
    "INSERT INTO member (provider_id, id, merchant_id, person_id, created_at)"
    f" SELECT 1, c, 1, c + 1, now() FROM generate_series(1, {ALL}) c",
    "INSERT INTO member_card (provider_id, id, merchant_id, program_id, member_id, public_id,"
    " number, status, paid_fen, bonus_fen, held_fen, cap_fen, version, created_at, registered_at,"
    " moved_at) SELECT 1, id, 1, 1, id, 'p' || id, 'n' || id, 'active', 0, 0, 0, 1000000, 0, now(),"
    " now(), now() FROM member",
    "CREATE SCHEMA bench",
    "CREATE TABLE bench.card (id bigint PRIMARY KEY, room bigint NOT NULL)",
)
_CREDIT = """
WITH holds AS (SELECT id, CASE WHEN id <= {ones} THEN {one} ELSE {fifty} END AS fen
    FROM member_card),
written AS (INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account, delta_fen,
    balance_after_fen, key, actor, reason, recorded_at, day_on)
    SELECT 1, 1, h.id, 'recharge', l.account, l.sign * h.fen,
        CASE WHEN l.sign > 0 THEN h.fen END, 'recharge:' || h.id, 'bench', '', now(), current_date
    FROM holds h, (VALUES ('card_paid', 1), ('funds', -1)) AS l(account, sign)),
bare AS (INSERT INTO bench.card SELECT id, fen FROM holds)
UPDATE member_card c SET paid_fen = h.fen FROM holds h WHERE h.id = c.id
"""
_GUARDED = b"UPDATE bench.card SET room = room - 100 WHERE id = %s AND room >= 100 RETURNING id"


def figures() -> list[dict[str, Any]]:
    with filled.database(NAME, fresh=True) as there:
        with there.connect() as conn:
            for statement in (*_FILL, _credit()):
                conn.execute(statement.encode())
            conn.execute(
                "UPDATE card_room SET balance_fen = (SELECT sum(paid_fen) FROM member_card)"
            )
            conn.execute("VACUUM ANALYZE")
        made = [_figure(there, kind) for kind in CARDS]
        _check(there)
        return made


def _credit() -> str:
    """Every round's cards hold half of what two hundred spends ask for."""
    half = AT_ONCE * FEN // 2
    return _CREDIT.format(ones=ROUNDS * LEAST_RUNS, one=half, fifty=half // CARDS["fifty"])


def _figure(there: Filled, kind: str) -> dict[str, Any]:
    made, limits = [], []
    for n in range(LEAST_RUNS):
        limits.append(_race(there, "guarded", kind, n))
        made.append(_race(there, "product", kind, n))
        say(f"   {kind} {n}: bound {limits[-1]:.2f}, product {made[-1]:.2f} rounds/s")
    return line(
        f"card_spend_{kind}",
        "rounds/s",
        made,
        limits,
        spends_at_once=AT_ONCE,
        cards=CARDS[kind],
        processes=PROCESSES,
        rounds=ROUNDS * LEAST_RUNS,
        violations=0,  # a round with another outcome raises, and no line is printed
    )


def _check(there: Filled) -> None:
    """All cards are empty and none is below; entries, orders and rooms say the same."""
    rounds = len(CARDS) * ROUNDS * LEAST_RUNS
    paid = there.one("SELECT count(*) FROM pay_order WHERE channel = 'balance' AND status = 'paid'")
    left = there.one("SELECT count(*) FROM member_card WHERE paid_fen <> 0")
    sums = there.one(
        "SELECT count(*) FROM (SELECT card_id FROM ledger_entry WHERE account = 'card_paid'"
        " GROUP BY card_id HAVING sum(delta_fen) <> 0) wrong"
    )
    owed = there.one(
        "SELECT balance_fen - (SELECT COALESCE(sum(freed_fen), 0) FROM card_release) FROM card_room"
    )
    if (paid, left, sums, owed) != (rounds * AT_ONCE // 2, 0, 0, 0):
        raise RuntimeError(f"{paid} paid, {left} not empty, {sums} sums wrong, {owed} fen owed")


def _race(there: Filled, what: str, kind: str, run: int) -> float:
    """All processes go through the rounds together; rounds per second."""
    first = 1 + run * ROUNDS if kind == "one" else 1 + ROUNDS * LEAST_RUNS
    if kind == "fifty":
        first += run * ROUNDS * CARDS[kind]
    plan = {
        "what": what,
        "app": str(there.deps.db.url),
        "data_dir": str(there.deps.settings.data_dir),
        "where": there.where,
        "first": first,
        "cards": CARDS[kind],
        "mark": f"{kind}{run}",
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.card_spend", json.dumps({**plan, "n": n})],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for n in range(PROCESSES)
    ]
    for process in started:
        _hear(process)  # ready
    began = time.perf_counter()
    for _ in range(ROUNDS):
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
        paid = sum(int(_hear(process)) for process in started)
        if paid != AT_ONCE // 2:
            raise RuntimeError(f"{what}: {paid} of {AT_ONCE // 2} were paid")
    took = time.perf_counter() - began
    for process in started:
        process.communicate()
    return ROUNDS / took


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = process.stdout.readline()
    if not said:
        raise RuntimeError("a racing process ended")
    return said.strip()


def _racer(plan: dict[str, Any]) -> None:
    """One line on stdin is one round: this process's share of the spends, at once."""
    threads = AT_ONCE // PROCESSES
    spend = _product(plan) if plan["what"] == "product" else _guarded(plan)
    with ThreadPoolExecutor(threads) as pool:
        print("ready", flush=True)
        for turn in range(ROUNDS):
            sys.stdin.readline()
            first = plan["first"] + turn * plan["cards"]
            mine = [plan["n"] * threads + n for n in range(threads)]
            jobs = [(first + n % plan["cards"], f"{plan['mark']}:{turn}:{n}") for n in mine]
            print(sum(pool.map(spend, jobs)), flush=True)


def _product(plan: dict[str, Any]) -> Any:
    from config.settings import load_settings
    from services.cards.problems import BalanceLow
    from services.cards.spending import pay_by_card
    from services.checkout import Purchase
    from services.deps import build_deps
    from services.scan import scan_store

    settings = load_settings(database_url=plan["app"], data_dir=plan["data_dir"])
    deps = build_deps(settings, pool_size=CONNECTIONS)
    scan = deps.transact(lambda s: scan_store(s, 1, 1, None))

    def spend(job: tuple[int, str]) -> bool:
        card, mark = job
        try:
            pay_by_card(deps, scan, card + 1, Purchase(FEN), intent_key=f"bench:{mark}")
        except BalanceLow:
            return False
        return True

    return spend


def _guarded(plan: dict[str, Any]) -> Any:
    free: queue.Queue[psycopg.Connection[Any]] = queue.Queue()
    for _ in range(CONNECTIONS):
        free.put(psycopg.connect(plan["where"], autocommit=True, prepare_threshold=1))

    def spend(job: tuple[int, str]) -> bool:
        connection = free.get()
        try:
            return connection.execute(_GUARDED, [job[0]]).fetchone() is not None
        finally:
            free.put(connection)

    return spend


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _racer(json.loads(sys.argv[1]))
    else:
        show(figures())
