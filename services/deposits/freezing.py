"""Holding a payer's money: write the intention down, call the wallet once, apply its answer.

A number is held once, whatever is repeated. Two roads: the till scans the payer's code, or shows
one that the payer scans (Alipay alone).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import BadInput, GatewayRejected, GatewayUnknown
from gateways.base import ChannelAccount
from gateways.deposits import FreezeRequest, FreezeState
from models.deposit import DepositFreeze, FreezeMethod, FreezeStatus
from models.merchant import GrantState
from services import audit
from services.accounts import NotConfigured, account_for, app_of, payee_of
from services.codepay.codes import CARD, wallet_of
from services.codepay.refusals import CodeUnreadable
from services.deposits import conditions, intents, rooms, words
from services.deposits.refusals import DepositNoQr, DepositNumberTaken
from services.deposits.words import UNDECIDED
from services.deps import Deps
from services.merchants.prefixes import allowed
from services.problems import PayProblem
from services.scan import Scan, scan_store

log = logging.getLogger(__name__)

# Alipay's numbers are plain; WeChat takes a few signs more (decisions.md 1).
_NUMBERS = {
    "wechat": re.compile(r"[0-9A-Za-z_\-|*]{6,32}", re.ASCII),
    "alipay": re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """What a till asks for. `asked_by` is a role and an id, as in the audit; never an openid."""

    provider_id: int
    merchant_id: int
    store_id: int
    out_freeze_no: str
    freeze_fen: int
    asked_by: str
    auth_code: str = ""  # "": the payer is to scan a code of ours
    channel: str = "alipay"  # of the code that we show
    description: str = ""
    terminal_ip: str = "127.0.0.1"
    expires_at: datetime | None = None  # of the code that we show
    goods_tag: str = ""
    no_credit: bool = False
    pay_channels: str = ""

    def __repr__(self) -> str:
        return f"Freeze(store_id={self.store_id}, out_freeze_no={self.out_freeze_no})"

    @property
    def method(self) -> FreezeMethod:
        return FreezeMethod.CODE if self.auth_code else FreezeMethod.QR


def freeze(deps: Deps, cmd: Freeze) -> int:
    """Hold once; the freeze's id. How it stands afterwards, `reading` tells.

    Raises DepositRefused, the errors of `conditions.MISSING`, CodeUnreadable, PayProblem,
    NotConfigured and BadInput before anything was sent. A wallet's refusal or silence, or a payer
    who has yet to agree, is a state, no error.
    """
    channel = _channel(cmd)
    scan = deps.transact(lambda s: _checked(s, deps, cmd, channel))
    account = _account(deps, scan, channel)
    now = deps.now()
    values = _values(deps, scan, cmd, account, channel, now)
    made = deps.transact(lambda s: _written(s, cmd, values, now), rerun_if_unknown=True)
    if made is not None:
        _ask_wallet(deps, cmd, account, channel, values, made)
        return made
    found = deps.transact(lambda s: _same(s, cmd, values))
    if found.method is FreezeMethod.QR and found.code_url is None and found.status in UNDECIDED:
        # Nothing is held by a code that nobody has seen: it may be asked for once more.
        _ask_wallet(deps, cmd, account, channel, values, found.id)
    return found.id


def _channel(cmd: Freeze) -> str:
    if not cmd.auth_code:
        if cmd.channel != "alipay":
            raise DepositNoQr
        return cmd.channel
    channel = wallet_of(cmd.auth_code)
    if channel == CARD:
        raise CodeUnreadable("a member's card holds no deposits")
    return channel


def _checked(session: Session, deps: Deps, cmd: Freeze, channel: str) -> Scan:
    scan = scan_store(session, cmd.provider_id, cmd.store_id, None)
    if scan.merchant_id != cmd.merchant_id:
        raise PayProblem("PAY_CODE_UNKNOWN", status=404)
    if not scan.provider_active or not scan.merchant_active:
        raise PayProblem("MERCHANT_DISABLED", shop=scan.shop)
    if not scan.store_active:
        raise PayProblem("STORE_DISABLED", shop=scan.shop, out_shop_id=scan.out_shop_id)
    if channel == "alipay" and scan.alipay_state not in (GrantState.VALID, GrantState.NONE):
        raise PayProblem("ALIPAY_TOKEN_INVALID", shop=scan.shop, state=scan.alipay_state.value)
    conditions.check(session, cmd.provider_id, cmd.merchant_id, channel)
    number = cmd.out_freeze_no
    if not _NUMBERS[channel].fullmatch(number) or not number.startswith(allowed(scan)):
        raise BadInput("out_freeze_no: 6 to 32 letters, digits or _, the merchant's prefix first")
    most = scan.max_fen(deps.settings.max_payment_fen)
    if not scan.min_fen <= cmd.freeze_fen <= most:
        raise BadInput(f"freeze_fen: {scan.min_fen} to {most}")
    return scan


def _account(deps: Deps, scan: Scan, channel: str) -> ChannelAccount:
    accounts = deps.accounts_of(scan.provider_id, scan.account_version)
    account = account_for(
        accounts, channel, scan.merchant_id, scan.wechat_sub_mchid, scan.alipay_pid
    )
    if not deps.gateways.deposits[channel].is_ready(account):
        raise NotConfigured(channel=channel)
    return account


def _values(
    deps: Deps, scan: Scan, cmd: Freeze, account: ChannelAccount, channel: str, now: datetime
) -> dict[str, Any]:
    lives_s = deps.settings.codepay_expires_s if cmd.auth_code else deps.settings.order_expires_s
    ends_at = now + timedelta(seconds=lives_s)
    if cmd.expires_at is not None and not cmd.auth_code:
        ends_at = max(now + timedelta(seconds=60), min(cmd.expires_at, now + timedelta(hours=2)))
    return {
        "provider_id": cmd.provider_id,
        "merchant_id": cmd.merchant_id,
        "store_id": cmd.store_id,
        "out_freeze_no": cmd.out_freeze_no,
        "channel": channel,
        "method": cmd.method,
        "app": app_of(account),
        "payee": payee_of(account),
        "freeze_fen": cmd.freeze_fen,
        "status": FreezeStatus.CREATED,
        "request": {
            "description": (cmd.description or scan.shop)[:100],
            # The code itself is never kept; this only tells whether a repeat is the same.
            "code": deps.ring.blind(cmd.auth_code, "auth_code") if cmd.auth_code else "",
        },
        "asked_by": cmd.asked_by,
        "due_at": now + timedelta(seconds=deps.settings.codepay_ask_every_s),
        "created_at": now,
        "changed_at": now,
        "expires_at": ends_at,
    }


_IN_USE = text("SELECT 1 FROM pay_attempt WHERE provider_id = :p AND out_trade_no = :n")


def _written(session: Session, cmd: Freeze, values: dict[str, Any], now: datetime) -> int | None:
    """None: the number is a freeze's already. Only who writes it down calls the wallet."""
    keys = {"p": cmd.provider_id, "n": cmd.out_freeze_no}
    if (
        session.execute(_IN_USE, keys).first() is not None
    ):  # at WeChat both share one row of numbers
        raise DepositNumberTaken
    made = session.scalar(
        insert(DepositFreeze)
        .values(values)
        .on_conflict_do_nothing(index_elements=["provider_id", "out_freeze_no"])
        .returning(DepositFreeze.id)
    )
    if made is None:
        return None
    audit.record(
        session,
        provider_id=cmd.provider_id,
        actor=cmd.asked_by,
        action="deposit_asked",
        subject=f"deposit:{cmd.out_freeze_no}",
        at=now,
        amount_fen=cmd.freeze_fen,
    )
    return int(made)


def _same(session: Session, cmd: Freeze, values: dict[str, Any]) -> DepositFreeze:
    """The freeze that has this number, if it is the same one. Raises DepositNumberTaken."""
    found = session.query(DepositFreeze).filter_by(
        provider_id=cmd.provider_id, out_freeze_no=cmd.out_freeze_no
    ).one()  # fmt: skip
    theirs = (found.merchant_id, found.store_id, found.freeze_fen, found.request.get("code"))
    if theirs != (cmd.merchant_id, cmd.store_id, cmd.freeze_fen, values["request"]["code"]):
        raise DepositNumberTaken
    return found


def _ask_wallet(
    deps: Deps,
    cmd: Freeze,
    account: ChannelAccount,
    channel: str,
    values: dict[str, Any],
    freeze_id: int,
) -> None:
    """Call the wallet, once and never again under this number, and write its answer down."""
    wallet, pid = deps.gateways.deposits[channel], cmd.provider_id
    req = FreezeRequest(
        out_freeze_no=cmd.out_freeze_no,
        freeze_fen=cmd.freeze_fen,
        description=values["request"]["description"],
        expires_at=values["expires_at"],
        auth_code=cmd.auth_code,
        terminal_ip=cmd.terminal_ip,
        goods_tag=cmd.goods_tag,
        no_credit=cmd.no_credit,
        pay_channels=cmd.pay_channels,
    )
    until = None if cmd.auth_code else req.expires_at
    intents.tell_freeze(
        channel, values["payee"], cmd.out_freeze_no, cmd.freeze_fen, deps.now(), until=until
    )
    try:
        if cmd.auth_code:
            word = wallet.freeze(account, req)
            deps.transact(lambda s: words.apply_freeze(s, deps, pid, freeze_id, word))
        else:
            url = wallet.offer(account, req)
            deps.transact(lambda s: _offered(s, deps, pid, freeze_id, url))
    except GatewayRejected as no:
        code, said = no.upstream_code, no.upstream_message
        deps.transact(lambda s: words.refused(s, deps, pid, freeze_id, code, said))
    except GatewayUnknown:
        deps.transact(lambda s: _unsure(s, deps, pid, freeze_id))


def _offered(session: Session, deps: Deps, provider_id: int, freeze_id: int, url: str) -> None:
    found, now = rooms.lock(session, provider_id, freeze_id), deps.now()
    found.code_url = url
    if found.status is FreezeStatus.CREATED:
        found.move_to(FreezeStatus.WAITING)
        found.raw_state, found.changed_at = FreezeState.WAITING.value, now
        found.due_at = now + timedelta(seconds=deps.settings.codepay_ask_every_s)


def _unsure(session: Session, deps: Deps, provider_id: int, freeze_id: int) -> None:
    """No answer that decides: asked about, never guessed."""
    found, now = rooms.lock(session, provider_id, freeze_id), deps.now()
    if found.status in (FreezeStatus.CREATED, FreezeStatus.WAITING):
        found.move_to(FreezeStatus.WAITING)
        found.is_unknown, found.changed_at = True, now
        found.due_at = now + timedelta(seconds=deps.settings.codepay_ask_every_s)
