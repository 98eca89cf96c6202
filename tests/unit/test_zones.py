"""Times on the wire and on paper are China's, whatever zone the process is in (failures 26)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from gateways.alipay import mapping as alipay
from gateways.leap import without_leap
from gateways.wechat_pay import codepay
from gateways.wechat_pay import mapping as wechat
from services.bills.days import china_date, ends, ready_at
from services.numbers import new_out_trade_no
from services.totals import china_day
from web.formats import local_time

# UTC instant, the same on a clock in Shanghai: New York's and Lord Howe's clocks change here,
# a year and a leap day end, and China itself had summer time until 1991.
INSTANTS = [
    (datetime(2027, 3, 14, 6, 59, 59, tzinfo=UTC), "2027-03-14 14:59:59"),
    (datetime(2027, 3, 14, 7, 0, 0, tzinfo=UTC), "2027-03-14 15:00:00"),
    (datetime(2027, 11, 7, 5, 30, 0, tzinfo=UTC), "2027-11-07 13:30:00"),
    (datetime(2027, 4, 3, 15, 0, 0, tzinfo=UTC), "2027-04-03 23:00:00"),
    (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), "2026-12-31 23:59:59"),
    (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), "2027-01-01 00:00:00"),
    (datetime(2028, 2, 29, 16, 0, 0, tzinfo=UTC), "2028-03-01 00:00:00"),
]
ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"]


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("at", "china"), INSTANTS)
def test_every_time_on_the_wire_and_on_paper_is_china_s(
    zone: str, at: datetime, china: str
) -> None:
    day = date.fromisoformat(china[:10])
    assert wechat.rfc3339(at) == china.replace(" ", "T") + "+08:00"
    assert wechat.from_rfc3339(wechat.rfc3339(at)) == at
    assert alipay.china_time(at) == china
    assert alipay.from_china_time(china) == at
    assert china_day(at) == china_date(at) == day
    assert ends(day).astimezone(UTC).hour == 16
    assert ready_at(day).astimezone(UTC).hour == 2
    assert local_time(at) == china
    stamp = "".join(c for c in china[2:] if c.isdigit())
    assert new_out_trade_no("sz0100qhcs", at).startswith("sz0100qhcs" + stamp)


def test_a_leap_second_is_the_last_second_of_its_minute_not_an_error(zone: str) -> None:
    """The last one, 2016: 23:59:60 UTC was 07:59:60 in China."""
    last = datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert wechat.from_rfc3339("2017-01-01T07:59:60+08:00") == last
    assert alipay.from_china_time("2017-01-01 07:59:60") == last
    assert alipay.from_china_time("2017-01-01 07:59:60.500") == last
    assert codepay.instant("20170101075960") == last


@pytest.mark.parametrize(
    "text", ["2017-01-01 07:59:61", "2017-01-01 07:60:00", "2017-01-01 60:00:00", "60:60:60 x"]
)
def test_what_is_no_time_stays_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        alipay.from_china_time(text)


def test_only_the_second_is_read_so() -> None:
    assert without_leap("2060-10-10T10:10:10+08:00") == "2060-10-10T10:10:10+08:00"
    assert without_leap("20601060106010") == "20601060106010"
