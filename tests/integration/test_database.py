"""What the database itself guarantees: rights, keys, one open attempt, migrations both ways."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Enum
from sqlalchemy.exc import DBAPIError

from cli.supervise import migrate
from config.settings import ROOT
from models.all import Base
from postgres.addresses import Addresses
from tests.harness.database import Server
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.looking import OURS

MakePhone = Callable[..., Phone]
NOT_TENANT = {
    "provider", "route", "heartbeat", "lease", "alembic_version", "web_session", "oauth_state",
    "restored_backup", "wechat_component", "verify_file", "console_user", "console_session",
    "console_invite", "console_recovery", "console_try",
}  # fmt: skip


def libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def owner(server: Server, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(libpq(server.addresses(database).owner), autocommit=True)


def serving(server: Server, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(libpq(server.addresses(database).app), autocommit=True)


FORBIDDEN = [
    *(f"DELETE FROM {t}" for t in ("pay_order", "pay_attempt", "audit_entry", "upstream_event")),
    "DELETE FROM money_case",
    "UPDATE audit_entry SET actor = 'nobody'",
    "UPDATE upstream_event SET sealed = 'x'",
    *(f"TRUNCATE {t} CASCADE" for t in ("pay_order", "pay_attempt", "audit_entry", "money_case")),
    "ALTER TABLE pay_order ADD COLUMN x int",
    "DROP TABLE audit_entry",
    "CREATE TABLE mine (x int)",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "CREATE ROLE mine SUPERUSER",
    "SET ROLE yima_owner",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_serving_role_may_not(server: Server, database: str, statement: str) -> None:
    with (
        serving(server, database) as conn,
        pytest.raises(
            (psycopg.errors.InsufficientPrivilege, psycopg.errors.DependentObjectsStillExist)
        ),
    ):
        conn.execute(statement)


def test_the_serving_role_owns_nothing(server: Server, database: str) -> None:
    with serving(server, database) as conn:
        (owned,) = conn.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
            " WHERE r.rolname = current_user"
        ).fetchone() or (None,)
        (power,) = conn.execute(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone() or (None,)
    assert (owned, power) == (0, False)


def test_every_tenant_table_s_keys_begin_with_the_provider(server: Server, database: str) -> None:
    with owner(server, database) as conn:
        rows = conn.execute(
            "SELECT c.relname, x.contype, x.conname, (SELECT array_agg(a.attname ORDER BY k.n)"
            " FROM unnest(x.conkey) WITH ORDINALITY k(att, n) JOIN pg_attribute a"
            " ON a.attrelid = c.oid AND a.attnum = k.att)"
            " FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid"
            " JOIN pg_namespace s ON s.oid = c.relnamespace"
            " WHERE s.nspname = 'public' AND x.contype IN ('p', 'u', 'f')"
            " AND c.relname NOT LIKE 'procrastinate%'"
        ).fetchall()
    assert len(rows) > 30
    tenant = [row for row in rows if row[0] not in NOT_TENANT]
    for table, kind, name, columns in tenant:
        assert isinstance(columns, list)
        assert columns[0] == "provider_id", f"{table}.{name} ({kind}): {columns}"


def test_a_row_cannot_point_at_another_tenant_s(
    server: Server, database: str, product: Product, phone: MakePhone
) -> None:
    phone().start()
    with owner(server, database) as conn:
        other = conn.execute("SELECT max(id) FROM provider").fetchone()
        assert other is not None
        for column, table in (
            ("merchant_id", "merchant"), ("store_id", "store"), ("pay_code_id", "pay_code"),
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                conn.execute(
                    f"UPDATE pay_order SET {column} = (SELECT max(id) FROM {table}"
                    " WHERE provider_id = %s) WHERE intent_key NOT LIKE 'demo:%%'",
                    [other[0]],
                )
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            conn.execute("UPDATE pay_attempt SET provider_id = %s", [other[0]])


def test_a_second_open_attempt_is_refused_by_the_database_itself(
    product: Product, phone: MakePhone
) -> None:
    phone().start()
    again = (
        "INSERT INTO pay_attempt (provider_id, order_id, out_trade_no, channel, app, payee,"
        " person_id, amount_fen, status, is_unknown, request, polls, due_at, created_at,"
        " expires_at)"
        " SELECT provider_id, order_id, out_trade_no || '_2', channel, app, payee, person_id,"
        " amount_fen, 'created', false, request, 0, due_at, created_at, expires_at FROM pay_attempt"
    )
    with pytest.raises(Exception, match="uq_pay_attempt_one_open"):
        product.do(again)


BROKEN = {
    "amount zero": "UPDATE pay_order SET amount_fen = 0",
    "amount beyond 32 bits": "UPDATE pay_order SET amount_fen = 2147483648",
    "refunded above paid": "UPDATE pay_order SET refunded_fen = amount_fen + 1",
    "refunded below zero": "UPDATE pay_order SET refunded_fen = -1",
    "paid without a time": "UPDATE pay_order SET status = 'paid'",
    "unpaid with a time": "UPDATE pay_order SET paid_at = now()",
    "open and never looked at": "UPDATE pay_attempt SET due_at = NULL",
    "a number twice": "UPDATE pay_order SET out_trade_no = 'same'",
    "a status that is none": "UPDATE pay_order SET status = 'lost'",
    "an attempt in no state": "UPDATE pay_attempt SET status = 'lost'",
}


@pytest.mark.parametrize("statement", BROKEN.values(), ids=BROKEN.keys())
def test_the_database_refuses_rows_that_make_no_sense(
    product: Product, phone: MakePhone, statement: str
) -> None:
    phone().start()
    one = "" if "pay_attempt" in statement or "same" in statement else f" WHERE {OURS}"
    with pytest.raises(DBAPIError):
        product.do(statement + one)


def config_for(where: Addresses) -> Config:
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["addresses"] = where
    return config


def shape(server: Server, database: str) -> list[tuple[object, ...]]:
    with owner(server, database) as conn:
        return conn.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
        ).fetchall()


def test_migrations_go_up_down_and_up_again(server: Server) -> None:
    database = server.create()
    try:
        where = server.addresses(database)
        migrate(where)
        first = shape(server, database)
        command.downgrade(config_for(where), "base")
        left = {row[0] for row in shape(server, database)}
        assert left <= {"alembic_version"}
        migrate(where)
        assert shape(server, database) == first
        migrate(where)  # nothing to do
    finally:
        server.drop(database)


def test_the_models_and_the_migrations_say_the_same(server: Server, template: str) -> None:
    database = server.create(template)
    try:
        command.check(config_for(server.addresses(database)))
    finally:
        server.drop(database)


def test_every_word_of_a_model_s_enum_is_one_that_the_database_takes(
    server: Server, database: str
) -> None:
    with owner(server, database) as conn:
        found = conn.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
        ).fetchall()
    rules = {str(name): str(rule) for name, rule in found}
    columns = [
        (table.name, column.type)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Enum)
    ]
    assert len(columns) >= 9
    for table, kind in columns:
        rule = rules[f"ck_{table}_{kind.name}"]
        assert [word for word in kind.enums if f"'{word}'" not in rule] == [], (table, kind.name)
