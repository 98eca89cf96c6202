"""Settings: one name per environment variable, read once, refused where they would do harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import ROOT, Settings, load_settings

SIMULATOR = "http://127.0.0.1:8001"
UPSTREAMS = ("wechat_pay_base", "wechat_api_base", "wechat_open_base", "alipay_gateway",
             "alipay_auth_base")  # fmt: skip


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    "address",
    ["https://pay.example.com", "http://192.168.1.5:8000", "http://10.0.0.1", "http://0.0.0.0:8000",
     "http://127.0.0.1.example.com", "http://localhost.example.com", "http://[2001:db8::1]"],
)  # fmt: skip
def test_a_demo_on_an_address_that_others_reach_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="ALLOW_PUBLIC_DEMO"):
        load_settings(simulator_url=SIMULATOR, public_url=address)
    allowed = load_settings(simulator_url=SIMULATOR, public_url=address, allow_public_demo=True)
    assert allowed.simulation


@pytest.mark.parametrize(
    "address", ["", "http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"]
)
def test_a_demo_on_this_machine_is_fine(address: str) -> None:
    assert load_settings(simulator_url=SIMULATOR, public_url=address).simulation


def test_without_a_simulator_a_public_address_needs_no_word() -> None:
    settings = load_settings(public_url="https://pay.example.com/")
    assert not settings.simulation
    assert settings.base_url == "https://pay.example.com"
    assert settings.is_https


def test_links_are_built_from_the_port_where_no_address_is_given() -> None:
    assert load_settings(port=8123).base_url == "http://127.0.0.1:8123"
    assert not load_settings().is_https


@pytest.mark.parametrize("name", UPSTREAMS)
def test_an_upstream_is_its_own_setting_or_the_simulator_with_the_same_path(name: str) -> None:
    real = load_settings()
    assert real.upstream(name) == getattr(real, name)
    assert real.upstream(name).startswith("https://")
    simulated = load_settings(simulator_url=SIMULATOR + "/")
    path = "/gateway.do" if name == "alipay_gateway" else ""
    assert simulated.upstream(name) == SIMULATOR + path


def test_settings_come_from_the_environment_and_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.setenv("DB_PREPARED_STATEMENTS", "0")
    monkeypatch.setenv("DATA_DIR", "elsewhere")
    settings = load_settings()
    assert (settings.port, settings.db_prepared_statements) == (9001, False)
    assert settings.data_dir == ROOT / "elsewhere"
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("web_workers", 0), ("web_threads", 1), ("order_expires_s", 59), ("max_payment_fen", 0),
     ("live_wait_s", 26), ("customer_csp", "maybe"), ("read_timeout_s", 0), ("trusted_proxies", -1),
     ("port", "http")],
)  # fmt: skip
def test_a_value_out_of_range_stops_the_start(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        load_settings(**{name: value})


def test_the_key_ring_stands_in_no_repr() -> None:
    assert "s3cret" not in repr(load_settings(keyring='{"primary": "s3cret"}'))


def test_every_setting_says_what_it_is_for() -> None:
    assert [n for n, field in Settings.model_fields.items() if not field.description] == []


def test_the_query_schedule_rises() -> None:
    schedule = load_settings().query_schedule
    assert list(schedule) == sorted(schedule)
    assert load_settings(query_after_s="2, 4,8").query_schedule == (2, 4, 8)


def test_data_lives_below_the_checkout_unless_told_otherwise(tmp_path: Path) -> None:
    assert load_settings().data_dir == ROOT / "var"
    assert load_settings(data_dir=tmp_path).data_dir == tmp_path
