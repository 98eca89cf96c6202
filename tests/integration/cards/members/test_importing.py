"""Taking over old members from a spreadsheet: the whole file, or nothing and a reason per row."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from services.cards import caps, importing, member_file, members
from services.cards.member_problems import ImportRefused, JoinCap, PhoneTaken
from tests.harness.product import Product
from tests.integration.cards.members.conftest import ACTOR, Shop
from tests.integration.cards.members.test_adjusting import adjust, balance
from tests.integration.cards.members.test_phones import OTHER, PHONE, register

HEAD = ("手机号", "余额", "姓名")


def sheet(path: Path, rows: Sequence[Sequence[Any]], head: Sequence[str] = HEAD) -> Path:
    book = Workbook(write_only=True)
    page = book.create_sheet()
    for row in (head, *rows):
        page.append(list(row))
    file = path / f"members-{time.monotonic_ns()}.xlsx"
    book.save(file)
    return file


def take(shop: Shop, file: Path) -> importing.ImportReport:
    return importing.run(*shop.place, file, actor=ACTOR)


def reasons(report: importing.ImportReport) -> list[tuple[int, str]]:
    return [(problem.number, problem.reason) for problem in report.problems]


def room(product: Product, shop: Shop) -> int:
    found = product.one(
        "SELECT balance_fen FROM card_room WHERE merchant_id = :m", m=shop.merchant_id
    )
    return int(found.balance_fen)


def nothing_happened(product: Product, shop: Shop) -> bool:
    counts = product.one(
        "SELECT (SELECT count(*) FROM member WHERE merchant_id = :m)"
        " + (SELECT count(*) FROM member_card WHERE merchant_id = :m)"
        " + (SELECT count(*) FROM ledger_entry WHERE merchant_id = :m)"
        " + (SELECT count(*) FROM import_batch WHERE merchant_id = :m) AS n",
        m=shop.merchant_id,
    )
    return int(counts.n) == 0 and room(product, shop) == 0


def test_a_clean_file_is_owed_at_once_and_shows_when_it_is_claimed(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    file = sheet(
        tmp_path, [(PHONE, 886.4, "林晓"), (13987654321, "12.30", None), ("138 0000 0000", 0, "")]
    )
    first = importing.dry_run(*shop.place, file)
    assert (first.is_clean, first.rows, first.sum_fen, first.batch_id) == (True, 3, 89_870, None)
    assert nothing_happened(product, shop)
    made = take(shop, file)
    assert made.batch_id is not None
    assert room(product, shop) == 89_870
    assert members.newest(*shop.place) == []  # not before they come
    assert members.search(*shop.place, PHONE) == []
    card_id = shop.claim("o-lin")
    register(product, shop, card_id)
    assert balance(product, card_id) == 88_640
    assert room(product, shop) + _unfolded(product, shop) == 89_870
    (line,) = members.search(*shop.place, "林晓")
    assert (line.card_id, line.phone, line.name) == (card_id, "138****5678", "林*")
    assert members.search(*shop.place, "林") == []
    assert [one.card_id for one in members.search(*shop.place, line.number)] == [card_id]
    again = take(shop, file)
    assert (0, f"这个文件已导入过（批次 {made.batch_id}）") in reasons(again)


def _unfolded(product: Product, shop: Shop) -> int:
    found = product.one(
        "SELECT COALESCE(sum(freed_fen), 0) AS fen FROM card_release WHERE merchant_id = :m",
        m=shop.merchant_id,
    )
    return -int(found.fen)


def test_each_bad_row_is_named_and_nothing_is_taken_over(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    register(product, shop, shop.claim("o-lin"), OTHER)
    before = product.one(
        "SELECT count(*) AS n FROM member WHERE merchant_id = :m", m=shop.merchant_id
    ).n
    bad: list[tuple[Sequence[Any], str]] = [
        ((PHONE, 10, "好"), ""),
        ((PHONE, 10), "手机号与第 2 行重复"),
        (("1381234567", 10), "手机号格式不对"),
        ((None, 10), "缺少手机号"),
        (("13800000001", None), "缺少余额"),
        (("13800000002", -0.01), "余额不能为负"),
        (("13800000003", "-5"), "余额不能为负"),
        (("13800000004", 1.005), "余额最多两位小数，且不能有其他字符"),
        (("13800000005", "1,000"), "余额最多两位小数，且不能有其他字符"),
        (("13800000006", "=1+1"), "含有公式，请粘贴为数值"),
        (("13800000007", 10, "=HYPERLINK(1)"), "含有公式，请粘贴为数值"),
        (("13800000008", 10, "+cmd|' /C calc'!A0"), "姓名过长或含有不能使用的字符"),
        (("13800000009", True), "余额不是数字"),
        (("13800000010", 5000.01), "余额超过单卡上限 5000.00 元"),
        (("13800000011", 5000), ""),
        (("13800000012", 1e30), "余额最多两位小数，且不能有其他字符"),
        ((OTHER, 10), "这个手机号已是会员"),
    ]
    file = sheet(tmp_path, [row for row, _ in bad])
    expected = [(number, why) for number, (_, why) in enumerate(bad, start=2) if why]
    assert reasons(importing.dry_run(*shop.place, file)) == expected
    report = take(shop, file)
    assert reasons(report) == expected
    assert report.batch_id is None
    assert room(product, shop) == 0
    after = product.one(
        "SELECT count(*) AS n FROM member WHERE merchant_id = :m", m=shop.merchant_id
    ).n
    assert after == before


def test_a_file_that_passes_the_cap_by_one_fen_is_refused_whole(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    caps.set_cap(*shop.place, 10_000, actor=ACTOR)
    over = sheet(tmp_path, [(PHONE, 60), (OTHER, "40.01")])
    report = take(shop, over)
    assert reasons(report) == [(0, "合计 100.01 元超过商户剩余额度 100.00 元")]
    assert nothing_happened(product, shop)
    assert take(shop, sheet(tmp_path, [(PHONE, 60), (OTHER, 40)])).is_clean  # equal is allowed
    assert room(product, shop) == 10_000


def test_a_full_merchant_s_imported_balance_still_joins(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    """Nothing more is owed by joining: the total's cap has no say in it."""
    caps.set_cap(*shop.place, 10_000, actor=ACTOR)
    take(shop, sheet(tmp_path, [(PHONE, 60), (OTHER, 40)]))
    card_id = shop.claim("o-lin")
    register(product, shop, card_id)
    assert balance(product, card_id) == 6000
    old = product.one("SELECT * FROM member_card WHERE status = 'closed'")
    assert old.balance_fen == 0
    kept = product.sql("SELECT key FROM ledger_entry WHERE key LIKE 'join:%' ORDER BY key, id")
    assert [row.key for row in kept] == [
        *[f"join:{old.id}:in"] * 2,
        *[f"join:{old.id}:out"] * 2,
    ]


def test_two_cards_of_one_person_that_would_pass_the_cap_do_not_join(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    take(shop, sheet(tmp_path, [(PHONE, 4500)]))
    card_id = shop.claim("o-lin")
    adjust(shop, card_id, 50_001, "own")
    with pytest.raises(JoinCap):
        register(product, shop, card_id)
    found = product.one("SELECT * FROM member_card WHERE id = :i", i=card_id)
    assert (found.balance_fen, found.cap_fen, found.registered_at) == (50_001, 100_000, None)
    adjust(shop, card_id, -1, "spent")
    product.simulator.advance(61)
    register(product, shop, card_id)
    assert balance(product, card_id) == 500_000  # equal is allowed


def test_an_imported_membership_is_joined_once(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    take(shop, sheet(tmp_path, [(PHONE, 60)]))
    lin, zhou = shop.claim("o-lin"), shop.claim("o-zhou")
    register(product, shop, lin)
    product.simulator.advance(61)
    with pytest.raises(PhoneTaken):
        register(product, shop, zhou)
    assert (balance(product, lin), balance(product, zhou)) == (6000, 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "不是 .xlsx"),
        (b"PK\x03\x04 and then nothing", "不是 .xlsx"),
        (b"a,b\n1,2\n", "不是 .xlsx"),
    ],
)
def test_what_is_no_spreadsheet_is_refused(
    shop: Shop, tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "x.xlsx"
    file.write_bytes(content)
    with pytest.raises(ImportRefused, match=why):
        take(shop, file)


def test_an_archive_that_unpacks_without_end_is_refused(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part,
    ):
        block = b"\0" * (1 << 20)
        for _ in range(member_file.MOST_UNPACKED // len(block) + 1):
            part.write(block)
    assert file.stat().st_size < member_file.MOST_BYTES
    with pytest.raises(ImportRefused, match="过大"):
        take(shop, file)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (("手机号", "姓名"), "余额"),
        (("余额",), "手机号"),
        (("手机", "手机号", "余额"), "重复"),
        ((), "手机号"),
    ],
)
def test_a_file_without_its_columns_is_refused(
    shop: Shop, tmp_path: Path, head: Sequence[str], why: str
) -> None:
    with pytest.raises(ImportRefused, match=why):
        take(shop, sheet(tmp_path, [(PHONE, 1)], head))


def test_a_hundred_thousand_rows_and_not_one_more(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_file, "MOST_ROWS", 3)
    rows = [(f"1380000000{n}", 1) for n in range(4)]
    with pytest.raises(ImportRefused, match="超过 3 行"):
        take(shop, sheet(tmp_path, rows))
    assert take(shop, sheet(tmp_path, rows[:3])).rows == 3


def test_several_thousand_rows_are_one_transaction(
    product: Product, shop: Shop, tmp_path: Path
) -> None:
    rows = [(f"139{n:08d}", "0.01", f"会员{n}") for n in range(4500)]
    assert take(shop, sheet(tmp_path, rows)).batch_id is not None
    counts = product.one(
        "SELECT count(*) AS cards, sum(balance_fen) AS fen, count(DISTINCT number) AS numbers,"
        " (SELECT count(*) FROM ledger_tail WHERE merchant_id = :m) AS tails"
        " FROM member_card WHERE merchant_id = :m",
        m=shop.merchant_id,
    )
    assert (counts.cards, counts.fen, counts.numbers, counts.tails) == (4500, 4500, 4500, 4500)
