"""What stops a payer, in words: a code of the table with its facts filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from web.i18n import DEFAULT
from web.problem_table import TABLE


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in words, for a page or for the pay page's script."""

    code: str
    lang: str
    title: str
    money: str
    steps: tuple[str, ...]
    staff_title: str
    staff_steps: tuple[str, ...]
    action: str
    refresh_s: int | None

    @property
    def hint(self) -> str:
        """One line for the place under the amount: what happened, money, the first thing to do."""
        stop, gap = ("。", "") if self.lang == DEFAULT else (".", " ")
        title = self.title if self.title.endswith(stop) else self.title + stop
        money = "" if self.money.rstrip("。.") in self.title else self.money
        return gap.join(part for part in (title, money, *self.steps[:1]) if part)

    def as_json(self) -> dict[str, str]:
        """The value of `error` in an answer to the pay page's script."""
        return {"code": self.code, "title": self.title, "hint": self.hint}


_NOT_CHARGED: Final = {DEFAULT: "没有扣款。", "en": "You were not charged."}
_STAFF_TITLE: Final = {DEFAULT: "店员可以", "en": "For staff"}
_TELL_PROVIDER: Final = {
    DEFAULT: "店员请转告服务商",
    "en": "Staff, please tell your service provider",
}
_RETRY: Final = {DEFAULT: "重试", "en": "Try again"}
_SEE_RESULT: Final = {DEFAULT: "查看结果", "en": "See the result"}
_WALLETS: Final = {
    "wechat": {DEFAULT: "微信支付", "en": "WeChat Pay"},
    "alipay": {DEFAULT: "支付宝", "en": "Alipay"},
}
_OTHER_WALLET: Final = {"wechat": "alipay", "alipay": "wechat"}
_APPS: Final = {
    "wechat": {DEFAULT: "微信", "en": "WeChat"},
    "alipay": {DEFAULT: "支付宝", "en": "Alipay"},
}
_DEFAULTS: Final = {"min": "¥0.01"}
_FILLERS: Final[Mapping[str, Mapping[str, str]]] = {
    "wallet": {DEFAULT: "钱包", "en": "your wallet"},
    "app": {DEFAULT: "钱包", "en": "your wallet"},
    "other_app": {DEFAULT: "另一个钱包", "en": "the other wallet"},
}


def problem(code: str, lang: str = DEFAULT, /, **facts: object) -> Problem:
    """The approved words for `code`; an unknown code speaks as SYS_ERROR and keeps its own name.

    Facts: `client` ("wechat" or "alipay": fills `wallet`, `app`, `other_app`), `opens_at`, `at`,
    `min`, `max` (money as text), `reason` (the wallet's own words), `provider`, `code_provider`.
    """
    lang = lang if lang in _NOT_CHARGED else DEFAULT
    entry = TABLE.get(code, TABLE["SYS_ERROR"])
    said = entry.zh if lang == DEFAULT else entry.en
    known = _facts(lang, facts)
    staff_title = (_TELL_PROVIDER if entry.tell_provider else _STAFF_TITLE)[lang]
    return Problem(
        code=code,
        lang=lang,
        title=_fill(said.title, known, lang),
        money=_NOT_CHARGED[lang] if entry.not_charged else "",
        steps=tuple(_fill(step, known, lang) for step in said.steps),
        staff_title=staff_title if said.staff else "",
        staff_steps=tuple(_fill(step, known, lang) for step in said.staff),
        action=(_SEE_RESULT if entry.see_result else _RETRY)[lang],
        refresh_s=entry.refresh_s,
    )


def _facts(lang: str, facts: Mapping[str, object]) -> dict[str, str]:
    known = {name: str(value) for name, value in facts.items() if value not in (None, "")}
    client = known.pop("client", "")
    if client in _WALLETS:
        names = {
            "wallet": _WALLETS[client][lang],
            "app": _APPS[client][lang],
            "other_app": _APPS[_OTHER_WALLET[client]][lang],
        }
        known = names | known
    return _DEFAULTS | known


def _fill(text: str, known: Mapping[str, str], lang: str) -> str:
    """Fill in the facts. A bracketed part whose fact is missing goes, or takes its plain word."""

    def optional(match: re.Match[str]) -> str:
        part = match[1]
        values = dict(known)
        for name in re.findall(r"\{(\w+)\}", part):
            if name not in values and name in _FILLERS:
                values[name] = _FILLERS[name][lang]
            if name not in values:
                return ""
        return _put(part, values)

    # values go in last and once: what a wallet says may itself hold brackets or braces
    pieces = re.split(r"(\[[^\]]*\])", text)
    filled = (
        re.sub(r"\[([^\]]*)\]", optional, piece) if piece.startswith("[") else _put(piece, known)
        for piece in pieces
    )
    sentence = "".join(filled)
    return sentence[:1].upper() + sentence[1:] if lang == "en" else sentence


def _put(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], ""), text)
