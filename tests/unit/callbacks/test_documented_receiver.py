"""The receiver that the documents print works as it stands there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from config.settings import ROOT
from services.callbacks.envelope import seal

KEY = "0123456789abcdefghijklmnopqrstuv"


def documented() -> Any:
    section = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("\n## Callbacks\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.S)
    assert found
    names: dict[str, Any] = {}
    exec(compile(found[1], "operations.md", "exec"), names)
    return names["heard"]


def test_it_takes_what_we_send_and_refuses_what_another_key_signed() -> None:
    heard = documented()
    content = {"order_content": {"out_trade_no": "sz01", "total_fee": 1, "body": "青禾茶事"}}
    assert heard(seal(content, KEY), KEY) == content
    with pytest.raises(ValueError, match="not from our platform"):
        heard(seal(content, KEY.upper()), KEY)
