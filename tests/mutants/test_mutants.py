"""The mutants themselves do not rot: each says what it breaks and still applies to the tree."""

from __future__ import annotations

import re

import pytest

from config.settings import ROOT
from tests.mutants.run import Mutant, apply, read_mutants

MUTANTS = read_mutants()
TOUCHED = {1, 3, 4, 5, 6, 7, 8, 9}  # invariants that the roads of money touch


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_patch_still_applies(mutant: Mutant) -> None:
    assert apply(mutant, ROOT, "--check") == ""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_it_names_exist(mutant: Mutant) -> None:
    files = [word for word in mutant.tests if word.endswith(".py")]
    assert files
    for name in files:
        assert (ROOT / name.partition("::")[0]).is_file(), name


def test_every_invariant_of_the_road_has_a_mutant() -> None:
    numbers = {int(re.match(r"\d+", mutant.breaks)[0]) for mutant in MUTANTS}  # type: ignore[index]
    assert numbers >= TOUCHED
