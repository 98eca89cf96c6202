"""Nobody reads or changes another tenant's rows: every route, with another provider's ids."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.harness.cloudpay import Till
from tests.harness.cloudpay_contents import Party
from tests.harness.holds import hold
from tests.harness.phone import AGENTS, MAIN, Phone
from tests.harness.product import Product
from tests.integration.looking import orders

MakePhone = Callable[..., Phone]
OTHER = "sz02pQWE8MNBvCxz5k7T"
CARD = "/card/<out_mch_id>/<out_sub_mch_id>"
CARD_PATH = f"/card/{OTHER}/sub01QINGHE8H2K4M6P9"
CARD_ROUTES = [
    (method, CARD + below, below)
    for method, below in (
        ("GET", ""),
        ("POST", "/claim"),
        ("GET", "/phone"),
        ("POST", "/phone/confirm"),
        ("POST", "/recharge"),
        ("GET", "/history"),
        ("POST", "/code"),
        ("GET", "/code/state"),
        ("GET", "/terms"),
        ("POST", "/payout"),
        ("POST", "/payout/cancel"),
        ("POST", "/name"),
        ("POST", "/name/withdraw"),
        ("POST", "/phone/withdraw"),
    )
]
STORE_ROUTES = (
    *(("", ("GET",)), ("/edit", ("GET", "POST")), ("/delete", ("GET", "POST"))),
    *((f"/{act}", ("POST",)) for act in ("cards", "switch", "pause", "resume")),
    *(("/codes", ("GET",)), ("/codes/new", ("GET", "POST"))),
)
CODE_ROUTES = (
    *(("", "GET"), ("/poster", "GET"), ("/poster.pdf", "GET"), ("/poster.png", "GET")),
    *((f"/{act}", "POST") for act in ("name", "switch", "unbind")),
)
# What must never be seen by somebody of the other provider.
SECRETS = ("青禾", "湖滨店", "12 号桌", "73.19")


@pytest.fixture
def paid(product: Product, phone: MakePhone) -> dict[str, str]:
    """A paid order of the main provider, with every id that names it."""
    payer = phone()
    made = payer.pay(amount="73.19", remark="73.19-remark")
    order = orders(product)[0]
    product.wait_paid(order.out_trade_no)
    hold(product)
    _, sn = Party.open(product, Till.of(product)).device()
    (cookie,) = (c for c in payer.http.cookies if c.name.startswith("yima_payer"))
    return {
        "public_id": order.public_id,
        "out_trade_no": order.out_trade_no,
        "code": "8K3FQ2",
        "result": made["result"],
        "device": product.one(
            "SELECT out_device_id FROM device WHERE sn_code = :n", n=sn
        ).out_device_id,
        "cookie": f"{cookie.name}={cookie.value}; sim_person=lin",
    }


def addresses(paid: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Rule -> (method, address) with ids of the one provider and of the other mixed."""
    order, number, code = paid["public_id"], paid["out_trade_no"], paid["code"]
    return {
        "/q/<out_mch_id>/<code>": [("GET", f"/q/{OTHER}/{code}")],
        "/q/<out_mch_id>/<code>/pay": [("POST", f"/q/{OTHER}/{code}/pay")],
        "/q/<out_mch_id>/back/<channel>": [
            ("GET", f"/q/{OTHER}/back/wechat?code=x&state=y"),
            ("GET", f"/q/{OTHER}/back/alipay?auth_code=x&state=y"),
        ],
        "/q/<out_mch_id>/logo/<logo_id>": [("GET", f"/q/{OTHER}/logo/{order}")],
        "/q/<out_mch_id>/o/<public_id>": [
            ("GET", f"/q/{OTHER}/o/{order}"),
            ("GET", f"/q/{OTHER}/o/{number}"),
            ("GET", f"/q/{MAIN}/o/{number}"),
        ],
        "/q/<out_mch_id>/o/<public_id>/state": [
            ("GET", f"/q/{OTHER}/o/{order}/state"),
            ("GET", f"/q/{MAIN}/o/{number}/state"),
        ],
        **{
            f"/after/<out_mch_id>/{what}/<token>": [("GET", f"/after/{OTHER}/{what}/a-{order}-b")]
            for what in ("i", "c")
        },
        "/m/orders/<out_trade_no>": [("GET", f"/m/orders/{number}")],
        "/m/orders/<out_trade_no>/refund": [
            ("GET", f"/m/orders/{number}/refund"),
            ("POST", f"/m/orders/{number}/refund"),
        ],
        "/m/deposits/<out_freeze_no>": [("GET", "/m/deposits/holdhere")],
        "/m/deposits/<out_freeze_no>/release": [
            (method, "/m/deposits/holdhere/release") for method in ("GET", "POST")
        ],
        "/q/<out_mch_id>/<code>/pending": [
            ("GET", f"/q/{OTHER}/{code}/pending?intent=1.1.x"),
        ],
        **{rule: [(method, CARD_PATH + below)] for method, rule, below in CARD_ROUTES},
        "/m/members/<public_id>": [("GET", f"/m/members/{order}")],
        "/m/members/<public_id>/adjust": [
            ("GET", f"/m/members/{order}/adjust"),
            ("POST", f"/m/members/{order}/adjust"),
        ],
        "/m/members/<public_id>/history.csv": [("GET", f"/m/members/{order}/history.csv")],
        "/m/members/<public_id>/payout": [
            ("GET", f"/m/members/{order}/payout"),
            ("POST", f"/m/members/{order}/payout"),
        ],
        "/m/members/payouts/<number>": [
            ("GET", "/m/members/payouts/1"),
            ("GET", f"/m/members/payouts/{order}"),
        ],
        **{
            f"/m/members/payouts/<number>/{act}": [("POST", f"/m/members/payouts/1/{act}")]
            for act in ("allow", "refuse", "paid")
        },
        **{
            f"/m/stores/<out_shop_id>{below}": [
                (method, f"/m/stores/qinghe-hubin{below}") for method in methods
            ]
            for below, methods in STORE_ROUTES
        },
        **{
            f"/m/codes/<code>{below}": [(method, f"/m/codes/{code}{below}")]
            for below, method in CODE_ROUTES
        },
        "/m/stores/<out_shop_id>/devices": [("GET", "/m/stores/qinghe-hubin/devices")],
        "/m/stores/<out_shop_id>/devices/new": [
            (method, "/m/stores/qinghe-hubin/devices/new") for method in ("GET", "POST")
        ],
        "/m/devices/<out_device_id>": [("GET", f"/m/devices/{paid['device']}")],
        **{
            f"/m/devices/<out_device_id>/{act}": [("POST", f"/m/devices/{paid['device']}/{act}")]
            for act in ("name", "setting", "unbind", "remove")
        },
        # by its own table: tests/integration/cloudpay/test_foreign_ids.py
        "/cpay/<path:method>": [("POST", "/cpay/query_order")],
        "/cpay//<path:method>": [("POST", "/cpay//query_order")],
        "/m/tills/<activator>": [(method, f"/m/tills/{order}") for method in ("GET", "POST")],
        "/m/back/<out_mch_id>": [("GET", f"/m/back/{OTHER}?code=x&state=y")],
        "/m/shift/<number>": [("GET", "/m/shift/1")],
        "/m/staff/<public_id>": [("GET", f"/m/staff/{order}")],
        **{
            f"/m/staff/<public_id>/{act}": [("POST", f"/m/staff/{order}/{act}")]
            for act in ("edit", "code", "revoke", "password", "remove")
        },
        "/m/staff/<public_id>/phone": [("POST", f"/m/staff/{order}/phone")],
        "/m/members/<public_id>/person": [("POST", f"/m/members/{order}/person")],
        "/m/members/<public_id>/erase": [("POST", f"/m/members/{order}/erase")],
        "/oa/<out_mch_id>": [(method, f"/oa/{OTHER}") for method in ("GET", "POST")],
        "/oa/component/<app_id>": [("POST", f"/oa/component/{number}")],
        "/oa/authorise/<ticket>": [("GET", f"/oa/authorise/{number}")],
        "/oa/authorised/<ticket>": [("GET", f"/oa/authorised/{number}?auth_code=x")],
        "/m/bind/<code>": [(method, f"/m/bind/{code}") for method in ("GET", "POST")],
        "/m/bind/<code>/done": [("GET", f"/m/bind/{code}/done")],
        "/m/demo-login/<public_id>": [("GET", f"/m/demo-login/{order}")],
        "/notify/wechat/<out_mch_id>": [("POST", f"/notify/wechat/{OTHER}")],
        "/notify/alipay/<out_mch_id>": [("POST", f"/notify/alipay/{OTHER}")],
        # WeChat shows an error page where a receipt does not answer: it says "not ours to show"
        **{
            f"/receipt{rule}": [("GET", f"/receipt{path}?sub_mch_id=1&out_trade_no={number}")]
            for rule, path in (
                ("", ""),
                ("/part", "/part"),
                ("/<out_mch_id>", f"/{OTHER}"),
                ("/<out_mch_id>/part", f"/{OTHER}/part"),
            )
        },
        "/receipt/<name>.txt": [("GET", f"/receipt/{number}.txt")],
        "/help/<slug>": [("GET", f"/help/{number}")],
        "/<filename>": [("GET", f"/{number}.txt")],
        "/static/<path:filename>": [("GET", f"/static/{number}")],
    }


def test_every_route_with_an_id_is_tried_here(product: Product, paid: dict[str, str]) -> None:
    """A new route must be added to the list above. The console's are tried by its own table."""
    rules = {rule.rule for rule in product.app.url_map.iter_rules() if rule.arguments}
    rules = {rule for rule in rules if not rule.startswith("/console/")}
    assert rules == set(addresses(paid))


@pytest.mark.parametrize("agent", list(AGENTS))
@pytest.mark.parametrize("who", ["stranger", "payer", "other staff"])
def test_another_provider_s_address_shows_nothing_of_ours(
    product: Product, paid: dict[str, str], agent: str, who: str
) -> None:
    headers = {"User-Agent": AGENTS[agent]}
    if who == "payer":
        headers["Cookie"] = paid["cookie"]
    if who == "other staff":
        headers["Cookie"] = _other_staff(product)
    before = product.sql("SELECT * FROM pay_order ORDER BY id")
    for cases in addresses(paid).values():
        for method, path in cases:
            answer = requests.request(
                method, product.url + path, headers=headers, data=b"intent=x&amount=1",
                allow_redirects=False, timeout=10,
            )  # fmt: skip
            says_200 = path.startswith(("/receipt", "/cpay/"))
            fine = (200, 204) if says_200 else (400, 401, 403, 404, 409)
            assert answer.status_code in (*fine, 404), (path, answer.status_code)
            assert leaks(answer.text) == [], (method, path)
    assert product.sql("SELECT * FROM pay_order ORDER BY id") == before


def leaks(page: str) -> list[str]:
    """What of ours the page shows, with its surroundings: enough to find where it came from."""
    return [page[max(0, page.find(s) - 80) : page.find(s) + 80] for s in SECRETS if s in page]


def _other_staff(product: Product) -> str:
    row = product.one(
        "SELECT s.public_id FROM staff s JOIN provider p ON p.id = s.provider_id"
        " WHERE p.out_mch_id = :m",
        m=OTHER,
    )
    answer = requests.get(
        f"{product.url}/m/demo-login/{row.public_id}", allow_redirects=False, timeout=10
    )
    return answer.headers["Set-Cookie"].split(";")[0]


def test_the_other_provider_s_staff_sees_an_empty_list_whatever_he_asks_for(
    product: Product, paid: dict[str, str]
) -> None:
    order = orders(product)[0]
    cookie = {"Cookie": _other_staff(product)}
    for query in ("", f"?store={order.store_id}", f"?before={order.id + 1}", "?store=1&before=99"):
        page = requests.get(f"{product.url}/m/orders{query}", headers=cookie, timeout=10)
        assert page.status_code == 200
        assert [s for s in SECRETS if s in page.text] == [], query


def test_the_honest_addresses_do_show_it(product: Product, paid: dict[str, str]) -> None:
    """So that the silence above means something."""
    page = requests.get(
        product.url + paid["result"], headers={"User-Agent": AGENTS["wechat"]}, timeout=10
    )
    assert "73.19" in page.text
    assert "青禾" in page.text


def test_a_session_of_one_provider_is_nobody_at_another(
    product: Product, phone: MakePhone, paid: dict[str, str]
) -> None:
    payer = phone("wechat", "zhou")
    payer.form()
    answer = payer.get(f"/q/{OTHER}/5T1MZ9", allow_redirects=False)
    assert answer.status_code == 302
    assert "oauth2/authorize" in answer.headers["Location"]
    assert "wx7777777777777777" in answer.headers["Location"], "the other provider's account"


def test_money_goes_to_the_store_s_own_merchant_never_to_the_provider(
    product: Product, phone: MakePhone
) -> None:
    for code, sub in (("8K3FQ2", "1900000109"), ("2W7ND5", "1900000117")):
        phone().pay(code)
        trade = product.simulator.books()[-1]
        product.wait_paid(trade["out_trade_no"])
        assert trade["sub_mchid"] == sub
        attempt = product.one(
            "SELECT payee FROM pay_attempt WHERE out_trade_no = :n", n=trade["out_trade_no"]
        )
        assert attempt.payee == sub
