"""Guessing at the console's door: counted exactly, from however many places and accounts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from errors import AppError
from services.console import signing_in, tries
from services.console.signing_in import Entry
from services.seed import MAIN
from services.seed_console import seed_console
from tests.harness.console import Console
from tests.harness.product import Product


def refused(product: Product, entry: Entry) -> str:
    """The code of what stands against it; "" if nothing does."""
    try:
        signing_in.sign_in(product.deps, entry)
    except AppError as problem:
        return problem.code
    return ""


def test_tries_are_counted_exactly_however_many_come_at_once(product: Product) -> None:
    """failures 44. One address over many accounts; names of nobody lock like accounts do."""
    seed_console(product.deps, MAIN)
    many = [Entry(f"guess{n}", "password", "000000", address="203.0.113.7") for n in range(36)]
    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(lambda entry: refused(product, entry), many))
    assert sorted(said) == ["CONSOLE_SIGN_IN"] * 30 + ["CONSOLE_TRIES"] * 6
    assert refused(product, replace(many[0], address="203.0.113.8")) == "CONSOLE_SIGN_IN"

    # One account, its name known or not, from many addresses at once: four tries and the lock.
    for name in ("demo", "nobody-of-ours"):
        guesses = [Entry(name, "password", "1", address=f"198.51.100.{n}") for n in range(12)]
        with ThreadPoolExecutor(12) as pool:
            said = sorted(pool.map(lambda entry: refused(product, entry), guesses))
        assert said == ["CONSOLE_LOCKED"] * 8 + ["CONSOLE_SIGN_IN"] * 4, name
    assert len(product.sql("SELECT 1 FROM audit_entry WHERE action = 'console_locked'")) == 1

    # An IPv6 customer has all of a /64, and IPv4 in IPv6's clothes is IPv4.
    places = [tries.place_of(product.deps, one) for one in (
        "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1", "203.0.113.7",
        "::ffff:203.0.113.7",
    )]  # fmt: skip
    assert places[0] == places[1] != places[2]
    assert places[3] == places[4]
    kept = product.sql("SELECT subject FROM console_try")
    assert not [row for row in kept if "203.0" in row.subject or "demo" in row.subject]


def test_guesses_from_everywhere_close_the_door_to_strangers_alone(product: Product) -> None:
    desk = Console(product)  # 127.0.0.1 has signed in: a known place
    held, now = desk.login(), product.deps.now()
    for n in range(tries.MOST_OF_ALL + 1):
        place = tries.place_of(product.deps, f"203.{n // 250}.113.{n % 250}")
        product.deps.transact(lambda s, p=place: tries.take(s, p, now))  # type: ignore[misc]
    good = Entry(held["username"], held["password"], desk.code(), address="192.0.2.1")
    assert refused(product, good) == "CONSOLE_TRIES"
    assert refused(product, replace(good, address="127.0.0.1")) == ""
    product.simulator.advance(int(tries.WINDOW / timedelta(seconds=1)) + 1)
    assert refused(product, replace(good, code=desk.code())) == ""


@pytest.mark.parametrize("kind", ["password", "code"])
def test_words_say_how_many_tries_are_left_and_how_long_it_takes(
    product: Product, kind: str
) -> None:
    desk = Console(product, signed_in=False)
    form = {"username": "demo", "password": desk.login()["password"], "otp": "000000"}
    form |= {"password": "wrong"} if kind == "password" else {}

    def send() -> str:
        return desk.http.post(f"{product.url}/console/sign-in", data=form, timeout=30).text

    words = "账号或密码不对" if kind == "password" else "请等下一个（还有 "
    first = send()
    assert words in first
    assert "再错 4 次将锁定 15 分钟" in first
    assert 'value="demo"' in first
    for _ in range(2):
        send()
    assert "再错 1 次" in send()
    assert "还有 15 分钟" in send()
    product.simulator.advance(10 * 60)
    assert "还有 5 分钟" in send()
    assert form["password"] not in send()
