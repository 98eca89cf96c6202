"""The key ring: what is sealed opens only where it was sealed, also while keys change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secretbox.ring import KeyRing, SealBroken

HERE = "credential.sealed.1"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(path=tmp_path / "keyring.json")


def test_the_error_names_the_place_and_never_the_secret(ring: KeyRing) -> None:
    with pytest.raises(SealBroken) as refused:
        ring.open(ring.seal("secret-word", HERE), "person.sealed.7")
    assert "person.sealed.7" in str(refused.value)
    assert "secret-word" not in str(refused.value)


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
