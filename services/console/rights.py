"""What each role may do in the console. One table says it all."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from models.console import ConsoleRole


class Right(StrEnum):
    SEE = "see"  # every page of figures, merchants, settings: never a secret
    EXPORT = "export"  # files with orders and figures
    MERCHANTS = "merchants"  # adding and changing merchants, stores, codes; sync; applications
    AFTER_PAYMENT = "after_payment"  # ads, the page after payment
    APPROVE = "approve"  # an ad that somebody uploaded; the kill switch
    GOLD_PLAN = "gold_plan"
    RESOLVE = "resolve"  # differences and cases about money: asking again, closing
    CHECK = "check"  # running the checks of configuration, sending test requests
    PAPERS = "papers"  # application documents and identity numbers: own uploads; admins all
    KEYS = "keys"  # keys, callback address, PID, sub-merchant ids
    PEOPLE = "people"  # accounts of the console, the provider's and merchants' first admins
    AUDIT = "audit"  # reading, exporting and verifying the audit log


VIEWER: Final = frozenset({Right.SEE})
OPERATOR: Final = VIEWER | {
    Right.EXPORT, Right.MERCHANTS, Right.AFTER_PAYMENT, Right.GOLD_PLAN, Right.RESOLVE,
    Right.CHECK, Right.PAPERS,
}  # fmt: skip
RIGHTS: Final[dict[ConsoleRole, frozenset[Right]]] = {
    ConsoleRole.ADMIN: frozenset(Right),
    ConsoleRole.OPERATOR: OPERATOR,
    ConsoleRole.VIEWER: VIEWER,
}
ROLE_NAMES: Final = {
    ConsoleRole.ADMIN: "管理员",
    ConsoleRole.OPERATOR: "运营",
    ConsoleRole.VIEWER: "只读",
}
