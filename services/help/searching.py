"""Finding pages of the help by words: Chinese by pairs of characters, the rest by words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

from services.help.reading import Page, all_pages, link_for

LONGEST: Final = 200  # of what is searched for, in characters
_RUN: Final = re.compile(r"[\u4e00-\u9fff]+|[a-z0-9_.]+")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{3,}")
TITLE, KEYWORD, BODY = 4.0, 3.0, 1.0


def search(typed: str, most: int = 20) -> list[Page]:
    """The best pages first; [] where nothing fits. An error code finds the page about it."""
    wanted = _terms(_plain(typed[:LONGEST]))
    explained = {link_for(code) for code in _CODE.findall(typed[:LONGEST].upper())}
    scored = []
    for page in all_pages():
        score = sum(weight * _found(wanted, text) for weight, text in _texts(page))
        if page.url in explained:
            score += 1000
        if score > 0:
            scored.append((-score, page.number or 99, page.slug, page))
    scored.sort(key=lambda one: one[:3])
    best = -scored[0][0] if scored else 0.0
    return [page for score, *_, page in scored if -score >= best * 0.25][:most]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _terms(text: str) -> frozenset[str]:
    """Pairs of Chinese characters (one alone where there is but one), and words."""
    terms: set[str] = set()
    for run in _RUN.findall(text):
        if "\u4e00" <= run[0] <= "\u9fff":
            terms |= {run[i : i + 2] for i in range(len(run) - 1)} or {run}
        else:
            terms.add(run.strip("."))
    return frozenset(terms - {""})


def _found(wanted: frozenset[str], text: frozenset[str]) -> float:
    """How much of what is wanted is there; rare terms are not told from common ones."""
    return len(wanted & text) / len(wanted) if wanted else 0.0


@cache
def _texts(page: Page) -> tuple[tuple[float, frozenset[str]], ...]:
    titles = " ".join(words.title for words in page.words.values())
    bodies = " ".join(words.plain for words in page.words.values())
    return (
        (TITLE, _terms(_plain(titles))),
        (KEYWORD, _terms(_plain(page.keywords))),
        (BODY, _terms(_plain(bodies))),
    )
