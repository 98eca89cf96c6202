"""`/cpay/openapi.json`: the API's description for programs."""

from __future__ import annotations

import json

from flask import Response

from services.cloudpay.openapi import document


def openapi() -> Response:
    text = json.dumps(document(), ensure_ascii=False, indent=1)
    return Response(text, content_type="application/json")
