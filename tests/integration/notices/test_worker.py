"""The worker's own process, killed by SIGKILL in the middle of a burst: none lost, none doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

from config.settings import ROOT
from tests.harness.product import Product
from tests.integration.looking import until
from tests.integration.notices.helping import arrived, money, notices, store

ORDERS, PEOPLE = 30, 3


def worker(product: Product) -> subprocess.Popen[bytes]:
    settings = product.deps.settings
    env = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "MIGRATE_DATABASE_URL": settings.migrate_database_url,
        "PUBLIC_URL": settings.public_url,
        "SIMULATOR_URL": settings.simulator_url,
        "DATA_DIR": str(settings.data_dir),
        "LOG_LEVEL": "ERROR",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "worker"], cwd=ROOT, env=env
    )


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(shop: Product) -> None:
    store(shop, "receive_notify_after_duty")
    for _ in range(ORDERS):
        money(shop)
    assert len(notices(shop)) == ORDERS * PEOPLE
    # each answer takes a moment, so that the kill meets notices that WeChat has and we have not
    shop.simulator.fault("wechat.template_send", "delay", times=1000, ms=40)
    first = worker(shop)
    try:
        until(lambda: len(arrived(shop)) >= 20, seconds=40)
    finally:
        first.kill()
        first.wait()
    written = sum(row.status == "sent" for row in notices(shop))
    assert written < ORDERS * PEOPLE, "killed too late to show anything"
    shop.simulator.advance(61)
    second = worker(shop)
    try:
        until(lambda: all(row.status == "sent" for row in notices(shop)), seconds=60)
    finally:
        second.terminate()
        assert second.wait(20) == 0
    told = Counter((row["person"], row["data"]["character_string4"]) for row in arrived(shop))
    assert len(told) == ORDERS * PEOPLE
    assert set(told.values()) == {1}
