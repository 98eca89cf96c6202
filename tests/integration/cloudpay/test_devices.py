"""Devices: bound by a code or by their own key, freed, checked; and what they report."""

from __future__ import annotations

import base64
import json
import logging
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.devices import binding, changing, keys, setting
from services.devices.changing import Wish
from services.devices.problems import DeviceQrForeign
from services.people.acting import Acting, Role
from tests.harness.cloudpay import Till, code_of
from tests.harness.console import Console
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.stores.helping import audited, sign_in, work

SN, OTHER_SN = "LANDI_QM600_LA190000000", "LANDI_QM600_LA190000001"
INIT = "696FF05FA7CE76664211A47CD788CC30"
OWNER = "sub01QINGHE8H2K4M6P9"
ALL = {
    "out_mch_id", "out_sub_mch_id", "cloud_cashier_id", "authen_type", "authen_key",
    "out_shop_id", "shop_name", "device_id", "device_name", "staff_id", "staff_name",
}  # fmt: skip


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def owner(product: Product, merchant: str = OWNER) -> Acting:
    row = product.one(
        "SELECT s.* FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
        " AND m.id = s.merchant_id WHERE m.out_sub_mch_id = :m AND s.role = 'owner'"
        " AND s.is_active ORDER BY s.id LIMIT 1",
        m=merchant,
    )
    return Acting(
        row.provider_id, row.merchant_id, None, row.id, row.person_id, row.public_id, row.name,
        Role.OWNER,
    )  # fmt: skip


def device(product: Product, till: Till, number: str = "pos1", kind: int = 1) -> str:
    who = owner(product, till.out_sub_mch_id)
    return changing.add(product.deps, who, till.out_shop_id, Wish(f"机器{number}", kind, number))


def code(product: Product, till: Till, out_device_id: str) -> dict[str, str]:
    """The query of a fresh set-up code."""
    who = owner(product, till.out_sub_mch_id)
    url = setting.make(product.deps, who, out_device_id, who.public_id).url
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def take(product: Product, **query: str) -> dict[str, Any]:
    """As a POS does: it appends its number and gets, without an envelope."""
    answer = product.app.test_client().get("/cpay/use_device_setting", query_string=query)
    assert answer.status_code == 200
    assert answer.data.isascii()
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = json.loads(answer.data)
    for name, kind in (
        ("status", int), ("description", str), ("log_id", int), ("internal_status", int),
    ):  # fmt: skip
        assert isinstance(found[name], kind), name
    return found


# --- ping -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"CPing", b"JAVAPing", b"", b"{}", b"\xff\x00"])
def test_ping_answers_flat_and_takes_anything(product: Product, body: bytes) -> None:
    answer = product.app.test_client().post("/cpay/ping", data=body)
    found = json.loads(answer.data)
    assert list(found) == ["description", "status", "timestamp"]
    assert (found["description"], found["status"]) == ("ok", 0)
    assert abs(found["timestamp"] - product.deps.now().timestamp()) < 5
    assert len(str(answer.headers)) < 600


# --- binding by a code ----------------------------------------------------------------------------


def test_a_machine_sets_itself_up_and_may_ask_again(product: Product, till: Till) -> None:
    which = device(product, till)
    query = code(product, till, which)
    assert len(query["si"]) == 20
    first = take(product, **query, sn=SN)
    assert first["status"] == 0
    told = first["use_device_setting"]
    assert set(told) == ALL
    assert all(isinstance(told[name], str) and told[name] for name in ALL - {"authen_type"})
    assert (told["authen_type"], told["authen_key"]) == (1, till.key)
    assert (told["out_sub_mch_id"], told["device_id"]) == (till.out_sub_mch_id, "pos1")
    assert told["cloud_cashier_id"] == till.prefix
    again = take(product, **query, sn=SN)
    assert again["use_device_setting"] == told
    assert [action for _, action in audited(product, f"device:{which}")] == [
        "device_added", "device_setting_made", "device_bound", "device_bound_again",
    ]  # fmt: skip


def test_another_machine_is_3214_until_the_first_is_freed(product: Product, till: Till) -> None:
    which = device(product, till)
    query = code(product, till, which)
    assert take(product, **query, sn=SN)["status"] == 0
    for is_fresh in (False, True):
        asked = code(product, till, which) if is_fresh else query
        refused = take(product, **asked, sn=OTHER_SN)
        assert (refused["status"], refused["internal_status"]) == (104, 3214)
        assert SN in refused["description"]
        assert "use_device_setting" not in refused
    free = {
        "out_sub_mch_id": till.out_sub_mch_id, "out_shop_id": till.out_shop_id,
        "device_id": "pos1", "sn_code": OTHER_SN,
    }  # fmt: skip
    assert till.call("unbind_device_sn_code", free)["internal_status"] == 3214
    live = code(product, till, which)
    done = till.call("unbind_device_sn_code", {**free, "sn_code": SN})
    assert set(done) == {"status", "description", "log_id", "internal_status"}
    assert done["status"] == 0
    again = till.call("unbind_device_sn_code", {**free, "sn_code": SN})
    assert (again["status"], again["internal_status"]) == (104, 3215)
    assert take(product, **live, sn=OTHER_SN)["internal_status"] == 1017  # codes end with it
    assert take(product, **code(product, till, which), sn=OTHER_SN)["status"] == 0


def test_a_machine_of_another_device_is_named(product: Product, till: Till) -> None:
    first, second = device(product, till, "pos1"), device(product, till, "pos2")
    assert take(product, **code(product, till, first), sn=SN)["status"] == 0
    refused = take(product, **code(product, till, second), sn=SN.lower())
    assert refused["internal_status"] == 3214
    assert "机器pos1" in refused["description"]
    # what another merchant's machine says its number is takes nobody's number away
    other = Till.of(product, 1)
    theirs = device(product, other)
    assert take(product, **code(product, other, theirs), sn=SN)["status"] == 0


def test_a_code_is_good_for_five_minutes_and_its_shop_alone(
    product: Product, till: Till, simulator: Any
) -> None:
    which = device(product, till)
    old, query = code(product, till, which), code(product, till, which)
    other = Till.of(product, 1)
    wrong = [
        {**query, "si": "x" * 20}, {**query, "osi": other.out_shop_id}, {**query, "osi": "nobodys"},
        {**query, "si": query["si"][:19]}, old,
    ]  # fmt: skip
    said = [take(product, **one, sn=SN) for one in wrong]
    for one in said:
        del one["log_id"]
        assert one == said[0]
    assert (said[0]["status"], said[0]["internal_status"]) == (104, 1017)
    assert take(product, osi=query["osi"], si=query["si"], sn="")["internal_status"] == 1002
    simulator.advance(299)
    assert take(product, **query, sn=SN)["status"] == 0
    simulator.advance(2)
    assert take(product, **query, sn=SN)["internal_status"] == 1017
    assert not product.sql("SELECT 1 FROM device WHERE sn_code = 'x'")


def test_the_code_and_the_key_are_in_no_log_and_not_in_the_database(
    product: Product, till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    which = device(product, till)
    query = code(product, till, which)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger().setLevel(logging.DEBUG)
        take(product, **query, sn=SN)
        take(product, **query, sn=OTHER_SN)
    written = "\n".join(str(record.__dict__) for record in caplog.records)
    assert "device set up" in written
    assert query["si"] not in written
    assert till.key not in written
    dumped = str([tuple(row) for row in product.sql("SELECT * FROM device_setting")])
    dumped += str([tuple(row) for row in product.sql("SELECT * FROM audit_entry")])
    assert query["si"] not in dumped


def test_machines_that_race_for_one_code_get_one_key(product: Product, till: Till) -> None:
    query = code(product, till, device(product, till))
    said: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda n=n: said.append(take(product, **query, sn=f"{SN}{n}")))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["internal_status"] for one in said) == [0, *[3214] * 5]


def test_a_stopped_merchant_s_machines_learn_no_key(product: Product, till: Till) -> None:
    query = code(product, till, device(product, till))
    product.do(
        "UPDATE merchant SET is_active = false WHERE out_sub_mch_id = :m", m=till.out_sub_mch_id
    )
    refused = take(product, **query, sn=SN)
    assert (refused["status"], refused["internal_status"]) == (104, 1007)


# --- binding by the device's own key --------------------------------------------------------------


class Machine:
    """A payment device: it holds its init key and nothing else."""

    def __init__(self, product: Product, till: Till, sn: str = SN, key: str = INIT) -> None:
        self.product, self.sn = product, sn
        self.till = Till(till.http, "", "", "", key, "")

    def show(self) -> dict[str, Any]:
        said = self.till.call(
            "generate_bill_device_bind_qr_code",
            {
                "sn_code": self.sn, "app_cpay_version": "1.2.0", "mcc": "460", "lac": "1",
                "nonce_str": "ea90ceba", "timestamp": 1568859333,
            },
        )  # fmt: skip
        assert said["status"] == 0, said
        told = said["generate_bill_device_bind_qr_code"]
        assert said["generate_bill_device_bind_qr_code_response"] == told
        return dict(told)

    def parts(self, told: dict[str, Any], sign: str = "") -> dict[str, str]:
        signed = f"ac={told['activator']}&rs=c44f32e0&sn={self.sn}"
        made = sign or code_of(self.till.key, signed)
        return {"ac": told["activator"], "rs": "c44f32e0", "sn": self.sn, "sign": made}

    def poll(self, token: str) -> dict[str, Any]:
        return self.till.call(
            "get_bill_device_bind_info",
            {"sn_code": self.sn, "token": token, "nonce_str": "ea90ceba", "timestamp": 1568859333},
        )

    def check(self, trade_key: str, shop: str, number: str) -> dict[str, Any]:
        return self.till.call(
            "check_bill_device_bind_info",
            {
                "sn_code": self.sn, "out_shop_id": shop, "device_id": number,
                "nonce_str": "ea90ceba", "hash_content": code_of(trade_key, "ea90ceba"),
                "timestamp": 1568859333,
            },
        )  # fmt: skip


def machine(product: Product, till: Till, sn: str = SN, key: str = INIT) -> Machine:
    provider = owner(product).provider_id
    keys.register(product.deps, provider, [keys.Registered(sn, key)], actor="test")
    return Machine(product, till, sn, key)


def unsealed(init_key: str, sealed: str) -> str:
    """By the vendor's description, with another library's primitives than ours."""
    from hashlib import sha1

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    raw = base64.b64decode(sealed)
    salt, body = raw[:8], raw[8:]
    one = sha1(init_key.encode() + salt).digest()
    made = one + sha1(one + init_key.encode() + salt).digest()
    opened: Any = Cipher(algorithms.AES(made[:16]), modes.CBC(made[16:32])).decryptor()
    plain = opened.update(body) + opened.finalize()
    return str(plain[: -plain[-1]].decode())


def test_published_vectors(vectors: Any) -> None:
    found = vectors("cloudpay-vectors.json")
    one = found["e_authen_key_vector"]
    sealed = binding.sealed_key(one["init_key"], one["plaintext"], bytes.fromhex(one["salt_hex"]))
    assert sealed == one["e_authen_key"]
    assert unsealed(one["init_key"], sealed) == one["plaintext"]


def test_a_device_is_bound_by_the_code_that_it_shows(product: Product, till: Till) -> None:
    device(product, till)
    one = machine(product, till)
    told = one.show()
    assert (len(told["activator"]), len(told["token"]), told["ttl"]) == (12, 12, 180)
    waiting = one.poll(told["token"])
    assert waiting["get_bill_device_bind_info"] == {"activated": 0, "nonce_str": "ea90ceba"}

    desk = work(product, "owner")
    link = told["mini_program_url"] + "?" + "&".join(f"{k}={v}" for k, v in one.parts(told).items())
    assert len(link) <= 200
    hop = desk.http.get(link, timeout=30, allow_redirects=False)
    assert hop.status_code == 302
    assert hop.headers["Location"].startswith("/m/bind-device?p=sz01lXKA6DKGjNzr2l4B&ac=")
    page = desk.get("/m/bind-device?" + urlsplit(link).query + f"&shop={till.out_shop_id}")
    assert page.status_code == 200
    assert "机器pos1" in page.text
    row = product.one("SELECT * FROM device")
    who = owner(product)
    done = desk.post(
        "/m/bind-device", **one.parts(told), device=row.out_device_id, staff=who.public_id
    )
    assert done.status_code == 200
    assert SN in done.text

    bound = one.poll(told["token"])
    result = bound["get_bill_device_bind_info"]
    assert bound["bill_device_bind_sn"] == result == bound["get_bill_device_bind_info_response"]
    assert (result["activated"], result["device_id"], result["device_shift_type"]) == (1, "pos1", 1)
    assert "authen_key" not in result
    assert unsealed(INIT, result["e_authen_key"]) == till.key
    assert one.check(till.key, till.out_shop_id, "pos1")["status"] == 0
    assert one.check("0" * 32, till.out_shop_id, "pos1")["description"] == "密钥已重置，请重新绑定"
    elsewhere = [
        one.check(till.key, shop, number)
        for shop, number in (
            (till.out_shop_id, "pos2"), (Till.of(product, 1).out_shop_id, "pos1"), ("no", "pos1"),
        )
    ]  # fmt: skip
    for answer in elsewhere:
        del answer["log_id"]
        assert answer == elsewhere[0]
    assert elsewhere[0]["internal_status"] == 3215


def test_only_its_own_sign_within_its_time_binds(
    product: Product, till: Till, simulator: Any
) -> None:
    which = device(product, till)
    one = machine(product, till)
    told, who = one.show(), owner(product)
    for parts in (
        one.parts(told, sign="0" * 64),
        {**one.parts(told), "rs": "00000000"},
        {**one.parts(told), "sn": OTHER_SN},
        {"ac": "", "rs": "", "sn": "https://pay.weixin.qq.com/x", "sign": ""},
    ):
        with pytest.raises(DeviceQrForeign):
            binding.confirm(product.deps, who, binding.Shown(**parts), which, who.public_id)
    renewed = one.show()
    assert one.poll(told["token"])["internal_status"] == 1017
    simulator.advance(181)
    late = one.poll(renewed["token"])
    assert (late["status"], late["internal_status"]) == (104, 1017)
    desk = work(product, "owner")
    page = desk.get("/m/bind-device?" + "&".join(f"{k}={v}" for k, v in one.parts(renewed).items()))
    assert (page.status_code, "DEVICE_QR_EXPIRED" in page.text) == (409, True)


def test_a_proven_number_is_bound_at_one_merchant_of_the_provider(
    product: Product, till: Till
) -> None:
    one, who = machine(product, till), owner(product)
    which, told = device(product, till), one.show()
    shown = binding.Shown(**one.parts(told))
    binding.confirm(product.deps, who, shown, which, who.public_id)
    other = Till.of(product, 1)
    desk = work(product, "owner", merchant=other.out_sub_mch_id)
    theirs = device(product, other)
    again = one.show()
    refused = desk.post(
        "/m/bind-device", **one.parts(again), device=theirs,
        staff=owner(product, other.out_sub_mch_id).public_id,
    )  # fmt: skip
    assert refused.status_code == 409
    assert "其他商户" in refused.text
    assert "青禾" not in refused.text
    mine = desk.post("/m/bind-device", **one.parts(again), device=which, staff="x")
    assert mine.status_code == 404
    assert product.one("SELECT sn_code FROM device WHERE out_device_id = :d", d=which).sn_code == SN


def test_an_unknown_device_or_a_wrong_key_is_101(product: Product, till: Till) -> None:
    machine(product, till)
    for sn, key in ((OTHER_SN, INIT), (SN, "0" * 32)):
        answer = Machine(product, till, sn, key).till.call(
            "generate_bill_device_bind_qr_code", {"sn_code": sn, "app_cpay_version": "1"}
        )
        assert (answer["status"], answer["internal_status"]) == (101, 7)
    # the merchant's key is not the device's, nor the other way round
    asked = {"sn_code": SN, "out_sub_mch_id": till.out_sub_mch_id, "app_cpay_version": "1"}
    assert till.call("generate_bill_device_bind_qr_code", asked)["status"] == 101


# --- reports --------------------------------------------------------------------------------------


def report(till: Till, **more: Any) -> dict[str, Any]:
    return {
        "device_type": 1, "company_code": "LANDI", "model": "QM600", "sn": SN,
        "begin_timestamp": 1568859333, "end_timestamp": 1568862933, "network_type": "4G",
        "wx_pay_count": 5, "wx_pay_success_count": 4, "wx_pay_amount": 1200,
        "ali_pay_count": 2, "ali_pay_sucess_count": 2, "ali_pay_amount": 300,
        "other_pay_count": 0, "other_pay_success_count": 0, "other_pay_amount": 0,
        "out_mch_id": till.out_mch_id, "out_sub_mch_id": till.out_sub_mch_id,
        "out_shop_id": till.out_shop_id, "device_id": "pos1", "app_cpay_version": "2.0.1",
        "longitude": "120.1", "latitude": "30.2", "cellid": "77", "sim_number": "8986",
        "api_calling_infos": [{"out_trade_no": "x", "code": -3, "delay_ms": 9000}],
        "nonce_str": "ea90ceba", **more,
    }  # fmt: skip


def test_a_report_is_kept_once_and_shown(product: Product, till: Till) -> None:
    which = device(product, till)
    assert take(product, **code(product, till, which), sn=SN)["status"] == 0
    for name in ("device_report", "device_info_report", "device_report"):
        said = till.call(name, report(till))
        assert said["status"] == 0
        assert len(said["device_info_report"]["nonce_str"]) == 32
    rows = product.sql("SELECT * FROM device_report")
    assert [(r.pay_count, r.success_count, r.amount_fen) for r in rows] == [(7, 6, 1500)]
    assert (rows[0].facts["calls_failed"], rows[0].facts["slowest_ms"]) == (1, 9000)
    kept = json.dumps(rows[0].facts)
    assert not any(word in kept for word in ("120.1", "8986", "cellid", '"x"'))
    row = product.one("SELECT * FROM device")
    assert (row.app_version, row.seen_at is not None) == ("2.0.1", True)
    page = work(product, "manager").words(f"/m/devices/{which}")
    assert "7 笔，成功 6 笔，接口失败 1 次" in page
    assert "¥15.00" in page


def test_reports_of_strangers_are_not_kept(product: Product, till: Till) -> None:
    which = device(product, till)
    assert take(product, **code(product, till, which), sn=SN)["status"] == 0
    assert till.call("device_report", report(till, sn=OTHER_SN))["internal_status"] == 3214
    unknown = till.call("device_report", report(till, device_id="pos9"))
    assert (unknown["status"], "没有保存" in unknown["description"]) == (0, True)
    early = report(till, end_timestamp=1)
    assert till.call("device_report", early)["internal_status"] == 1002
    other = Till.of(product, 1)
    said = [
        till.call("device_report", report(till, out_shop_id=shop))
        for shop in (other.out_shop_id, "nobodys")
    ]
    for one in said:
        del one["log_id"]
    assert said[0] == said[1]
    assert not product.sql("SELECT 1 FROM device_report")


def test_old_reports_and_codes_go(product: Product, till: Till, simulator: Any) -> None:
    from services.housekeeping import remove_expired

    which = device(product, till)
    take(product, **code(product, till, which), sn=SN)
    machine(product, till, OTHER_SN).show()
    till.call("device_report", report(till))
    simulator.advance(2 * 86400)
    remove_expired(product.deps)
    assert not product.sql("SELECT 1 FROM device_setting")
    assert not product.sql("SELECT 1 FROM device_binding")
    assert product.sql("SELECT 1 FROM device_report")
    simulator.advance(90 * 86400)
    remove_expired(product.deps)
    assert not product.sql("SELECT 1 FROM device_report")
    assert product.sql("SELECT 1 FROM device WHERE sn_code IS NOT NULL")


# --- the office -----------------------------------------------------------------------------------


def test_an_owner_adds_sets_up_frees_and_deletes(product: Product, till: Till) -> None:
    desk, shop = work(product, "owner"), till.out_shop_id
    made = desk.post(
        f"/m/stores/{shop}/devices/new", name="前台", type="1", device_id="A-1", remark=""
    )
    assert "设备已添加" in made.text
    which = product.one("SELECT out_device_id FROM device").out_device_id
    twice = desk.post(f"/m/stores/{shop}/devices/new", name="后厨", type="1", device_id="A-1")
    assert (twice.status_code, "这家门店已有这个设备号" in twice.text) == (400, True)
    assert desk.post(f"/m/stores/{shop}/devices/new", name="x", type="9").status_code == 400
    who = owner(product)
    page = desk.post(f"/m/devices/{which}/setting", staff=who.public_id)
    assert page.status_code == 200
    assert "data:image/svg+xml" in page.text
    assert "use_device_setting" not in page.text
    assert page.headers["Cache-Control"] == "no-store"

    take(product, **code(product, till, which), sn=SN)
    assert SN in desk.words(f"/m/devices/{which}?ask=unbind")
    assert "强制解绑" in desk.post(f"/m/devices/{which}/unbind").text
    assert product.one("SELECT sn_code FROM device").sn_code is None
    assert audited(product, f"device:{which}")[-1] == (
        f"staff:{desk.id}", "device_unbound_by_force",
    )  # fmt: skip
    assert "设备已删除" in desk.post(f"/m/devices/{which}/remove").text
    assert desk.get(f"/m/devices/{which}").status_code == 404
    back = desk.post(f"/m/stores/{shop}/devices/new", name="前台", type="3", device_id="A-1")
    assert which in back.url  # the same number is the same device


def test_managers_and_clerks_see_and_change_nothing(product: Product, till: Till) -> None:
    which = device(product, till)
    for role in ("manager", "clerk"):
        desk = work(product, role)
        assert "机器pos1" in desk.words(f"/m/stores/{till.out_shop_id}/devices")
        assert "生成配置二维码" not in desk.words(f"/m/devices/{which}")
        for path in ("name", "setting", "unbind", "remove"):
            assert desk.post(f"/m/devices/{which}/{path}", name="x").status_code == 403
        assert desk.get("/m/bind-device?ac=1").status_code == 403
    elsewhere = sign_in(product, owner(product, Till.of(product, 1).out_sub_mch_id).id)
    assert elsewhere.get(f"/m/devices/{which}").status_code == 404


def test_a_device_from_maidan_is_marked(product: Product, till: Till) -> None:
    who = owner(product)
    product.do(
        "INSERT INTO synced_device (provider_id, merchant_id, kind, serial, created_at)"
        " VALUES (:p, :m, 'mobile_terminal', 'LVHE-0001', now())",
        p=who.provider_id, m=who.merchant_id,
    )  # fmt: skip
    page = work(product, "owner").words(f"/m/stores/{till.out_shop_id}/devices")
    assert "LVHE-0001" in page
    assert "同步自买单" in page


# --- the register ---------------------------------------------------------------------------------


def test_a_list_of_keys_is_registered_whole_or_not_at_all(product: Product) -> None:
    provider = owner(product).provider_id
    rows = keys.read_lines(f"sn,key\r\n{SN},{INIT}\r\n{OTHER_SN}\t{'a' * 32}\n\n")
    assert keys.register(product.deps, provider, rows, actor="t") == keys.Counts(2, 0, 0)
    assert keys.register(product.deps, provider, rows, actor="t") == keys.Counts(0, 0, 2)
    changed = keys.read_lines(f"{SN} {'b' * 32}")
    assert keys.register(product.deps, provider, changed, actor="t") == keys.Counts(0, 1, 0)
    sealed = str([tuple(row) for row in product.sql("SELECT * FROM device_key")])
    assert INIT not in sealed
    assert "b" * 32 not in sealed
    with pytest.raises(keys.DeviceKeysRefused, match="第 2、3 行"):
        keys.read_lines(f"{SN},{INIT}\n{SN},{'c' * 32}\nX,short")
    elsewhere = product.one("SELECT id FROM provider WHERE id <> :p LIMIT 1", p=provider).id
    with pytest.raises(keys.DeviceKeysRefused, match="其他服务商") as refused:
        keys.register(product.deps, elsewhere, rows, actor="t")
    assert INIT not in str(refused.value)
    assert not product.sql("SELECT 1 FROM device_key WHERE provider_id = :p", p=elsewhere)


def test_the_console_registers_after_a_fresh_code_and_shows_no_key(product: Product) -> None:
    desk = Console(product)
    assert (
        desk.get("/devices/register", allow_redirects=False)
        .headers["Location"]
        .startswith("/console/confirm")
    )
    bare = desk.post("/devices", {"lines": f"{SN},{INIT}"})
    assert (bare.status_code, 'name="otp"' in bare.text) == (403, True)
    wrong = desk.post("/devices", {"lines": f"{SN},{INIT}\nbad"}, confirmed=True)
    assert (wrong.status_code, "第 2 行有误" in wrong.text) == (422, True)
    assert INIT not in wrong.text
    file = {"file": ("devices.csv", f"sn,key\n{SN},{INIT}\n", "text/csv")}
    done = desk.post("/devices", {"lines": ""}, confirmed=True, files=file)
    assert done.headers["Location"] == "/console/devices?done=1-0-0"
    page = desk.get(f"/devices?sn={SN[:8].lower()}").text
    assert SN in page
    assert INIT not in page
    assert SN not in desk.get("/devices?sn=NOBODY").text
    assert desk.post("/devices/remove", {"sn": SN}, confirmed=True).status_code == 303
    assert not product.sql("SELECT 1 FROM device_key")
    assert not product.sql("SELECT 1 FROM route WHERE kind = 'device'")


def test_a_bound_machine_s_key_is_not_forgotten(product: Product, till: Till) -> None:
    one, who = machine(product, till), owner(product)
    which, told = device(product, till), one.show()
    binding.confirm(product.deps, who, binding.Shown(**one.parts(told)), which, who.public_id)
    desk = Console(product)
    assert "机器pos1" in desk.get("/devices").text
    refused = desk.post("/devices/remove", {"sn": SN}, confirmed=True)
    assert (refused.status_code, "先由商户管理员解绑" in refused.text) == (409, True)
    assert product.sql("SELECT 1 FROM device_key")


def test_the_register_by_command(product: Product, tmp_path: Path) -> None:
    file = tmp_path / "devices.csv"
    file.write_text(f"{SN},{INIT}\n")
    done = run(product, "device", "register", str(file), "--provider", "sz01lXKA6DKGjNzr2l4B")
    assert "1 added, 0 with a new key, 0 as they were" in done.output
    listed = run(product, "device", "list", "--provider", "sz01lXKA6DKGjNzr2l4B")
    assert listed.output.strip() == f"{SN}  unbound"
    file.write_text("nonsense\n")
    bad = run(product, "device", "register", str(file), "--provider", "sz01lXKA6DKGjNzr2l4B")
    assert bad.exit_code == 1
    gone = run(product, "device", "remove", SN, "--provider", "sz01lXKA6DKGjNzr2l4B")
    assert gone.exit_code == 0


def test_a_pc_cashier_is_no_machine_to_be_bound(product: Product, till: Till) -> None:
    which, who = device(product, till, kind=2), owner(product)
    desk = work(product, "owner")
    assert "生成配置二维码" not in desk.words(f"/m/devices/{which}")
    refused = desk.post(f"/m/devices/{which}/setting", staff=who.public_id)
    assert (refused.status_code, "电脑收银台" in refused.text) == (409, True)
    one = machine(product, till)
    told = one.show()
    page = desk.post("/m/bind-device", **one.parts(told), device=which, staff=who.public_id)
    assert (page.status_code, "电脑收银台" in page.text) == (409, True)
    assert product.one("SELECT sn_code FROM device").sn_code is None
