"""What must be open before a deposit is asked for: each missing one has its own name (PRM-4)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models.merchant import Merchant
from services.accounts import NotConfigured
from services.deposits.refusals import DepositPreauth
from services.merchants.permissions import refuse_deposit
from services.merchants.problems import DepositChannel, DepositPermission, RefundApiPermission

MISSING = (DepositChannel, DepositPermission, RefundApiPermission, DepositPreauth, NotConfigured)


def check(session: Session, provider_id: int, merchant_id: int, channel: str) -> None:
    """Raises one of `MISSING`, the nearest first."""
    merchant = session.get_one(Merchant, (provider_id, merchant_id))
    if channel == "wechat":
        refuse_deposit(merchant)
    elif not merchant.alipay_preauth_signed:
        raise DepositPreauth
