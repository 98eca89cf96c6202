"""Every refusal and every note of pasted keys has its words in Chinese; ends are warned of."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta

import pytest

from config.settings import ROOT
from services.configuration import words
from services.credentials import WORDS, BadCredential
from services.health.words import until


def sentences() -> set[str]:
    """The second argument of every BadCredential in the services, its holes filled."""
    found = set()
    for path in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BadCredential"):
                continue
            said = node.args[1]
            if isinstance(said, ast.Constant):
                found.add(str(said.value))
            elif isinstance(said, ast.JoinedStr):
                found |= filled(said)
    return found


def hole(part: ast.expr) -> str:
    assert isinstance(part, ast.FormattedValue)
    return ast.unparse(part.value)


def filled(said: ast.JoinedStr) -> set[str]:
    text = "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{" + hole(part) + "}"
        for part in said.values
    )
    holes = {
        "rule": [rule for _, rule in WORDS.values()],
        "label.lower()": ["private key", "certificate", "rsa public key"],
    }
    made = {text}
    for name in re.findall(r"\{([^}]*)\}", text):
        made = {
            one.replace("{" + name + "}", value) for one in made for value in holes.get(name, ["7"])
        }
    return made


def test_the_sentences_are_found() -> None:
    assert len(sentences()) > 25


@pytest.mark.parametrize("why", sorted(sentences()))
def test_each_refusal_is_said_in_chinese(why: str) -> None:
    problem = BadCredential("apiv3_key", why)
    if "…" not in why and "Alipay says" in why:
        return
    shown = words.said(problem).detail
    assert shown.startswith("APIv3 密钥：")
    assert not re.search(r"[a-z]{4,} [a-z]{2,} ", shown), shown


def test_each_note_is_said_in_chinese() -> None:
    source = (ROOT / "services" / "credentials.py").read_text("utf-8")
    notes = re.findall(r'notes\.append\(f"\{field\}: ([^"]+)"\)', source)
    assert len(notes) == 4
    for one in notes:
        assert words.note(f"public_key: {one}").startswith("微信支付公钥：")


@pytest.mark.parametrize(
    ("left", "level", "part"),
    [
        (timedelta(days=31), "ok", "有效至"),
        (timedelta(days=30), "warn", "30 天"),
        (timedelta(days=7, seconds=1), "warn", "30 天"),
        (timedelta(days=7), "warn", "7 天"),
        (timedelta(days=1), "warn", "1 天"),
        (timedelta(seconds=1), "warn", "1 天"),
        (timedelta(0), "bad", "到期"),
    ],
)
def test_an_end_is_warned_of_thirty_seven_and_one_days_before(
    left: timedelta, level: str, part: str
) -> None:
    now = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
    said = until(now + left, now)
    assert (said.level, part in said.said) == (level, True), said
