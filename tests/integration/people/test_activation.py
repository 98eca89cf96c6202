"""An activation code works once, for half an hour, for who holds it; and says who has it now."""

from __future__ import annotations

import io
import re
import threading
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image

from services.people import activation
from services.people.activation import TRIES
from services.people.problems import ActivationUsed
from services.people.signing_in import Holder
from services.seed import MAIN
from tests.harness.product import Product
from tests.integration.people.desk import Desk, audits, staff

MakeDesk = Callable[..., Desk]


@pytest.fixture
def owner(desk: MakeDesk) -> Desk:
    made = desk("lin")
    made.act_as("商户管理员")
    return made


@pytest.fixture
def waiting(shop: Product) -> Any:
    return staff(shop, "沈知夏")


def make_code(owner: Desk, row: Any) -> tuple[str, str]:
    """(address in the QR code, without the host; six digits), as the page shows them."""
    page = owner.post(f"/m/staff/{row.public_id}/code").text
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    digits = re.search(r'aria-label="激活码 ([0-9 ]+)"', page)
    assert picture, owner.said
    assert digits, owner.said
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(b64decode(picture[1]))).convert("RGB"))
    parts = urlsplit(found.text)
    return f"{parts.path}?{parts.query}", digits[1].replace(" ", "")


def activate(one: Desk, address: str) -> Any:
    """Scan the code, and press the button that it leads to."""
    page = one.get(address)
    if page.status_code != 200:
        return page
    key = re.search(r'name="k" value="([^"]+)"', page.text)
    assert key, one.said
    return one.post("/m/activate", opened="/m/activate", k=key[1])


def test_who_scans_the_code_has_the_role_and_comes_in_with_it(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    address, digits = make_code(owner, waiting)
    one = desk("p01", signs_in=False)
    one.get(address)
    assert "沈知夏，确认激活？" in one.said
    assert "湖滨店" in one.said
    assert staff(shop, "沈知夏").person_id is None, "looking takes nothing"
    assert activate(one, address).status_code == 200
    assert "湖滨店 · 店员 · 沈知夏" in one.said
    row = staff(shop, "沈知夏")
    assert row.activated_at is not None
    assert [a.actor for a in audits(shop, "activation_made")] == [
        f"staff:{staff(shop, '林小满').id}"
    ]
    assert [a.actor for a in audits(shop, "role_activated")] == [f"person:{row.person_id}"]
    assert digits not in shop.one("SELECT string_agg(a::text, '') AS rows FROM activation a").rows


def test_the_six_digits_lead_to_the_same_role(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    _, digits = make_code(owner, waiting)
    one = desk("p01")
    assert one.post("/m/activate", opened="/m/choose", digits=f"{digits[:3]} {digits[3:]}")
    assert "沈知夏，确认激活？" in one.said
    key = re.search(r'name="k" value="([^"]+)"', one.answer.text)
    assert key
    one.post("/m/activate", opened="/m/choose", k=key[1])
    assert staff(shop, "沈知夏").person_id is not None


def test_a_used_code_says_who_has_the_role_masked(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    address, digits = make_code(owner, waiting)
    assert activate(desk("p01", signs_in=False), address).status_code == 200
    thief = desk("p02", signs_in=False)
    assert activate(thief, address).status_code == 409
    assert "激活码已经用过：湖滨店店员现在是 沈**" in thief.said
    assert "沈知夏" not in thief.said
    assert thief.post("/m/activate", opened="/m/choose", digits=digits).status_code == 404
    again = desk("p01")
    assert activate(again, address).status_code == 409, "not even for its holder"
    assert shop.one("SELECT count(*) AS n FROM activation WHERE used_at IS NOT NULL").n == 1


def test_a_code_that_was_ended_replaced_or_ran_out_is_over(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    one = desk("p01")
    first, first_digits = make_code(owner, waiting)
    second, _ = make_code(owner, waiting)
    assert activate(one, first).status_code == 409
    assert one.post("/m/activate", opened="/m/choose", digits=first_digits).status_code == 404
    owner.post(f"/m/staff/{waiting.public_id}/revoke")
    assert activate(one, second).status_code == 409
    assert "已过期或作废" in one.said
    third, digits = make_code(owner, waiting)
    shop.do("UPDATE activation SET expires_at = :t", t=shop.deps.now() - timedelta(seconds=1))
    assert activate(one, third).status_code == 409
    assert one.post("/m/activate", opened="/m/choose", digits=digits).status_code == 404
    assert staff(shop, "沈知夏").person_id is None
    owner.get(f"/m/staff/{waiting.public_id}")
    assert "生成激活码" in owner.said
    make_code(owner, waiting)


def test_a_code_of_somebody_removed_makes_nobody_of_anybody(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    address, _ = make_code(owner, waiting)
    owner.post(f"/m/staff/{waiting.public_id}/remove", sure="1")
    assert activate(desk("p01", signs_in=False), address).status_code == 409
    assert staff(shop, "沈知夏").person_id is None


def test_a_few_wrong_digits_and_one_has_to_wait(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    _, digits = make_code(owner, waiting)
    wrong = f"{(int(digits) + 1) % 10**6:06d}"
    guesser, other = desk("p01"), desk("p02")
    for typed in [wrong, "", "abc", digits[:5], digits + "0"][:TRIES]:
        answer = guesser.post("/m/activate", opened="/m/choose", digits=typed)
        assert answer.status_code == 404, typed
    answer = guesser.post("/m/activate", opened="/m/choose", digits=digits)
    assert answer.status_code == 429, "the right one, too late"
    assert "输错次数太多" in guesser.said
    assert other.post("/m/activate", opened="/m/choose", digits=digits).status_code == 200
    shop.do("UPDATE activation_try SET tried_at = tried_at - interval '31 minutes'")
    assert guesser.post("/m/activate", opened="/m/choose", digits=digits).status_code == 200


def test_of_ten_who_press_at_once_one_has_the_role(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    address, _ = make_code(owner, waiting)
    token = address.partition("k=")[2]
    provider = waiting.provider_id
    for n in range(1, 11):
        desk(f"p{n:02d}")
    people = shop.sql("SELECT id FROM person WHERE provider_id = :p ORDER BY id DESC", p=provider)
    took: list[int] = []
    refused: list[int] = []

    def press(person_id: int) -> None:
        try:
            activation.take(shop.deps, Holder(provider, person_id), token)
            took.append(person_id)
        except ActivationUsed:
            refused.append(person_id)

    threads = [threading.Thread(target=press, args=(row.id,)) for row in people[:10]]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(took), len(refused)) == (1, 9)
    assert staff(shop, "沈知夏").person_id == took[0]


def test_one_person_has_one_role_at_a_place(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    address, _ = make_code(owner, waiting)
    clerk = desk("chen")
    assert activate(clerk, address).status_code == 409
    assert "你在这里已经有身份了" in clerk.said
    assert activate(desk("p19"), address).status_code == 200, "another merchant's owner may"


def test_another_provider_s_code_is_unknown(
    shop: Product, desk: MakeDesk, owner: Desk, waiting: Any
) -> None:
    address, digits = make_code(owner, waiting)
    other = "sz02pQWE8MNBvCxz5k7T"
    one = desk("p01", signs_in=False)
    assert one.get(address.replace(MAIN, other)).status_code == 404
    assert one.post("/m/activate", opened="/m/choose", digits=digits).status_code == 404


def run(shop: Product, *words: str) -> Any:
    return shop.app.test_cli_runner().invoke(args=["people", *words])


def test_the_first_people_come_in_by_a_command(shop: Product, desk: MakeDesk) -> None:
    """ACT-2: the first admin of a merchant, and of the provider, is nobody's to add yet."""
    made = run(shop, "add-owner", "sub04WEIXINONLY7G8H2", "晨掌柜")
    assert made.exit_code == 0, made.output
    address = re.search(r"http\S+", made.output)
    assert address
    one = desk("p01", signs_in=False)
    assert activate(one, address[0].removeprefix(shop.url)).status_code == 200
    assert "晨光早点 · 商户管理员 · 晨掌柜" in one.said
    admin = run(shop, "add-admin", "总部", "--provider", MAIN, "--sub-provider", "1")
    public_id = admin.output.split()[0]
    again = run(shop, "invite", public_id)
    digits = again.output.split("激活身份: ")[1].strip()
    other = desk("p02")
    other.post("/m/activate", opened="/m/choose", digits=digits)
    key = re.search(r'name="k" value="([^"]+)"', other.answer.text)
    assert key
    other.post("/m/activate", opened="/m/choose", k=key[1])
    assert "山雀咖啡 · 子服务商管理员 · 总部" in other.said
    assert run(shop, "invite", public_id).exit_code == 1, "activated"
    listed = run(shop, "list", "sub04WEIXINONLY7G8H2").output
    assert "owner  -  active  refund+admins  晨掌柜" in listed
    assert run(shop, "remove", public_id).exit_code == 0
    assert other.get("/m/orders").status_code == 403
    assert run(shop, "remove", public_id).exit_code == 1
    assert run(shop, "list", "nobody").exit_code == 1
