"""APIv2's XML: what is read, and what is refused before it costs anything."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc

import pytest

from config.settings import ROOT
from gateways import strict_xml

GOOD = b"<xml><a>1</a><b><![CDATA[<\xe4\xb8\x80>&]]></b><c/></xml>"
LAUGHS = b'<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;" * 10) for n in range(9)
)


HOSTILE = [
    b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/evil.dtd">' + GOOD,
    b'<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>',
    b'<!DOCTYPE xml [<!ENTITY % e SYSTEM "file:///etc/passwd">%e;]><xml><a>1</a></xml>',
    b"<!DOCTYPE xml [" + LAUGHS + b"]><xml><a>&a8;</a></xml>",
    GOOD.decode().encode("utf-16"),
    b'<?xml version="1.0" encoding="UTF-7"?><xml>+ADw-a+AD4-</xml>',
    b"<xml>" + b"<a>" * 15_000,
    b"<xml><a>" + b"x" * 10_000_000 + b"</a></xml>",
]
WATCHED = """
import sys, time
from gateways import strict_xml
raw, opened = sys.stdin.buffer.read(), []
def watch(event, _):
    if event == "open" or event.startswith("socket."):
        opened.append(event)
def refuse():
    started = time.process_time()
    try:
        strict_xml.loads(raw)
    except ValueError:
        return time.process_time() - started
    raise SystemExit("it was read")
refuse()
sys.addaudithook(watch)
took = refuse()
print(round(took * 1000), *opened)
"""


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_xml_costs_little_and_opens_nothing(raw: bytes) -> None:
    """failures.md 12: below 50 ms; no file and no address is opened, as the interpreter tells."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], input=raw, capture_output=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    took, *opened = done.stdout.decode().split()
    assert int(took) < 50
    assert opened == []


def test_flat_fields_are_read_and_written() -> None:
    found = strict_xml.loads(GOOD)
    assert found == {"a": "1", "b": "<一>&", "c": ""}
    assert strict_xml.loads(strict_xml.dumps(found)) == found
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    assert strict_xml.loads(head + GOOD) == found


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<xml>",
        b"<xml></xml><xml></xml>",
        b"<other><a>1</a></other>",
        b"<xml a='1'></xml>",
        b"<xml><a b='1'>1</a></xml>",
        b"<xml><a>1</a><a>2</a></xml>",
        b"<xml><a><xml>1</xml></a></xml>",
        b"<!DOCTYPE xml>" + GOOD,
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/evil.dtd">' + GOOD,
        b'<!DOCTYPE xml [<!ENTITY e "1">]>' + GOOD,
        b'<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>',
        b"<!DOCTYPE xml [" + LAUGHS + b"]><xml><a>&a8;</a></xml>",
        b"<xml><a>&undeclared;</a></xml>",
        GOOD.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-16"?>' + GOOD.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?><xml>+ADw-a+AD4-</xml>',
        b"<xml><a>\xff</a></xml>",
        b"<xml>" + b"<a>" * 15_000,
        b"<xml><a>" + b"x" * 10_000_000 + b"</a></xml>",
    ],
)
def test_everything_else_is_refused_fast_and_small(raw: bytes) -> None:
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(ValueError, match=r".") as caught:
        strict_xml.loads(raw)
    assert time.monotonic() - started < 0.5
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert "root:" not in str(caught.value)
