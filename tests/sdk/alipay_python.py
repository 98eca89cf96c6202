"""Drives stock python-alipay-sdk; only its address is another. Orders on stdin, findings as JSON.

{gateway, app_id, app_private_key, alipay_public_key, app_auth_token, steps: [[call, {…}], …]}
"""

from __future__ import annotations

import json
import sys
from typing import Any

from alipay import ISVAliPay


def main() -> None:
    orders = json.load(sys.stdin)
    sdk = ISVAliPay(
        appid=orders["app_id"],
        app_private_key_string=orders["app_private_key"],
        alipay_public_key_string=orders["alipay_public_key"],
        app_auth_token=orders["app_auth_token"],
    )
    sdk._gateway = orders["gateway"]
    json.dump([_step(sdk, *step) for step in orders["steps"]], sys.stdout)


def _step(sdk: Any, call: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        if call == "verify":
            signature = given.pop("sign")
            return {"ok": sdk.verify(given, signature)}
        return {"ok": getattr(sdk, call)(**given)}
    except Exception as problem:  # the judge's word, whatever it is
        return {"error": f"{type(problem).__name__}: {problem}"}


main()
