"""The quick start and every example of the documents, run as they are printed there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from config.settings import ROOT
from tests.harness.cloudpay import Till
from tests.harness.product import Product

EXAMPLES = ROOT / "docs" / "api" / "examples"
NEEDED = ("data_dir", "database_url", "migrate_database_url", "public_url", "simulator_url")


def environment(product: Product) -> dict[str, str]:
    """What `make run` gives its own commands: which database, which addresses."""
    settings = product.deps.settings.model_dump(mode="json")
    own = {name.upper(): str(settings[name]) for name in NEEDED}
    return {**os.environ, **own, "HOME": "/nonexistent"}


def quick_start(page: Path) -> str:
    """The first block of shell under the heading of the API."""
    found = re.search(
        r"^## [^\n]*API[^\n]*\n.*?```sh\n(.*?)```", page.read_text("utf-8"), re.S | re.M
    )
    assert found, page
    return found[1]


def run(product: Product, script: str, **more: str) -> str:
    done = subprocess.run(
        ["sh", "-euc", script], cwd=ROOT, env=environment(product) | more, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def newest(product: Product) -> tuple[str, int]:
    row = product.one("SELECT status, amount_fen FROM pay_order ORDER BY id DESC LIMIT 1")
    return row.status, row.amount_fen


def test_the_quick_start_of_the_readme_takes_a_payment(product: Product) -> None:
    printed = run(product, quick_start(ROOT / "README.md"))
    reply = json.loads(printed.strip().splitlines()[-1])
    content = json.loads(reply["response_content"])
    assert content["status"] == 0, content
    order = content["micro_pay"]["order_content"]
    assert order["wxpay_order_content_ext"]["current_trade_state"] == 2
    assert newest(product) == ("paid", 100)


def test_both_readmes_print_the_same_quick_start() -> None:
    pages = [quick_start(ROOT / name) for name in ("README.md", "README.zh-CN.md")]
    assert len({re.sub(r"\s+# .*", "", page) for page in pages}) == 1


def test_the_examples_pay(product: Product) -> None:
    till = Till.of(product)
    who = {
        "YIMA": product.url,
        "OUT_MCH_ID": till.out_mch_id,
        "OUT_SUB_MCH_ID": till.out_sub_mch_id,
        "OUT_SHOP_ID": till.out_shop_id,
        "AUTHEN_KEY": till.key,
        "PREFIX": till.prefix,
    }
    for n, command in enumerate(
        (f"sh {EXAMPLES}/pay.sh", f"{sys.executable} {EXAMPLES}/pay.py", f"php {EXAMPLES}/pay.php")
    ):
        code = product.simulator.post("/sim/wechat/paycode", {"person": "zhou"})["auth_code"]
        run(product, f"{command} {code} {250 + n}", **who)
        assert newest(product) == ("paid", 250 + n), command


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert not {path.name for path in EXAMPLES.glob("pay.*") if path.name not in text}
