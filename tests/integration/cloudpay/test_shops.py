"""Shops and profile over the API: read, written whole or not at all, and nobody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.accounts import seal_place
from tests.harness.cloudpay import Till
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.refunds.helping import pay

STEADY = "SELECT md5(string_agg(t::text, '|' ORDER BY id)) AS h FROM {} t"


def query(till: Till, **more: Any) -> dict[str, Any]:
    asked = {
        "out_mch_id": till.out_mch_id, "out_sub_mch_id": till.out_sub_mch_id,
        "page_num": 1, "page_size": 50, "nonce_str": "n" * 32, **more,
    }  # fmt: skip
    return till.call("query_sub_mch_shop_info", asked)


def put(till: Till, shops: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    asked = {
        "out_mch_id": till.out_mch_id, "out_sub_mch_id": till.out_sub_mch_id,
        "shop_infos": shops, "nonce_str": "n" * 32, **more,
    }  # fmt: skip
    return till.call("set_sub_mch_shop_info", asked)


def written(product: Product) -> list[str]:
    tables = ("store", "staff", "device", "pay_code", "audit_entry")
    return [product.one(STEADY.format(table)).h for table in tables]


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def test_shops_are_told_by_pages_with_devices_and_people(product: Product, till: Till) -> None:
    found = query(till)["query_shop_info"]
    assert found["total_count"] == len(found["shop_infos"]) == 3
    first = found["shop_infos"][0]
    assert first["out_shop_id"] == till.out_shop_id
    assert (first["shop_id"], first["fee_type"]) == (till.out_shop_id, "CNY")
    assert first["out_shop_id_url"].startswith(product.url + "/cpay/qrcode_shop?id=")
    assert not any("open_id" in json.dumps(one) for one in found["shop_infos"])
    second = query(till, page_num=2.0, page_size=1)["query_shop_info"]
    assert [one["out_shop_id"] for one in second["shop_infos"]] == [
        found["shop_infos"][1]["out_shop_id"]
    ]
    assert second["total_count"] == 3
    assert query(till, page_num=9)["query_shop_info"]["shop_infos"] == []
    assert query(till, page_num=0)["status"] == 104


def test_absent_stays_and_empty_clears(product: Product, till: Till) -> None:
    shop = {
        "out_shop_id": till.out_shop_id, "address": "延安路 8 号", "goods_tag": "tea",
        "shop_id": "S-001", "disable_membership_card": True,
    }  # fmt: skip
    told = put(till, [shop])["set_shop_info"]
    assert told["set_shop_infos"] == told["shop_infos"]
    row = product.one("SELECT * FROM store WHERE out_shop_id = :s", s=till.out_shop_id)
    assert (row.address, row.goods_tag, row.own_number) == ("延安路 8 号", "tea", "S-001")
    assert row.disable_membership_card
    before = (row.name, row.branch_name, row.phone, row.opens_at, row.max_fen)

    cleared = {"shop_id": "S-001", "address": "", "goods_tag": "", "province": None}
    answer = put(till, [cleared])
    assert answer["set_shop_info"]["shop_infos"][0]["out_shop_id"] == till.out_shop_id
    row = product.one("SELECT * FROM store WHERE out_shop_id = :s", s=till.out_shop_id)
    assert (row.address, row.goods_tag, row.own_number) == ("", None, "S-001")
    assert (row.name, row.branch_name, row.phone, row.opens_at, row.max_fen) == before
    entries = product.sql("SELECT actor FROM audit_entry WHERE action = 'store_changed'")
    assert [entry.actor for entry in entries] == ["api", "api"]
    assert put(till, [cleared])["status"] == 0  # again: nothing differs, nothing is noted
    assert len(product.sql("SELECT 1 FROM audit_entry WHERE action = 'store_changed'")) == 2


def test_a_new_shop_has_a_code_devices_and_people(product: Product, till: Till) -> None:
    shop = {
        "shop_id": "S-100", "shop_name": "青禾茶事", "branch_name": "城西店",
        "device_infos": [{"device_id": "1", "device_name": "收银台", "device_shift_type": 2}],
        "staff_infos": [{"staff_id": "1003", "staff_name": "何小川", "shop_manager": False}],
    }  # fmt: skip
    told = put(till, [shop])["set_shop_info"]["shop_infos"][0]
    assert [d["device_id"] for d in told["device_infos"]] == ["1"]
    assert told["device_infos"][0]["bind_status"] == 0
    assert {s["staff_name"] for s in told["staff_infos"]} == {"店长", "何小川"}
    assert len(told["qrcode_infos"]) == 1
    assert product.app.test_client().get(f"/cpay/qrcode_shop?id={told['out_shop_id']}").status_code
    again = put(till, [{**shop, "branch_name": "城西二店", "staff_infos": None}])
    one = again["set_shop_info"]["shop_infos"][0]
    assert (one["out_shop_id"], one["branch_name"]) == (told["out_shop_id"], "城西二店")
    assert len(one["staff_infos"]) == 2
    role = put(till, [{**shop, "staff_infos": [{"staff_id": "1003", "shop_manager": True}]}])
    assert role["status"] == 104
    assert "shop_infos[0].staff_infos[0].shop_manager" in role["description"]


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"shop_name": ""}, "shop_infos[1].shop_name"),
        ({"longitude": "181", "latitude": "30"}, "shop_infos[1].longitude"),
        ({"phone": "not a phone"}, "shop_infos[1].phone"),
        ({"shop_name": "x" * 33}, "shop_infos[1].shop_name"),
        ({"device_infos": [{"device_id": "a b"}]}, "shop_infos[1].device_infos[0]"),
        ({"fee_type": "USD"}, "shop_infos[1].fee_type"),
        ({"out_shop_id": "nobodys"}, "shop_infos[1].out_shop_id"),
        ({"shop_id": "S-1"}, "shop_infos[1]"),
        ({"shop_id": ""}, "shop_infos[1].shop_id"),
    ],
)
def test_one_bad_shop_writes_none(
    product: Product, till: Till, bad: dict[str, Any], named: str
) -> None:
    good = {"shop_id": "S-1", "shop_name": "第一家"}
    before = written(product)
    answer = put(till, [good, {"shop_id": "S-2", "shop_name": "第二家", **bad}])
    assert (answer["status"], named in answer["description"]) == (104, True), answer
    assert written(product) == before


def test_all_replaces_and_spares_a_shop_with_a_recent_payment(product: Product, till: Till) -> None:
    pay(product, lambda wallet, who: Phone(product.url, product.simulator, wallet, who), "alipay")
    others = [{"out_shop_id": "qinghe-dongpo"}, {"out_shop_id": "qinghe-night"}]
    before = written(product)
    answer = put(till, [*others, {"shop_id": "NEW", "shop_name": "新店"}], is_all=True)
    assert answer["status"] == 104
    assert till.out_shop_id in answer["description"]
    assert "近一个月内有交易" in answer["description"]
    assert written(product) == before

    fresh = put(till, [{"shop_id": "NEW", "shop_name": "新店"}])["set_shop_info"]["shop_infos"][0]
    assert query(till)["query_shop_info"]["total_count"] == 4  # not all: nobody is deleted
    answer = put(till, [*others, {"out_shop_id": till.out_shop_id}], is_all=True)
    assert answer["status"] == 0, answer["description"]
    gone = product.one("SELECT * FROM store WHERE out_shop_id = :s", s=fresh["out_shop_id"])
    assert gone.deleted_at is not None
    assert query(till)["query_shop_info"]["total_count"] == 3
    assert put(till, [], is_all=True)["status"] == 104
    again = put(till, [{"out_shop_id": fresh["out_shop_id"]}])
    assert again["description"] == "参数shop_infos[0].out_shop_id不属于该商户"
    assert put(till, [{"shop_id": "NEW", "shop_name": "又一家"}])["status"] == 0


def test_another_merchant_s_shop_is_told_like_nobody_s(product: Product, till: Till) -> None:
    other = Till.of(product, 1)
    assert query(other)["query_shop_info"]["shop_infos"][0]["out_shop_id"] == other.out_shop_id
    answers = [
        put(till, [{"out_shop_id": shop, "shop_name": "抢来的"}])
        for shop in (other.out_shop_id, "nobody-s-shop")
    ]
    for answer in answers:
        del answer["log_id"]
    assert answers[0] == answers[1]
    assert answers[0]["status"] == 104
    assert not product.sql("SELECT 1 FROM store WHERE name = '抢来的'")


def test_the_profile_has_both_prefixes_and_no_secret(product: Product, till: Till) -> None:
    product.do(
        "UPDATE merchant SET second_prefix = 'sz0100lmnx' WHERE out_sub_mch_id = :m",
        m=till.out_sub_mch_id,
    )
    asked = {"out_sub_mch_id": till.out_sub_mch_id, "nonce_str": "n", "page_num": 1, "page_size": 1}
    raw = till.send("sdk_query_sub_mch_info", json.dumps(asked))
    found = till.read(raw)["query_sub_mch_info"]
    assert found["total_count"] == 1
    assert [one["pay_platform"] for one in found["sub_mch_infos"]] == [1, 2]
    for one in found["sub_mch_infos"]:
        inner = one["sub_mch_infos"][0]
        assert inner["out_sub_mch_id"] == till.out_sub_mch_id
        assert inner["typed_cashier_ids"] == [
            {"id": till.prefix, "type": 1}, {"id": "sz0100lmnx", "type": 2},
        ]  # fmt: skip
        assert isinstance(inner["create_time"], str)
        assert isinstance(inner["last_update_time"], str)
        assert inner["cloud_cashier_id"] == till.prefix
    for secret in secrets_of(product, till):
        assert secret.encode() not in raw
    assert not {"authen_key", "encryt_key", "public_key"} & names(found)


def secrets_of(product: Product, till: Till) -> list[str]:
    row = product.one("SELECT * FROM merchant WHERE out_sub_mch_id = :m", m=till.out_sub_mch_id)
    place = seal_place("merchant", "authen_key_sealed", row.seal_key)
    return [product.deps.ring.open(row.authen_key_sealed, place), till.key]


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in names(inner)}
    return {name for inner in value for name in names(inner)} if isinstance(value, list) else set()


def test_ids_map_both_ways_and_foreign_ones_are_refused_alike(product: Product, till: Till) -> None:
    out = {
        "out_mch_id": till.out_mch_id, "out_sub_mch_id": till.out_sub_mch_id,
        "out_shop_id": till.out_shop_id,
    }  # fmt: skip
    for content in ({"out": out}, {"Condition": {"Out": out}}):
        told = till.call("query_identity_mapping", content)["query_identity_mapping"]
        assert {name: told[name] for name in out} == out
        assert told["wx_author_codes"] == ["10", "11", "12", "13", "14", "15"]
        assert told["ali_author_codes"] == ["25", "26", "27", "28", "29", "30"]
    row = product.one(
        "SELECT m.wechat_sub_mchid, a.facts ->> 'sp_mchid' AS sp FROM merchant m JOIN"
        " channel_account a ON a.provider_id = m.provider_id AND a.channel = 'wechat'"
        " AND a.kind = 'pay' WHERE m.out_sub_mch_id = :m",
        m=till.out_sub_mch_id,
    )
    mch = {"mch_id": row.sp, "sub_mch_id": row.wechat_sub_mchid, "shop_id": till.out_shop_id}
    own = {"out_sub_mch_id": till.out_sub_mch_id}
    told = till.call("query_identity_mapping", {**own, "mch": mch})["query_identity_mapping"]
    assert told["out_shop_id"] == till.out_shop_id

    other = Till.of(product, 1)
    theirs = product.one(
        "SELECT wechat_sub_mchid FROM merchant WHERE out_sub_mch_id = :m", m=other.out_sub_mch_id
    )
    for member, foreign in (
        ("sub_mch_id", theirs.wechat_sub_mchid), ("shop_id", other.out_shop_id),
    ):  # fmt: skip
        alike(till, [{**own, "mch": {**mch, member: wrong}} for wrong in (foreign, "1900000000")])
    alike(till, [{"out": {**out, "out_shop_id": s}} for s in (other.out_shop_id, "nobodys")])
    unknown = [{"out": {**out, "out_sub_mch_id": m}} for m in (other.out_sub_mch_id, "nobodys")]
    alike(till, unknown)


def alike(till: Till, contents: list[dict[str, Any]]) -> None:
    """Refused in the same words."""
    said = [till.call("query_identity_mapping", content) for content in contents]
    for one in said:
        del one["log_id"]
    assert said[0] == said[1]
    assert said[0]["status"] in (101, 104)
