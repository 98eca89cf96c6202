"""What the services of deposits refuse, in this protocol's words."""

from __future__ import annotations

from errors import AppError, BadInput, NotFound
from services.cloudpay.deposits.shown import no_freeze
from services.cloudpay.problems import in_words
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.deposits.conditions import MISSING
from services.deposits.refusals import (
    DepositAmount,
    DepositMustEnd,
    DepositNoQr,
    DepositNumberTaken,
    DepositRefused,
)


def refusal(problem: AppError, *, number: str, amount: str, code: str = "") -> Refused:
    """`number`, `amount` and `code` are the paths of those members as the client writes them.

    Raises `problem` itself where it has no words here.
    """
    if isinstance(problem, NotFound):
        return no_freeze()
    if isinstance(problem, MISSING):
        said = f"{problem.title}：{''.join(problem.steps)}（{problem.code}）"
        return Refused(said[:255], internal=Internal.PERMISSION)
    if isinstance(problem, DepositNumberTaken):
        return Refused(
            "单号已用于其他内容的请求，请换新单号",
            internal=Internal.NUMBER_USED,
            reply_status=Status.NEW_NUMBER,
        )
    if isinstance(problem, DepositRefused):
        return _state(problem, amount)
    if isinstance(problem, BadInput):
        known = _bad_input(problem, number, amount)
        if known is not None:
            return known
    said_elsewhere = in_words(problem, code=code, number=number, amount=amount)
    if said_elsewhere is None:
        raise problem
    return said_elsewhere


def _state(problem: DepositRefused, amount: str) -> Refused:
    said = f"{problem.title}。{''.join(problem.steps)}（{problem.code}）"
    if isinstance(problem, DepositAmount):
        room = problem.facts.get("room_fen")
        return Refused(
            f"参数{amount}超过押金剩余可用的{room}分，正在处理的消费和解冻也占用押金",
            internal=Internal.AMOUNT,
        )
    if isinstance(problem, DepositMustEnd):
        return bad_member("pay_content.is_confirm_unfreeze", "应为true：微信押金余下的一定退给顾客")
    if isinstance(problem, DepositNoQr):
        return Refused(said, internal=Internal.PERMISSION)
    return Refused(said[:255], internal=Internal.STATE)


def _bad_input(problem: BadInput, number: str, amount: str) -> Refused | None:
    name, _, limits = problem.detail.partition(": ")
    if name in ("out_freeze_no", "out_trade_no", "out_unfreeze_no"):
        told = bad_member(number, "应为6到32位字母、数字或下划线，以订单前缀开头")
        return Refused(told.description, internal=Internal.MEMBER, reply_status=Status.NEW_NUMBER)
    if name == "freeze_fen":
        least, _, most = limits.partition(" to ")
        said = bad_member(amount, f"应在{least}到{most}分之间")
        return Refused(said.description, internal=Internal.AMOUNT)
    return None
