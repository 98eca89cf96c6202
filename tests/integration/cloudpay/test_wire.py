"""The transport through real gunicorn, byte by byte, as devices use it (Cloud Pay, "transport")."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from config import gunicorn as gunicorn_settings
from config.settings import Settings
from tests.harness.cloudpay import Till, code_of
from tests.harness.database import Server
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator
from tests.integration.cloudpay.changing import whole_product
from tests.integration.cloudpay.raw import Line, Reply
from tests.integration.webs import web_processes

HEADERS_MOST = 1024  # the C SDK's sample keeps them in that many bytes
QUERY = "/cpay/query_order"


@pytest.fixture(scope="module")
def site(
    server: Server,
    template: str,
    door: Door,
    upstream: Simulator,
    settings_for: Callable[..., Settings],
) -> Iterator[tuple[Product, str]]:
    """One product and one web process of gunicorn for all of these: nothing here moves money."""
    with (
        whole_product(server, template, door, upstream, settings_for) as made,
        web_processes(made, workers=1) as url,
    ):
        yield made, url


@pytest.fixture
def web(site: tuple[Product, str]) -> str:
    return site[1]


@pytest.fixture
def till(site: tuple[Product, str]) -> Till:
    return Till.of(site[0])


def question(till: Till) -> str:
    """A query of an order that nobody has: the answer is 104 with 400, signed."""
    content = {"pay_mch_key": till.mch_key(), "out_trade_no": till.number(), "nonce_str": "n" * 32}
    return json.dumps(content)


def envelope(till: Till, text: str, *, after: bytes = b"") -> bytes:
    proof = {"a": {"authen_type": 1, "authen_code": code_of(till.key, text)}}
    return json.dumps({"request_content": text, "authen_info": proof}).encode() + after


def said(till: Till, reply: Reply) -> dict[str, Any]:
    """HTTP 200, short headers, a body that the strictest clients take; its content."""
    assert reply.status == 200
    assert len(reply.head) < HEADERS_MOST
    return till.read(reply.body)


def asks(line: Line, till: Till) -> None:
    content = said(till, line.post(QUERY, envelope(till, question(till))))
    assert (content["status"], content["internal_status"]) == (104, 400)


def test_a_device_keeps_its_line_warm_and_holds_no_thread(web: str, till: Till) -> None:
    """Forty devices over eight threads: each writes CR LF while a payer looks for the code."""
    with ExitStack() as stack:
        lines = [stack.enter_context(Line(web)) for _ in range(40)]
        for line in lines[:20]:
            asks(line, till)
        for blank in (b"\r\n", b"\r", b"\n\r\n\r\n", b"\r\n" * 5000):
            for line in lines:
                line.send(blank)
            began = time.monotonic()
            with Line(web) as stranger:
                assert stranger.get("/healthz").status == 200
            assert time.monotonic() - began < 2, "threads wait for devices"
        for line in lines:
            asks(line, till)
            assert line.is_open()


def test_blank_lines_in_one_piece_with_requests_are_passed_over(web: str, till: Till) -> None:
    body = envelope(till, question(till))
    with Line(web) as line, ExitStack() as stack:
        request = line.head("POST", QUERY, len(body)) + body
        line.send(b"\r\n\r\n" + request + b"\r\n\r\n\r\n" + request + b"\r\n")
        assert said(till, line.read())["status"] == 104
        assert said(till, line.read())["status"] == 104
        # what follows a request is not a request that a thread waits for
        for _ in range(20):
            other = stack.enter_context(Line(web))
            other.send(request + b"\r\n\r\n")
            assert other.read().status == 200
        began = time.monotonic()
        asks(line, till)
        assert time.monotonic() - began < 2


def test_a_connection_is_kept_for_more_than_two_minutes(web: str, till: Till) -> None:
    assert gunicorn_settings.keepalive > 120
    with Line(web) as line:
        for _ in range(3):
            reply = line.get("/", host="pay.example")
            assert (reply.status, len(reply.body) < 100) == (200, True)
            assert reply.header("Connection") == "keep-alive"
            assert len(reply.head) < HEADERS_MOST
        asks(line, till)
        assert line.is_open()
        page = line.get("/", more="Accept: text/html,*/*\r\n")
        assert b"<html" in page.body


@pytest.mark.parametrize("host", ["pay.example", "sz.pay.example", "sh.pay.example:8443", "1"])
def test_every_host_name_serves_the_same_and_is_in_no_link(web: str, till: Till, host: str) -> None:
    with Line(web) as line:
        more = f"X-Forwarded-Host: {host}\r\nForwarded: host={host}\r\n"
        reply = line.post(QUERY, envelope(till, question(till)), host=host, more=more)
        assert said(till, reply)["status"] == 104
        described = line.get("/cpay/openapi.json", host=host, more=more)
        assert described.status == 200
        assert b".pay.example" not in described.body + reply.body


def test_http_10_is_answered_and_closed(web: str, till: Till) -> None:
    body = envelope(till, question(till))
    with Line(web) as line:
        line.send(f"POST {QUERY} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert said(till, line.read())["status"] == 104
        assert line.sock.recv(10) == b""


def test_a_client_may_wait_for_100_continue(web: str, till: Till) -> None:
    """curl and C# ask before a body of more than a kilobyte."""
    body = envelope(till, question(till))
    with Line(web) as line:
        line.send(line.head("POST", QUERY, len(body), more="Expect: 100-continue\r\n"))
        assert line.read().status == 100
        line.send(body)
        assert said(till, line.read())["status"] == 104


def test_a_body_may_come_in_chunks(web: str, till: Till) -> None:
    body = envelope(till, question(till))
    with Line(web) as line:
        line.send(line.head("POST", QUERY, None, more="Transfer-Encoding: chunked\r\n"))
        for at in range(0, len(body), 100):
            piece = body[at : at + 100]
            line.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        line.send(b"0\r\n\r\n")
        assert said(till, line.read())["status"] == 104
        asks(line, till)


@pytest.mark.parametrize(
    "kind",
    ["application/json;charset=UTF-8", "application/json; charset=GBK", "text/plain", "",
     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)  # fmt: skip
def test_the_type_that_a_body_says_to_be_is_not_looked_at(web: str, till: Till, kind: str) -> None:
    body = envelope(till, question(till))
    with Line(web) as line:
        request = line.head("POST", QUERY, len(body)) + body
        line.send(request.replace(b"application/json", kind.encode(), 1))
        assert said(till, line.read())["status"] == 104


@pytest.mark.parametrize("way", ["length", "chunks"])
def test_five_megabytes_are_refused_in_the_protocols_words(web: str, till: Till, way: str) -> None:
    big = b"x" * (5 << 20)
    with Line(web) as line:
        if way == "length":
            reply = line.post(QUERY, big)
        else:
            line.send(line.head("POST", QUERY, None, more="Transfer-Encoding: chunked\r\n"))
            line.send(f"{len(big):x}\r\n".encode() + big + b"\r\n0\r\n\r\n")
            reply = line.read()
        content = said(till, reply)
        assert (content["status"], content["internal_status"]) == (101, 1004)
        asks(line, till)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_another_http_method_is_told_so_with_200(web: str, till: Till, method: str) -> None:
    with Line(web) as line:
        line.send(line.head(method, QUERY, 0))
        reply = line.read(has_body=method != "HEAD")
        assert reply.status == 200
        if method != "HEAD":
            content = said(till, reply)
            assert (content["status"], "POST" in content["description"]) == (101, True)
        asks(line, till)


@pytest.mark.parametrize(
    "path", ["/cpay/nothing", "/cpay/a/b", "/cpay/", "/cpay/%00", "/cpay/nothing?x=%00",
             "/cpay/..%2f", "/cpay/%ff", "/cpay/micro_pay%20"],
)  # fmt: skip
def test_an_unknown_method_is_told_so_with_200(web: str, till: Till, path: str) -> None:
    with Line(web) as line:
        content = said(till, line.post(path, b"{}"))
        assert content["status"] == 101


@pytest.mark.parametrize("path", ["/cpay//query_order", "/cpay/query_order/"])
def test_a_slash_too_many_is_passed_over(web: str, till: Till, path: str) -> None:
    with Line(web) as line:
        reply = line.post(path, envelope(till, question(till)))
        assert said(till, reply)["status"] == 104
