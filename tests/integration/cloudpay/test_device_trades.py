"""Trades of devices (product DEV-7): who is bound says its number, who was unbound trades no more.

Generated from the method table: every call that moves money or asks about it, in every state that
the device it names can be in.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import ROOT
from models.device import BoundBy, Device, ShiftType
from models.merchant import Staff, Store
from services.cloudpay.devices.trading import BRIEF, PLACES, STANDARD, Places
from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Method
from services.cloudpay.table import TABLE
from services.devices import changing, trading
from services.onboarding.checks import letters
from services.single import Single
from tests.harness.cloudpay import Till
from tests.harness.cloudpay_contents import MAKERS, Content, Party
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.cloudpay.changing import with_settings
from tests.integration.cloudpay.helping import paid, refusal
from tests.integration.cloudpay.test_tills import ask as ask_login
from tests.integration.cloudpay.test_tills import begin
from tests.integration.stores.helping import work

SN, OTHER_SN = "LANDI_QM600_LA190000000", "LANDI_QM600_LA190000001"
GROUPS = pytest.mark.parametrize("group", PLACES)


@pytest.fixture
def till(product: Product) -> Till:
    with_settings(product)
    return Till.of(product)


def put(
    product: Product,
    till: Till,
    device_id: str,
    sn: str = "",
    *,
    frees: bool = False,
    removes: bool = False,
    kind: ShiftType = ShiftType.SMART_POS,
) -> str:
    """A device of the till's shop: bound where a number is given, then freed, then deleted."""

    def unit(session: Session) -> str:
        now = product.deps.now()
        store = session.scalars(select(Store).where(Store.out_shop_id == till.out_shop_id)).one()
        made = session.scalar(
            select(Device).where(Device.store_id == store.id, Device.device_id == device_id)
        )
        if made is None:
            wish = changing.Wish(f"机器{device_id}", int(kind), device_id)
            made = changing.put(session, store, wish, actor="test", now=now)
        if sn:
            staff = session.scalars(
                select(Staff).where(Staff.merchant_id == store.merchant_id)
            ).first()
            assert staff is not None
            changing.bind(
                session, made, sn, by=BoundBy.SETTING, staff_id=staff.id, actor="test", now=now
            )
        if frees:
            changing.free(session, made, actor="test", now=now, is_forced=False)
        if removes:
            changing.take_away(session, made, actor="test", now=now)
        return made.out_device_id

    return product.deps.transact(unit)


def naming(method: Method, content: Content, device_id: str | None, sn: str | None) -> Content:
    """The content of a call, in the name of this device and machine; None leaves the member out."""
    made = copy.deepcopy(content)
    places = PLACES[method.group]
    for path, value in ((places.device, device_id), (places.sn, sn)):
        *way, last = path.split(".")
        place = made
        for name in way:
            place = place.setdefault(name, {})
        place.pop(last, None)
        if value is not None:
            place[last] = value
    return made


def trades(group: str) -> list[Method]:
    found = [method for method in TABLE.values() if method.group == group]
    assert found
    return found


def send(till: Till, method: Method, content: Content) -> tuple[int, int, str]:
    """(status, internal status, words)."""
    if method.envelope is Envelope.BRIEF:
        said = till.brief(method.name, content)
        return said["s"], said["is"], said["d"]
    said = till.call(method.name, content)
    return said["status"], said["internal_status"], said["description"]


def books(product: Product) -> list[list[tuple[Any, ...]]]:
    """All that a trade could move or leave behind."""
    names = ("pay_order", "pay_attempt", "refund", "deposit_freeze", "deposit_move", "cpay_call")
    return [[tuple(row) for row in product.sql(f"SELECT * FROM {n} ORDER BY id")] for n in names]


@GROUPS
def test_a_device_trades_by_what_it_is_bound_to(product: Product, till: Till, group: str) -> None:
    party, places, made = Party.open(product, till), PLACES[group], letters(8)
    put(product, till, "bound", SN)
    put(product, till, "freed", OTHER_SN, frees=True)
    put(product, till, "gone", removes=True)
    put(product, till, "gone-freed", OTHER_SN, frees=True, removes=True)
    put(product, Till.of(product, 0, 1), made, OTHER_SN)
    for method in trades(group):
        content = MAKERS[method.name](party)
        before = books(product)
        for device_id, sn, internal, path in (
            ("bound", None, 1002, places.sn),
            ("bound", "", 1002, places.sn),
            ("bound", OTHER_SN, 3214, places.sn),
            ("bound", "no number", 3214, places.sn),
            ("freed", None, 3215, places.device),
            ("freed", SN, 3215, places.device),
            ("gone", None, 3215, places.device),
            ("gone-freed", OTHER_SN, 3215, places.device),
            (made, None, 1006, places.device),
            (made, OTHER_SN, 3214, places.sn),
            ("1", SN, 3214, places.sn),
        ):
            status, code, words = send(till, method, naming(method, content, device_id, sn))
            assert (status, code) == (104, internal), (method.name, device_id, sn, words)
            assert words.startswith(f"参数{path}"), words
            assert SN not in words
            assert OTHER_SN not in words
        assert books(product) == before, method.name
        right = naming(method, content, "bound", f" {SN.lower()}")
        assert send(till, method, right)[0] == 0, method.name


@GROUPS
def test_whoever_is_no_device_of_ours_trades_by_the_key(
    product: Product, till: Till, group: str
) -> None:
    """Tills of the old service, which call themselves what they like; and what was never bound."""
    party = Party.open(product, till)
    put(product, till, "new")
    put(product, Till.of(product, 1), "theirs", OTHER_SN)
    for method in trades(group):
        for device_id, sn in (("1", None), (None, None), ("new", None), ("theirs", OTHER_SN)):
            content = naming(method, MAKERS[method.name](party), device_id, sn)
            status, _, words = send(till, method, content)
            assert status == 0, (method.name, device_id, sn, words)


def test_another_merchant_s_device_is_nobody_s(product: Product, till: Till) -> None:
    """What another merchant called or bound says nothing here, not even by a refusal."""
    made = letters(8)
    put(product, Till.of(product, 1), made, SN)
    put(product, Till.of(product, 1), "freed", OTHER_SN, frees=True)
    method, number = TABLE["query_order"], paid(product, till)
    content = {"pay_mch_key": till.mch_key(), "out_trade_no": number, "order_client": till.client()}
    said = [
        send(till, method, naming(method, content, device_id, sn))
        for device_id, sn in ((made, None), (made, SN), ("freed", None), (letters(8), "NOBODYS"))
    ]
    assert said == [said[0]] * 4
    assert said[0][0] == 0


def test_the_same_word_in_two_shops_is_two_devices(product: Product, till: Till) -> None:
    """The till "1" of a shop that registered nothing goes on while another shop binds its own."""
    second, method = Till.of(product, 0, 1), TABLE["query_order"]
    number = paid(product, second)
    content = {
        "pay_mch_key": second.mch_key(), "out_trade_no": number, "order_client": second.client(),
    }  # fmt: skip
    put(product, till, "1", SN)
    assert send(second, method, naming(method, content, "1", None))[0] == 0
    assert send(second, method, naming(method, content, "1", SN))[:2] == (104, 3214)
    assert send(second, method, naming(method, content, None, SN))[:2] == (104, 3214)
    at_home = content | {"pay_mch_key": till.mch_key()}
    assert send(till, method, naming(method, at_home, None, SN))[0] == 0
    assert send(till, method, naming(method, at_home, "1", None))[:2] == (104, 1002)


def test_bound_again_it_trades_again(product: Product, till: Till) -> None:
    method = TABLE["micro_pay"]
    put(product, till, "pos1", SN, frees=True)
    content = MAKERS["micro_pay"](Party.open(product, till))
    assert send(till, method, naming(method, content, "pos1", SN))[:2] == (104, 3215)
    put(product, till, "pos1", OTHER_SN)
    assert send(till, method, naming(method, content, "pos1", SN))[:2] == (104, 3214)
    assert send(till, method, naming(method, content, "pos1", OTHER_SN))[0] == 0


def test_what_was_taken_up_is_told_after_unbinding(product: Product, till: Till) -> None:
    """A no to a repeat would be taken for a no to the payment, which was made."""
    put(product, till, "pos1", SN)
    method = TABLE["micro_pay"]
    content = naming(method, MAKERS["micro_pay"](Party.open(product, till)), "pos1", SN)
    text, number = json.dumps(content), content["pay_content"]["out_trade_no"]
    first = till.send("micro_pay", text)
    assert till.read(first)["status"] == 0
    put(product, till, "pos1", frees=True)
    assert till.send("micro_pay", text) == first
    product.do(
        "UPDATE cpay_call SET reply = NULL, answered_at = NULL, lease_until = created_at"
        " WHERE number = :n",
        n=number,
    )
    assert send(till, method, content)[0] == 0  # as if the process had died before it answered
    assert len(product.sql("SELECT 1 FROM pay_order WHERE out_trade_no = :n", n=number)) == 1
    other = content | {"pay_content": content["pay_content"] | {"total_fee": 1}}
    assert send(till, method, other)[:2] == (104, 3215)
    assert send(till, method, naming(method, content, "pos1", None))[0] == 0


def test_a_refused_trade_goes_under_its_number_once_it_is_right(
    product: Product, till: Till
) -> None:
    put(product, till, "pos1", SN)
    method = TABLE["micro_pay"]
    content = MAKERS["micro_pay"](Party.open(product, till))
    assert send(till, method, naming(method, content, "pos1", None))[:2] == (104, 1002)
    number = content["pay_content"]["out_trade_no"]
    assert not product.sql("SELECT 1 FROM cpay_call WHERE number = :n", n=number)
    assert send(till, method, naming(method, content, "pos1", SN))[0] == 0


def test_a_pc_cashier_and_a_till_that_was_let_in_trade_by_the_key(
    product: Product, till: Till
) -> None:
    """A PC cashier is never bound; a till that logs in names its machine_no, or nothing."""
    party, method = Party.open(product, till), TABLE["micro_pay"]
    put(product, till, "pc1", kind=ShiftType.PC_CASHIER)
    assert send(till, method, naming(method, MAKERS["micro_pay"](party), "pc1", None))[0] == 0
    put(product, till, "was-pos", SN, frees=True)
    product.do("UPDATE device SET shift_type = 2 WHERE device_id = 'was-pos'")
    assert send(till, method, naming(method, MAKERS["micro_pay"](party), "was-pos", None))[0] == 0

    begun, desk = begin(till), work(product, "clerk")
    desk.post(f"/m/tills/{begun['activator']}", allow="1")
    result = ask_login(till, begun["token"])["client_try_get_initializers"]
    put(product, till, "pos1", OTHER_SN)
    content = naming(method, MAKERS["micro_pay"](party), None, None)
    content["order_client"] |= {"staff_id": result["staff_id"], "machine_no": OTHER_SN[:32]}
    assert send(till, method, content)[0] == 0


def test_a_deleted_one_comes_back_as_what_it_was(product: Product, till: Till) -> None:
    method, number = TABLE["query_order"], paid(product, till)
    content = {"pay_mch_key": till.mch_key(), "out_trade_no": number, "order_client": {}}
    put(product, till, "never", removes=True)
    put(product, till, "was", SN, removes=True)
    for device_id in ("never", "was"):
        said = send(till, method, naming(method, content, device_id, None))
        assert said[:2] == (104, 3215)
        product.do("UPDATE device SET deleted_at = NULL WHERE device_id = :d", d=device_id)
    assert send(till, method, naming(method, content, "never", None))[0] == 0
    assert send(till, method, naming(method, content, "was", SN))[:2] == (104, 3215)


def test_what_was_unbound_before_the_rule_came_is_told_from_what_was_never_bound(
    product: Product, till: Till
) -> None:
    """The migration's own statement, over devices as they were kept before it."""
    put(product, till, "was", SN, frees=True)
    put(product, till, "gone", SN, removes=True)
    put(product, till, "bound", SN)
    put(product, till, "never")
    product.do("UPDATE device SET unbound_at = NULL")
    script = (ROOT / "migrations/sql/0033_device_trades.sql").read_text("utf-8")
    product.do(script[script.index("UPDATE device") :].partition(";")[0])
    rows = product.sql("SELECT device_id FROM device WHERE unbound_at IS NOT NULL ORDER BY 1")
    assert [row.device_id for row in rows] == ["gone", "was"]


# --- the merchant's rule ----------------------------------------------------------------------


def rule(product: Product, till: Till, word: str) -> int:
    desk = Console(product)
    path = f"/merchants/{till.out_sub_mch_id}/device-rule"
    return int(desk.post(path, {"rule": word}, confirmed=True).status_code)


def test_the_console_says_how_strict_the_api_is(product: Product, till: Till) -> None:
    put(product, till, "bound", SN)
    put(product, till, "freed", OTHER_SN, frees=True)
    put(product, till, "new")
    ask, pay = TABLE["query_order"], TABLE["micro_pay"]
    party, number = Party.open(product, till), paid(product, till)
    question = {"pay_mch_key": till.mch_key(), "out_trade_no": number, "order_client": {}}
    brief = {"osi": till.out_shop_id, "otn": number, "ns": "n"}

    def asks(device_id: str | None, sn: str | None = None) -> tuple[int, int]:
        return send(till, ask, naming(ask, question, device_id, sn))[:2]

    def pays(device_id: str | None, sn: str | None = None) -> tuple[int, int]:
        content = MAKERS["micro_pay"](party)
        return send(till, pay, naming(pay, content, device_id, sn))[:2]

    page = Console(product).get(f"/merchants/{till.out_sub_mch_id}/keys").text
    assert 'value="bound" checked' in page
    assert asks("bound") == pays("bound") == (104, 1002)
    assert rule(product, till, "if_told") == 303
    assert asks("bound") == pays("bound") == (0, 0)
    for always in ("if_told", "registered"):
        assert rule(product, till, always) == 303
        assert asks("bound", OTHER_SN) == pays("bound", OTHER_SN) == (104, 3214)
        assert asks("freed") == pays("freed", OTHER_SN) == (104, 3215)
    assert asks("1") == pays("1") == (104, 1006)
    assert pays(None) == (104, 1006)
    assert pays(None, SN) == (0, 0)  # its machine says who it is
    assert asks(None) == (0, 0)
    assert send(till, TABLE["brief_query_order"], brief)[0] == 0
    assert asks("new") == pays("new") == asks("bound", SN) == pays("bound", SN) == (0, 0)
    assert rule(product, till, "nonsense") == 400
    done = product.sql(
        "SELECT facts FROM audit_entry WHERE action = 'merchant_device_rule' ORDER BY id"
    )
    assert [row.facts["rule"] for row in done] == ["if_told", "registered"]


# --- what its owner sees ----------------------------------------------------------------------


def test_the_owner_reads_why_a_device_was_refused(
    product: Product, till: Till, simulator: Any
) -> None:
    which = put(product, till, "pos1", SN)
    method, desk = TABLE["query_order"], work(product, "owner")
    content = {"pay_mch_key": till.mch_key(), "out_trade_no": till.number(), "order_client": {}}
    assert "有交易被拒绝" not in desk.words(f"/m/devices/{which}")
    send(till, method, naming(method, content, "pos1", SN))
    assert "有交易被拒绝" not in desk.words(f"/m/devices/{which}")
    send(till, method, naming(method, content, "pos1", None))
    assert "请求没有带机器的序列号" in desk.words(f"/m/devices/{which}")
    first = product.one("SELECT refused_at FROM device").refused_at
    simulator.advance(30)
    send(till, method, naming(method, content, "pos1", None))
    assert product.one("SELECT refused_at FROM device").refused_at == first  # once a minute
    send(till, method, naming(method, content, "pos1", OTHER_SN))
    assert "来自另一台机器" in desk.words(f"/m/devices/{which}")
    asked = desk.words(f"/m/devices/{which}?ask=unbind")
    assert "再次绑定之前，这个设备号不能收款和退款" in asked
    desk.post(f"/m/devices/{which}/unbind")
    page = desk.words(f"/m/devices/{which}")
    assert "已解绑" in page
    assert "绑定机器后恢复" in page
    assert "已解绑" in desk.words(f"/m/stores/{till.out_shop_id}/devices")
    simulator.advance(60)
    put(product, till, "pos1", SN)
    assert "有交易被拒绝" not in desk.words(f"/m/devices/{which}")
    assert "已解绑" not in desk.words(f"/m/devices/{which}")


# --- what it costs ----------------------------------------------------------------------------


@contextmanager
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Single]]:
    """The statements about devices that are run."""
    done: list[Single] = []
    own = (trading._OWN, trading._BOUND, trading._ELSEWHERE, trading._NOTE)
    real = Single.first

    def first(self: Single, deps: Any, values: Any) -> Any:
        if self in own:
            done.append(self)
        return real(self, deps, values)

    with monkeypatch.context() as patch:
        patch.setattr(Single, "first", first)
        yield done


def test_a_query_reads_one_row_more_and_that_of_a_stranger_none(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(product, cpay_caller_kept_s=60.0)
    till, method = Till.of(product), TABLE["query_order"]
    put(product, till, "pos1", SN)
    content = {"pay_mch_key": till.mch_key(), "out_trade_no": paid(product, till)}
    for device_id, sn, cost in (
        ("pos1", SN, [trading._OWN] * 3),
        ("7", None, [trading._OWN]),  # and then it is kept that there is none
        (None, None, []),
        ("8", OTHER_SN, [trading._OWN, trading._BOUND]),
    ):
        with reads(monkeypatch) as done:
            for _ in range(3):
                assert send(till, method, naming(method, content, device_id, sn))[0] == 0
        assert done == cost
    put(product, till, "pos1", frees=True)
    assert refusal(till.call("query_order", naming(method, content, "pos1", SN))) == (104, 3215)


# --- the table --------------------------------------------------------------------------------


def test_every_call_that_names_a_device_beside_money_is_looked_at() -> None:
    for method in TABLE.values():
        named: Places | None = PLACES.get(method.group)
        fields = method.asked.model_fields
        if named is STANDARD:
            assert {"order_client", "pay_mch_key"} <= set(fields), method.name
        elif named is BRIEF:
            assert {"osi", "di", "sc"} <= set(fields), method.name
        else:
            assert method.once is None, method.name
            assert "pay_mch_key" not in fields, method.name
