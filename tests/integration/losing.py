"""What a restored backup does not hold: rows taken away, as the owner of the tables may."""

from __future__ import annotations

from sqlalchemy import create_engine, pool, text

from tests.harness.product import Product

_ROWS = (
    "DELETE FROM refund WHERE order_id = :o",
    "DELETE FROM upstream_event WHERE out_trade_no IN (SELECT out_trade_no FROM pay_attempt"
    " WHERE order_id = :o)",
    "DELETE FROM pay_attempt WHERE order_id = :o",
    "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_keep",
    "DELETE FROM audit_tail WHERE entry_id IN"
    " (SELECT id FROM audit_entry WHERE subject = 'order:' || :n)",
    "DELETE FROM audit_entry WHERE subject = 'order:' || :n",
    "ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_keep",
    "DELETE FROM pay_order WHERE id = :o",
)


def as_owner(product: Product, *statements: str, **values: object) -> None:
    """Run statements that the serving role may not."""
    engine = create_engine(product.deps.settings.migrate_database_url, poolclass=pool.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), values)
    engine.dispose()


def lose_order(product: Product, out_trade_no: str) -> None:
    """As if the order had been made after the backup."""
    row = product.one("SELECT id FROM pay_order WHERE out_trade_no = :n", n=out_trade_no)
    as_owner(product, *_ROWS, o=row.id, n=out_trade_no)


def lose_refunds(product: Product, order_id: int) -> None:
    """As if they had been made after the backup."""
    as_owner(
        product,
        "DELETE FROM upstream_event WHERE kind = 'refund'",
        "DELETE FROM refund WHERE order_id = :o",
        "UPDATE pay_attempt SET held_fen = 0, refunded_fen = 0 WHERE order_id = :o",
        "UPDATE pay_order SET refunded_fen = 0 WHERE id = :o",
        o=order_id,
    )
