"""Half of what others leave is one merchant's, and one thread always; alone, three quarters."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from config.settings import load_settings
from services.cloudpay.threads import ALONE_S, Threads
from web import crowd

ONE, TWO = (1, 1), (1, 2)


def crowded(clock: Callable[[], float] = lambda: 0.0) -> Threads:
    """A process in which somebody else was a moment ago."""
    threads = Threads(clock)
    with threads.page():
        return threads


def settings(threads: int = 8, share: int = 50) -> Any:
    return load_settings(web_threads=threads, cpay_merchant_share=share)


def takes(held: ExitStack, threads: Threads, whose: tuple[int, int], found: Any) -> int:
    """How many calls of a merchant go on beside each other, without waiting."""
    for count in range(30):
        if not held.enter_context(threads.call(found, whose, 0.0)):
            return count
    return 30


@pytest.mark.parametrize(
    ("count", "share", "own"), [(8, 50, 4), (8, 25, 2), (8, 1, 1), (2, 50, 1), (32, 75, 24)]
)
def test_a_merchant_has_its_share(count: int, share: int, own: int) -> None:
    with ExitStack() as held:
        assert takes(held, crowded(), ONE, settings(count, share)) == own


@pytest.mark.parametrize(
    ("count", "share", "own"), [(8, 50, 6), (8, 90, 7), (4, 50, 3), (2, 50, 1)]
)
def test_where_nobody_else_is_it_has_three_quarters(count: int, share: int, own: int) -> None:
    with ExitStack() as held:
        assert takes(held, Threads(), ONE, settings(count, share)) == own


@pytest.mark.parametrize(("seconds", "own"), [(ALONE_S - 0.1, 4), (ALONE_S, 6)])
@pytest.mark.parametrize("whose", [None, TWO])
def test_others_are_remembered_for_ten_seconds(
    seconds: float, own: int, whose: tuple[int, int] | None
) -> None:
    now = [100.0]
    threads = Threads(clock=lambda: now[0])
    with threads.page() if whose is None else threads.call(settings(), whose, 0.0):
        pass
    for _ in range(2):  # what it does itself makes it no less alone
        with threads.call(settings(), ONE, 0.0):
            now[0] += seconds / 2
    with ExitStack() as held:
        assert takes(held, threads, ONE, settings()) == own


def test_alone_all_threads_may_wait() -> None:
    threads, found = Threads(), settings()
    with ExitStack() as held:
        takes(held, threads, ONE, found)
        threads._waiting[ONE] = 2
        assert threads._may_wait(8, ONE)
        assert not threads._may_wait(8, TWO)


def test_the_next_merchant_finds_half_of_what_is_left_and_every_one_gets_a_thread() -> None:
    threads, found = crowded(), settings()
    with ExitStack() as held:
        had = [takes(held, threads, (1, n), found) for n in range(6)]
    assert had == [4, 2, 1, 1, 1, 1]
    with ExitStack() as held:
        assert takes(held, threads, ONE, found) == 4, "all were given back"


def test_the_same_number_of_another_provider_is_another_merchant() -> None:
    with ExitStack() as held:
        threads = crowded()
        takes(held, threads, (1, 1), settings())
        assert takes(held, threads, (2, 1), settings()) == 2


def test_pages_that_wait_are_others() -> None:
    threads = Threads()
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(threads.page())
        assert takes(held, threads, ONE, settings()) == 2
    with ExitStack() as held:
        assert takes(held, threads, ONE, settings()) == 4


def test_at_a_hundred_percent_there_is_no_limit() -> None:
    with ExitStack() as held:
        assert takes(held, Threads(), ONE, settings(2, 100)) == 30


def test_a_call_that_fails_gives_its_thread_back() -> None:
    threads = Threads()
    for _ in range(9):
        with pytest.raises(ZeroDivisionError), threads.call(settings(2), ONE, 0.0):
            _ = 1 // 0
    with ExitStack() as held:
        assert takes(held, threads, ONE, settings(2)) == 1


def waits(threads: Threads, then: Callable[[], None]) -> list[bool]:
    """What one more call of the merchant hears if `then` happens while it waits."""
    heard: list[bool] = []

    def call() -> None:
        with threads.call(settings(), ONE, 60.0) as is_within:
            heard.append(is_within)

    one = threading.Thread(target=call)
    one.start()
    while one.is_alive() and not threads._waiting:
        pass
    then()
    one.join()
    return heard


def test_one_above_its_share_waits_for_one_of_its_own() -> None:
    threads = crowded()
    with ExitStack() as others, ExitStack() as held:
        takes(others, threads, ONE, settings(8, 40))
        held.enter_context(threads.call(settings(), ONE, 0.0))
        assert waits(threads, held.close) == [True]


def test_it_does_not_wait_for_ever() -> None:
    times = itertools.count()
    threads = crowded(lambda: next(times) / 10)
    with ExitStack() as held:
        takes(held, threads, ONE, settings())
        assert waits(threads, lambda: None) == [False]


def test_nobody_waits_on_the_last_quarter_of_the_threads() -> None:
    threads, found = crowded(), settings()
    with ExitStack() as held:
        takes(held, threads, ONE, found)
        threads._waiting[ONE] = 2
        assert threads._take(found, ONE, 60.0) is None
        assert takes(held, threads, TWO, found) == 2
        threads._waiting[ONE] = 1
        assert not threads._may_wait(8, ONE)
        threads._waiting[ONE] = 0
        assert threads._may_wait(8, TWO), "one of each merchant does"


def test_nobody_waits_for_a_slow_wallet() -> None:
    now = [100.0]
    threads, found = crowded(lambda: now[0]), settings()
    with ExitStack() as held:
        takes(held, threads, ONE, found)
        now[0] += 0.3
        assert not threads._may_wait(8, ONE), "all four have gone on for a while"
        assert threads._may_wait(8, ONE, waits=True), "who began to wait may go on"
        held.enter_context(threads.call(settings(12), ONE, 0.0))
        assert threads._may_wait(8, ONE), "one began just now"
        threads._waiting[ONE] = 1
        assert not threads._may_wait(12, ONE), "somebody waits for that one"


def test_a_merchants_only_call_may_be_waited_for_however_long_it_has_lasted() -> None:
    now = [100.0]
    threads, found = crowded(lambda: now[0]), settings(8, 1)
    with ExitStack() as held:
        takes(held, threads, ONE, found)
        now[0] += 3
        assert threads._may_wait(8, ONE)
        assert not threads._may_wait(2, ONE), "the last thread stays free"
        threads._waiting[ONE] = 1
        assert not threads._may_wait(8, ONE)


def test_for_quick_calls_one_waits_on_the_last_thread() -> None:
    now = [100.0]
    threads, found = crowded(lambda: now[0]), settings(8, 1)
    with ExitStack() as held:
        takes(held, threads, ONE, found)
        assert threads._may_wait(2, ONE)
        assert not threads._may_wait(1, ONE), "there is none"
        threads._waiting[ONE] = 2
        assert threads._may_wait(8, ONE), "as many as leave a quarter free"
        threads._waiting[ONE] = 5
        assert not threads._may_wait(8, ONE)


def test_requests_that_are_no_calls_are_counted_while_they_last() -> None:
    app, threads = Flask(__name__), Threads()
    app.extensions["yima"] = SimpleNamespace(deps=SimpleNamespace(cpay_threads=threads))
    crowd.install(app)

    def view(**_: str) -> str:
        return str(threads._pages)

    def broken() -> str:
        raise RuntimeError("planted")

    app.add_url_rule("/page", view_func=view)
    app.add_url_rule("/healthz", "health", view_func=view)
    app.add_url_rule("/cpay/<method>", "call", view_func=view, methods=["POST"])
    app.add_url_rule("/broken", view_func=broken)
    asks = app.test_client()
    assert asks.get("/healthz").text == "0"
    assert asks.get("/page").text == "1"
    assert asks.post("/cpay/query_order").text == "0"
    assert asks.get("/broken").status_code == 500
    assert threads._pages == 0
