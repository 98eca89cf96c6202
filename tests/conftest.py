"""Fixtures that several kinds of test share. The session's parts start only when a test asks."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cli.supervise import migrate
from config.settings import Settings, load_settings
from gateways import rsa
from services.deps import build_deps
from services.seed import seed
from tests.harness.database import Server, open_server
from tests.harness.phone import Phone
from tests.harness.ports import free_port
from tests.harness.product import Door, Product
from tests.harness.reuse import Databases
from tests.harness.simulator import Simulator, run_simulator

DATA = Path(__file__).parent / "data"
NEWS_COME_S = 5.0
OTHER_SP, OTHER_APP = "1900000501", "2021000000000501"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests and all that they import stay to the end of the run: the collector of
    garbage does not look through them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    """A file of tests/data as JSON."""
    return lambda name: json.loads((DATA / name).read_text("utf-8"))


@pytest.fixture(scope="session", autouse=True)
def keys_loaded_once() -> Iterator[None]:
    """Loading a private key checks it, for tens of milliseconds: once in a run, not in a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "private_key", cache(rsa.private_key))
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with open_server() as found:
        yield found


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    made = Door(free_port())
    yield made
    made.close()


@pytest.fixture(scope="session")
def upstream(data_dir: Path, door: Door) -> Iterator[Simulator]:
    """The simulator's process. Tests take `simulator`, which is emptied before each."""
    with run_simulator(data_dir / "sim", data_dir / "clock", door.url) as running:
        yield running


@pytest.fixture(scope="session")
def settings_for(data_dir: Path, door: Door, upstream: Simulator) -> Callable[..., Settings]:
    def make(database: str, **more: Any) -> Settings:
        values: dict[str, Any] = {
            "data_dir": data_dir,
            "database_url": database,
            "public_url": door.url,
            "simulator_url": upstream.url,
            "read_timeout_s": 3.0,
            "log_level": "CRITICAL",
            "db_pool_size": 24,
            **more,
        }
        return load_settings(**values)

    return make


@pytest.fixture(scope="session")
def template(server: Server, upstream: Simulator, settings_for: Callable[..., Settings]) -> str:
    """A database with every migration and the demo data, to be copied."""
    name = server.create()
    where = server.addresses(name)
    migrate(where)
    deps = build_deps(settings_for(where.app, migrate_database_url=where.owner))
    others = {
        "wechat": upstream.credentials(OTHER_SP)["wechat"],
        "alipay": upstream.credentials(OTHER_APP)["alipay"],
    }
    seed(deps, upstream.credentials(), others)
    deps.db.dispose()
    return name


@pytest.fixture(scope="session")
def databases(server: Server, template: str) -> Iterator[Databases]:
    made = Databases(server, template)
    yield made
    made.close()


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """A database of the test's own, as the template is."""
    name = databases.lend()
    yield name
    databases.take_back(name)


@pytest.fixture
def product(
    server: Server,
    database: str,
    door: Door,
    upstream: Simulator,
    settings_for: Callable[..., Settings],
) -> Iterator[Product]:
    """The product over a database of its own and an empty simulator.

    At the end the books must agree and no attempt may be stuck: a test that leaves them otherwise
    on purpose says so with the marker `books_differ`.
    """
    upstream.reset()
    where = server.addresses(database)
    made = Product.open(settings_for(where.app, migrate_database_url=where.owner), door, upstream)
    yield made
    made.close(door)


@pytest.fixture
def simulator(product: Product) -> Simulator:
    return product.simulator


@pytest.fixture
def phone(product: Product) -> Callable[..., Phone]:
    """Make a phone: `phone()`, `phone("alipay")`, `phone("wechat", "zhou")`."""

    def make(wallet: str = "wechat", person: str = "lin") -> Phone:
        return Phone(product.url, product.simulator, wallet, person)

    return make


@pytest.fixture(autouse=True)
def books_agree(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that moved money: the upstream's books equal ours, and nothing is stuck."""
    uses = "product" in request.fixturenames
    made: Product | None = request.getfixturevalue("product") if uses else None
    yield
    if made is not None and request.node.get_closest_marker("books_differ") is None:
        _agree(made)
        made.assert_nothing_stuck()


def _agree(made: Product) -> None:
    """A notification may still be on its way when its test has ended."""
    deadline = time.monotonic() + NEWS_COME_S
    while True:
        try:
            made.assert_books_agree()
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
