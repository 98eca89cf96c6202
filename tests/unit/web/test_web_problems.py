import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from itertools import product

import pytest

from config.settings import ROOT
from errors import AppError
from services.codepay.refusals import CodePayRefused
from services.refunds.refusals import RefundRefused
from web.problem_table import TABLE
from web.problems import Problem, problem

WANTED = [
    "OA_SCOPE_DENIED",
    "PROVIDER_OA_NOT_AUTHORIZED",
    "PROVIDER_OA_NOT_VERIFIED",
    "PAY_CODE_PROVIDER_MISMATCH",
    "PAY_CODE_UNBOUND",
    "PAY_CODE_UNKNOWN",
    "STORE_CLOSED",
    "STORE_DISABLED",
    "MERCHANT_DISABLED",
    "PLATFORM_NOT_ENABLED",
    "ALIPAY_TOKEN_INVALID",
    "ORDER_EXPIRED",
    "ORDER_ALREADY_PAID",
    "AMOUNT_TOO_SMALL",
    "AMOUNT_OVER_LIMIT",
    "AMOUNT_INVALID",
    "REMARK_TOO_LONG",
    "OAUTH_FAILED",
    "OAUTH_STATE",
    "OAUTH_CODE_USED",
    "SIGN_INVALID",
    "LINK_EXPIRED",
    "NONCE_REUSED",
    "ORDER_CONFLICT",
    "WALLET_REJECTED",
    "WALLET_BUSY",
    "SYS_BUSY",
    "NET_OFFLINE",
    "PAY_PENDING",
    "USER_CANCEL",
    "PAYER_CHANGED",
    "NOT_FOUND",
    "SYS_ERROR",
    "PAGE_EXPIRED",
    "LINK_INVALID",
    "BROWSER_UNSUPPORTED",
    "CONFLICT",
    "INPUT_INVALID",
    "FORBIDDEN",
]
# said to wallets and operators
ELSEWHERE = {"NOTIFY_INVALID", "CREDENTIAL_INVALID", "CALLBACK_ADDRESS", "INPUT_TOO_LARGE"}
# Refunds and scanned payment codes are the shop's: no payer sees them, and their Chinese words
# stand beside their codes (services/refunds/refusals.py, services/codepay/refusals.py).
OFFICE = (  # so are those
    "people", "stores", "paycodes", "privacy", "oa", "payment_notices",
    # and those of the provider's desk
    "after_payment", "applications", "blank_codes", "configuration", "console", "gold_plan",
    "longjobs", "maidan", "merchants", "recon",
    # and the merchant's devices, deposits and own systems
    "cloudpay", "deposits", "devices",
)  # fmt: skip
SHOPS = ("REFUND_", "CODE_", "CODEPAY_", "REENTRY_", "CARD_CODE_")
FACTS = {
    "opens_at": "10:00",
    "at": "14:32",
    "min": "¥1.00",
    "max": "¥5,000.00",
    "reason": "余额不足",
    "provider": "SP-1024",
    "code_provider": "SP-0977",
}


def words(said: Problem) -> list[str]:
    return [said.title, said.money, *said.steps, *said.staff_steps, said.hint]


@pytest.mark.parametrize("code", WANTED)
def test_every_problem_says_what_to_do_in_both_languages(code: str) -> None:
    assert code in TABLE
    for lang, facts in product(("zh-CN", "en"), ({}, FACTS, {**FACTS, "client": "wechat"})):
        said = problem(code, lang, **facts)
        assert said.code == code
        assert said.title
        assert said.steps
        for text in words(said):
            assert not re.search(r"[{}\[\]!！]|您|请见谅|抱歉|\s{2}|None", text), text


@pytest.mark.parametrize("code", WANTED)
def test_english_has_no_chinese_in_it(code: str) -> None:
    for facts in ({}, {"client": "alipay", "at": "14:32"}):
        for text in words(problem(code, "en", **facts)):
            assert not re.search(r"[\u3000-\u303f\u4e00-\u9fff]", text), text


@pytest.mark.parametrize(
    "code", ["ORDER_ALREADY_PAID", "PAY_PENDING", "NONCE_REUSED", "OAUTH_CODE_USED", "SYS_ERROR"]
)
def test_not_charged_is_never_said_where_it_is_not_certain(code: str) -> None:
    assert problem(code).money == ""
    assert "没有扣款" not in "".join(words(problem(code)))


def test_facts_are_filled_in_and_their_part_left_out_when_unknown() -> None:
    assert problem("STORE_CLOSED", opens_at="10:00").title == "门店休息中，10:00 开始营业"
    assert problem("STORE_CLOSED").title == "门店休息中"
    assert problem("PLATFORM_NOT_ENABLED", client="alipay").title == "商家还没有开通支付宝收款"
    assert problem("PLATFORM_NOT_ENABLED", client="alipay").steps[0] == "改用微信扫同一个码付款。"
    assert problem("AMOUNT_TOO_SMALL").title == "金额至少 ¥0.01"


def test_what_a_wallet_says_is_put_in_as_it_is() -> None:
    said = problem("WALLET_REJECTED", client="wechat", reason="[{max}] {wallet}", max="¥1.00")
    assert said.title == "微信支付没有接受这笔付款：[{max}] {wallet}"


def _codes_in(source: str) -> set[str]:
    """What `PayProblem(…)` is called with, and the `code` of each class."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            calls = [
                call
                for call in ast.walk(node)
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "PayProblem"
            ]
            for call in calls:
                # a code that is not written in the call stands somewhere in the same function
                direct = isinstance(call.args[0], ast.Constant)
                place: ast.AST = call.args[0] if direct else node
                found |= {
                    str(part.value)
                    for part in ast.walk(place)
                    if isinstance(part, ast.Constant)
                    and re.fullmatch(r"[A-Z]{2,}(_[A-Z0-9]+)+", str(part.value))
                }
        if isinstance(node, ast.ClassDef):
            found |= {
                str(line.value.value)
                for line in node.body
                if isinstance(line, ast.Assign)
                and ast.unparse(line.targets[0]) == "code"
                and isinstance(line.value, ast.Constant)
            }
    return found


def test_every_code_of_services_and_blueprints_has_words() -> None:
    files = [ROOT / "errors.py"]
    for folder in ("services", "blueprints"):
        files += (ROOT / folder).rglob("*.py")
    offices = [ROOT / "services" / name for name in OFFICE]
    files = [path for path in files if not any(path.is_relative_to(o) for o in offices)]
    used = {code: path.name for path in files for code in _codes_in(path.read_text("utf-8"))}
    assert {"OA_SCOPE_DENIED", "PAGE_EXPIRED", "WALLET_REJECTED"} <= set(used)
    known = {*TABLE, *ELSEWHERE}
    assert {c: n for c, n in used.items() if c not in known and not c.startswith(SHOPS)} == {}


@pytest.mark.parametrize("refused", [RefundRefused, CodePayRefused])
def test_what_a_shop_is_refused_says_why_and_what_to_do(refused: type[AppError]) -> None:
    kinds = refused.__subclasses__()
    assert len(kinds) >= 3
    for kind in kinds:
        assert kind.code.startswith(SHOPS)
        assert kind.title != refused.title, kind.code
        assert kind.steps, kind.code
        assert kind.steps != refused.steps, kind.code


def _below(kind: type[AppError]) -> Iterator[type[AppError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def test_what_the_back_office_is_refused_says_why_and_what_to_do() -> None:
    for name in OFFICE:
        for path in (ROOT / "services" / name).glob("*.py"):
            import_module(f"services.{name}.{path.stem}")
    places = tuple(f"services.{name}." for name in OFFICE)
    kinds = [kind for kind in _below(AppError) if kind.__module__.startswith(places)]
    assert len(kinds) >= 20
    for kind in kinds:
        if kind.code not in TABLE and not kind.__subclasses__():
            assert kind.title not in ("", AppError.title), kind
            assert kind.steps, kind


def test_a_fact_may_be_called_code() -> None:
    assert problem("PAY_CODE_UNBOUND", "zh-CN", code="9Z9BLK").code == "PAY_CODE_UNBOUND"


def test_an_unknown_code_keeps_its_name_and_speaks_generally() -> None:
    said = problem("SOMETHING_NEW", "xx")
    assert (said.code, said.title) == ("SOMETHING_NEW", problem("SYS_ERROR").title)


def test_the_hint_is_one_line_with_the_money_said_once() -> None:
    assert (
        problem("STORE_DISABLED").hint == "这家门店已停止收款。没有扣款。向店员确认其他付款方式。"
    )
    assert set(problem("SYS_BUSY").as_json()) == {"code", "title", "hint"}
    assert {field.name for field in fields(Problem)} >= {"title", "money", "steps", "staff_steps"}
