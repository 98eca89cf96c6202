from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from gateways.base import PayGateway
from gateways.registry import Gateways, build_gateways
from tests.unit.gateways.wallets import Clock

_ROOT = Path(__file__).parents[3]


def _built() -> Gateways:
    return build_gateways(
        wechat_pay_base="http://127.0.0.1:1",
        alipay_base="http://127.0.0.1:1",
        alipay_auth_base="http://127.0.0.1:1",
        wechat_oa_api_base="http://127.0.0.1:1",
        wechat_oa_open_base="http://127.0.0.1:1",
        connect_timeout=1,
        read_timeout=1,
        pool_size=1,
        now=Clock(),
    )


def test_both_wallets_are_found_by_channel() -> None:
    gateways = _built()
    channels: dict[str, PayGateway] = dict(gateways.pay)
    assert {name: gateway.channel for name, gateway in channels.items()} == {
        "wechat": "wechat",
        "alipay": "alipay",
    }
    assert gateways.pay["alipay"] is gateways.alipay


def test_the_holder_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        _built().pay = {}  # type: ignore[misc]
    with pytest.raises(TypeError):
        _built().pay["wechat"] = None  # type: ignore[index]


def test_no_sdk_and_no_framework_is_imported_before_the_first_call() -> None:
    heavy = "{'alipay', 'wechatpy', 'flask', 'sqlalchemy', 'OpenSSL', 'Cryptodome'}"
    program = f"import gateways.registry, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
