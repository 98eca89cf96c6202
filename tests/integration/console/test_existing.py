"""子商户已存在: where it is, told to those who may know (product MCH-6)."""

from __future__ import annotations

import pytest

from services.merchants.existing import refuse_known
from services.merchants.problems import MerchantExists
from tests.harness.console import Console
from tests.harness.product import Product

BIEJIA = "1900000508"  # of 别家服务商, the second provider


def test_another_provider_s_merchant_is_named_to_its_own_people_alone(product: Product) -> None:
    Console(product, signed_in=False)  # the demo's accounts are there
    user = product.one("SELECT id FROM console_user WHERE username = 'demo'").id

    def ask() -> None:
        product.deps.transact(lambda s: refuse_known(s, 1, BIEJIA, user_id=user))

    ask()  # nobody of that provider: nothing is said
    product.do(
        "INSERT INTO console_member (provider_id, user_id, role, created_at)"
        " VALUES (2, :u, 'viewer', now())",
        u=user,
    )
    ask()  # invited, and has not said yes
    product.do("UPDATE console_member SET accepted_at = now() WHERE provider_id = 2")
    with pytest.raises(MerchantExists, match="别家小店，在你的另一个服务商「别家服务商」下"):
        ask()
