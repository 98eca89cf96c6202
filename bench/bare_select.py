"""One row by its primary key behind bare Flask and SQLAlchemy: what a query of an order is measured
against.

GET / reads the order of the bench by its key, as an application of a few lines does: a session, one
`select`, a JSON object. No code to check, no merchant to find, no join. Served by gunicorn with the
product's own settings: `gunicorn --config config/gunicorn.py bench.bare_select:app`.
"""

from __future__ import annotations

import json
import os

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

import models.all  # noqa: F401  # relations between tables need them all
from models.order import PayOrder


class _Extension:
    """What config/gunicorn.py calls after the fork: each process opens its own connections."""

    def __init__(self) -> None:
        self.engine: Engine | None = None

    def after_fork(self) -> None:
        self.engine = create_engine(
            os.environ["BENCH_URL"],
            pool_size=10,
            max_overflow=5,
            connect_args={"prepare_threshold": 3},
        )


def create_app() -> Flask:
    app = Flask(__name__)
    held = app.extensions["yima"] = _Extension()
    provider_id, order_id = json.loads(os.environ["BENCH_KEY"])

    @app.post("/")
    def one() -> ResponseReturnValue:
        with Session(held.engine) as session:
            wanted = select(PayOrder).where(
                PayOrder.provider_id == provider_id, PayOrder.id == order_id
            )
            order = session.scalars(wanted).one()
            return jsonify(
                out_trade_no=order.out_trade_no,
                total_fee=order.amount_fen,
                state=order.status.value,
                transaction_id=order.transaction_id,
                create_time=int(order.created_at.timestamp()),
            )

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return "ok"

    return app


if "BENCH_KEY" in os.environ:
    app = create_app()
