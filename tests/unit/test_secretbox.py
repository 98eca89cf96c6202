"""The key ring: what is sealed opens in its own place only, and keys come and go."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretbox import ring as module
from secretbox.ring import KeyRing, SealBroken

HERE = "credential.sealed.row-1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


@pytest.fixture
def ring(path: Path) -> KeyRing:
    return KeyRing(path=path)


RING_TEXT = json.dumps(
    {
        "primary": "k1",
        "keys": {"k1": base64.b64encode(bytes(range(32))).decode()},
        "index": base64.b64encode(bytes(range(32, 64))).decode(),
    }
)


@given(plain=st.text(max_size=300), place=st.text(max_size=60))
def test_what_is_sealed_opens_in_its_place(plain: str, place: str) -> None:
    ring = KeyRing(text=RING_TEXT)
    assert ring.open(ring.seal(plain, place), place) == plain


def test_a_ciphertext_cannot_move_to_another_row(ring: KeyRing) -> None:
    sealed = ring.seal("secret", HERE)
    with pytest.raises(SealBroken, match="row-2"):
        ring.open(sealed, "credential.sealed.row-2")


@pytest.mark.parametrize("at", [0, 12, -1])
def test_a_changed_byte_does_not_open(ring: KeyRing, at: int) -> None:
    kid, _, body = ring.seal("secret", HERE).partition(".")
    raw = bytearray(base64.b64decode(body))
    raw[at] ^= 1
    with pytest.raises(SealBroken):
        ring.open(f"{kid}.{base64.b64encode(bytes(raw)).decode()}", HERE)


@pytest.mark.parametrize("sealed", ["", "k1", "k1.", "k1.!!", "other.AAAA", "."])
def test_nonsense_does_not_open_and_the_error_holds_no_secret(ring: KeyRing, sealed: str) -> None:
    with pytest.raises(SealBroken) as raised:
        ring.open(sealed, HERE)
    assert "AAAA" not in str(raised.value)


def test_the_same_secret_never_looks_the_same_twice(ring: KeyRing) -> None:
    assert len({ring.seal("secret", HERE) for _ in range(50)}) == 50


def test_the_file_is_for_its_owner_alone(ring: KeyRing, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    ring.add_key()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_start_keeps_the_ring(ring: KeyRing, path: Path) -> None:
    sealed = ring.seal("secret", HERE)
    assert KeyRing(path=path).open(sealed, HERE) == "secret"


def test_two_first_starts_at_once_agree_on_one_ring(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from secretbox.ring import KeyRing;"
    script += f"print(KeyRing(path=Path({str(tmp_path / 'keyring.json')!r})).blind('x', 'y'))"
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert len({process.communicate()[0] for process in running}) == 1


def test_rotation_adds_a_key_then_forgets_the_old_ones(ring: KeyRing) -> None:
    old = ring.seal("secret", HERE)
    assert ring.is_primary(old)
    kid = ring.add_key()
    assert not ring.is_primary(old)
    assert ring.open(old, HERE) == "secret"
    fresh = ring.seal("secret", HERE)
    assert fresh.startswith(f"{kid}.")
    assert ring.retire_others() == ["k1"]
    assert ring.open(fresh, HERE) == "secret"
    with pytest.raises(SealBroken):
        ring.open(old, HERE)


def test_another_process_s_new_key_opens_at_once(ring: KeyRing, path: Path) -> None:
    other = KeyRing(path=path)
    other.add_key()
    assert ring.open(other.seal("secret", HERE), HERE) == "secret"


def test_another_process_s_new_key_seals_after_the_next_look(
    ring: KeyRing, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = KeyRing(path=path)
    kid = other.add_key()
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1))
    later = time.monotonic() + module.RELOAD_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert ring.seal("secret", HERE).startswith(f"{kid}.")


def test_the_blind_index_is_keyed_by_purpose_and_survives_rotation(ring: KeyRing) -> None:
    before = ring.blind("openid", "person")
    assert len(before) == 64
    assert before == ring.blind("openid", "person")
    assert before != ring.blind("openid", "intent")
    assert before != ring.blind("openid2", "person")
    ring.add_key()
    ring.retire_others()
    assert ring.blind("openid", "person") == before


def test_two_rings_share_no_blind_index(tmp_path: Path) -> None:
    one, two = KeyRing(path=tmp_path / "1.json"), KeyRing(path=tmp_path / "2.json")
    assert one.blind("x", "person") != two.blind("x", "person")


def test_a_ring_from_the_environment_writes_no_file_and_rotates_there(tmp_path: Path) -> None:
    ring = KeyRing(path=tmp_path / "keyring.json", text=RING_TEXT)
    assert ring.open(ring.seal("secret", HERE), HERE) == "secret"
    with pytest.raises(SealBroken, match="KEYRING"):
        ring.add_key()
    assert not (tmp_path / "keyring.json").exists()


def test_threads_seal_and_open_while_keys_change(ring: KeyRing) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        try:
            for n in range(100):
                assert ring.open(ring.seal(str(n), HERE), HERE) == str(n)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        ring.add_key()
    for thread in threads:
        thread.join()
    assert problems == []
