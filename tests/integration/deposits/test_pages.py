"""Deposits on the merchant's phone and at the provider's desk: seen by whoever may, given back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from models.event import CaseKind
from tests.harness.console import Console
from tests.harness.holds import hold
from tests.harness.product import Product
from tests.integration.deposits.helping import WALLETS, Desk
from tests.integration.people.desk import Desk as Staff
from tests.integration.people.desk import audits, peopled, staff, token_of

Sign = Callable[[str], Staff]
LARGE = 50_000  # from here on a sum is typed twice


@pytest.fixture
def shop(product: Product) -> Product:
    peopled(product)
    product.do("UPDATE staff SET can_refund = true WHERE name = '何知秋'")
    return product


@pytest.fixture
def sign(shop: Product) -> Sign:
    """In as a person of 青禾茶事: p20 owns it, zhou manages 湖滨店, chen is a clerk there."""
    return lambda who: Staff(shop, who)


def numbers(page: str) -> list[str]:
    return re.findall(r'href="/m/deposits/([^"/?]+)"', page)


def opened(one: Staff, number: str) -> dict[str, str]:
    """The hidden members of the form that gives it back."""
    page = one.get(f"/m/deposits/{number}/release").text
    return {
        "token": token_of(page),
        **dict(re.findall(r'name="(key|amount)"[^>]*value="(.*?)"', page)),
    }


def give(one: Staff, number: str, fields: dict[str, str], **more: str) -> Any:
    form = {"reason": "其他", "note": "杯子已还", **fields, **more}
    return one.post(f"/m/deposits/{number}/release", **form)


def moves(product: Product) -> list[Any]:
    return product.sql("SELECT * FROM deposit_move WHERE kind = 'release' ORDER BY id")


def test_the_list_tells_what_is_held_what_ends_and_what_has_ended(
    product: Product, sign: Sign
) -> None:
    desk = Desk(product)
    held = desk.freeze("alipay", 30000)
    desk.consume(held, 12000, ends=False)
    desk.after(held, 5)
    whole = desk.freeze("alipay", 700)
    desk.release(whole, 700)
    hold(product, "soon1", days=27)
    hold(product, "elsewhere1", shop="nanchuang")
    owner = sign("p20")
    page = owner.get("/m/deposits").text
    assert set(numbers(page)) == {held.out_freeze_no, whole.out_freeze_no, "soon1"}
    assert "冻结中 2 笔" in owner.said
    assert "280.00" in owner.said, "180.00 and 100.00 are left"
    assert "还剩 ¥180.00" in owner.said
    assert "2 天后自动退回" in owner.said
    assert "已退还" in owner.said
    for kind, wanted in (
        ("open", [held.out_freeze_no, "soon1"]), ("soon", ["soon1"]),
        ("ended", [whole.out_freeze_no]),
    ):  # fmt: skip
        assert sorted(numbers(owner.get(f"/m/deposits?kind={kind}").text)) == sorted(wanted), kind
    for path in ("/m/", "/m/orders"):
        assert "冻结中 2 笔，1 笔快到期" in owner.get(path).text.replace("<b>", ""), path


def test_a_hold_is_found_by_any_of_its_numbers(product: Product, sign: Sign) -> None:
    desk = Desk(product)
    held, other = desk.freeze("alipay", 5000), desk.freeze("alipay", 5000)
    order = desk.consume(held, 1000, ends=False)
    desk.after(held, 5)
    move = desk.release(held, 500)
    owner = sign("p20")
    for number in (
        held.out_freeze_no, desk.now(held).freeze_id, order.out_trade_no, move.number,
        held.out_freeze_no[-6:],
    ):  # fmt: skip
        page = owner.get(f"/m/deposits?q={number}").text
        assert numbers(page) == [held.out_freeze_no], number
    assert numbers(owner.get(f"/m/deposits?q={other.out_freeze_no[:-1]}").text) == []
    assert "没有找到这个单号" in owner.said
    owner.get(f"/m/deposits/{held.out_freeze_no}")
    for words in (
        "还冻结着", "35.00", "消费 ¥10.00", "退还 ¥5.00", "已完成", "钱包确认冻结 ¥50.00",
        "自动退回", order.out_trade_no, move.number,
    ):  # fmt: skip
        assert words in owner.said, words
    owner.get(f"/m/orders/{order.out_trade_no}")
    assert f"押金单号 {held.out_freeze_no}" in owner.said
    assert "方式 押金消费" in owner.said


def test_a_till_s_word_of_who_froze_is_shown_as_its_word(product: Product, sign: Sign) -> None:
    number = hold(product)
    row = staff(product, "周予安")
    product.do("UPDATE staff SET number = '1003' WHERE id = :i", i=row.id)
    product.do(
        "INSERT INTO cpay_call (provider_id, merchant_id, kind, number, method, same, device_id,"
        " staff_id, asked, lease_until, created_at) VALUES (:p, :m, 'freeze', :n, 'micro_freeze',"
        " 'same', 'pos7', '1003', '{}', now(), now())",
        p=row.provider_id, m=row.merchant_id, n=number,
    )  # fmt: skip
    owner = sign("p20")
    owner.get(f"/m/deposits/{number}")
    assert "收银系统（周予安 · pos7）" in owner.said
    page = Console(product).get(f"/deposits/{number}").text
    assert "它说是 周予安 · pos7" in page


def test_a_part_is_given_back_after_two_questions_and_once(product: Product, sign: Sign) -> None:
    desk = Desk(product)
    held = desk.freeze("alipay", 10000)
    owner = sign("p20")
    fields = opened(owner, held.out_freeze_no)
    assert fields["amount"] == "100.00"
    fields["amount"] = "30"
    give(owner, held.out_freeze_no, fields)
    assert "确认退还" in owner.said
    assert moves(product) == [], "one press gives nothing back"
    for _ in range(3):
        give(owner, held.out_freeze_no, fields, sure="1")
        assert "退还 ¥30.00：钱已经退给顾客。" in owner.said
    (move,) = moves(product)
    actor = f"staff:{staff(product, '何知秋').id}"
    assert (move.amount_fen, move.status) == (3000, "done")
    assert (move.asked_by, move.allowed_by) == (actor, actor)
    assert move.remark == "杯子已还"
    assert desk.now(held).room_fen == 7000
    desk.agrees(held)


@WALLETS
def test_a_large_sum_is_typed_twice(product: Product, sign: Sign, wallet: str) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet, LARGE)
    product.simulator.advance(20)
    owner = sign("p20")
    fields = opened(owner, held.out_freeze_no)
    give(owner, held.out_freeze_no, fields, sure="1")
    assert "再确认一次" in owner.said
    give(owner, held.out_freeze_no, fields, sure="1", again="499.99")
    assert "两次填的金额不一样，没有退还" in owner.said
    assert moves(product) == []
    give(owner, held.out_freeze_no, fields, sure="1", again="500")
    assert moves(product)[0].status == "done"
    desk.agrees(held)


def test_wechat_gives_all_or_nothing_back_and_not_at_once(product: Product, sign: Sign) -> None:
    desk = Desk(product)
    held = desk.freeze("wechat", 10000)
    owner = sign("zhou")
    fields = opened(owner, held.out_freeze_no)
    give(owner, held.out_freeze_no, fields, amount="30.00")
    assert "微信押金只能整笔退还 ¥100.00" in owner.said
    give(owner, held.out_freeze_no, fields, amount="30.00", sure="1")
    assert owner.answer.status_code == 409
    assert moves(product) == []
    give(owner, held.out_freeze_no, fields, sure="1")
    assert "前 16 秒不接受退还" in owner.said
    assert owner.get(f"/m/deposits/{held.out_freeze_no}/release").status_code == 409
    desk.after(held, 20)
    owner.get(f"/m/deposits/{held.out_freeze_no}?release={moves(product)[0].number}")
    assert "钱已经退给顾客" in owner.said
    desk.agrees(held)


def test_who_may_not_gives_nothing_back_and_is_remembered(product: Product, sign: Sign) -> None:
    """A manager without the right to refund, a clerk with it, a manager of another store."""
    desk = Desk(product)
    held = desk.freeze("alipay", 10000)
    number = held.out_freeze_no
    manager = sign("zhou")
    fields = opened(manager, number)
    product.do("UPDATE staff SET can_refund = false WHERE name = '周予安'")
    give(manager, number, fields, sure="1", amount="1.00")
    assert manager.answer.status_code == 403
    assert manager.get(f"/m/deposits/{number}/release").status_code == 403
    assert len(audits(product, "deposit_release_denied")) == 1
    assert f"/m/deposits/{number}/release" not in manager.get(f"/m/deposits/{number}").text
    clerk = sign("chen")
    product.do("UPDATE staff SET can_refund = true WHERE name = '陈一禾'")
    clerk.post("/m/shift/begin")
    assert clerk.get(f"/m/deposits/{number}").status_code == 200
    assert give(clerk, number, {}, key="k", sure="1", amount="1.00").status_code == 403
    product.do("UPDATE staff SET can_refund = true, store_id = (SELECT id FROM store WHERE"
               " out_shop_id = 'qinghe-dongpo') WHERE name = '周予安'")  # fmt: skip
    moved = sign("zhou")
    assert moved.get(f"/m/deposits/{number}").status_code == 404
    assert give(moved, number, {}, key="k", sure="1", amount="1.00").status_code == 404
    assert moves(product) == []


def test_a_clerk_off_duty_sees_none(product: Product, sign: Sign) -> None:
    number = hold(product)
    clerk = sign("chen")
    assert numbers(clerk.get("/m/deposits").text) == []
    assert "上班后能看到本店的押金" in clerk.said
    assert clerk.get(f"/m/deposits/{number}").status_code == 404
    clerk.post("/m/shift/begin")
    assert numbers(clerk.get("/m/deposits").text) == [number]


def test_what_failed_or_waits_says_so(product: Product, sign: Sign) -> None:
    owner = sign("p20")
    waits, failed = hold(product, "waits01"), hold(product, "failed01")
    product.do(
        "UPDATE deposit_freeze SET status = 'waiting', frozen_at = NULL, is_unknown = true"
        " WHERE out_freeze_no = :n", n=waits,
    )  # fmt: skip
    product.do(
        "UPDATE deposit_freeze SET status = 'failed', frozen_at = NULL, due_at = NULL,"
        " reject_code = 'CANCELLED', closed_at = now() WHERE out_freeze_no = :n", n=failed,
    )  # fmt: skip
    owner.get(f"/m/deposits/{waits}")
    assert "结果未知" in owner.said
    assert "不要重复冻结" in owner.said
    owner.get(f"/m/deposits/{failed}")
    assert "顾客没有及时确认，没有冻结" in owner.said
    assert owner.get(f"/m/deposits/{failed}/release").status_code == 409


def test_older_ones_are_behind_a_link(product: Product, sign: Sign) -> None:
    made = [hold(product, f"many{n:02}") for n in range(23)]
    owner = sign("p20")
    page = owner.get("/m/deposits").text
    first = numbers(page)
    older = re.search(r'class="older"><a class="btn" href="([^"]+)"', page)
    assert older
    rest = numbers(owner.get(older[1].replace("&amp;", "&")).text)
    assert first + rest == made[::-1]


def test_the_desk_finds_a_hold_by_any_number_and_tells_where_it_is(product: Product) -> None:
    desk, console = Desk(product), Console(product, "demo-viewer")
    held = desk.freeze("alipay", 10000)
    order = desk.consume(held, 2500, ends=False)
    desk.after(held, 5)
    move = desk.release(held, 500)
    own = f"/console/deposits/{held.out_freeze_no}"
    for path in ("/deposits", "/orders"):
        for number in (held.out_freeze_no, desk.now(held).freeze_id, move.number):
            found = console.get(path, params={"q": number}, allow_redirects=False)
            assert (path, found.headers.get("Location")) == (path, own)
    both = console.get("/orders", params={"q": order.out_trade_no}).text
    assert own in both
    assert f"/console/orders/{order.out_trade_no}" in both
    page = console.get(f"/deposits/{held.out_freeze_no}").text
    for words in (
        "押金 ¥100.00，还冻结 ¥70.00", order.out_trade_no, move.number, "发起消费 ¥25.00",
        "支付宝</b> 已退还顾客 ¥5.00", "青禾茶事",
    ):  # fmt: skip
        assert words in page, words
    listed = console.get("/deposits").text
    assert held.out_freeze_no in listed
    assert "冻结中 1 笔，共 ¥70.00" in listed
    assert held.out_freeze_no not in console.get("/deposits?kind=ended").text
    assert "没有查到这个单号" in console.get("/deposits?q=nosuchnumber").text
    assert "押金消费" in console.get(f"/orders/{order.out_trade_no}").text


def test_a_case_about_a_deposit_names_its_merchant_and_leads_to_it(product: Product) -> None:
    desk, console = Desk(product), Console(product)
    held = desk.freeze("alipay", 10000)
    move = desk.release(held, 500)
    for kind, number in (
        (CaseKind.DEPOSIT_ENDS, held.out_freeze_no), (CaseKind.NO_ANSWER, move.number),
    ):  # fmt: skip
        product.do(
            "INSERT INTO money_case (provider_id, kind, dedupe_key, out_trade_no, facts,"
            " created_at) VALUES (1, :k, :n, :n, '{}', now())",
            k=kind.value, n=number,
        )  # fmt: skip
        row = product.one("SELECT id FROM money_case WHERE out_trade_no = :n", n=number)
        page = console.get(f"/recon/case/{row.id}").text
        assert f'href="/console/deposits/{held.out_freeze_no}">{number}<' in page
        assert "青禾茶事" in page
