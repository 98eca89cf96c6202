"""An ad as it is typed: every field read by itself, so that all that is wrong is said at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import AppError, CallbackAddress
from gateways.outgoing.address import is_inside, read_url
from services.after_payment.problems import AdDates, AdLink, AdName, AdNumber, AdPlace

T = TypeVar("T")
LONGEST_NAME: Final = 40
SCOPES: Final = {
    "all": "全部商户",
    "merchant": "指定商户",
    "store": "指定门店",
    "code": "指定收款码",
}
_DAY: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_FRAGMENT: Final = re.compile(r"[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]*")
_NUMBER: Final = re.compile(r"[1-9]\d{0,2}")
_FIND: Final = {
    "merchant": text(
        "SELECT id FROM merchant WHERE provider_id = :p AND (out_sub_mch_id = :t"
        " OR short_name = :t OR name = :t) ORDER BY out_sub_mch_id = :t DESC, id LIMIT 2"
    ),
    "store": text(
        "SELECT id FROM store WHERE provider_id = :p AND deleted_at IS NULL AND (out_shop_id = :t"
        " OR name = :t OR branch_name = :t) ORDER BY out_shop_id = :t DESC, id LIMIT 2"
    ),
    "code": text("SELECT id FROM pay_code WHERE provider_id = :p AND code = :t"),
}
_EXACT: Final = {
    "merchant": text("SELECT 1 FROM merchant WHERE provider_id = :p AND out_sub_mch_id = :t"),
    "store": text("SELECT 1 FROM store WHERE provider_id = :p AND out_shop_id = :t"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Whose customers see it: at most one is set, none means the whole provider's."""

    merchant_id: int | None = None
    store_id: int | None = None
    pay_code_id: int | None = None

    @property
    def word(self) -> str:
        """As `ad.place` has it."""
        named = (("m", self.merchant_id), ("s", self.store_id), ("c", self.pay_code_id))
        return next((f"{letter}{number}" for letter, number in named if number is not None), "p")


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed, read; the picture comes beside it."""

    name: str
    link: str | None
    place: Place
    starts_on: date
    ends_on: date | None
    weight: int
    most_per_day: int | None


@dataclass
class Reading:
    """A draft or what stands against it, by the name of the field."""

    draft: Draft | None = None
    problems: dict[str, AppError] = field(default_factory=dict)


def read(session: Session, provider_id: int, typed: Mapping[str, str], today: date) -> Reading:
    """`today` (Asia/Shanghai) is the first day where none was typed."""
    reading = Reading()
    name = _kept(reading, "name", lambda: read_name(typed.get("name", "")))
    link = _kept(reading, "link", lambda: read_link(typed.get("link", "")))
    place = _kept(reading, "target", lambda: _place(session, provider_id, typed))
    starts = _kept(reading, "starts_on", lambda: _day(typed.get("starts_on", "")) or today)
    ends = _kept(reading, "ends_on", lambda: _day(typed.get("ends_on", "")))
    weight = _kept(reading, "weight", lambda: _number(typed.get("weight", "") or "10"))
    cap = typed.get("most_per_day", "").strip()
    most = _kept(reading, "most_per_day", lambda: _number(cap) if cap else None)
    if starts and ends and ends < starts:
        reading.problems["ends_on"] = AdDates("最后一天早于第一天")
    if not reading.problems:
        assert name is not None
        assert place is not None
        assert starts is not None
        assert weight is not None
        reading.draft = Draft(name, link, place, starts, ends, weight, most)
    return reading


def _kept(reading: Reading, name: str, read_it: Callable[[], T]) -> T | None:
    try:
        return read_it()
    except AppError as problem:
        reading.problems[name] = problem
        return None


def read_name(typed: str) -> str:
    name = " ".join(typed.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise AdName
    return name


def read_link(typed: str) -> str | None:
    """An https address, or None for a picture that is not clickable (product AD-1)."""
    link = typed.strip()
    if not link:
        return None
    if link.lower().startswith("http://"):
        raise AdLink("请用 https 链接，否则微信会拦截。")
    if not link.lower().startswith("https://"):
        raise AdLink("链接要以 https:// 开头，写完整的网址。")
    address, _, place_inside = link.partition("#")
    try:
        is_ours = is_inside(read_url(address))
    except CallbackAddress as problem:
        raise AdLink("网址写法不对：不要有空格、汉字和账号密码。") from problem
    if is_ours:
        raise AdLink("这是内网地址，顾客打不开。")
    if len(link) > 512 or not _FRAGMENT.fullmatch(place_inside):
        raise AdLink("网址写法不对：# 后只能是字母、数字和常见符号。")
    return link


def _place(session: Session, provider_id: int, typed: Mapping[str, str]) -> Place:
    scope, target = typed.get("scope") or "all", typed.get("target", "").strip()
    if scope == "all":
        return Place()
    if scope not in _FIND or not target or len(target) > 300:
        raise AdPlace("填商户号、门店号或收款码，或它们的名称。")
    if scope == "code":
        target = target.partition("?")[0].rstrip("/").rpartition("/")[2]  # also its whole link
    keys = {"p": provider_id, "t": target}
    found = session.scalars(_FIND[scope], keys).all()
    if not found:
        raise AdPlace(f"没有找到「{target[:40]}」，检查编号或名称。")
    if len(found) > 1 and session.scalar(_EXACT[scope], keys) is None:
        raise AdPlace(f"叫「{target[:40]}」的不止一个，请填编号。")
    return Place(
        **{{"merchant": "merchant_id", "store": "store_id", "code": "pay_code_id"}[scope]: found[0]}
    )


def _day(typed: str) -> date | None:
    said = typed.strip()
    if not said:
        return None
    if not _DAY.fullmatch(said):
        raise AdDates
    try:
        found = date(*(int(part) for part in said.split("-")))
    except ValueError as problem:
        raise AdDates("没有这一天") from problem
    if not 2020 <= found.year <= 2099:
        raise AdDates("年份要在 2020 到 2099 之间")
    return found


def _number(typed: str) -> int:
    said = typed.strip()
    if not _NUMBER.fullmatch(said) or int(said) > 100:
        raise AdNumber
    return int(said)
