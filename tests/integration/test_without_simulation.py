"""Without SIMULATOR_URL nothing of the demo exists: no login, no codes, no choice of wallet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from config.settings import Settings
from services.deps import Deps, build_deps
from services.payers import hashed
from tests.harness.database import Server
from tests.harness.phone import AGENTS, MAIN
from tests.harness.simulator import Simulator

WECHAT = {"User-Agent": AGENTS["wechat"]}
CODE = f"/q/{MAIN}/8K3FQ2"
TRACES = ("模拟", "/sim/", "sim_wallet", "simulat", "demo-login", "DEMO", "127.0.0.1:8001")


@pytest.fixture
def deps(server: Server, database: str, settings_for: Callable[..., Settings]) -> Iterator[Deps]:
    """The collaborators of a real deployment: https, no simulator, the upstreams' own addresses."""
    made = build_deps(
        settings_for(
            server.addresses(database).app, simulator_url="", public_url="https://pay.example"
        )
    )
    yield made
    made.db.dispose()


@pytest.fixture
def app(deps: Deps) -> Flask:
    return create_app(deps.settings, deps)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def addresses(app: Flask) -> list[str]:
    """One address of every route, with values that the demo data has."""
    values = {
        "out_mch_id": MAIN, "code": "8K3FQ2", "public_id": "x", "channel": "wechat",
        "out_trade_no": "x", "filename": "css/base.css", "number": "1",
        "out_sub_mch_id": "sub01QINGHE8H2K4M6P9", "out_shop_id": "qinghe-hubin",
        "app_id": "wx1", "ticket": "x", "token": "x", "out_id": "x", "shop": "x", "name": "x",
        "slug": "10005", "source": "case", "package": "1", "picture_id": "x", "step": "x",
        "invite": "x", "method": "query_order", "out_device_id": "x", "logo_id": "x",
        "activator": "x", "out_freeze_no": "x",
    }  # fmt: skip
    found = []
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            for kind in ("", "path:", "int:"):
                path = path.replace(f"<{kind}{name}>", values[name])
        found.append(path)
    return sorted(set(found))


def test_no_page_has_a_trace_of_the_simulation(app: Flask, client: FlaskClient) -> None:
    for path in addresses(app):
        for agent in AGENTS.values():
            answer = client.get(path, headers={"User-Agent": agent})
            if path.startswith("/static/"):
                answer.close()
                continue
            seen = answer.get_data(as_text=True) + str(answer.headers)
            assert [t for t in TRACES if t in seen] == [], (path, answer.status_code)


def test_demo_logins_and_lists_do_not_exist(
    client: FlaskClient, deps: Deps, upstream: Simulator
) -> None:
    from sqlalchemy import text

    public_id = deps.transact(lambda s: s.scalar(text("SELECT public_id FROM staff LIMIT 1")))
    assert client.get(f"/m/demo-login/{public_id}").status_code == 404
    assert client.get("/sim-codes.json").status_code == 404
    for wallet in ("wechat", "alipay", "browser", ""):
        for path in (CODE, "/cpay/qrcode_shop?id=qinghe-hubin", f"/q/{MAIN}/back/wechat"):
            mark = "&" if "?" in path else "?"
            answer = client.get(f"{path}{mark}sim_wallet={wallet}", headers=WECHAT)
            assert answer.status_code == 404, (path, wallet)
        assert client.post(f"{CODE}/pay?sim_wallet={wallet}", headers=WECHAT).status_code == 404


def test_the_phone_s_choice_of_person_counts_for_nothing(client: FlaskClient) -> None:
    client.set_cookie("sim_person", "lin")
    answer = client.get(CODE, headers=WECHAT)
    assert answer.headers["Set-Cookie"].startswith("__Host-yima_payer=")


def test_a_scan_leaves_for_wechat_s_own_page_and_returns_to_our_public_address(
    client: FlaskClient,
) -> None:
    answer = client.get(CODE, headers=WECHAT)
    assert answer.status_code == 302
    left = answer.headers["Location"]
    assert left.startswith("https://open.weixin.qq.com/connect/oauth2/authorize?")
    assert "https%3A%2F%2Fpay.example%2Fq%2F" in left


def test_the_form_s_policy_names_no_simulator(client: FlaskClient, deps: Deps) -> None:
    from sqlalchemy import text

    from services.payers import find_or_make_person

    def sign_in(session: object) -> None:
        from sqlalchemy.orm import Session

        assert isinstance(session, Session)
        provider = session.scalar(
            text("SELECT id FROM provider WHERE out_mch_id = :m"), {"m": MAIN}
        )
        assert provider is not None
        person = find_or_make_person(session, deps, provider, "wechat", "wx8888888888888888", "oX")
        session.execute(
            text(
                "INSERT INTO web_session (id_hash, kind, provider_id, wechat_person_id, created_at,"
                " expires_at) VALUES (:h, 'payer', :p, :w, now(), now() + interval '1 hour')"
            ),
            {"h": hashed("me"), "p": provider, "w": person},
        )

    deps.transact(sign_in)
    client.set_cookie("__Host-yima_payer", "me", domain="localhost", secure=True)
    page = client.get(CODE, headers=WECHAT, base_url="https://localhost")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "127.0.0.1" not in policy
    assert "http:" not in policy
    shown = page.get_data(as_text=True)
    assert 'name="intent"' in shown
    assert [t for t in TRACES if t in shown] == []


def test_the_offset_clock_is_not_read(deps: Deps) -> None:
    from datetime import UTC, datetime

    (deps.settings.data_dir / "clock").write_text("100000")
    try:
        assert abs((deps.now() - datetime.now(UTC)).total_seconds()) < 5
    finally:
        (deps.settings.data_dir / "clock").write_text("0")


def test_simulation_on_a_public_address_is_refused(settings_for: Callable[..., Settings]) -> None:
    with pytest.raises(ValueError, match="ALLOW_PUBLIC_DEMO"):
        settings_for("postgresql+psycopg:///x", public_url="https://pay.example")
    assert settings_for(
        "postgresql+psycopg:///x", public_url="https://pay.example", allow_public_demo=True
    ).simulation
