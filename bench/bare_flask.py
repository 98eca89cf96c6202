"""The product's two writes of an ordinary payment behind bare Flask: what a product costs above it.

POST / inserts the order with its attempt and marks it payable, as services.attempts does, on a
pooled psycopg connection; no signature, no upstream, no session, no template. Served by gunicorn
with the product's own settings: `gunicorn --config config/gunicorn.py bench.bare_flask:app`.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from typing import Any

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from psycopg_pool import ConnectionPool


class _Extension:
    """What config/gunicorn.py calls after the fork: each process opens its own connections."""

    def __init__(self) -> None:
        self.pool: ConnectionPool[Any] | None = None

    def after_fork(self) -> None:
        self.pool = ConnectionPool(
            os.environ["BENCH_LIBPQ"],
            kwargs={"autocommit": True, "prepare_threshold": 1},
            min_size=8,
            max_size=10,
            open=True,
        )


def create_app() -> Flask:
    from bench.bound import INSERT, PAYABLE, row

    app = Flask(__name__)
    held = app.extensions["yima"] = _Extension()
    plan = json.loads(os.environ["BENCH_BARE"])
    numbers, stamp = itertools.count(), time.time_ns() // 1000 % 10**9

    @app.post("/")
    def order() -> ResponseReturnValue:
        assert held.pool is not None
        number = f"f{os.getpid() % 10**5}x{stamp}n{next(numbers):08d}"
        with held.pool.connection() as conn:
            made = conn.execute(INSERT, row(plan["ids"], plan["person"], number)).fetchone()
        assert made is not None
        keys = {"provider_id": plan["ids"]["provider_id"], "attempt_id": made[1]}
        with held.pool.connection() as conn:
            conn.execute(PAYABLE, keys | {"prepay_id": "wx" + number})
        return jsonify(result=number)

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return "ok"

    return app


if "BENCH_BARE" in os.environ:
    app = create_app()
