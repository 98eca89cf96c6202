"""A person at a desk with the console open: signs in with password and code, as a browser would."""

from __future__ import annotations

import html
import re
from typing import Any

import requests

from services.console import totp
from services.seed import MAIN
from services.seed_console import demo_logins, seed_console
from tests.harness.product import Product

TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


class Console:
    """One browser. `username` is one of the demo's accounts."""

    def __init__(self, product: Product, username: str = "demo", *, signed_in: bool = True) -> None:
        self.product = product
        self.http = requests.Session()
        self.username = username
        seed_console(product.deps, MAIN)
        if signed_in:
            self.sign_in()

    def login(self) -> dict[str, Any]:
        found = self.product.deps.transact(lambda s: demo_logins(s, self.product.deps))
        return next(one for one in found if one["username"] == self.username)

    def code(self) -> str:
        """A code that was not used yet: the step behind the last one taken, if there is one."""
        last = self.product.one(
            "SELECT last_step FROM console_user WHERE username = :u", u=self.username
        ).last_step
        now = totp.step_of(self.product.deps.now())
        if last > now:
            self.product.simulator.advance(totp.STEP_S)
            now = totp.step_of(self.product.deps.now())
        # Not the step before: on a slow machine it may be over when it arrives.
        return totp.code_of(self.login()["totp_secret"], max(now, last + 1))

    def sign_in(self) -> requests.Response:
        held = self.login()
        form = {"username": held["username"], "password": held["password"], "otp": self.code()}
        return self.http.post(f"{self.product.url}/console/sign-in", data=form, timeout=30)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(f"{self.product.url}/console{path}", timeout=30, **more)

    def token(self) -> str:
        found = TOKEN.search(self.get("/choose").text)
        assert found, "not signed in"
        return html.unescape(found[1])

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, confirmed: bool = False, **more: Any
    ) -> requests.Response:
        """`confirmed`: with a fresh code of the second factor in the form."""
        form: dict[str, Any] = {"token": self.token(), **(data or {})}
        if confirmed:
            form["otp"] = self.code()
        more.setdefault("allow_redirects", False)
        return self.http.post(f"{self.product.url}/console{path}", data=form, timeout=60, **more)
