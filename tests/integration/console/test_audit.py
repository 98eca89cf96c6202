"""The audit log: a chain that names the row somebody changed, searched and taken along."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from services import audit, audit_heads, audit_rounds, audit_verify
from services.audit_chain import seal
from services.seed import MAIN
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.losing import as_owner

OFF = (
    "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_keep",
    "ALTER TABLE audit_seal DISABLE TRIGGER audit_seal_keep",
)
ON = tuple(statement.replace("DISABLE", "ENABLE") for statement in OFF)


class Log:
    """A provider's log of a known length, and hands that get round the program."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.product = product
        settings = product.deps.settings.model_copy(
            update={"ledger_heads_file": str(folder / "heads.jsonl")}
        )
        product.deps = replace(product.deps, settings=settings)
        product.app.extensions["yima"].deps = product.deps
        self.provider = product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=MAIN).id
        self.write(12)
        while seal(product.deps):
            pass
        assert self.said() == []

    def write(self, count: int) -> None:
        for n in range(count):
            self.product.deps.transact(
                lambda s, n=n: audit.record(  # type: ignore[misc]
                    s, provider_id=self.provider, actor=f"staff:{n % 2}", action=f"kind_{n % 3}",
                    subject=f"thing:{n:02d}", at=self.product.deps.now(), n=n, words="=1+1\t\n",
                )
            )  # fmt: skip

    def said(self) -> list[str]:
        report = audit_verify.verify(self.product.deps, self.provider)
        return [f"{one.kind.value} {one.entry_id}" for one in report.findings]

    def hands(self, *statements: str, **values: object) -> None:
        as_owner(self.product, *OFF, *statements, *ON, **values, p=self.provider)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What hands do inside is put back at the end."""
        tables = ("audit_entry", "audit_seal", "audit_head")
        self.hands(*(f"CREATE TABLE kept_{t} AS TABLE {t}" for t in tables))
        yield
        back = [
            f"DELETE FROM {t}; INSERT INTO {t} SELECT * FROM kept_{t}; DROP TABLE kept_{t}"
            for t in tables
        ]
        self.hands(*(one for statement in back for one in statement.split("; ")))
        assert self.said() == []

    def number(self, subject: str) -> int:
        found: int = self.product.one("SELECT id FROM audit_entry WHERE subject = :s", s=subject).id
        return found

    def command(self, *words: str) -> Result:
        return self.product.app.test_cli_runner().invoke(args=["audit", *words])


@pytest.fixture
def log(product: Product, tmp_path: Path) -> Log:
    return Log(product, tmp_path)


def named(log: Log, *statements: str) -> list[str]:
    """What is found after these hands, with `:i` the seventh entry; then all is put back."""
    i = log.number("thing:06")
    with log.kept():
        log.hands(*statements, i=i)
        return [words.replace(str(i), "i").replace(str(i + 1), "i+1") for words in log.said()]


def test_whatever_is_changed_removed_or_added_is_named(log: Log) -> None:
    """failures 36, for the audit log: each hand, and the row that it touched."""
    for change in (
        "UPDATE audit_entry SET actor = 'staff:9' WHERE id = :i",
        "UPDATE audit_entry SET action = 'other' WHERE id = :i",
        "UPDATE audit_entry SET facts = facts || '{\"n\": 7}' WHERE id = :i",
        "UPDATE audit_entry SET created_at = created_at + interval '1 microsecond' WHERE id = :i",
    ):
        assert named(log, change) == ["changed i"], change
    assert named(log, "DELETE FROM audit_entry WHERE id = :i") == ["removed i"]
    both = ("DELETE FROM audit_entry WHERE id = :i", "DELETE FROM audit_seal WHERE entry_id = :i")
    assert named(log, *both) == ["gap i+1"]
    added = (
        "INSERT INTO audit_entry (provider_id, actor, action, subject, facts, created_at)"
        " VALUES (:p, 'staff:1', 'x', 'y', '{}', now())"
    )
    assert [one.split()[0] for one in named(log, added)] == ["added"]
    forged = "UPDATE audit_seal SET mac = sha256('guess') WHERE entry_id = :i"
    assert named(log, forged) == ["changed i", "changed i+1"]
    whole = (
        "UPDATE audit_entry SET actor = 'staff:9' WHERE id = :i",
        "UPDATE audit_seal SET mac = sha256(mac) WHERE entry_id >= :i",
    )
    assert named(log, *whole)[0] == "changed i"


def test_a_log_cut_at_its_end_is_told_by_what_was_kept_elsewhere(log: Log, tmp_path: Path) -> None:
    desk = Console(log.product)
    seal(log.product.deps)
    assert audit_heads.write(log.product.deps) > 0
    exported = desk.get("/audit/export.csv")
    (tmp_path / "audit.csv").write_bytes(exported.content)
    last = log.product.one("SELECT max(seq) AS n FROM audit_seal WHERE provider_id = :p",
                           p=log.provider).n  # fmt: skip
    log.hands(
        "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_seal"
        " WHERE provider_id = :p AND seq > :n)",
        "DELETE FROM audit_seal WHERE provider_id = :p AND seq > :n",
        "UPDATE audit_head SET seq = :n, mac = (SELECT mac FROM audit_seal"
        " WHERE provider_id = :p AND seq = :n) WHERE provider_id = :p",
        "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_tail)",
        "DELETE FROM audit_tail",
        n=last - 3,
    )
    assert [one.split()[0] for one in log.said()] == ["cut"]
    told = log.command("verify", "--provider", MAIN, "--export", str(tmp_path / "audit.csv"))
    assert (told.exit_code, "leaves what was known" in told.output) == (1, True)
    (tmp_path / "audit-heads.jsonl").unlink()
    assert log.said() == []  # nothing inside shows it
    assert log.command("verify").exit_code == 0
    told = log.command("verify", "--provider", MAIN, "--export", str(tmp_path / "audit.csv"))
    assert told.exit_code == 1
    assert log.command("heads", "--restored").exit_code == 0  # a backup was put back: it is known
    assert log.said() == []


def test_pages_search_and_the_button_that_checks(log: Log) -> None:
    desk = Console(log.product)
    log.write(60)
    page = desk.get("/audit").text
    assert "下一页" in page
    assert "上一页" not in page
    older = page.split("before=")[1].split('"')[0]
    second = desk.get(f"/audit?before={older}").text
    assert "上一页" in second
    back = second.split("after=")[1].split('"')[0]
    assert f"before={older}" in desk.get(f"/audit?after={back}").text
    found = desk.get("/audit?actor=staff:1&action=kind_1&subject=thing:0").text
    assert found.count("thing:0") >= 2
    assert "kind_2</small>" not in found
    assert "没有符合的记录" in desk.get("/audit?until=2020-01-01").text
    assert desk.get("/audit?since=yesterday").status_code == 400
    assert "没有符合的记录" in desk.get("/audit?subject=%25").text  # no pattern
    assert "还没核对过" not in page
    before = desk.get("/audit").text
    assert "核对无误" in before
    log.write(3)
    asked = desk.post("/audit/verify")
    assert desk.post("/audit/verify").headers["Location"] == asked.headers["Location"], "one run"
    assert "正在核对" in desk.get("/audit").text
    log.product.run_long_jobs()
    job = desk.get(asked.headers["Location"].removeprefix("/console")).text
    assert "已完成" in job
    assert "核对无误" in desk.get("/audit").text
    i = log.product.one("SELECT min(id) AS i FROM audit_entry WHERE subject = 'thing:06'").i
    log.hands("UPDATE audit_entry SET subject = 'thing:99' WHERE id = :i", i=i)
    asked = desk.post("/audit/verify")
    log.product.run_long_jobs()
    for path in ("/audit", asked.headers["Location"].removeprefix("/console"), "/health"):
        told = desk.get(path).text
        assert f"记录 {i} 被改过" in told, path
        assert "对不上" in told
    assert "请告诉管理员" in Console(log.product, "demo-viewer").get("/health").text
    assert "日志与记下的不一致" in desk.get("/recon?all=1").text
    case = log.product.one("SELECT * FROM money_case WHERE kind = 'audit_broken'")
    assert (case.provider_id, case.closed_at) == (log.provider, None)
    assert case.facts["first"]["finding"] == f"记录 {i} 被改过，或被挪动过"
    log.hands("UPDATE audit_entry SET subject = 'thing:06' WHERE id = :i", i=i)
    audit_verify.verify_all(log.product.deps)  # as every night does
    assert log.product.one("SELECT healed FROM money_case WHERE kind = 'audit_broken'").healed
    assert "日志和写下的对不上" not in desk.get("/health").text


def test_a_check_in_steps_finds_what_one_in_a_single_step_finds(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hand, with steps so short that it is found in the middle, at the end and behind it."""
    monkeypatch.setattr(audit_rounds, "A_STEP", 3)
    audit_heads.write(log.product.deps)
    deps, i, h = log.product.deps, log.number("thing:06"), log.number("thing:11")
    log.write(9)  # the heads file knows the seal in the middle, of entry `h`
    seal(deps)
    for change in (
        ("UPDATE audit_entry SET actor = 'staff:9' WHERE id = :i",),
        ("DELETE FROM audit_entry WHERE id = :i",),
        ("DELETE FROM audit_entry WHERE id = :i", "DELETE FROM audit_seal WHERE entry_id = :i"),
        ("UPDATE audit_seal SET mac = sha256('guess') WHERE entry_id = :i",),
        ("DELETE FROM audit_entry WHERE id = :h", "DELETE FROM audit_seal WHERE entry_id = :h"),
        (
            "DELETE FROM audit_entry WHERE id >= :i",
            "DELETE FROM audit_seal WHERE entry_id >= :i AND provider_id = :p",
        ),
        (
            "INSERT INTO audit_entry (provider_id, actor, action, subject, facts, created_at)"
            " VALUES (:p, 'staff:1', 'x', 'y', '{}', now())",
        ),
        (),
    ):
        with log.kept():
            log.hands(*change, i=i, h=h)
            whole = log.said()
            number = deps.transact(
                lambda s: audit_rounds.start(s, deps, log.provider, asked_by="test")
            )
            log.product.run_long_jobs()
            if ":h" in "".join(change):
                assert [one.split()[0] for one in whole] == ["gap", "cut"]
            rows = log.product.sql(
                "SELECT number, reason FROM long_job_row WHERE job_id = :j ORDER BY id", j=number
            )
            words = {broken: said[1] for broken, said in audit_verify.WORDS.items()}
            found = [
                next(f"{kind.value} {row.number}" for kind in words if words[kind] in row.reason)
                for row in rows
            ]
            assert found == whole, change
            job = log.product.one("SELECT * FROM long_job WHERE id = :j", j=number)
            assert job.state == ("partial" if whole else "done")
            assert job.done == job.total or "DELETE FROM audit_seal" in "".join(change)
    assert whole == []


def test_the_export_holds_the_chain_and_no_formula_and_is_itself_in_the_log(log: Log) -> None:
    desk = Console(log.product)
    seal(log.product.deps)
    answer = desk.get("/audit/export.csv?actor=staff:1")
    rows: list[list[Any]] = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 7
    assert {row[2] for row in rows[1:]} == {"staff:1"}
    kept = {
        str(row.i): row.m
        for row in log.product.sql(
            "SELECT entry_id AS i, encode(mac, 'hex') AS m FROM audit_seal WHERE provider_id = :p",
            p=log.provider,
        )
    }
    assert all(row[-1] == kept[row[0]] for row in rows[1:])
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    entry = log.product.one("SELECT facts FROM audit_entry WHERE action = 'audit_exported'")
    assert entry.facts["count"] == 6
