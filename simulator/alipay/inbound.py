"""What arrived at /gateway.do: query and form merged, decoded in the query's charset.

Source: alipay.md 1.2 and 1.3. `charset` is looked for in the query alone: without it there the
form is read as GBK, as upstream does, so that Chinese text sent as UTF-8 fails its signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from flask import Request

CHARSETS = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gb2312"}
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 200


@dataclass(frozen=True)
class Arrival:
    params: dict[str, str]
    codec: str  # Python's name of the charset to read and answer in


def read(request: Request) -> Arrival:
    query = request.query_string.decode("latin-1")
    named = dict(_pairs(query, "ascii")).get("charset", "")
    codec = CHARSETS.get(named.lower())
    form = ""
    if request.method == "POST" and request.mimetype == FORM:
        form = request.get_data().decode("latin-1")
    fallback = "gbk" if form else "utf-8"
    params = dict(_pairs(form, codec or fallback))
    params.update(_pairs(query, codec or fallback))
    return Arrival(params, codec or CHARSETS.get(params.get("charset", "").lower(), "utf-8"))


def _pairs(text: str, codec: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text,
            keep_blank_values=True,
            encoding=codec,
            errors="replace",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        return []
