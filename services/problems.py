"""The pay road's own errors, by code; `web/problem_table.py` has the words."""

from __future__ import annotations

from errors import AppError


class PayProblem(AppError):
    """A state of the road with words of its own; `code` names it, `facts` fill the words."""

    def __init__(self, code: str, /, *, status: int = 409, **facts: object) -> None:
        super().__init__(code)
        self.facts = facts
        self.code = code
        self.status = status


def amount_invalid(reason: str) -> PayProblem:
    return PayProblem("AMOUNT_INVALID", status=400, reason=reason)
