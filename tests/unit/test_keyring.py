"""The key ring: what is sealed opens only where it was sealed, also while keys change."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from secretbox import ring as ring_module
from secretbox.ring import KeyRing, SealBroken

HERE = "credential.sealed.1"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(path=tmp_path / "keyring.json")


def test_what_is_sealed_opens_again_and_no_two_seals_are_alike(ring: KeyRing) -> None:
    for plain in ("", "secret", "密钥" * 500):
        first, second = ring.seal(plain, HERE), ring.seal(plain, HERE)
        assert first != second
        assert plain == ring.open(first, HERE) == ring.open(second, HERE)
        assert not plain or plain not in first


@pytest.mark.parametrize("where", ["credential.sealed.2", "person.sealed.1", "", HERE + " "])
def test_a_ciphertext_moved_elsewhere_does_not_open(ring: KeyRing, where: str) -> None:
    with pytest.raises(SealBroken):
        ring.open(ring.seal("secret", HERE), where)


def test_a_ciphertext_that_was_touched_does_not_open(ring: KeyRing) -> None:
    sealed = ring.seal("secret", HERE)
    kid, _, body = sealed.partition(".")
    other = "A" if body[20] != "A" else "B"
    for broken in (
        f"{kid}.{body[:20]}{other}{body[21:]}", f"k9.{body}", f"{kid}.", body, "", f"{kid}.*",
        f"{kid}.{body[:8]}",
    ):  # fmt: skip
        with pytest.raises(SealBroken):
            ring.open(broken, HERE)


def test_the_error_names_the_place_and_never_the_secret(ring: KeyRing) -> None:
    with pytest.raises(SealBroken) as refused:
        ring.open(ring.seal("secret-word", HERE), "person.sealed.7")
    assert "person.sealed.7" in str(refused.value)
    assert "secret-word" not in str(refused.value)


def test_after_a_rotation_old_values_open_and_new_ones_have_the_new_key(ring: KeyRing) -> None:
    old = ring.seal("secret", HERE)
    kid = ring.add_key()
    new = ring.seal("secret", HERE)
    assert new.startswith(f"{kid}.")
    assert ring.is_primary(new)
    assert not ring.is_primary(old)
    assert ring.open(old, HERE) == ring.open(new, HERE) == "secret"
    ring.retire_others()
    assert ring.open(new, HERE) == "secret"
    with pytest.raises(SealBroken):
        ring.open(old, HERE)


def test_blind_hashes_stay_equal_through_a_rotation_and_differ_by_purpose(ring: KeyRing) -> None:
    before = ring.blind("openid", "person")
    ring.add_key()
    ring.retire_others()
    assert ring.blind("openid", "person") == before
    assert ring.blind("openid", "intent") != before
    assert ring.blind("openie", "person") != before


def test_another_process_opens_what_was_sealed_with_a_key_it_has_not_read(ring: KeyRing) -> None:
    assert ring._path is not None
    other = KeyRing(path=ring._path)
    ring.add_key()
    assert other.open(ring.seal("secret", HERE), HERE) == "secret"


def test_a_process_seals_with_the_new_key_without_a_restart(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring_module, "RELOAD_S", 0.0)
    assert ring._path is not None
    other = KeyRing(path=ring._path)
    kid = ring.add_key()
    assert other.seal("x", HERE).startswith(f"{kid}.")


def test_rotating_while_others_seal_and_open_fails_nobody(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring_module, "RELOAD_S", 0.0)
    assert ring._path is not None
    problems: list[BaseException] = []
    stop = threading.Event()

    def work(own: KeyRing) -> None:
        try:
            while not stop.is_set():
                assert own.open(own.seal("secret", HERE), HERE) == "secret"
        except BaseException as problem:
            problems.append(problem)

    rings = [ring, *(KeyRing(path=ring._path) for _ in range(3))]
    threads = [threading.Thread(target=work, args=(own,)) for own in rings]
    for thread in threads:
        thread.start()
    for _ in range(20):
        ring.add_key()
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_two_first_starts_end_with_one_ring(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    rings: list[KeyRing] = []
    together = threading.Barrier(8)

    def begin() -> None:
        together.wait()
        rings.append(KeyRing(path=path))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 8
    sealed = rings[0].seal("secret", HERE)
    assert {own.open(sealed, HERE) for own in rings} == {"secret"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["keyring.json"]


def test_a_ring_from_the_environment_serves_and_refuses_to_rotate(
    ring: KeyRing, tmp_path: Path
) -> None:
    assert ring._path is not None
    text = ring._path.read_text()
    given = KeyRing(path=tmp_path / "unused.json", text=text)
    assert given.open(ring.seal("secret", HERE), HERE) == "secret"
    assert not (tmp_path / "unused.json").exists()
    with pytest.raises(SealBroken, match="KEYRING"):
        given.add_key()
    with pytest.raises(SealBroken, match="KEYRING"):
        given.retire_others()


def test_an_environment_ring_never_reads_the_file_beside_it(ring: KeyRing, tmp_path: Path) -> None:
    """A ciphertext of an unknown key must not make it read (or miss) $DATA_DIR/keyring.json."""
    assert ring._path is not None
    other = KeyRing(path=tmp_path / "other.json")
    given = KeyRing(path=tmp_path / "none.json", text=ring._path.read_text())
    foreign = other.seal("x", HERE).replace("k1.", "k7.", 1)
    with pytest.raises(SealBroken):
        given.open(foreign, HERE)


def test_key_ids_are_never_used_again(ring: KeyRing) -> None:
    seen = {"k1"}
    for _ in range(5):
        kid = ring.add_key()
        assert kid not in seen
        seen.add(kid)
        ring.retire_others()
    assert ring._path is not None
    assert list(json.loads(ring._path.read_text())["keys"]) == [kid]
