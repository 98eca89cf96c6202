"""Limits of calls: a share for each process, and nobody locked out by strangers."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from config.settings import load_settings
from services.cloudpay.limits import Bucket, Limits, network


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def settings(**more: Any) -> Any:
    return load_settings(web_workers=2, **more)


def test_a_minute_takes_so_many_and_gives_them_back_over_a_minute() -> None:
    clock = Clock()
    bucket = Bucket(clock)
    assert [bucket.take("x", 6) for _ in range(7)] == [True] * 6 + [False]
    assert bucket.is_over("x", 6)
    clock.now += 10
    assert [bucket.take("x", 6), bucket.take("x", 6)] == [True, False]
    clock.now += 3600
    assert [bucket.take("x", 6) for _ in range(7)] == [True] * 6 + [False]
    assert bucket.take("y", 6)


def test_no_limit_takes_everything() -> None:
    bucket = Bucket(Clock())
    assert all(bucket.take("x", 0) for _ in range(100))
    assert not bucket.is_over("x", 0)


def test_threads_together_get_no_more_than_the_limit() -> None:
    bucket = Bucket(Clock())
    taken: list[bool] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(bucket.take("x", 50) for _ in range(40)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 50


def test_addresses_without_end_take_no_memory_without_end() -> None:
    clock = Clock()
    bucket = Bucket(clock)
    for n in range(50_000):
        bucket.take(n, 6)
    assert len(bucket._ends) <= 20_000


def test_a_process_takes_its_share() -> None:
    limits, found = Limits(Clock()), settings(cpay_merchant_per_minute=6, cpay_address_per_minute=4)
    assert [limits.takes_merchant(found, 1, 1) for _ in range(4)] == [True] * 3 + [False]
    assert limits.takes_merchant(found, 1, 2)
    assert [limits.takes_address(found, "198.51.100.7") for _ in range(3)] == [True, True, False]
    assert limits.takes_address(found, "198.51.100.8")


def test_an_ipv6_network_counts_as_one_address() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9")
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("::ffff:198.51.100.7") == network("198.51.100.7")
    assert network("what") == "what"


def test_wrong_codes_from_an_address_end_what_is_looked_at_from_there() -> None:
    limits, found, ip = Limits(Clock()), settings(cpay_wrong_per_minute=6), "198.51.100.7"
    for n in range(3):
        assert limits.looks_at(found, ip, ("sub_mch", f"id{n}"))
        limits.failed(found, ip, None)
    assert not limits.looks_at(found, ip, ("sub_mch", "id9"))
    assert limits.looks_at(found, "198.51.100.8", ("sub_mch", "id9"))


def test_who_proved_itself_lately_is_looked_at_from_there_all_the_same() -> None:
    clock = Clock()
    limits, found, ip = Limits(clock), settings(cpay_wrong_per_minute=6), "198.51.100.7"
    limits.proven(("sub_mch", "own"))
    for _ in range(99):
        limits.failed(found, ip, None)
    assert limits.looks_at(found, ip, ("sub_mch", "own"))
    assert not limits.looks_at(found, ip, ("sub_mch", "other"))


def test_wrong_codes_for_a_merchant_end_what_they_cost_and_no_more() -> None:
    limits, found = Limits(Clock()), settings(cpay_wrong_per_minute=6)
    said = [limits.failed(found, f"198.51.100.{n}", (1, 1)) for n in range(5)]
    assert said == [True] * 3 + [False] * 2
    assert limits.looks_at(found, "203.0.113.1", ("sub_mch", "own"))
    assert limits.takes_merchant(found, 1, 1)


@pytest.mark.parametrize("per_minute", [1, 2])
def test_the_smallest_limit_lets_one_through(per_minute: int) -> None:
    limits, found = Limits(Clock()), settings(cpay_merchant_per_minute=per_minute)
    assert [limits.takes_merchant(found, 1, 1) for _ in range(2)] == [True, False]
