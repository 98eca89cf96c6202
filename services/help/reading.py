"""Pages of the help as they stand in `help/*.md`, read once.

A file begins with its facts, one a line, then the words of each language below `--- zh`, `--- en`:
a title, paragraphs, lists; inside a line only `[a link](/to/a/page)`. `codes` names the error codes
that it explains; one that ends in `*` stands for all that begin so and that no page names exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from config.settings import ROOT

FOLDER: Final = ROOT / "help"
LANGUAGES: Final = ("zh", "en")
QUESTIONS: Final = 42  # of product.md 8; pages without a number stand beside them
_FILE: Final = re.compile(r"(?:(\d\d)-)?([a-z0-9-]+)\.md")
_LINK: Final = re.compile(r"\[([^\]]+)\]\((/[^)\s]*)\)")
_STEP: Final = re.compile(r"\d+\. ")

# section -> its name, in the order of the index
SECTIONS: Final = {
    "asked": {"zh": "常问", "en": "Often asked"},
    "paying": {"zh": "付款页", "en": "Paying"},
    "codes": {"zh": "收款码与公众号", "en": "Pay codes and the official account"},
    "alipay": {"zh": "支付宝", "en": "Alipay"},
    "merchants": {"zh": "商户与进件", "en": "Merchants"},
    "refunds": {"zh": "退款", "en": "Refunds"},
    "orders": {"zh": "交易与门店", "en": "Transactions and stores"},
    "cards": {"zh": "会员卡", "en": "Member cards"},
    "people": {"zh": "账号与人员", "en": "Accounts and people"},
    "api": {"zh": "接口与回调", "en": "Interfaces and callbacks"},
    "cashier": {"zh": "收银台", "en": "Cashier"},
    "devices": {"zh": "机具", "en": "Devices"},
    "printing": {"zh": "打印机与喇叭", "en": "Printers and speakers"},
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; with `href` it leads to a page of ours."""

    text: str
    href: str = ""


Line = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Block:
    kind: Literal["p", "ol", "ul"]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """A page in one language; `plain` is all of it as text, for searching."""

    title: str
    blocks: tuple[Block, ...]
    plain: str


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """`number` is the question's, None for a page about other messages.

    `part` names what the question is about where that may not be built (`parts.py`), "" where it
    is.
    """

    slug: str
    number: int | None
    section: str
    part: str
    codes: tuple[str, ...]
    keywords: str
    words: dict[str, Words]

    @property
    def url(self) -> str:
        return f"/help/{self.slug}"


@cache
def all_pages() -> tuple[Page, ...]:
    """Every page: the questions in their order, then the others by name."""
    found = [_read(path) for path in sorted(FOLDER.glob("*.md"))]
    return tuple(sorted(found, key=lambda page: (page.number or QUESTIONS + 1, page.slug)))


@cache
def _by_slug() -> dict[str, Page]:
    return {page.slug: page for page in all_pages()}


def find(slug: str) -> Page | None:
    return _by_slug().get(slug)


@cache
def link_for(code: str) -> str | None:
    """The path of the page that explains an error code: by its name, else by its longest beginning.

    None for a code that no page names.
    """
    best, longest = None, -1
    for page in all_pages():
        for said in page.codes:
            is_start = said.endswith("*")
            fits = code.startswith(said[:-1]) if is_start else said == code
            weight = len(said) if is_start else 1000
            if fits and weight > longest:
                best, longest = page.url, weight
    return best


def _read(path: Path) -> Page:
    named = _FILE.fullmatch(path.name)
    assert named, f"{path.name}: a page is named [NN-]words.md"
    head, *parts = re.split(r"(?m)^--- (\w\w)\n", path.read_text("utf-8"))
    facts = dict(line.split(": ", 1) for line in head.strip().splitlines())
    unknown = set(facts) - {"section", "part", "codes", "words"}
    assert not unknown, f"{path.name}: {unknown}"
    return Page(
        slug=named[2],
        number=int(named[1]) if named[1] else None,
        section=facts["section"],
        part=facts.get("part", ""),
        codes=tuple(facts.get("codes", "").split()),
        keywords=facts.get("words", ""),
        words={lang: _words(body) for lang, body in zip(parts[::2], parts[1::2], strict=True)},
    )


def _words(body: str) -> Words:
    title, _, rest = body.strip().partition("\n")
    blocks = tuple(_block(part) for part in rest.strip().split("\n\n") if part.strip())
    plain = " ".join(
        "".join(piece.text for piece in line) for block in blocks for line in block.lines
    )
    return Words(title.removeprefix("# "), blocks, plain)


def _block(part: str) -> Block:
    lines = part.strip().splitlines()
    if all(_STEP.match(line) for line in lines):
        return Block("ol", tuple(_line(_STEP.sub("", line, count=1)) for line in lines))
    if all(line.startswith("- ") for line in lines):
        return Block("ul", tuple(_line(line[2:]) for line in lines))
    return Block("p", tuple(_line(line) for line in lines))


def _line(text: str) -> Line:
    pieces, at = [], 0
    for link in _LINK.finditer(text):
        pieces += [Piece(text[at : link.start()]), Piece(link[1], link[2])]
        at = link.end()
    return tuple(piece for piece in (*pieces, Piece(text[at:])) if piece.text)
