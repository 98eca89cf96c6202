"""Each question has its page in both languages, and every error leads to one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from app import create_app
from config.settings import ROOT, load_settings
from services import help as pages
from services.deps import build_deps
from services.health.table import CHECKS
from services.help import parts
from services.help.reading import QUESTIONS, SECTIONS
from web.helping import HERE
from web.problem_table import TABLE

CODE = re.compile(r"`([A-Z][A-Z0-9_]*(?:<\w+>)?)`")
# Questions about what the product has no part for yet (product.md 8): they say so.
NOT_BUILT = {1, 2, *range(9, 14), *range(15, 21), *range(25, 28), 30}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The whole application over a database that nobody asks."""
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url="postgresql+psycopg://nobody@127.0.0.1:9/none",
    )
    return create_app(settings, build_deps(settings))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def question(number: int) -> pages.Page:
    (found,) = [page for page in pages.all_pages() if page.number == number]
    return found


@pytest.mark.parametrize("number", range(1, QUESTIONS + 1))
def test_every_question_is_answered_in_both_languages(client: FlaskClient, number: int) -> None:
    page = question(number)
    assert set(page.words) == set(pages.LANGUAGES)
    assert page.section in SECTIONS
    for lang, words in page.words.items():
        assert len(words.plain) > (50 if lang == "zh" else 120), f"{page.slug}: too little"
        answer = client.get(f"{page.url}?lang={lang}")
        assert answer.status_code == 200
        assert words.title in answer.get_data(as_text=True).replace("&#39;", "'")
        assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in answer.text
    chinese = len(re.findall(r"[\u4e00-\u9fff]", page.words["en"].plain))
    assert chinese < len(page.words["en"].plain) * 0.2, f"{page.slug}: the English is Chinese"
    assert re.search(r"[\u4e00-\u9fff]", page.words["zh"].title)


def test_there_are_no_other_questions() -> None:
    numbers = [page.number for page in pages.all_pages() if page.number is not None]
    assert sorted(numbers) == list(range(1, QUESTIONS + 1))
    slugs = [page.slug for page in pages.all_pages()]
    assert len(set(slugs)) == len(slugs)


def catalogue() -> set[str]:
    """Every code of docs/errors.md, of the customer's table, and of the classes of errors."""
    said = set(TABLE)
    for line in (ROOT / "docs" / "errors.md").read_text("utf-8").splitlines():
        if line.startswith("| `"):
            said |= set(CODE.findall(line.split("|")[1]))
    for path in [ROOT / "errors.py", *(ROOT / "services").rglob("*.py")]:
        said |= _of_classes(path)
    return said


def _of_classes(path: Path) -> set[str]:
    """`code = "…"` in the body of a class that has a `title`: words for a person."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        values = {
            one.targets[0].id: one.value
            for one in node.body
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
        }
        code = values.get("code")
        if "title" in values and isinstance(code, ast.Constant):
            found.add(str(code.value))
    return found


def test_every_code_of_the_catalogue_leads_to_a_page_that_exists(client: FlaskClient) -> None:
    codes = catalogue()
    assert len(codes) > 150
    links = {code: pages.link_for(code) for code in codes}
    lost = sorted(code for code, url in links.items() if url is None)
    assert not lost, f"name them in `codes:` of a page of help/: {lost}"
    for url in sorted({url for url in links.values() if url}):
        assert client.get(url).status_code == 200, url


def test_a_code_is_explained_by_the_page_that_names_it_and_by_one_page_only() -> None:
    named: dict[str, list[str]] = {}
    for page in pages.all_pages():
        for code in page.codes:
            named.setdefault(code, []).append(page.slug)
    assert {code: slugs for code, slugs in named.items() if len(slugs) > 1} == {}
    assert pages.link_for("REFUND_BALANCE") == "/help/refund-balance"
    assert pages.link_for("REFUND_NO_RIGHT") == "/help/refunds"
    assert pages.link_for("ALIPAY_TOKEN_INVALID") == "/help/alipay-token"
    assert pages.link_for("NO_SUCH_CODE") is None


def test_the_literal_codes_of_the_seed_lead_to_their_question() -> None:
    for code, number in {
        "ALIPAY_TOKEN_INVALID": 3, "PLATFORM_NOT_ENABLED": 5, "PROVIDER_OA_NOT_AUTHORIZED": 6,
        "SYNC_RUNNING": 7, "MERCHANT_EXISTS": 8, "REFUND_BALANCE": 14, "AMOUNT_UNCONFIRMED": 16,
        "DEVICE_BOUND": 21, "DEPOSIT_CHANNEL": 22, "DEVICE_QR_FOREIGN": 23, "PRINTER_BOUND": 27,
        "CARD_DISABLED_STORE": 31, "TXN_IMMUTABLE": 32, "STORE_RECENT_TRADE": 33,
        "OA_SCOPE_DENIED": 34, "CARD_TOTAL_CAP": 41, "GP_COOLDOWN": 42,
    }.items():  # fmt: skip
        assert pages.link_for(code) == question(number).url, code


def test_what_is_not_built_says_so_and_stops_saying_so_once_it_is(client: FlaskClient) -> None:
    rules = [rule.rule for rule in client.application.url_map.iter_rules()]
    for page in pages.all_pages():
        for lang, words in (("zh", "还没有做好"), ("en", "is not built yet")):
            said = words in client.get(f"{page.url}?lang={lang}").get_data(as_text=True)
            assert said == (not parts.is_built(page.part, rules)), page.slug
        if page.number in NOT_BUILT:
            assert page.part in parts.PARTS, f"{page.slug}: of which part?"
    assert {page.part for page in pages.all_pages()} - {""} == set(parts.PARTS)
    assert parts.is_built("cashier", ["/", "/cashier/"])
    assert not parts.is_built("cashier", ["/", "/m/cash"])
    assert parts.is_built("api", ["/cpay/<method>"])
    assert not parts.is_built("api", ["/cpay/qrcode_shop"])


def test_every_link_of_the_help_leads_to_a_page_of_ours(app: Flask) -> None:
    adapter, wrong = app.url_map.bind(""), []
    for page in pages.all_pages():
        for lang, words in page.words.items():
            for block in words.blocks:
                for piece in (one for line in block.lines for one in line if one.href):
                    try:
                        endpoint, values = adapter.match(piece.href, "GET")
                    except HTTPException:
                        wrong.append((page.slug, lang, piece.href))
                        continue
                    if endpoint == "help.page" and pages.find(values["slug"]) is None:
                        wrong.append((page.slug, lang, piece.href))
    assert not wrong
    assert not [check.name for check in CHECKS if pages.find(check.help) is None]


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("参数authen_code错误.", "authen-code"),
        ("无效应用授权令牌", "alipay-token"),
        ("子商户已存在", "merchant-exists"),
        ("此公众号并没有这些 scope 的权限，错误码10005", "scope-10005"),
        ("该设备已被绑定，请使用原有设备号或者联系管理员解绑设备", "device-bound"),
        ("系统内部异常", "pos-deposit"),
        ("非法二维码", "green-box"),
        ("本门店禁用会员卡", "card-store-switch"),
        ("Shell.WindowChrome", "window-chrome"),
        ("结算", "settlement"),
        ("ＧＯＬＤ plan", "gold-plan"),
        ("CONSOLE_LOCKED", "console"),
        ("see GP_COOLDOWN on the page", "gold-plan"),
    ],
)
def test_words_of_a_message_find_its_page_first(typed: str, slug: str) -> None:
    assert pages.search(typed)[0].slug == slug


def test_every_page_is_found_by_its_title_in_either_language() -> None:
    for page in pages.all_pages():
        for words in page.words.values():
            assert page in pages.search(words.title)[:3], words.title


def test_what_is_searched_for_is_never_markup(client: FlaskClient) -> None:
    answer = client.get("/help", query_string={"q": '"><script>x</script>'})
    assert "<script>x" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert client.get("/help?q=" + "长" * 5000).status_code == 200
    assert "没有找到" in client.get("/help?q=xyzzy&lang=zh").text
    assert client.get("/help/../errors").status_code == 404


def test_an_error_page_leads_to_its_explanation(client: FlaskClient) -> None:
    for path in ("/no/such/page", "/help/no-such-page"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert f'href="{pages.link_for("NOT_FOUND")}"' in answer.text


def test_the_language_follows_the_browser_and_stays_as_chosen(client: FlaskClient) -> None:
    assert '<html lang="en">' in client.get("/help", headers={"Accept-Language": "en-GB"}).text
    assert '<html lang="zh-CN">' in client.get("/help").text
    chosen = client.get("/help?lang=en", headers={"Accept-Language": "zh-CN"}).text
    assert '<html lang="en">' in chosen
    assert 'href="/help/gold-plan?lang=en"' in chosen


def test_every_question_is_linked_from_where_it_arises(app: Flask) -> None:
    """By an error's code, by a page, or not at all as long as its part is not built."""
    assert set(HERE) <= set(app.view_functions)
    by_page = {slug for slugs in HERE.values() for slug in slugs}
    assert {slug for slug in by_page if pages.find(slug) is None} == set()
    by_code = {pages.link_for(code) for code in catalogue()}
    rules = [rule.rule for rule in app.url_map.iter_rules()]
    for number in range(1, QUESTIONS + 1):
        page = question(number)
        is_linked = page.slug in by_page or page.url in by_code
        assert is_linked or not parts.is_built(page.part, rules), page.slug


def questions_md() -> list[list[str]]:
    text = (ROOT / "docs" / "questions.md").read_text("utf-8")
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if re.match(r"\| \d+ \|", line)
    ]


def test_the_list_of_questions_names_page_place_and_a_test_that_exists() -> None:
    made = set[str]()
    for path in (ROOT / "tests").rglob("test_*.py"):
        made |= set(re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M))
    rows = questions_md()
    assert [int(row[0]) for row in rows] == list(range(1, QUESTIONS + 1))
    for number, _, how, where, test in rows:
        page = question(int(number))
        assert set(how.split()) <= {"P", "D", "E"}, number
        assert f"`{page.url}`" in where, number
        named = re.findall(r"`(test_\w+)`", test)
        assert named, number
        assert set(named) <= made, number
        assert ("not built yet" in where) == bool(page.part), number
