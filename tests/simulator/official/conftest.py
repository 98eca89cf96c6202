"""An account's and a platform's operator as outside clients: wechatpy, and a server that hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from wechatpy.component import WeChatComponent
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from tests.simulator.conftest import Simulator, wait_for
from tests.simulator.wechat.conftest import openid_for

BACK = "http://127.0.0.1:8000/oa/authorised"


@dataclass
class Heard:
    path: str
    query: dict[str, str]
    body: bytes


@dataclass
class Server:
    """An account's server. `answer` is given to every POST; a GET gets its echo back."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    status: int = 200
    answer: bytes = b"success"
    echo: str | None = None  # instead of what was asked

    def wait(self, count: int) -> list[Heard]:
        wait_for(lambda: len(self.heard) >= count)
        return self.heard


def hears_it_three_times(sim: Simulator, server: Server) -> None:
    """The first delivery is on its way; nothing is left to send after the third."""
    for n in (1, 2):
        server.wait(n)
        wait_for(lambda: sim.get("/sim/outbox") != [])
        sim.advance(3)
    server.wait(3)
    sim.advance(60)
    time.sleep(0.4)
    assert len(server.heard) == 3
    assert sim.get("/sim/outbox") == []


@pytest.fixture
def server() -> Iterator[Server]:
    inbox = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            check_signature(
                token_of[0], query["signature"][0], query["timestamp"][0], query["nonce"][0]
            )
            self._say((inbox.echo or query["echostr"][0]).encode(), 200)

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            inbox.heard.append(Heard(parts.path, query, body))
            self._say(inbox.answer, inbox.status)

        def _say(self, body: bytes, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    inbox.url = f"http://127.0.0.1:{httpd.server_port}/oa/M1"
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield inbox
    httpd.shutdown()
    httpd.server_close()


token_of = [""]


@pytest.fixture
def account(sim: Simulator) -> dict[str, Any]:
    """The provider's own account, as its administrator sees it."""
    found: dict[str, Any] = sim.get("/sim/credentials")["wechat"]["accounts"][0]
    token_of[0] = found["token"]
    return found


@dataclass
class Client:
    """Calls of one account with its own token."""

    sim: Simulator
    account: dict[str, Any]

    def token(self, **more: Any) -> dict[str, Any]:
        body = {
            "grant_type": "client_credential",
            "appid": self.account["appid"],
            "secret": self.account["secret"],
        } | more
        found: dict[str, Any] = self.sim.post("/cgi-bin/stable_token", body)
        return found

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        token = self.token()["access_token"]
        found: dict[str, Any] = self.sim.post(f"/cgi-bin/{path}?access_token={token}", body)
        return found

    def get(self, path: str, more: str = "") -> dict[str, Any]:
        token = self.token()["access_token"]
        found: dict[str, Any] = self.sim.get(f"/cgi-bin/{path}?access_token={token}{more}")
        return found

    def act(self, act: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
        return self.sim.post(f"/sim/oa/{self.account['appid']}/{act}", body or {}, status)

    def openid(self, person: str) -> str:
        return openid_for(self.sim, self.account["appid"], self.account["secret"], person)


@pytest.fixture
def client(sim: Simulator, account: dict[str, Any]) -> Client:
    return Client(sim, account)


@pytest.fixture
def crypto(account: dict[str, Any]) -> WeChatCrypto:
    return WeChatCrypto(account["token"], account["encoding_aes_key"], account["appid"])


class Platform(WeChatComponent):  # type: ignore[misc]
    """wechatpy's own client of a platform, at the simulator's address."""

    def __init__(self, sim: Simulator, creds: dict[str, str]) -> None:
        super().__init__(
            creds["component_appid"],
            creds["component_appsecret"],
            creds["token"],
            creds["encoding_aes_key"],
        )
        self._http.trust_env = False
        self.sim, self.API_BASE_URL = sim, f"{sim.url}/cgi-bin"

    def starts(self, server: Server) -> None:
        """Asks for the push and reads the ticket that comes."""
        self.sim.switch(wechat__component_url=server.url)
        body = {
            "component_appid": self.component_appid,
            "component_secret": self.component_appsecret,
        }
        said = self.sim.post("/cgi-bin/component/api_start_push_ticket", body)
        assert said["errcode"] == 0, said
        self.hear(server.wait(1)[-1])

    def hear(self, push: Heard) -> Any:
        assert push.query["encrypt_type"] == "aes"
        query = push.query
        check_signature(self.crypto.token, query["signature"], query["timestamp"], query["nonce"])
        return self.parse_message(
            push.body, query["msg_signature"], query["timestamp"], query["nonce"]
        )

    def authorised(self, appid: str, funcs: list[int] | None = None) -> str:
        """An administrator agrees; the code of the way back."""
        body: dict[str, Any] = {
            "pre_auth_code": self.create_preauthcode()["pre_auth_code"],
            "redirect_uri": BACK,
        } | ({"funcs": funcs} if funcs is not None else {})
        back: str = self.sim.post(f"/sim/oa/{appid}/authorise", body)["redirect"]
        assert back.startswith(BACK)
        return parse_qs(urlsplit(back).query)["auth_code"][0]


@pytest.fixture
def platform(sim: Simulator) -> Platform:
    return Platform(sim, sim.get("/sim/credentials")["component"])
