"""The console's door: password and code together, each try counted, each code good once."""

from __future__ import annotations

from services.console import totp
from tests.harness.console import Console
from tests.harness.product import Product


def test_password_and_code_open_the_console_and_nothing_less_does(product: Product) -> None:
    desk = Console(product, signed_in=False)
    assert desk.get("/", allow_redirects=False).headers["Location"] == "/console/sign-in"
    held = desk.login()
    good = {"username": held["username"], "password": held["password"], "otp": desk.code()}
    for wrong in ({"password": "another one"}, {"otp": "000000"}, {"otp": ""}):
        answer = desk.http.post(f"{product.url}/console/sign-in", data={**good, **wrong}, timeout=9)
        assert answer.status_code == 401
        assert desk.get("/", allow_redirects=False).status_code == 303
    answer = desk.http.post(f"{product.url}/console/sign-in", data=good, timeout=9)
    assert answer.status_code == 200
    assert answer.url.endswith("/console/")


def test_a_code_is_good_once(product: Product) -> None:
    desk = Console(product, signed_in=False)
    held = desk.login()
    form = {"username": held["username"], "password": held["password"], "otp": desk.code()}
    first = desk.http.post(f"{product.url}/console/sign-in", data=form, timeout=9)
    assert first.status_code == 200
    other = Console(product, signed_in=False)
    again = other.http.post(f"{product.url}/console/sign-in", data=form, timeout=9)
    assert again.status_code == 401
    assert "CONSOLE_CODE" in again.text


def test_five_failures_lock_the_account_even_for_the_right_code(product: Product) -> None:
    desk = Console(product, signed_in=False)
    held = desk.login()
    form = {"username": held["username"], "password": held["password"], "otp": "000000"}
    said = [
        desk.http.post(f"{product.url}/console/sign-in", data=form, timeout=9).status_code
        for _ in range(5)
    ]
    assert said == [401, 401, 401, 401, 429]
    form["otp"] = totp.code_of(held["totp_secret"], totp.step_of(product.deps.now()))
    locked = desk.http.post(f"{product.url}/console/sign-in", data=form, timeout=9)
    assert locked.status_code == 429
    assert "CONSOLE_LOCKED" in locked.text
    product.simulator.advance(16 * 60)
    assert desk.sign_in().status_code == 200


def test_a_viewer_sees_his_role_and_a_form_without_token_is_refused(product: Product) -> None:
    desk = Console(product, "demo-viewer")
    assert "只读" in desk.get("/").text
    answer = desk.http.post(f"{product.url}/console/sign-out", data={}, timeout=9)
    assert answer.status_code == 400
    assert desk.post("/sign-out").status_code == 303
    assert desk.get("/", allow_redirects=False).status_code == 303
