"""Text of replies: ASCII with escapes in capitals, whatever is in it and however often wrapped."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from services.cloudpay.wire_json import ascii_json

# Every escape one by one, as a reader meets them.
ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
TEXTS = st.text(st.sampled_from('\\"ué中·\U0001f600/\n\x00\x1fab1'), max_size=12) | st.text()


@given(TEXTS, st.integers(1, 3))
def test_it_reads_back_and_only_escapes_of_characters_are_in_capitals(text: str, deep: int) -> None:
    made = text
    for _ in range(deep):
        made = ascii_json({"a": made})
        assert made.isascii()
        assert all(code == code.upper() for code, _ in ESCAPES.findall(made))
    found = made
    for _ in range(deep):
        found = json.loads(found)["a"]
    assert found == text, "letters after a backslash of the text are the text's own"
