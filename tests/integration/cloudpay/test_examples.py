"""The quick start and every example of the documents, run as they are printed there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from config.settings import ROOT
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


def run(product: Product, script: str) -> str:
    done = subprocess.run(
        ["sh", "-euc", script], cwd=ROOT, env=environment(product), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def paid(product: Product) -> list[int]:
    rows = product.sql("SELECT amount_fen FROM pay_order WHERE status = 'paid' ORDER BY id")
    return [row.amount_fen for row in rows]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_quick_start_of_the_readme_takes_a_payment(product: Product, page: str) -> None:
    printed = run(product, quick_start(ROOT / page))
    reply = json.loads(printed.strip().splitlines()[-1])
    content = json.loads(reply["response_content"])
    assert content["status"] == 0, content
    order = content["micro_pay"]["order_content"]
    assert order["wxpay_order_content_ext"]["current_trade_state"] == 2
    assert paid(product) == [100]


@pytest.mark.parametrize(
    "command", ["sh docs/api/examples/pay.sh", ".venv/bin/python docs/api/examples/pay.py",
                "php docs/api/examples/pay.php"],
)  # fmt: skip
def test_an_example_pays(product: Product, command: str) -> None:
    code = product.simulator.post("/sim/wechat/paycode", {"person": "zhou"})["auth_code"]
    run(product, f". docs/api/examples/demo.env.sh; {command} {code} 250")
    assert paid(product) == [250]


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert not {path.name for path in EXAMPLES.glob("pay.*") if path.name not in text}
