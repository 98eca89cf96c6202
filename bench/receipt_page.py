"""The merchant receipt inside WeChat's page: bytes up to its first word, and when that word comes.

A real order is paid over the phone's bridge, then WeChat's page (the simulator's) opens the link in
Debian's Chromium with a CPU four times slower and slow 4G, through the browser's own protocol.
Counted is the time from the frame's opening to its `onIframeReady`; WeChat gives it three seconds.
"""

from __future__ import annotations

import gzip
import json
import socket
import time
from typing import Any, Final
from urllib.parse import urlencode

import requests
from playwright.sync_api import Browser, sync_playwright

from bench import stack
from bench.figures import LEAST_RUNS, line, show
from bench.load import complete
from bench.page import CHROMIUM
from bench.stack import AGENT, MAIN, Session, Stack
from services.gold_plan.receipt import check_code

PROMISE_BYTES: Final = 10 * 1024  # before the first word
PROMISE_MS: Final = 1000.0
SUB_MCHID: Final = "1900000109"
RUNS: Final = 4 * LEAST_RUNS
# As Lighthouse has it: 1.6 Mbit/s down, 750 kbit/s up, 150 ms; applied to every request.
SLOW_4G: Final = {
    "offline": False, "latency": 150 * 3.75, "downloadThroughput": 1.6e6 * 0.9 / 8,
    "uploadThroughput": 750e3 * 0.9 / 8,
}  # fmt: skip


def figures() -> list[dict[str, Any]]:
    with stack.running() as running:
        requests.post(f"{running.sim_url}/sim/reset", json={}, timeout=10).raise_for_status()
        number = _paid(running, running.session("lin"))
        path = _path(running, number)
        pages = [_fetch(running, path) for _ in range(LEAST_RUNS)]
        _open_plan(running)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            waits = [_wait(browser, running, number) for _ in range(RUNS)]
            browser.close()
    before = [float(page.index(b"</script>")) for _, page in pages]
    return [
        line("receipt_bytes_before_ready", "bytes", before, PROMISE_BYTES,
             page_bytes=len(pages[0][1]), over_the_wire=pages[0][0]),
        line("receipt_ready_ms", "ms", waits, PROMISE_MS, worst=round(max(waits)),
             cpu="4x slower", network="slow 4G, 562 ms a request"),
    ]  # fmt: skip


def _paid(running: Stack, who: Session) -> str:
    """One order of 12.34, paid at the wallet and known to us; its number."""
    press = running.presses([who], 1, int(time.time()))[0]
    with socket.create_connection(("127.0.0.1", running.settings.port)) as sock:
        sock.sendall(press)
        heard = b""
        while not complete(heard):
            heard += sock.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    is_packed = b"content-encoding: gzip" in head.lower()
    made = json.loads(gzip.decompress(body) if is_packed else body)
    paid = requests.post(
        f"{running.sim_url}/sim/wallet/wechat/pay",
        json={**made["bridge"], "act": "confirm", "person": "lin"}, timeout=10,
    )  # fmt: skip
    paid.raise_for_status()
    for _ in range(100):
        row = running.row("SELECT out_trade_no, status FROM pay_order ORDER BY id DESC LIMIT 1")
        if row[1] == "paid":
            return str(row[0])
        time.sleep(0.1)
    raise RuntimeError("the payment was not heard of")


def _path(running: Stack, number: str) -> str:
    """As WeChat's frame asks for it: it passes, so that the whole receipt is rendered."""
    (transaction_id,) = running.row(
        "SELECT transaction_id FROM pay_order WHERE out_trade_no = %s", (number,)
    )
    link = f"{running.url}/receipt/{MAIN}"
    code = check_code(link, SUB_MCHID, number, str(transaction_id))
    told = {"sub_mch_id": SUB_MCHID, "out_trade_no": number, "check_code": code}
    return f"/receipt/{MAIN}?{urlencode(told)}"


def _fetch(running: Stack, path: str) -> tuple[int, bytes]:
    """Bytes over the socket, and the page."""
    with socket.create_connection(("127.0.0.1", running.settings.port)) as sock:
        sock.sendall(running.request("GET", path))
        heard = b""
        while not complete(heard):
            heard += sock.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    page = gzip.decompress(body) if b"content-encoding: gzip" in head.lower() else body
    assert "¥12.34".encode() in page, page[:300]
    return len(heard), page


def _open_plan(running: Stack) -> None:
    """Plan and receipt open at WeChat, by its own calls through the product's gateway."""
    from services.deps import build_deps
    from services.gold_plan import switching
    from services.gold_plan.switching import Act, Change

    ids = running.ids()
    deps = build_deps(running.settings)
    try:
        for act in (Act.RECEIPT, Act.PLAN):
            switching.change(
                deps, ids["provider_id"], ids["merchant_id"], Change(act), actor="bench"
            )
    finally:
        deps.db.dispose()
    switch = {"wechat.goldplan_link": f"{running.url}/receipt/{MAIN}"}
    requests.post(f"{running.sim_url}/sim/switches", json=switch, timeout=10).raise_for_status()


def _wait(browser: Browser, running: Stack, number: str) -> float:
    """A new browser profile each time: nothing is cached. Milliseconds."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, user_agent=AGENT)
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.emulateNetworkConditions", SLOW_4G)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(f"{running.sim_url}/sim/official-page/{number}", wait_until="commit")
    page.wait_for_function("() => document.body && document.body.dataset.after", timeout=20_000)
    outcome = page.locator("body").get_attribute("data-outcome")
    after = page.locator("body").get_attribute("data-after")
    context.close()
    assert outcome == "custom", outcome
    return float(after or "nan")


if __name__ == "__main__":
    show(figures())
