"""The demo provider's client, and a payer's openid got the way upstream gives it: by OAuth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Merchant


@pytest.fixture(scope="session")
def merchant_session(simulator: Simulator) -> Iterator[Merchant]:
    client = Merchant(simulator.url, simulator.get("/sim/credentials")["wechat"])
    yield client
    client.hang_up()


@pytest.fixture
def shop(sim: Simulator, merchant_session: Merchant) -> Merchant:
    return merchant_session


@pytest.fixture(scope="session")
def foreign_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def authorize_url(appid: str, **more: str) -> str:
    query = {
        "appid": appid,
        "redirect_uri": "http://127.0.0.1:8000/q/1/abc?x=1",
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "S1",
    } | more
    return "/connect/oauth2/authorize?" + urlencode(query)


def code_for(sim: Simulator, appid: str, person: str = "lin", **more: str) -> str:
    answer = sim.http.get(
        sim.url + authorize_url(appid, **more),
        headers={"Cookie": f"sim_person={person}"},
        allow_redirects=False,
        timeout=5,
    )
    assert answer.status_code == 302, answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def openid_for(sim: Simulator, appid: str, secret: str, person: str) -> str:
    code = code_for(sim, appid, person)
    said = sim.get(
        f"/sns/oauth2/access_token?appid={appid}&secret={secret}&code={code}"
        "&grant_type=authorization_code"
    )
    return str(said["openid"])


@pytest.fixture(scope="session")
def openids(simulator: Simulator) -> Callable[[str], str]:
    creds = simulator.get("/sim/credentials")["wechat"]
    known: dict[str, str] = {}

    def get(person: str) -> str:
        if person not in known:
            appid, secret = creds["sp_appid"], creds["oa_secret"]
            known[person] = openid_for(simulator, appid, secret, person)
        return known[person]

    return get


@pytest.fixture
def lin(openids: Callable[[str], str]) -> str:
    return openids("lin")
