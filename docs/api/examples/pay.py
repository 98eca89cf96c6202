"""Charge the code that a payer shows: python pay.py <payment code> <fen>. No dependencies."""

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
from typing import Any

KEY = os.environ["AUTHEN_KEY"].encode()


def code_of(text: str) -> str:
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest().upper()


def call(method: str, content: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(content, ensure_ascii=False)
    body = {
        "request_content": text,
        "authen_info": {"a": {"authen_type": 1, "authen_code": code_of(text)}},
    }
    request = urllib.request.Request(
        f"{os.environ['YIMA']}/cpay/{method}",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        outer = json.load(answer)
    said: dict[str, Any] = json.loads(outer["response_content"])
    if said["status"] not in (3, 101):  # every other reply proves itself
        assert outer["authen_info"]["a"]["authen_code"] == code_of(outer["response_content"])
    return said


number = os.environ["PREFIX"] + time.strftime("%y%m%d%H%M%S") + str(os.getpid())
who = {
    "pay_mch_key": {
        "out_mch_id": os.environ["OUT_MCH_ID"],
        "out_sub_mch_id": os.environ["OUT_SUB_MCH_ID"],
        "out_shop_id": os.environ["OUT_SHOP_ID"],
    },
    "order_client": {
        "device_id": "1",
        "terminal_type": 4,
        "machine_no": "till-1",
        "sdk_version": "py1.0",
        "spbill_create_ip": "127.0.0.1",
    },
    "nonce_str": str(time.time_ns()),
}
pay = {"out_trade_no": number, "author_code": sys.argv[1], "total_fee": int(sys.argv[2]),
       "fee_type": "CNY", "body": "coffee"}  # fmt: skip
said = call("micro_pay", {"pay_content": pay, **who})
print(said["status"], said["description"])

# Status 0 says that the call was processed. What became of the money stands in the order.
order = said.get("micro_pay", {}).get("order_content")
end = time.time() + 120
while order and order.get("wxpay_order_content_ext", {}).get("current_trade_state") == 9 \
        and time.time() < end:  # fmt: skip
    time.sleep(2)
    order = call("query_order", {"out_trade_no": number, **who})["query_order"]["order_content"]
print(json.dumps(order, ensure_ascii=False, indent=1))
