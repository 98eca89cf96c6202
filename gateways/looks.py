"""What a look at an account's keys found, one word for each thing that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Sure(StrEnum):
    """`UNKNOWN`: the wallet gave no answer that says it."""

    GOOD = "good"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Word:
    """`code` and `text` are the wallet's own; `why` is ours and has no word of a key."""

    sure: Sure
    code: str = ""
    text: str = ""
    why: str = ""


UNASKED = Word(Sure.UNKNOWN)
GOOD = Word(Sure.GOOD)


@dataclass(frozen=True, slots=True)
class WechatLook:
    """`certificate`: ours is not expired or revoked; `signed`: our key is that certificate's."""

    certificate: Word = UNASKED
    signed: Word = UNASKED
    sealed: Word = UNASKED  # the APIv3 key opens what WeChat seals
    answered: Word = UNASKED  # WeChat's answer is signed with the key that we hold
    platform_until: datetime | None = None  # the newest platform certificate's end


@dataclass(frozen=True, slots=True)
class AlipayLook:
    signed: Word = UNASKED  # the app's private key fits the public key that Alipay has
    answered: Word = UNASKED  # Alipay's public key fits its answers
    app: Word = UNASKED  # the app is known, online and may be called


@dataclass(frozen=True, slots=True)
class GrantLook:
    """A merchant's authorisation as Alipay sees it; `methods` are the calls that it covers."""

    word: Word = UNASKED
    pid: str = ""
    methods: tuple[str, ...] = field(default=())
    until: datetime | None = None
