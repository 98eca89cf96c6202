"""unfreeze: held money goes back to the payer, by whoever may refund."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import AppError, NotFound
from models.deposit import DepositFreeze
from services import audit
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.deposits.refusing import refusal
from services.cloudpay.deposits.shown import Held, Released, freeze_of, releases_of
from services.cloudpay.deposits.told import UnfreezeTold
from services.cloudpay.methods import Method, Once
from services.cloudpay.orders.refunding import CHECKED
from services.cloudpay.patience import in_time
from services.cloudpay.pays.micro import actor
from services.cloudpay.shapes import Asked, Fen, Name32, Text32, Text128, Whole
from services.cloudpay.statuses import Internal, Refused, Status, bad_member, foreign
from services.cloudpay.structures import OrderClient, PayMchKey
from services.deposits.releasing import Release, release
from services.refunds.refusals import RefundNoRight
from services.refunds.rights import allowed_by

NUMBER, AMOUNT = "unfreeze_content.out_unfreeze_no", "unfreeze_content.unfreeze_fee"
WHO: Final = "pay_mch_key.authorization_staff_id"
_STAFF = text("""
SELECT public_id FROM staff WHERE provider_id = :p AND merchant_id = :m AND is_active
    AND (number = :id OR public_id = :id) ORDER BY number = :id DESC NULLS LAST LIMIT 1
""")


class UnfreezeContent(Asked):
    out_freeze_no: Name32
    out_unfreeze_no: Name32
    unfreeze_fee: Fen
    remark: Text128 = ""


class Unfreeze(Asked):
    unfreeze_content: UnfreezeContent
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    api_version: Annotated[int, Whole(0, 2)] = 1
    nonce_str: Text32 = ""


def unfreeze(call: Call, asked: Unfreeze) -> Answer:
    content = asked.unfreeze_content
    call.shop(asked.pay_mch_key.out_shop_id)
    held = freeze_of(call, content.out_freeze_no)
    who = actor(call)
    cmd = Release(
        provider_id=call.caller.provider_id,
        merchant_id=call.caller.merchant_id,
        out_freeze_no=content.out_freeze_no,
        out_unfreeze_no=content.out_unfreeze_no,
        amount_fen=content.unfreeze_fee,
        asked_by=who,
        allowed_by=who,
        remark=content.remark,
    )
    may = _checked(call, asked)
    try:
        in_time(call, lambda: release(call.deps, cmd, may))
    except RefundNoRight as no:
        _remember(call, cmd)
        raise Refused(f"{no.title}。{''.join(no.steps)}（{no.code}）",
                      internal=Internal.PERMISSION) from no  # fmt: skip
    except AppError as problem:
        raise refusal(problem, number=NUMBER, amount=AMOUNT) from problem
    made = [one for one in releases_of(call, held) if one.row.number == content.out_unfreeze_no]
    if not made:
        raise Refused(
            "正在受理，请3秒后用原请求重试或查询",
            internal=Internal.UNSURE,
            reply_status=Status.AGAIN,
        )
    return _answer(held, made[0])


def _checked(call: Call, asked: Unfreeze) -> Callable[[Session, DepositFreeze], str] | None:
    """As `refund` checks its operator: version 2 wants somebody who may."""
    key = asked.pay_mch_key
    if asked.api_version != CHECKED or key.is_sub_mch_admin:
        return None
    if not key.authorization_staff_id:
        raise bad_member(WHO, "缺失：api_version为2时要有授权人")
    keys = {
        "p": call.caller.provider_id,
        "m": call.caller.merchant_id,
        "id": key.authorization_staff_id,
    }
    found = call.deps.transact(lambda s: s.scalar(_STAFF, keys))
    if found is None:
        raise foreign(WHO)
    staff = str(found)

    def may(session: Session, freeze: DepositFreeze) -> str:
        try:
            return allowed_by(session, call.caller.provider_id, staff, freeze)
        except NotFound:
            raise foreign(WHO) from None

    return may


def _remember(call: Call, cmd: Release) -> None:
    call.deps.transact(
        lambda s: audit.record(
            s,
            provider_id=cmd.provider_id,
            actor=cmd.asked_by,
            action="deposit_release_denied",
            subject=f"deposit:{cmd.out_freeze_no}",
            at=call.now,
            amount_fen=cmd.amount_fen,
        )
    )


def _answer(held: Held, made: Released) -> Answer:
    told = UnfreezeTold(
        unfreeze_order_content=made.content,
        pay_mch_key=held.pay_mch_key,
        nonce_str=fresh_nonce(),
    )
    if made.row.status == "failed":
        return Answer(told, made.words, Status.REFUSED, Internal.WALLET)
    return Answer(told, made.words)


UNFREEZE = Method(
    name="unfreeze",
    asked=Unfreeze,
    told=UnfreezeTold,
    run=unfreeze,
    result="unfreeze",
    summary=(
        "押金解冻：把冻结的钱退给顾客。微信只能整笔；结果以query_unfreeze_order为准",
        "Give held money back: WeChat all of it, Alipay in parts; ask query_unfreeze_order",
    ),
    group="deposits",
    once=Once("unfreeze", NUMBER),
    is_small=True,
)
