"""Two hundred recharges at once near a merchant's cap, round after round, from four processes.

Each round the cap is raised by what twenty of them need: exactly twenty must be reserved, and the
merchant's row must stand at the cap to the fen, or the bench raises. Who wins goes the whole road,
the wallet's prepay included. The bound, in turns with it: the same two hundred as one guarded
UPDATE each by psycopg. Then a thousand unpaid orders at the cap expire: how long until all of its
room is free, with one worker.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import requests

from bench import stack
from bench.figures import LEAST_RUNS, QUICK, ROOT, line, say, show
from bench.stack import CODE, HOME, MAIN, Stack
from postgres import embedded
from tests.harness.ports import wait_for

PROCESSES, AT_ONCE, WINNERS, CARDS = 4, 200, 20, 50
ROUNDS = 2 if QUICK else 20  # per run; five runs make a hundred
FEN = 1_000
LEFT_UNPAID = 100 if QUICK else 1_000
MINUTE = 60.0

GUARDED = b"""
UPDATE card_room SET held_fen = held_fen + %s
WHERE provider_id = %s AND merchant_id = %s AND balance_fen + held_fen + %s <= cap_fen
"""
TABLES = (
    "recharge, card_release, ledger_seal, ledger_head, ledger_tail, ledger_entry, member_card,"
    " member, card_terms, card_tier, card_room, card_program"
)


def figures() -> list[dict[str, Any]]:
    made: list[float] = []
    limits: list[float] = []
    freed: list[float] = []
    with stack.running(worker=False) as running:
        session = running.session("lin")
        for n in range(LEAST_RUNS):
            limits.append(_race(running, session.cookie, _prepared(running), "guarded"))
            made.append(_race(running, session.cookie, _prepared(running), "product"))
            say(f"   run {n}: bound {limits[-1]:.2f}, product {made[-1]:.2f} rounds/s")
        for n in range(LEAST_RUNS):
            freed.append(_expire(running, _prepared(running)))
            say(f"   run {n}: the room of {LEFT_UNPAID} is free after {freed[-1]:.1f} s")
    return [
        line(
            "card_caps",
            "rounds/s",
            made,
            limits,
            recharges_at_once=AT_ONCE,
            processes=PROCESSES,
            cards=CARDS,
            rounds=ROUNDS * LEAST_RUNS,
            violations=0,  # a round with another outcome raises, and no line is printed
        ),
        line("card_caps_freed", "s", freed, MINUTE, orders=LEFT_UNPAID),
    ]


def _prepared(running: Stack) -> list[list[int]]:
    """An empty room and fifty members' cards, written straight into the tables: (person, card)."""
    running.empty()
    ids = running.ids()
    whose = {"p": ids["provider_id"], "m": ids["merchant_id"]}
    with psycopg.connect(running.libpq(embedded.OWNER), autocommit=True) as conn:
        conn.execute("ALTER TABLE ledger_entry DISABLE TRIGGER USER")
        conn.execute("ALTER TABLE ledger_seal DISABLE TRIGGER USER")
        conn.execute(f"TRUNCATE {TABLES} CASCADE".encode())
        conn.execute("ALTER TABLE ledger_entry ENABLE TRIGGER USER")
        conn.execute("ALTER TABLE ledger_seal ENABLE TRIGGER USER")
        conn.execute("DELETE FROM person WHERE subject_hash LIKE 'bench%'")
    with psycopg.connect(running.libpq()) as conn:
        conn.execute(
            "INSERT INTO card_room (provider_id, merchant_id, cap_fen, balance_fen, held_fen)"
            " VALUES (%(p)s, %(m)s, 0, 0, 0)",
            whose,
        )
        conn.execute(
            "INSERT INTO card_terms (provider_id, merchant_id, version, issuer_name, contact,"
            " refund_rule, body, created_by, created_at)"
            " VALUES (%(p)s, %(m)s, 1, 'x', 'x', 'x', '', 'bench', now())",
            whose,
        )
        (program,) = _first(
            conn,
            "INSERT INTO card_program (provider_id, merchant_id, status, reject_reason, title,"
            " notice, description, color, logo_url, background_url, service_phone, mode,"
            " has_online_recharge, version, created_at) VALUES (%(p)s, %(m)s, 'approved', '', 'x',"
            " '', '', 'Color010', '', '', '', 'any', true, 0, now()) RETURNING id",
            whose,
        )
        return [_card(conn, {**whose, "program": program, "n": n}) for n in range(CARDS)]


def _card(conn: Any, values: dict[str, Any]) -> list[int]:
    (person,) = _first(
        conn,
        "INSERT INTO person (provider_id, channel, app, subject_hash, created_at)"
        " VALUES (%(p)s, 'wechat', 'wx', 'bench' || %(n)s, now()) RETURNING id",
        values,
    )
    values |= {"person": person}
    (member,) = _first(
        conn,
        "INSERT INTO member (provider_id, merchant_id, person_id, created_at)"
        " VALUES (%(p)s, %(m)s, %(person)s, now()) RETURNING id",
        values,
    )
    values |= {"member": member}
    (card,) = _first(
        conn,
        "INSERT INTO member_card (provider_id, merchant_id, program_id, member_id, public_id,"
        " number, status, paid_fen, bonus_fen, held_fen, cap_fen, version, created_at, moved_at)"
        " VALUES (%(p)s, %(m)s, %(program)s, %(member)s, 'bench' || %(n)s, 'bench' || %(n)s,"
        " 'active', 0, 0, 0, 1000000000, 0, now(), now()) RETURNING id",
        values,
    )
    return [person, card]


def _first(conn: Any, sql: str, values: dict[str, Any]) -> Any:
    return conn.execute(sql, values).fetchone()


def _race(running: Stack, cookie: str, cards: list[list[int]], what: str) -> float:
    """All processes go through the rounds together; rounds per second."""
    ids = running.ids()
    plan = HOME / "card_race.json"
    plan.write_text(
        json.dumps(
            {
                "what": what,
                "where": running.libpq(),
                "ids": ids,
                "cookie": cookie,
                "cards": cards,
                "mark": time.time_ns(),
            }
        )
    )
    started = [_racer_process(running, str(plan), n) for n in range(PROCESSES)]
    for process in started:
        _hear(process)  # ready
    spent = 0.0
    for nth in range(ROUNDS):
        _raise_cap(running, ids)
        began = time.perf_counter()
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
        for process in started:
            _hear(process)
        spent += time.perf_counter() - began
        _check(running, ids, (nth + 1) * WINNERS * FEN, what)
    for process in started:
        process.communicate()
    return ROUNDS / spent


def _racer_process(running: Stack, plan: str, nth: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.card_caps", plan, str(nth)],
        cwd=ROOT,
        env=running.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def _raise_cap(running: Stack, ids: dict[str, int]) -> None:
    with psycopg.connect(running.libpq(), autocommit=True) as conn:
        conn.execute(
            "UPDATE card_room SET cap_fen = cap_fen + %s WHERE merchant_id = %s",
            (WINNERS * FEN, ids["merchant_id"]),
        )


def _check(running: Stack, ids: dict[str, int], wanted: int, what: str) -> None:
    """The room stands at the cap exactly, and is what cards and recharges say."""
    merchant = (ids["merchant_id"],)
    cap, held = running.row(
        "SELECT cap_fen, held_fen FROM card_room WHERE merchant_id = %s", merchant
    )
    if (cap, held) != (wanted, wanted):
        raise RuntimeError(f"cap {cap}, held {held}, wanted {wanted}")
    if what == "guarded":
        return
    (cards,) = running.row("SELECT sum(held_fen) FROM member_card WHERE merchant_id = %s", merchant)
    (recharges,) = running.row(
        "SELECT sum(paid_fen) FROM recharge WHERE merchant_id = %s AND status = 'held'", merchant
    )
    if (cards, recharges) != (wanted, wanted):
        raise RuntimeError(f"cards hold {cards}, recharges {recharges}, wanted {wanted}")


def _expire(running: Stack, cards: list[list[int]]) -> float:
    """Orders left unpaid at the cap, written as the product writes them; seconds from their expiry
    until none of the room is held, with one worker."""
    ids = running.ids()
    with psycopg.connect(running.libpq(), autocommit=True) as conn:
        conn.execute("UPDATE card_room SET cap_fen = %s", [LEFT_UNPAID])
    words = [sys.executable, "-m", "bench.card_caps", "fill", json.dumps([ids, cards])]
    subprocess.run(words, cwd=ROOT, env=running.environment(), check=True)
    running.start("worker", "flask", "worker")
    try:
        wait_for(f"{running.url}/readyz")
        answer = requests.post(
            f"{running.sim_url}/sim/clock", json={"advance_s": _life(running) + 1}, timeout=10
        )
        answer.raise_for_status()
        began = time.perf_counter()
        while running.row("SELECT sum(held_fen) FROM card_room") != (0,):
            if time.perf_counter() - began > 5 * MINUTE:
                raise RuntimeError("room is still held after five minutes")
            time.sleep(0.05)
        return time.perf_counter() - began
    finally:
        running.stop("worker")


def _life(running: Stack) -> int:
    return running.settings.order_expires_s


def _fill(ids: dict[str, int], cards: list[list[int]]) -> None:
    from datetime import timedelta

    from config.settings import load_settings
    from models.order import OrderPurpose, PayOrder
    from services import attempts
    from services.cards import reservations
    from services.deps import build_deps
    from services.numbers import new_public_id

    deps = build_deps(load_settings())
    now, life = deps.now(), deps.settings.order_expires_s

    def order(n: int) -> None:
        person, card = cards[n % len(cards)]
        new = attempts.NewOrder(
            provider_id=ids["provider_id"],
            out_trade_no=f"bf{time.time_ns()}n{n:06d}"[:32],
            public_id=new_public_id(),
            intent_key=f"bench:{time.time_ns()}:{n}",
            merchant_id=ids["merchant_id"],
            store_id=ids["store_id"],
            pay_code_id=None,
            person_id=person,
            channel="wechat",
            amount_fen=1,
            undiscountable_fen=None,
            deposit_fen=None,
            quantity=1,
            remark="",
            app="wx8888888888888888",
            payee="1900000109",
            request={"beside": {"card_id": card, "bonus_fen": 0}},
            created_at=now,
            expires_at=now + timedelta(seconds=life),
            first_question_s=life,
            purpose=OrderPurpose.RECHARGE,
        )

        def unit(session: Any) -> None:
            made = attempts.insert_in(session, new)
            assert made is not None
            found = session.get_one(PayOrder, (new.provider_id, made.order_id))
            wanted = reservations.Wanted(card, 1, 0, 1)
            reservations.reserve(session, deps.settings, found, wanted, now)

        deps.transact(unit)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(order, range(LEFT_UNPAID)))


def _hear(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if not process.stdout.readline():
        raise RuntimeError("a racing process ended")


def _racer(plan: dict[str, Any], nth: int) -> None:
    """One line on stdin is one round: this process's share of the recharges at once."""
    threads = AT_ONCE // PROCESSES
    press = _product(plan) if plan["what"] == "product" else _guarded(plan, threads)
    with ThreadPoolExecutor(threads) as pool:
        print("ready", flush=True)
        for turn in range(ROUNDS):
            sys.stdin.readline()
            list(pool.map(press, [(turn, nth * threads + n) for n in range(threads)]))
            print("done", flush=True)


def _product(plan: dict[str, Any]) -> Any:
    from config.settings import load_settings
    from services.cards.problems import TotalCap
    from services.cards.recharging import start_recharge
    from services.deps import build_deps
    from services.payers import find_payer
    from services.scan import scan_code

    deps = build_deps(load_settings(), pool_size=16)
    scan = scan_code(deps, MAIN, CODE)
    payer = find_payer(
        deps, session_id=plan["cookie"], provider_id=scan.provider_id, channel="wechat"
    )
    assert payer is not None

    def press(one: tuple[int, int]) -> None:
        turn, n = one
        person, card = plan["cards"][n % CARDS]
        key = f"b{plan['mark']}:{turn}:{n}"
        who = replace(payer, person_id=person)
        try:
            start_recharge(deps, scan, who, card, FEN, terms_version=1, intent_key=key)
        except TotalCap:
            return  # one of a hundred and eighty

    return press


def _guarded(plan: dict[str, Any], threads: int) -> Any:
    connections = [
        psycopg.connect(plan["where"], autocommit=True, prepare_threshold=1)
        for _ in range(min(threads, 16))
    ]
    ids = plan["ids"]

    def press(one: tuple[int, int]) -> None:
        while True:
            try:
                conn = connections.pop()
                break
            except IndexError:
                time.sleep(0.0005)
        conn.execute(GUARDED, [FEN, ids["provider_id"], ids["merchant_id"], FEN])
        connections.append(conn)

    return press


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "fill":
        _fill(*json.loads(sys.argv[2]))
    elif len(sys.argv) > 1:
        with open(sys.argv[1]) as handle:
            _racer(json.load(handle), int(sys.argv[2]))
    else:
        show(figures())
