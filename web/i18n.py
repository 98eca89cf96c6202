"""Languages of the customer pages: the source is Simplified Chinese, English is a translation.

The `.po` files are read once at start; nothing compiled is kept. Merchant and console pages are
Chinese only: without a language the source string stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from babel.messages.pofile import read_po
from flask import Flask, g, has_app_context
from jinja2 import pass_context
from jinja2.runtime import Context

DEFAULT: Final = "zh-CN"
LANGUAGES: Final = (DEFAULT, "en")
TRANSLATIONS: Final = Path(__file__).resolve().parents[1] / "translations"
_WALLET_LANGUAGE: Final = re.compile(r"\bLanguage/([A-Za-z]{2,3})")


def language_of(
    user_agent: str | None, accept_language: str | None, override: str | None = None
) -> str:
    """The payer's choice, then what the wallet says of itself, then the browser; Chinese if unsure.

    Wallets write `Language/zh_CN` (WeChat) or `Language/zh-Hans` (Alipay) into the user agent. A
    language that we do not have (ja, th) reads English, any Chinese reads Simplified.
    """
    if override in LANGUAGES:
        return override
    said = _WALLET_LANGUAGE.search(user_agent or "")
    if said:
        return _nearest(said.group(1))
    preferred = _preferred(accept_language or "")
    return _nearest(preferred) if preferred else DEFAULT


def other_language(language: str) -> str:
    return "en" if language == DEFAULT else DEFAULT


def _nearest(tag: str) -> str:
    return DEFAULT if tag.lower().startswith("zh") else "en"


def _preferred(header: str) -> str:
    """The tag of highest weight in an Accept-Language header; empty if there is none."""
    best, weight = "", 0.0
    for part in header.split(",")[:10]:
        tag, _, quality = part.strip().partition(";")
        value = re.fullmatch(r"\s*q=([01](?:\.\d{1,3})?)\s*", quality)
        this = float(value.group(1)) if value else 1.0
        if re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", tag) and this > weight:
            best, weight = tag, this
    return best


class Catalogs:
    """The translations of all languages, in memory."""

    def __init__(self, by_language: Mapping[str, Mapping[str, str]]) -> None:
        self._by_language = by_language

    @classmethod
    def load(cls, folder: Path = TRANSLATIONS) -> Catalogs:
        files = sorted(folder.glob("*/LC_MESSAGES/messages.po"))
        return cls({path.parent.parent.name: _read(path) for path in files})

    def languages(self) -> list[str]:
        return sorted(self._by_language)

    def gettext(self, text: str, language: str, **values: object) -> str:
        """The text in `language`, or as it stands if untranslated, with `{name}` filled in."""
        said = self._by_language.get(language, {}).get(text, text)
        return said.format(**values) if values else said

    def knows(self, text: str, language: str) -> bool:
        return text in self._by_language.get(language, {})


def _read(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parent.parent.name, abort_invalid=True)
    return {
        str(message.id): str(message.string)
        for message in catalog
        if message.id and message.string and not message.fuzzy
    }


def use_language(language: str) -> None:
    """Set the language of this request, for `_()` in pages that carry none of their own."""
    g.language = language


def current_language() -> str:
    return str(g.get("language", DEFAULT)) if has_app_context() else DEFAULT


def install(app: Flask, catalogs: Catalogs | None = None) -> Catalogs:
    """Give every template `_()`. The language is the page's own `page.lang`, else the request's."""
    loaded = catalogs or Catalogs.load()

    @pass_context
    def translate(context: Context, text: str, **values: object) -> str:
        return loaded.gettext(text, _language_in(context), **values)

    app.jinja_env.globals["_"] = translate
    app.extensions["yima_catalogs"] = loaded
    return loaded


def _language_in(context: Context) -> str:
    page: Any = context.get("page")
    said = context.environment.getattr(page, "lang") if page is not None else None
    return said if isinstance(said, str) else current_language()
