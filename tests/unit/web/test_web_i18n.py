import re

import pytest

from tests.unit.web.samples import make_app, pay_form
from web.assets import STATIC
from web.i18n import Catalogs, current_language, language_of, other_language, use_language

TEMPLATES = STATIC.parent / "templates"
ASKED = re.compile(r"\b_\('((?:[^'\\]|\\.)*)'")
# every `_(` must be followed by a literal that the pattern above can read
ANY_CALL = re.compile(r"\b_\(")


def asked() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in TEMPLATES.rglob("*.html"):
        for text in ASKED.findall(path.read_text("utf-8")):
            found.setdefault(text, set()).add(path.name)
    return found


def test_every_string_of_the_customer_pages_has_an_english_translation() -> None:
    catalogs = Catalogs.load()
    assert catalogs.languages() == ["en"]
    assert {text: files for text, files in asked().items() if not catalogs.knows(text, "en")} == {}


def test_no_call_hides_its_string_from_the_test_above() -> None:
    for path in TEMPLATES.rglob("*.html"):
        source = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.S)
        assert len(ANY_CALL.findall(source)) == len(ASKED.findall(source)), path.name


def test_translations_keep_the_placeholders_and_leave_no_chinese() -> None:
    catalogs = Catalogs.load()
    for text in asked():
        english = catalogs.gettext(text, "en")
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", text)), text
        assert not re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", english), english


@pytest.mark.parametrize(
    ("user_agent", "accept", "override", "language"),
    [
        ("MicroMessenger/8.0 Language/zh_CN", "en", None, "zh-CN"),
        ("MicroMessenger/8.0 Language/en", "zh-CN", None, "en"),
        ("AlipayClient/10 Language/zh-Hans", "", None, "zh-CN"),
        ("MicroMessenger/8.0 Language/ja", "", None, "en"),
        ("MicroMessenger/8.0 Language/zh_CN", "", "en", "en"),
        ("MicroMessenger/8.0 Language/en", "", "xx", "en"),
        ("", "en-GB,en;q=0.9,zh;q=0.8", None, "en"),
        ("", "fr;q=0.3, zh-TW;q=0.9", None, "zh-CN"),
        ("", "*", None, "zh-CN"),
        ("", ";;q=,,=", None, "zh-CN"),
        (None, None, None, "zh-CN"),
    ],
)
def test_the_choice_comes_before_the_wallet_and_the_wallet_before_the_browser(
    user_agent: str | None, accept: str | None, override: str | None, language: str
) -> None:
    assert language_of(user_agent, accept, override) == language


def test_the_page_s_own_language_wins_over_the_request_s() -> None:
    app = make_app()
    with app.test_request_context():
        use_language("en")
        assert current_language() == "en"
        assert app.jinja_env.from_string("{{ _('付款') }}").render() == "Pay"
        page = pay_form(lang="zh-CN")
        assert app.jinja_env.from_string("{{ _('付款') }}").render(page=page) == "付款"


def test_an_unknown_string_stands_as_it_is_and_values_are_filled_in() -> None:
    catalogs = Catalogs.load()
    assert catalogs.gettext("没有这一句 {n}", "en", n=3) == "没有这一句 3"
    assert other_language("en") == "zh-CN"
    assert other_language("zh-CN") == "en"
