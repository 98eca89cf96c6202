"""client_order_detail, row by row, as the old clients' structures demand it."""

from __future__ import annotations

from dataclasses import replace

from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cloudpay.helping import asking, scan


def test_the_older_list_says_who_asked_as_the_payment_itself_does(
    product: Product,
) -> None:
    """Required of every row (Cloud Pay 4.5, 4.8): the call's nonce, its till, shop_id, the rank."""
    till = Till.of(product)
    shop = {"shop_id": "own-7", "shop_name": "某店", "staff_infos": [
        {"staff_id": "1003", "staff_name": "店长", "shop_manager": True},
        {"staff_id": "1004", "staff_name": "店员", "shop_manager": False},
    ]}  # fmt: skip
    made = till.call("set_sub_mch_shop_info", {
        "out_mch_id": till.out_mch_id, "out_sub_mch_id": till.out_sub_mch_id, "is_all": False,
        "shop_infos": [shop], "nonce_str": "1",
    })  # fmt: skip
    out_shop_id = made["set_shop_info"]["set_shop_infos"][0]["out_shop_id"]
    at = replace(till, out_shop_id=out_shop_id)
    began = int(product.deps.now().timestamp()) - 60
    for staff_id, nonce in (("1003", "a" * 32), ("1004", "b" * 32), ("9999", "c" * 32)):
        content = scan(product, at, fen=100)
        content["order_client"] |= {"staff_id": staff_id, "machine_no": f"m{staff_id}"}
        content["nonce_str"] = nonce
        number = content["pay_content"]["out_trade_no"]
        assert at.call("micro_pay", content)["status"] == 0
        own = at.call("query_order", asking(at, number))["query_order"]
        assert own["order_content"]["nonce_str"] == nonce
        found = at.call("client_order_detail", {
            "out_sub_mch_id": at.out_sub_mch_id, "query_order_type": 1, "out_shop_id": out_shop_id,
            "staff_id": staff_id, "start_time": began, "end_time": began + 7200, "page_num": 1,
            "page_size": 5,
        })  # fmt: skip
        (line,) = found["order_detail_query"]["order_details"]
        receipt = line["receipt"]["order"]
        assert receipt["order_content"]["out_trade_no"] == number
        assert receipt["order_content"]["nonce_str"] == nonce
        assert receipt["order_client"] == own["order_client"]
        assert line["shop_info"]["shop_id"] == "own-7"
        assert line["shop_staff_info"]["shop_manager"] is (staff_id == "1003")
