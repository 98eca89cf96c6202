"""Whose a link or code is: provider, merchant, store, person, state, and what a payer would meet.

Rows of another provider are never read out: of them only the provider's number is told, which
whoever scans the code is told as well (`PAY_CODE_PROVIDER_MISMATCH`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.codebatch import CodeBatch
from models.merchant import Merchant, Staff, Store
from models.order import PayOrder
from models.paycode import PayCode, Route
from models.provider import Provider
from services.code_finding import numbers
from services.code_finding.parsing import Kind, Link, parse
from services.deps import Deps
from services.problems import PayProblem
from services.scan import check_open, scan_store

WALLETS: Final = ("wechat", "alipay")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What whoever scans it with this wallet meets now: nothing in the way, or why not."""

    channel: str
    problem: PayProblem | None


@dataclass(slots=True)
class Found:
    """`foreign`: the number of the provider that it belongs to, where that is another one.

    `is_unknown`: the form is ours, but nobody has it. `other_host`: where the link leads, if not to
    this system.
    """

    link: Link
    foreign: str = ""
    is_unknown: bool = False
    other_host: str = ""
    says_provider: str = ""  # the number in the link, where it is not the owner's
    code: PayCode | None = None
    batch: CodeBatch | None = None
    merchant: Merchant | None = None
    store: Store | None = None
    staff: Staff | None = None
    order: PayOrder | None = None
    hits: list[numbers.Hit] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return self.link.kind


def find(session: Session, deps: Deps, provider_id: int, typed: str) -> Found:
    """Everything about what was typed that this provider may know."""
    found = Found(parse(typed))
    own_host = urlsplit(deps.settings.base_url).netloc.lower()
    if found.link.host not in ("", own_host):
        found.other_host = found.link.host
    _STEPS.get(found.kind, _nothing)(session, provider_id, found)
    if found.says_provider:
        wrong = PayProblem(
            "PAY_CODE_PROVIDER_MISMATCH",
            provider=found.says_provider,
            code_provider=_out_mch_id(session, provider_id),
        )
        found.verdicts = [Verdict(channel, wrong) for channel in WALLETS]
    elif found.store is not None:
        _look(session, found, deps.now())
    return found


def _nothing(_session: Session, _provider_id: int, _found: Found) -> None:
    pass


def _pay_code(session: Session, provider_id: int, found: Found) -> None:
    said = found.link.part("provider")
    route = session.get(Route, ("code", found.link.part("code")))
    if route is None:
        own = _out_mch_id(session, provider_id)
        found.foreign = said if said != own else ""
        found.is_unknown = said == own
        return
    if _is_foreign(session, provider_id, found, route):
        return
    if said != _out_mch_id(session, provider_id):
        found.says_provider = said
    _take_code(session, provider_id, found, found.link.part("code"))


def _old_store(session: Session, provider_id: int, found: Found) -> None:
    route = session.get(Route, ("shop", found.link.part("store")))
    if route is None:
        found.is_unknown = True
    elif not _is_foreign(session, provider_id, found, route):
        _take_store(session, provider_id, found, found.link.part("store"))
        if found.kind is Kind.OLD_STORE and route.code:
            _take_code(session, provider_id, found, route.code)


def _old_staff(session: Session, provider_id: int, found: Found) -> None:
    key = f"{found.link.part('store')}:{found.link.part('staff')}"
    route = session.get(Route, ("person", key[:64]))
    if route is None:
        _old_store(session, provider_id, found)
        found.is_unknown = not found.foreign
    elif not _is_foreign(session, provider_id, found, route) and route.code:
        _take_code(session, provider_id, found, route.code)


def _device(session: Session, provider_id: int, found: Found) -> None:
    """The store of the link, and where the device that it names is now."""
    _old_store(session, provider_id, found)
    if found.link.part("sn"):
        found.hits = numbers.hardware(session, provider_id, found.link.part("sn"))


def _member_card(session: Session, provider_id: int, found: Found) -> None:
    own = _out_mch_id(session, provider_id)
    if found.link.part("provider") != own:
        found.foreign = found.link.part("provider")
        return
    found.merchant = session.scalar(
        select(Merchant).where(
            Merchant.provider_id == provider_id,
            Merchant.out_sub_mch_id == found.link.part("merchant"),
        )
    )
    found.is_unknown = found.merchant is None


def _result(session: Session, provider_id: int, found: Found) -> None:
    if found.link.part("provider") != _out_mch_id(session, provider_id):
        found.foreign = found.link.part("provider")
        return
    found.order = session.scalar(
        select(PayOrder).where(
            PayOrder.provider_id == provider_id, PayOrder.public_id == found.link.part("order")
        )
    )
    if found.order is None:
        found.is_unknown = True
        return
    found.merchant = session.get(Merchant, (provider_id, found.order.merchant_id))
    found.store = session.get(Store, (provider_id, found.order.store_id))


def _number(session: Session, provider_id: int, found: Found) -> None:
    """A code as it is printed below the QR code, in fours; else whatever has this number."""
    typed = found.link.part("number")
    for code in dict.fromkeys((typed, typed.replace("-", ""), typed.replace("-", "").upper())):
        route = session.get(Route, ("code", code))
        if route is not None:
            if not _is_foreign(session, provider_id, found, route):
                _take_code(session, provider_id, found, code)
            return
    found.hits = numbers.search(session, provider_id, typed)
    found.is_unknown = not found.hits


_STEPS: Final = {
    Kind.PAY_CODE: _pay_code,
    Kind.OLD_STORE: _old_store,
    Kind.ONE_OFF: _old_store,
    Kind.ALIPAY_GRANT: _old_store,
    Kind.DEVICE: _device,
    Kind.OLD_STAFF: _old_staff,
    Kind.MEMBER_CARD: _member_card,
    Kind.RESULT: _result,
    Kind.NUMBER: _number,
}


def _out_mch_id(session: Session, provider_id: int) -> str:
    return session.get_one(Provider, provider_id).out_mch_id


def _is_foreign(session: Session, provider_id: int, found: Found, route: Route) -> bool:
    if route.provider_id == provider_id:
        return False
    found.foreign = _out_mch_id(session, route.provider_id)
    return True


def _take_code(session: Session, provider_id: int, found: Found, code: str) -> None:
    row = session.scalar(
        select(PayCode).where(PayCode.provider_id == provider_id, PayCode.code == code)
    )
    found.code, found.is_unknown = row, row is None
    if row is None:
        return
    if row.batch_id is not None:
        found.batch = session.get(CodeBatch, (provider_id, row.batch_id))
    if row.merchant_id is not None:
        found.merchant = session.get(Merchant, (provider_id, row.merchant_id))
    if row.store_id is not None:
        found.store = session.get(Store, (provider_id, row.store_id))
    if row.staff_id is not None:
        found.staff = session.get(Staff, (provider_id, row.staff_id))


def _take_store(session: Session, provider_id: int, found: Found, out_shop_id: str) -> None:
    found.store = session.scalar(
        select(Store).where(Store.provider_id == provider_id, Store.out_shop_id == out_shop_id)
    )
    if found.store is not None:
        found.merchant = session.get(Merchant, (provider_id, found.store.merchant_id))
    found.is_unknown = found.store is None


def _look(session: Session, found: Found, now: datetime) -> None:
    """The very checks that payers meet, in the same order."""
    assert found.store is not None
    code_id = found.code.id if found.code is not None else None
    scan = scan_store(session, found.store.provider_id, found.store.id, code_id)
    for channel in WALLETS:
        try:
            check_open(scan, channel, now)
        except PayProblem as problem:
            found.verdicts.append(Verdict(channel, problem))
        else:
            found.verdicts.append(Verdict(channel, None))
