"""A backup holds everything but the ring, says so itself, and goes only where nothing is."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from cli.supervise import migrate
from config.settings import ROOT
from services.backups import manifest
from services.deps import build_deps
from services.restored import current_mark
from tests.harness.phone import Phone
from tests.harness.places import Places, run
from tests.harness.product import Product
from tests.integration.refunds.helping import pay, refund

MakePhone = Callable[..., Phone]


@pytest.fixture
def folder(product: Product, phone: MakePhone, tmp_path: Path) -> Path:
    """A backup with a paid and refunded order in it."""
    order = pay(product, phone, "alipay")
    refund(product, order, 1000)
    done = run(product, "backup", "--to", str(tmp_path / "kept"))
    assert done.exit_code == 0, done.output
    return Path(json.loads(done.stdout)["backup"])


def refused(done: Any, *words: str) -> None:
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    for word in words:
        assert word in done.output


def tables(place: Product) -> int:
    found: int = place.one("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'public'").n
    return found


def test_what_is_restored_is_what_was_backed_up(
    product: Product, places: Places, folder: Path
) -> None:
    place = places.empty()
    done = run(place, "restore", str(folder))
    assert done.exit_code == 0, done.output
    assert "orders resync --since" in done.output
    same = (
        "SELECT out_trade_no, status, amount_fen, refunded_fen FROM pay_order ORDER BY id",
        "SELECT out_refund_no, status, amount_fen FROM refund ORDER BY id",
        "SELECT actor, action, subject, facts FROM audit_entry ORDER BY id",
        "SELECT task_name, status FROM procrastinate_jobs ORDER BY id",
    )
    for asked in same:
        assert place.sql(asked) == product.sql(asked)
    assert len(place.deps.transact(current_mark)) == 3
    newest = "SELECT max(id) AS n FROM audit_entry"
    place.do("INSERT INTO heartbeat (name, seen_at) VALUES ('test', now())")  # rights are set
    with pytest.raises(Exception, match="permission denied"):
        place.do("DELETE FROM pay_order")
    before = place.one(newest).n
    place.do(
        "INSERT INTO audit_entry (provider_id, actor, action, subject, facts, created_at)"
        " SELECT id, 'test', 'x', 'y', '{}', now() FROM provider LIMIT 1"
    )
    assert place.one(newest).n > before + 900_000, "ids of the lost time are not given again"
    place.deps.db.dispose()


def test_only_its_owner_reads_a_backup_and_the_ring_is_not_in_it(
    product: Product, folder: Path
) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert names == {"database.dump": 0o600, "manifest.json": 0o600}
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]
    ring = json.loads((product.deps.settings.data_dir / "keyring.json").read_text())
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    for key in [*ring["keys"].values(), ring["index"]]:
        assert key.encode() not in everything


def test_a_whole_backup_is_verified(product: Product, folder: Path) -> None:
    done = run(product, "backup", "verify", str(folder))
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["whole"] is True
    assert said["orders"] == product.one("SELECT count(*) AS n FROM pay_order").n


def torn(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def cut_off(folder: Path) -> None:
    whole = (folder / "database.dump").read_bytes()
    (folder / "database.dump").write_bytes(whole[: len(whole) // 2])


def one_bit(folder: Path) -> None:
    whole = bytearray((folder / "database.dump").read_bytes())
    whole[len(whole) // 2] ^= 1
    (folder / "database.dump").write_bytes(whole)


def edited(folder: Path) -> None:
    said = json.loads((folder / "manifest.json").read_text())
    said["sums"]["pay_order.amount_fen"] += 1
    (folder / "manifest.json").write_text(json.dumps(said))


def no_json(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 1')


def missing(folder: Path) -> None:
    (folder / "database.dump").unlink()


def with_the_ring(folder: Path) -> None:
    (folder / "keyring.json").write_text("{}")


BROKEN: dict[Callable[[Path], None], str] = {
    torn: "interrupted",
    cut_off: "cut off",
    one_bit: "changed",
    edited: "changed",
    no_json: "damaged",
    missing: "missing",
    with_the_ring: "holds a key ring",
}


@pytest.mark.parametrize(("harm", "said"), BROKEN.items(), ids=lambda p: getattr(p, "__name__", ""))
def test_a_backup_that_is_not_whole_is_refused_and_nothing_is_restored(
    product: Product, places: Places, folder: Path, harm: Callable[[Path], None], said: str
) -> None:
    harm(folder)
    refused(run(product, "backup", "verify", str(folder)), said)
    place = places.empty()
    refused(run(place, "restore", str(folder)), said)
    assert tables(place) == 0
    place.deps.db.dispose()


def test_another_ring_is_refused_with_words(places: Places, folder: Path, tmp_path: Path) -> None:
    place = places.empty(tmp_path / "another machine")
    refused(run(place, "restore", str(folder)), "cannot open", "k1", "keyring.json", "0600")
    assert tables(place) == 0
    place.deps.db.dispose()


def test_a_database_with_anything_in_it_is_left_alone(product: Product, folder: Path) -> None:
    product.deps.db.dispose()
    before = product.sql("SELECT * FROM pay_order ORDER BY id")
    product.deps.db.dispose()
    refused(run(product, "restore", str(folder)), "not empty", "pay_order")
    assert product.sql("SELECT * FROM pay_order ORDER BY id") == before


def test_a_database_that_somebody_uses_is_left_alone(places: Places, folder: Path) -> None:
    place = places.empty()
    second = build_deps(place.deps.settings)
    held = second.db.engine.connect()
    refused(run(place, "restore", str(folder)), "stop web and worker")
    held.close()
    second.db.dispose()
    assert tables(place) == 0
    place.deps.db.dispose()


def test_a_migrated_database_without_rows_takes_a_backup(
    product: Product, places: Places, folder: Path
) -> None:
    place = places.empty()
    migrate(places.server.addresses(places.made[-1]))
    done = run(place, "restore", str(folder))
    assert done.exit_code == 0, done.output
    count = "SELECT count(*) AS n FROM pay_order"
    assert place.one(count).n == product.one(count).n
    place.deps.db.dispose()


def test_a_backup_of_an_older_schema_is_brought_up(
    product: Product, places: Places, tmp_path: Path
) -> None:
    old = places.empty()
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["addresses"] = places.server.addresses(places.made[-1])
    command.upgrade(config, "0003")
    made = run(old, "backup", "--to", str(tmp_path))
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["schema"] == "0003"
    old.deps.db.dispose()
    place = places.empty()
    done = run(place, "restore", json.loads(made.stdout)["backup"])
    assert done.exit_code == 0, done.output
    version = "SELECT version_num FROM alembic_version"
    assert place.one(version).version_num == product.one(version).version_num
    place.deps.db.dispose()


def test_a_backup_of_a_newer_version_is_refused(
    product: Product, places: Places, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.backup.newest_revision", lambda: "0002")
    place = places.empty()
    refused(run(place, "restore", str(folder)), "0002", "newer")
    assert tables(place) == 0
    place.deps.db.dispose()


def test_an_interrupted_backup_leaves_nothing_that_looks_like_one(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: Any) -> None:
        raise RuntimeError("power")

    monkeypatch.setattr("services.backups.manifest.write", power_cut)
    assert run(product, "backup", "--to", str(tmp_path / "kept")).exit_code != 0
    assert list((tmp_path / "kept").iterdir()) == []
    shutil.rmtree(tmp_path / "kept")


def test_what_came_back_otherwise_than_it_is_said_is_taken_away_again(
    product: Product, places: Places, folder: Path
) -> None:
    """A manifest of ours, signed, that names one fen more than the dump holds."""
    said = manifest.read(folder)
    said.sums["pay_order.amount_fen"] += 1
    manifest.write(folder, said.signed(product.deps.ring))
    place = places.empty()
    refused(run(place, "restore", str(folder)), "not what the manifest says", "nothing was kept")
    assert tables(place) == 0
    place.deps.db.dispose()
