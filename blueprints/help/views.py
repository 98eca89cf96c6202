"""`/help` lists and finds, `/help/<slug>` answers one question."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue

from services import help as pages
from services.help import parts
from services.help.reading import SECTIONS
from web.assets import linked_headers
from web.compress import compress
from web.i18n import DEFAULT, language_of
from web.runtime import deps

bp = Blueprint("help", __name__)
bp.after_request(compress)


@bp.get("/help")
def index() -> ResponseReturnValue:
    """All questions by section, or those that fit what was searched for."""
    typed = request.args.get("q", "").strip()[:200]
    lang = _lang()
    found = pages.search(typed) if typed else []
    grouped = [
        (SECTIONS[key][lang], [page for page in pages.all_pages() if page.section == key])
        for key in SECTIONS
    ]
    return _answer("help/index.html", lang, typed=typed, found=found, grouped=grouped)


@bp.get("/help/<slug>")
def page(slug: str) -> ResponseReturnValue:
    shown = pages.find(slug)
    if shown is None:
        abort(404)
    lang = _lang()
    rules = (rule.rule for rule in current_app.url_map.iter_rules())
    missing = "" if parts.is_built(shown.part, rules) else parts.name_of(shown.part, lang)
    near = [
        one for one in pages.all_pages() if one.section == shown.section and one.slug != shown.slug
    ]
    return _answer(
        "help/page.html", lang,
        page=shown, words=shown.words[lang], missing=missing, near=near,
        section=SECTIONS[shown.section][lang],
    )  # fmt: skip


def _lang() -> str:
    said = request.args.get("lang", "")
    if said in pages.LANGUAGES:
        return said
    asked = language_of(
        request.headers.get("User-Agent"), request.headers.get("Accept-Language"), said
    )
    return "zh" if asked == DEFAULT else "en"


def _answer(template: str, lang: str, **shown: Any) -> Response:
    chosen = lang if request.args.get("lang") in pages.LANGUAGES else ""
    html = render_template(
        template, lang=lang, page_lang="zh-CN" if lang == "zh" else "en",
        keep=f"?lang={chosen}" if chosen else "", simulation=deps().settings.simulation, **shown,
    )  # fmt: skip
    response = make_response(html)
    response.headers.update(linked_headers())
    response.vary.add("Accept-Language")
    return response
