"""Reading what a payer typed: exact, in fen, never rounded, within the narrowest limits."""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import Settings
from gateways.money import fen_from_yuan, yuan_from_fen
from models.merchant import PageMode
from models.paycode import PayCodeKind
from services.checkout import Purchase
from services.problems import PayProblem
from services.scan import Scan

REMARK_BYTES = 127
MOST_PIECES = 99


def read_purchase(
    form: Mapping[str, str], scan: Scan, channel: str, settings: Settings
) -> Purchase:
    """What this form asks for. Raises AMOUNT_INVALID, AMOUNT_TOO_SMALL, AMOUNT_OVER_LIMIT, …"""
    remark = form.get("remark", "").strip() if scan.takes_remark else ""
    # U+200D joins the parts of an emoji; every other invisible character is refused.
    is_plain = remark.replace("\u200d", "").isprintable()
    if len(remark.encode()) > REMARK_BYTES or not is_plain:
        raise PayProblem("REMARK_TOO_LONG", status=400)
    if scan.kind is PayCodeKind.FIXED:
        made = _pieces(form, scan, remark)
    elif mode_for(scan, channel) is PageMode.TOTAL_PLUS_UNDISCOUNTABLE:
        made = _with_undiscountable(form, remark)
    elif mode_for(scan, channel) is PageMode.CONSUME_PLUS_DEPOSIT:
        made = _with_deposit(form, remark)
    else:
        made = Purchase(_fen(form.get("amount", "")), remark=remark)
    check_limits(made.amount_fen, scan, settings)
    return made


def mode_for(scan: Scan, channel: str) -> PageMode:
    """The page's inputs; an undiscountable part exists at Alipay only (product STO-2)."""
    if scan.page_mode is PageMode.TOTAL_PLUS_UNDISCOUNTABLE and channel != "alipay":
        return PageMode.DEFAULT
    return scan.page_mode


def _fen(typed: str) -> int:
    try:
        return fen_from_yuan(typed)
    except ValueError as problem:
        raise PayProblem("AMOUNT_INVALID", status=400) from problem


def _pieces(form: Mapping[str, str], scan: Scan, remark: str) -> Purchase:
    typed = form.get("quantity", "1")
    if not (typed.isascii() and typed.isdigit() and 1 <= len(typed) <= 2 and int(typed) >= 1):
        raise PayProblem("AMOUNT_INVALID", status=400)
    assert scan.unit_price_fen is not None
    quantity = int(typed)
    return Purchase(scan.unit_price_fen * quantity, quantity=quantity, remark=remark)


def _with_undiscountable(form: Mapping[str, str], remark: str) -> Purchase:
    total = _fen(form.get("amount", ""))
    typed = form.get("undiscountable", "")
    part = _fen(typed) if typed else 0
    if part > total:
        raise PayProblem("AMOUNT_INVALID", status=400)
    return Purchase(total, undiscountable_fen=part or None, remark=remark)


def _with_deposit(form: Mapping[str, str], remark: str) -> Purchase:
    """An ordinary payment; the remark says the deposit, so that it can be given back later."""
    consumed = _fen(form.get("amount", ""))
    typed = form.get("deposit", "")
    deposit = _fen(typed) if typed else 0
    if deposit:
        remark = f"含押金 {yuan_from_fen(deposit)} 元" + (f"，{remark}" if remark else "")
    while len(remark.encode()) > REMARK_BYTES:
        remark = remark[:-1]
    return Purchase(consumed + deposit, deposit_fen=deposit or None, remark=remark)


def check_limits(amount_fen: int, scan: Scan, settings: Settings) -> None:
    """Raises AMOUNT_TOO_SMALL, AMOUNT_OVER_LIMIT."""
    if amount_fen < scan.min_fen:
        raise PayProblem("AMOUNT_TOO_SMALL", status=400, min_fen=scan.min_fen)
    most = scan.max_fen(settings.max_payment_fen)
    if amount_fen > most:
        raise PayProblem("AMOUNT_OVER_LIMIT", status=400, max_fen=most)
