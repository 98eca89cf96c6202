"""The worker's own process, and what keys and settings mean for it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from config.settings import ROOT, load_settings
from errors import CallbackAddress
from gateways.outgoing.sender import SendFailed
from services.callbacks.sweep import Outcome
from services.deps import open_gateways
from services.rotation import reseal_all
from tests.harness.product import Product
from tests.harness.receiver import Receiver
from tests.integration.callbacks.helping import (
    MakePhone,
    callbacks,
    key_of,
    opened,
    pay,
    post,
    tell,
    understood,
)
from tests.integration.looking import until


def test_a_worker_process_tells_a_payment_by_itself(
    product: Product, phone: MakePhone, there: Receiver
) -> None:
    settings = product.deps.settings
    tell(product, there)
    env = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "MIGRATE_DATABASE_URL": settings.migrate_database_url,
        "PUBLIC_URL": settings.public_url,
        "SIMULATOR_URL": settings.simulator_url,
        "DATA_DIR": str(settings.data_dir),
        "ALLOW_PRIVATE_CALLBACKS": "1",
        "LOG_LEVEL": "ERROR",
    }
    worker = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "worker"], cwd=ROOT, env=env
    )
    try:
        order = pay(product, phone, "alipay")
        heard = there.wait(1, seconds=40)
        until(lambda: callbacks(product)[0].status == "delivered")
    finally:
        worker.terminate()
        assert worker.wait(20) == 0
    said = understood(heard, key_of(product))["order_content"]
    assert said["out_trade_no"] == order.out_trade_no
    assert said["total_fee"] == 10000
    assert len(there.heard) == 1


def test_the_providers_key_is_rewritten_with_the_ring_s_newest(
    product: Product, phone: MakePhone, there: Receiver
) -> None:
    tell(product, there)
    before = key_of(product)
    product.deps.ring.add_key()
    assert reseal_all(product.deps, 1)["provider.authen_key_sealed"] == 2
    sealed = product.sql("SELECT authen_key_sealed AS it FROM provider")
    assert all(product.deps.ring.is_primary(row.it) for row in sealed)
    assert key_of(product) == before
    pay(product, phone, "wechat")
    product.run_jobs()
    post(opened(product))
    understood(there.heard[0], before)


def sender(**values: Any) -> Any:
    settings = load_settings(database_url="postgresql+psycopg://nobody@127.0.0.1:9/x", **values)
    return open_gateways(settings, lambda: None).callbacks  # type: ignore[arg-type, return-value]


def test_private_addresses_are_opened_by_a_setting_and_http_by_simulation_alone() -> None:
    closed, simulation = sender(), {"simulator_url": "http://127.0.0.1:9"}
    for kept_shut in (closed, sender(**simulation)):
        for url in ("https://127.0.0.1/", "http://erp.example.com/"):
            with pytest.raises(CallbackAddress):
                kept_shut.check(url)
    opened_up = sender(allow_private_callbacks=True)
    opened_up.check("https://127.0.0.1/")
    for url in ("http://127.0.0.1/", "https://169.254.169.254/"):
        with pytest.raises(CallbackAddress):
            opened_up.check(url)
    sender(allow_private_callbacks=True, **simulation).check("http://127.0.0.1:9/")


def test_only_silence_brings_a_rest() -> None:
    assert not Outcome(status=200).is_silent
    assert not Outcome("CALLBACK_STATUS", "", 503).is_silent
    assert not Outcome("CALLBACK_OFF", is_final=True).is_silent
    assert Outcome(SendFailed("CALLBACK_TIMEOUT", "").code).is_silent
