"""What a person does with a work item: ask once more, void, close with a reason. Never deletes."""

from __future__ import annotations

from errors import AppError, Conflict, GatewayRejected, GatewayUnknown, NotFound
from models.bill import BillCaseStatus, DifferenceKind
from services import syncing
from services.accounts import NotConfigured
from services.bills import cases as bill_cases
from services.bills import healing, voiding
from services.cases import close_case
from services.deps import Deps
from services.recon import items
from services.recon.items import Item
from services.recon.problems import ItemMoved, NotVoid, ReasonNeeded, WalletSilent

MOST_REASON = 200  # characters


def find(deps: Deps, provider_id: int, source: str, item_id: int) -> Item:
    """Raises NotFound, also for another provider's."""
    return deps.transact(lambda s: items.one(s, provider_id, source, item_id))


def ask_again(deps: Deps, provider_id: int, source: str, item_id: int, actor: str) -> bool:
    """Ask the wallet now and apply only what it says; whether the item has come right by it.

    Raises ItemMoved for one that is not open, WalletSilent where the wallet gave no answer.
    """
    item = find(deps, provider_id, source, item_id)
    if not item.is_open:
        raise ItemMoved()
    if source == "bill":
        state = healing.heal(deps, item_id, actor)
        if state is BillCaseStatus.HEALED:
            return True
        now = find(deps, provider_id, source, item_id)
        if "no_answer" in now.facts.get("asked", {}):
            raise WalletSilent(code=now.facts["asked"]["no_answer"])
        return False
    if item.order_id is None:
        return False
    found = syncing.sync_order(deps, provider_id, item.order_id, actor=actor)
    if not all(answer.is_answered for answer in found.answers):
        raise WalletSilent()
    return not find(deps, provider_id, source, item_id).is_open


def close(
    deps: Deps, provider_id: int, source: str, item_id: int, *, actor: str, reason: str
) -> None:
    """Put it away with a reason; what a wallet has put right needs none.

    Raises ReasonNeeded, and ItemMoved when somebody was faster.
    """
    words = " ".join(reason.split())[:MOST_REASON]
    item = find(deps, provider_id, source, item_id)
    if item.is_open and not words:
        raise ReasonNeeded()
    try:
        if source == "case":
            close_case(deps, item_id, actor=actor, note=words)
            return
        if item.is_open:
            bill_cases.explain(deps, item_id, actor=actor, reason=words)
        bill_cases.close(deps, item_id, actor=actor)
    except (Conflict, NotFound) as problem:
        raise ItemMoved() from problem


def may_void(item: Item) -> bool:
    """Only what the bill lacks, of a wallet that can be asked whether it ever was."""
    return (
        item.source == "bill"
        and item.state == BillCaseStatus.FOUND
        and item.kind == DifferenceKind.MISSING_THERE
        and item.channel != "balance"
    )


def void(deps: Deps, provider_id: int, item_id: int, *, actor: str, reason: str) -> None:
    """Void what the wallet, asked once more, says that it never had.

    Raises ReasonNeeded, NotVoid and WalletSilent.
    """
    words = " ".join(reason.split())[:MOST_REASON]
    if not words:
        raise ReasonNeeded()
    if not may_void(find(deps, provider_id, "bill", item_id)):
        raise ItemMoved()
    try:
        voiding.void(deps, item_id, actor=actor, reason=words)
    except Conflict as problem:
        raise NotVoid(problem.detail) from problem
    except (GatewayUnknown, GatewayRejected, NotConfigured) as problem:
        raise WalletSilent(code=_code(problem)) from problem


def _code(problem: AppError) -> str:
    return str(getattr(problem, "upstream_code", "") or problem.code)
