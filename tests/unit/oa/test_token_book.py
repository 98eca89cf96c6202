"""Copies of tokens in a process: an older one never takes a newer one's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from services.oa.book import COPY_LIVES, Key, Token, TokenBook
from services.oa.renewing import _kept

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
KEY = Key(1, "access", "wx8888888888888888")


def token(version: int) -> Token:
    return Token(f"token {version}", version, NOW + timedelta(hours=2))


def test_who_read_the_row_before_it_was_renewed_puts_nothing_back() -> None:
    book = TokenBook()
    book.put(KEY, token(2), NOW)
    book.put(KEY, token(1), NOW)
    assert book.get(KEY, NOW) == token(2)


def test_a_copy_that_is_over_stands_in_nobodys_way() -> None:
    """After a restored backup the row's versions begin lower."""
    book = TokenBook()
    book.put(KEY, token(2), NOW)
    book.put(KEY, token(1), NOW + COPY_LIVES)
    assert book.get(KEY, NOW + COPY_LIVES) == token(1)


def test_only_a_newer_one_stands_in_for_one_that_wechat_takes_no_more() -> None:
    deps: Any = SimpleNamespace(oa_tokens=TokenBook(), now=lambda: NOW)
    for version, found in ((3, token(3)), (2, None), (1, None)):
        deps.oa_tokens = TokenBook()
        deps.oa_tokens.put(KEY, token(version), NOW)
        deps.oa_tokens.drop = lambda *_: None  # another thread puts it there after the drop
        assert _kept(deps, KEY, token(2)) == found
    assert _kept(deps, KEY, None) == token(1)
