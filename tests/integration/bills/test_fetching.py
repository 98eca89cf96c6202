"""A bill is fetched once, whole and verified, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from config.settings import ROOT
from services.bills import files, planning, sweep
from services.bills.files import rows_file
from services.deps import build_deps
from tests.harness.product import Product
from tests.integration.bills.helping import WALLETS, Days, MakePhone, paid
from tests.integration.looking import calls

ASKED = {"wechat": "wechat.tradebill", "alipay": "alipay.data.dataservice.bill.downloadurl.query"}
DOWNLOADED = {"wechat": "wechat.bill_download", "alipay": "alipay.bill_download"}


def kept(days: Days, wallet: str) -> bool:
    bill = days.bill(wallet)
    name = bill.rows_name
    return bool(name) and rows_file(days.product.deps.settings, bill.provider_id, name).exists()


def minutes(days: Days, wallet: str) -> float:
    """Until it is tried again."""
    left = days.bill(wallet).due_at - days.product.deps.now()
    return float(left.total_seconds() / 60)


@WALLETS
def test_too_early_is_asked_again_later(days: Days, phone: MakePhone, wallet: str) -> None:
    paid(days, phone, wallet)
    days.simulator.advance(12.5 * 3600)  # half past midnight
    bill = days.fetch(wallet)
    assert (bill.status, bill.broken_reason) == ("wanted", None)
    assert 29 < minutes(days, wallet) <= 30
    days.morning_after()
    assert days.fetch(wallet).status == "loaded"


@WALLETS
def test_nothing_is_asked_before_ten_o_clock(days: Days, phone: MakePhone, wallet: str) -> None:
    paid(days, phone, wallet)
    days.bill(wallet)
    assert sweep.claim_due(days.product.deps, 10) == []
    days.morning_after()
    mine = days.bill(wallet).id
    assert mine in [claim.bill_id for claim in sweep.claim_due(days.product.deps, 10)]


def test_an_empty_day_of_alipay_is_believed_in_the_afternoon(days: Days) -> None:
    days.simulator.switch("alipay.bill_empty", "not_exist")
    days.morning_after()
    assert days.fetch("alipay").status == "wanted"
    days.simulator.advance(5 * 3600)
    assert days.fetch("alipay").status == "empty"
    assert days.match("alipay").is_clean


def test_an_empty_day_of_wechat_is_final(days: Days) -> None:
    days.morning_after()
    assert days.fetch("wechat").status == "empty"
    assert days.match("wechat").is_clean
    assert days.bill("wechat").status == "matched"


@pytest.mark.parametrize(
    ("wallet", "lie", "said"),
    [
        ("wechat", "hash", "hash"),
        ("wechat", "cut", "summary is missing"),
        ("wechat", "total:1", "订单总金额"),
        ("wechat", "short", "26 cells, 27 columns"),
        ("alipay", "hash", "zip is damaged"),
        ("alipay", "total:1", "交易合计"),
    ],
)
def test_a_broken_bill_is_told_and_nothing_of_it_is_used(
    days: Days, phone: MakePhone, wallet: str, lie: str, said: str
) -> None:
    paid(days, phone, wallet)
    days.morning_after()
    days.lie(wallet, lie)
    bill = days.fetch(wallet)
    assert bill.status == "broken"
    assert said in bill.broken_reason
    assert (bill.trades, bill.loaded_at) == (0, None)
    assert 59 < minutes(days, wallet) <= 60
    assert not kept(days, wallet)
    assert list((days.product.deps.settings.data_dir / "bills" / "work").iterdir()) == []
    assert days.told() == []
    days.lie(wallet)
    assert days.match(wallet).is_clean


@pytest.mark.parametrize(
    ("wallet", "lies"),
    [
        ("wechat", "bom;crlf;with:新栏目"),
        ("wechat", "encoding:gbk;crlf"),
        ("alipay", "with:新栏目"),
        ("alipay", "encoding:utf-8;bom"),
    ],
)
def test_another_spelling_of_the_same_bill_is_read(
    days: Days, phone: MakePhone, wallet: str, lies: str
) -> None:
    """A mark, other line ends, another encoding, one column more: columns are found by name."""
    paid(days, phone, wallet)
    days.morning_after()
    days.lie(wallet, lies)
    assert days.match(wallet).is_clean
    assert days.bill(wallet).trade_fen == 10000


@WALLETS
def test_an_address_that_has_expired_is_asked_for_anew(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    paid(days, phone, wallet)
    days.morning_after()
    days.simulator.fault(DOWNLOADED[wallet], "error", code="INVALID_REQUEST")
    assert days.fetch(wallet).status == "loaded"
    assert calls(days.simulator, ASKED[wallet]) == 2
    assert calls(days.simulator, DOWNLOADED[wallet]) == 2


@pytest.mark.parametrize("kind", ["drop", "lose_answer"])
@WALLETS
def test_no_answer_is_tried_again(days: Days, phone: MakePhone, wallet: str, kind: str) -> None:
    paid(days, phone, wallet)
    days.morning_after()
    days.simulator.fault(DOWNLOADED[wallet], kind)
    bill = days.fetch(wallet)
    assert (bill.status, bill.trades) == ("wanted", 0)
    assert minutes(days, wallet) <= 2
    assert days.match(wallet).is_clean


def test_a_refusal_waits_and_is_told(days: Days, phone: MakePhone) -> None:
    days.morning_after()
    days.simulator.fault("wechat.tradebill", "error", code="NO_AUTH")
    bill = days.fetch("wechat")
    assert (bill.status, bill.said) == ("wanted", "NO_AUTH")
    assert minutes(days, "wechat") > 300


def test_a_later_broken_download_leaves_the_good_one(days: Days, phone: MakePhone) -> None:
    paid(days, phone, "wechat")
    days.morning_after()
    days.fetch("wechat")
    days.lie("wechat", "hash")
    assert days.fetch("wechat").status == "broken"
    assert kept(days, "wechat")


def test_wanting_twice_writes_each_bill_once(days: Days) -> None:
    assert planning.want_bills(days.product.deps, days.on) > 2
    assert planning.want_bills(days.product.deps, days.on) == 0
    days.morning_after()
    planning.want_recent(days.product.deps)  # days before it too, where the books are older
    assert planning.want_recent(days.product.deps) == 0
    assert not days.product.sql(
        "SELECT 1 FROM bill GROUP BY provider_id, channel, account, bill_on HAVING count(*) > 1"
    )


def test_three_workers_at_once_do_each_bill_once(days: Days, phone: MakePhone) -> None:
    """failures.md 48: the scheduler on three nodes."""
    paid(days, phone, "wechat")
    paid(days, phone, "alipay")
    wanted = planning.want_bills(days.product.deps, days.on)
    days.morning_after()
    settings = days.product.deps.settings
    workers = [build_deps(settings, pool_size=4) for _ in range(3)]
    together = Barrier(3)

    def work(deps: object) -> int:
        together.wait(20)
        done = 0
        while claims := sweep.claim_due(deps, 1):  # type: ignore[arg-type]
            for claim in claims:
                sweep.pursue(deps, claim)  # type: ignore[arg-type]
                done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, workers)) == wanted
    for deps in workers:
        deps.db.dispose()
    assert {row.status for row in days.product.sql("SELECT status FROM bill")} == {"matched"}
    assert calls(days.simulator, DOWNLOADED["wechat"]) == 1
    assert days.told() == []


KILLED = """
import os
from config.settings import load_settings
from services.bills import matching, sweep
from services.deps import build_deps
matching.match_bill = sweep.match_bill = lambda deps, bill_id: os._exit(9)
deps = build_deps(load_settings())
while claims := sweep.claim_due(deps, 1):
    for claim in claims:
        sweep.pursue(deps, claim)
"""


def test_a_worker_killed_between_load_and_match_loses_nothing(
    days: Days, phone: MakePhone, product: Product
) -> None:
    paid(days, phone, "wechat")
    days.bill("wechat")
    days.morning_after()
    settings = product.deps.settings
    env = os.environ | {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "SIMULATOR_URL": settings.simulator_url,
        "PUBLIC_URL": settings.public_url,
        "LOG_LEVEL": "CRITICAL",
    }
    product.do("UPDATE bill SET due_at = NULL WHERE channel = 'alipay' OR account <> '1900000001'")
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=env, timeout=60)
    assert done.returncode == 9
    assert days.bill("wechat").status == "loaded"
    days.simulator.advance(21 * 60)
    (claim,) = sweep.claim_due(product.deps, 10)
    sweep.pursue(product.deps, claim)
    assert days.bill("wechat").status == "matched"
    assert days.told() == []


def test_the_rows_of_another_machine_are_fetched_again(days: Days, phone: MakePhone) -> None:
    paid(days, phone, "wechat")
    days.morning_after()
    days.match("wechat")
    bill = days.bill("wechat")
    rows_file(days.product.deps.settings, bill.provider_id, bill.rows_name).unlink()
    assert days.match("wechat").is_clean
    assert kept(days, "wechat")
    days.simulator.advance(101 * 86400)
    assert files.remove_old(days.product.deps) >= 1
    assert not kept(days, "wechat")
