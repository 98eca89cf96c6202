"""What WeChat's payment codes want of a provider: the APIv2 key and the certificate's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.accounts import NotConfigured
from tests.harness.product import Product
from tests.integration.codepay.helping import own_versions, pay


def set_wechat(product: Product, *words: str, stdin: str = "") -> Any:
    provider = product.one("SELECT out_mch_id FROM provider WHERE id = 1").out_mch_id
    args = ["provider", "set-wechat", "--provider", provider, *words]
    return product.app.test_cli_runner().invoke(args=args, input=stdin)


@pytest.fixture(autouse=True)
def versions(product: Product) -> None:
    own_versions(product)


def test_codes_are_taken_once_both_are_there(product: Product, tmp_path: Path) -> None:
    held = product.simulator.credentials()["wechat"]
    product.do("UPDATE credential SET retired_at = now() WHERE kind = 'apiv2_key'")
    done = set_wechat(product, "--serial", held["merchant_serial"])  # typed: no certificate
    assert done.exit_code == 0, done.output
    with pytest.raises(NotConfigured):
        pay(product, "wechat")
    short = set_wechat(product, "--apiv2-key-file", "-", stdin="k" * 31)
    assert short.exit_code == 1
    assert "apiv2_key: must be 32 visible ASCII characters" in short.output
    done = set_wechat(product, "--apiv2-key-file", "-", stdin=held["apiv2_key"] + "\n")
    assert "changed: apiv2_key" in done.stdout
    with pytest.raises(NotConfigured):
        pay(product, "wechat")
    file = tmp_path / "apiclient_cert.pem"
    file.write_text(held["merchant_certificate"])
    done = set_wechat(product, "--certificate-file", str(file))
    assert "merchant_certificate" in done.stdout
    assert pay(product, "wechat").state == "paid"
    kept = product.one(
        "SELECT sealed FROM credential WHERE kind = 'apiv2_key' AND retired_at IS NULL"
    )
    assert held["apiv2_key"] not in kept.sealed


def test_a_wrong_apiv2_key_is_an_unknown_result_and_never_a_failure(product: Product) -> None:
    """WeChat can not read us: nothing is signed, so nothing is certain."""
    set_wechat(product, "--apiv2-key-file", "-", stdin="x" * 32)
    found = pay(product, "wechat")
    assert found.state == "unknown"
    held = product.simulator.credentials()["wechat"]
    set_wechat(product, "--apiv2-key-file", "-", stdin=held["apiv2_key"])
    product.simulator.advance(45)
    product.sweep()
    assert product.one("SELECT close_reason FROM pay_order WHERE out_trade_no = :n",
                       n=found.out_trade_no).close_reason == "void"  # fmt: skip
