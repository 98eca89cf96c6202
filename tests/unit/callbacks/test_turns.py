"""Whose turn it is among providers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.callbacks.turns import LONGEST_REST, Turns

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_the_longest_not_served_is_first_and_nobody_has_more_than_a_quarter() -> None:
    turns = Turns(8)
    assert turns.choose([1, 2, 3], NOW, 8) == [1, 2, 3]
    turns.begin(1)
    turns.begin(1)
    assert turns.choose([1, 2], NOW, 8) == [2], "two of eight are its share"
    turns.end(1, NOW, answered=True)
    assert turns.choose([1, 2, 3], NOW, 2) == [2, 3], "1 has one under way"
    turns.end(1, NOW, answered=True)
    turns.begin(2)
    turns.end(2, NOW, answered=True)
    assert turns.choose([1, 2, 3], NOW, 8) == [3, 1, 2]
    assert turns.free == 8


def test_silence_brings_a_rest_that_grows_and_an_answer_ends_it() -> None:
    turns = Turns(8)
    rests = []
    now = NOW
    for _ in range(12):
        turns.begin(1)
        turns.end(1, now, answered=False)
        wait = 0
        while not turns.choose([1], now + timedelta(seconds=wait), 8):
            wait += 1
        rests.append(wait)
        now += timedelta(seconds=wait)
    assert rests == [5, 10, 20, *[30] * 9]
    turns.begin(1)
    turns.end(1, now, answered=True)
    assert turns.choose([1], now, 8) == [1]
    turns.begin(1)
    turns.end(1, now, answered=False)
    assert turns.choose([1], now + timedelta(seconds=5), 8) == [1], "it counts from one again"


def test_a_clock_put_back_leaves_nobody_resting_for_long() -> None:
    turns = Turns(8)
    turns.begin(1)
    turns.end(1, after(90_000), answered=False)
    assert turns.choose([1], NOW, 8) == [1]
    assert timedelta(seconds=30) == LONGEST_REST


def test_no_more_are_chosen_than_threads_are_free() -> None:
    turns = Turns(4)
    for provider in (1, 2, 3):
        turns.begin(provider)
    assert turns.free == 1
    assert turns.choose([4, 5, 6], NOW, 8) == [4]
