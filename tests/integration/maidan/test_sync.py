"""买单's sub-merchants: brought in once, whatever is repeated, killed, renamed or wrong."""

from __future__ import annotations

import html
import re
from collections import Counter

import pytest
import requests

from models.longjob import JobState
from services import longjobs, maidan
from services.longjobs import Job, running
from tests.harness.console import Console
from tests.harness.product import Product

CODE_URL = re.compile(r'href="(http[^"]*/sim/maidan/link/[^"]+)"')


def link(product: Product, console: Console, person: str = "lin") -> requests.Response:
    """The administrator scans the code of the console and agrees."""
    assert console.post("/sync/link").status_code == 303
    found = CODE_URL.search(console.get("/sync").text)
    assert found
    url = html.unescape(found[1])
    answer = product.simulator.http.post(url, data={"person": person}, timeout=10)
    console.get("/sync/link")  # what the page asks every two seconds
    return answer


def sync(product: Product, console: Console, **form: str) -> Job:
    answer = console.post("/sync", {"source": "maidan", **form})
    assert answer.status_code == 303, answer.text
    product.run_long_jobs()
    return job_at(product, answer)


def job_at(product: Product, answer: requests.Response) -> Job:
    number = int(answer.headers["Location"].rpartition("/")[2])
    found = product.deps.transact(lambda s: longjobs.job_of(s, 1, number))
    assert found is not None
    return found


def merchants(product: Product) -> list[tuple[str, str]]:
    rows = product.sql("SELECT wechat_sub_mchid AS n, name FROM merchant WHERE source = 'maidan'")
    return sorted((row.n, row.name) for row in rows)


def test_what_is_listed_comes_in_once_and_follows_its_name(product: Product) -> None:
    console = Console(product)
    refused = console.post("/sync", {"source": "maidan"})
    assert refused.status_code == 422
    assert "MAIDAN_NOT_LINKED" in refused.text
    assert link(product, console, "zhou").status_code == 403  # not the administrator
    assert "没有关联" in console.get("/sync").text or "还没有关联" in console.get("/sync").text
    product.simulator.switch("maidan.providers", "1")
    assert link(product, console).status_code == 200
    first = sync(product, console)
    assert (first.state, dict(first.counts)) == (JobState.DONE, {"found": 20, "created": 20})
    product.simulator.switch("maidan.providers", "2")  # a new provider: scan again
    assert sync(product, console).counts == {"found": 20, "skipped": 20}
    link(product, console)
    product.simulator.switch("maidan.lies", "all")
    second = sync(product, console)
    # 40 rows and each tenth again; three are unusable, all names are new
    assert (second.state, dict(second.counts)) == (
        JobState.PARTIAL,
        {"found": 44, "updated": 20, "created": 17, "doubled": 4, "failed": 3},
    )
    found = merchants(product)
    assert len(found) == len({number for number, _ in found}) == 37
    assert all(name.endswith("（新）") for _, name in found)
    page = html.unescape(console.get(f"/jobs/{second.id}").text)
    for words in (
        "子商户号应为 8 到 10 位数字",
        "服务商 1899999999 没有关联",
        "商户名称应为",
        "名单里重复",
    ):
        assert words in page
    report = console.get(f"/jobs/{second.id}/report.csv").content.decode("utf-8-sig")
    assert Counter(line.split(",")[2] for line in report.splitlines()[1:]) == {
        "失败": 3, "重复跳过": 4, "更新": 20,
    }  # fmt: skip


def test_a_synced_merchant_needs_keys_and_brings_its_device(product: Product) -> None:
    console = Console(product)
    link(product, console)
    sync(product, console)
    row = product.one("SELECT * FROM merchant WHERE wechat_sub_mchid = '1700000005'")
    assert (row.needs_setup, row.has_maidan, row.wechat_route, row.source) == (
        True, True, "maidan", "maidan",
    )  # fmt: skip
    assert re.fullmatch(r"[0-9]{8}", row.order_prefix)
    (device,) = product.deps.transact(lambda s: maidan.devices_of(s, 1, row.id))
    assert (device.kind, device.serial) == ("mobile_terminal", "GH00000005")
    shown = console.get(f"/merchants/{row.out_sub_mch_id}").text
    assert "GH00000005" in shown
    assert "同步自买单" in shown
    found = console.post("/codes/find", {"q": "GH00000005"}).text
    assert row.name in found
    prefixes = [r.order_prefix for r in product.sql("SELECT order_prefix FROM merchant")]
    assert not [(a, b) for a in prefixes for b in prefixes if a is not b and b.startswith(a)]
    audits = product.sql("SELECT facts FROM audit_entry WHERE action = 'merchants_synced'")
    assert sum(len(a.facts["created"]) for a in audits) == 40
    # a merchant that somebody renamed here keeps its name
    product.do("UPDATE merchant SET name = '改过的' WHERE id = :i", i=row.id)
    product.simulator.switch("maidan.lies", "renamed")
    assert sync(product, console).counts == {"found": 40, "updated": 39, "skipped": 1}
    assert product.one("SELECT name FROM merchant WHERE id = :i", i=row.id).name == "改过的"


def test_a_dry_run_tells_the_same_and_changes_no_merchant(product: Product) -> None:
    console = Console(product)
    link(product, console)
    product.simulator.switch("maidan.lies", "all")
    before = product.sql("SELECT id, name, version FROM merchant ORDER BY id")
    dry = sync(product, console, dry="1")
    assert product.sql("SELECT id, name, version FROM merchant ORDER BY id") == before
    assert product.sql("SELECT 1 FROM synced_device") == []
    known = product.deps.transact(lambda s: maidan.is_known(s, 1, "1700000005"))
    assert known is not None, "it is at 买单 and not here: MERCHANT_EXISTS says so"
    assert product.deps.transact(lambda s: maidan.overview(s, 1)).last_success_at is None
    real = sync(product, console)
    assert dict(dry.counts) == dict(real.counts)
    assert product.deps.transact(lambda s: maidan.is_known(s, 1, "1700000005")) is None


def test_killed_on_the_way_it_goes_on_without_doubles(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(product)
    link(product, console)
    product.simulator.switch("maidan.count", "1300")
    kept, calls = running._keep, []

    class Killed(BaseException):
        pass

    def dies(*words: object) -> bool:
        calls.append(1)
        done = kept(*words)  # type: ignore[arg-type]
        if len(calls) == 2:  # written, and not committed
            raise Killed
        return done

    monkeypatch.setattr(running, "_keep", dies)
    answer = console.post("/sync", {"source": "maidan"})
    with pytest.raises(Killed):
        product.run_long_jobs()
    assert len(merchants(product)) == 500
    running_page = console.get(f"/jobs/{job_at(product, answer).id}").text
    assert 'hx-trigger="every 2s"' in running_page
    assert 'http-equiv="refresh"' in running_page
    assert 'aria-valuenow="38"' in running_page
    second = console.post("/sync", {"source": "maidan"})  # one at a time
    assert second.status_code == 422
    assert "SYNC_RUNNING" in second.text
    assert "已处理 500/1300" in second.text
    product.simulator.advance(61)
    product.run_long_jobs()
    job = job_at(product, answer)
    assert (job.state, dict(job.counts)) == (JobState.DONE, {"found": 1300, "created": 1300})
    found = merchants(product)
    assert len(found) == len({number for number, _ in found}) == 1300


NO_LISTS = (
    (b"\xff\xfe\x00\x01", "不是 CSV 文件"),
    ("商户名称\n甲\n".encode(), "缺少一列：子商户号"),
    ("子商户号,商户名称,name\n1,2,3\n".encode(), "表头重复"),
    ("子商户号,商户名称\n".encode(), "文件里没有商户"),
    (b"", "请选择一个文件"),
)


def test_what_is_no_list_is_refused_at_the_field(product: Product) -> None:
    console = Console(product)
    for content, words in NO_LISTS:
        answer = upload(console, content)
        assert answer.status_code == 422
        assert words in answer.text
    assert product.sql("SELECT 1 FROM long_job") == []


def upload(console: Console, content: bytes, **form: str) -> requests.Response:
    return console.post(
        "/sync", {"source": "file", **form}, files={"file": ("名单.csv", content, "text/csv")}
    )


def test_a_file_comes_in_as_a_list_does(product: Product) -> None:
    console = Console(product)
    own = product.simulator.credentials()["wechat"]["sp_mchid"]
    lines = ["服务商商户号,子商户号,商户名称,商户简称,设备号"]
    lines += [f',="16{n:08d}",文件商户{n},文件{n},' for n in range(700)]  # the provider's own
    lines += ["1800000009,1899000001,另一服务商的,,GH1", f",{own},自己,,", "1800000009,x,坏的,,"]
    answer = upload(console, "\r\n".join(lines).encode("gb18030"))
    assert answer.status_code == 303, answer.text
    product.run_long_jobs()
    job = job_at(product, answer)
    assert dict(job.counts) == {"found": 703, "created": 701, "failed": 2}
    assert product.sql("SELECT 1 FROM maidan_part") == [], "gone with its job"
    reasons = product.sql("SELECT number, reason FROM long_job_row ORDER BY number")
    assert [row.number for row in reasons] == [703, 704]
    assert "钱不能进服务商账户" in reasons[0].reason
    viewer = Console(product, "demo-viewer")
    assert viewer.post("/sync", {"source": "file"}).status_code == 403
    assert "只能查看" in viewer.get("/sync").text


def test_without_a_grant_any_more_the_job_says_what_to_do(product: Product) -> None:
    console = Console(product)
    link(product, console)
    product.simulator.fault("maidan.list", "error", times=99)
    silent = console.post("/sync", {"source": "maidan"})
    product.run_long_jobs()
    assert (
        "上一步没有成功，正在再试：上游没有回答" in console.get(silent.headers["Location"][8:]).text
    )
    product.simulator.clear_faults()
    product.simulator.advance(61)
    product.run_long_jobs()
    assert job_at(product, silent).state is JobState.DONE
    product.simulator.switch("maidan.grant", "over")
    job = sync(product, console)
    assert job.state is JobState.FAILED
    assert "请管理员重新扫码" in console.get(f"/jobs/{job.id}").text
    stopped = console.post(f"/jobs/{job.id}/stop")  # over already: nothing happens
    assert stopped.status_code == 303
    assert console.get("/jobs/999999").status_code == 404
    assert console.get(f"/jobs/{1 << 70}").status_code == 404
    assert f"#{job.id}" in console.get("/jobs").text
