"""Accounts: set up by link, roles, recovery codes, sessions; no way in skips the second factor."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from models.console import ConsoleRole
from services.console import totp
from services.console.accounts import add_member, add_user
from services.seed import MAIN, OTHER
from tests.harness.console import Console
from tests.harness.product import Product

PASSWORD = "a long sentence to come in"
LINK = re.compile(r"/console/set-up\?key=([A-Za-z0-9_-]{43})")
CODE = re.compile(r'<li class="mono">([0-9a-z-]{19})</li>')


class Person:
    """Somebody with a browser, an authenticator and what he was given."""

    def __init__(self, product: Product, username: str) -> None:
        self.product, self.username = product, username
        self.http = requests.Session()
        self.secret, self.codes = "", list[str]()
        self.password = PASSWORD

    def post(self, path: str, **form: str) -> requests.Response:
        url = f"{self.product.url}/console{path}"
        return self.http.post(url, data=form, timeout=30, allow_redirects=False)

    def get(self, path: str) -> requests.Response:
        return self.http.get(f"{self.product.url}/console{path}", timeout=30, allow_redirects=False)

    def token(self) -> str:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.get("/choose").text)
        assert found
        return found[1]

    def code(self, secret: str = "") -> str:
        """The next one; the clock goes on, so that none is used twice."""
        self.product.simulator.advance(totp.STEP_S)
        return totp.code_of(secret or self.secret, totp.step_of(self.product.deps.now()))

    def set_up(self, key: str, **other: str) -> requests.Response:
        page = self.get(f"/set-up?key={key}").text
        self.secret = enrolled(page)
        form = {
            "key": key, "password": self.password, "again": self.password,
            "sealed": sealed(page), "code": self.code(),
        } | other  # fmt: skip
        answer = self.post("/set-up", **form)
        self.codes = CODE.findall(answer.text)
        return answer

    def is_refused(self, key: str) -> bool:
        """Whether the link is over, for looking and for sending."""
        answers = [self.get(f"/set-up?key={key}"), self.post("/set-up", key=key)]
        return all(a.status_code == 410 and "CONSOLE_SET_UP_OVER" in a.text for a in answers)

    def sign_in(self, **other: str) -> requests.Response:
        form = {"username": self.username, "password": self.password}
        if "recovery" not in other and "otp" not in other:
            form["otp"] = self.code()
        return self.post("/sign-in", **form | other)


def enrolled(page: str) -> str:
    found = re.search(r'class="mono secret">([A-Z2-7 ]+)<', page)
    assert found, page[-800:]
    return found[1].replace(" ", "")


def sealed(page: str) -> str:
    found = re.search(r'name="sealed" value="([^"]+)"', page)
    assert found
    return html.unescape(found[1])


def key_in(answer: requests.Response) -> str:
    found = LINK.search(answer.text)
    assert found, answer.text[-800:]
    return found[1]


def number(product: Product, username: str) -> int:
    found: int = product.one(
        "SELECT m.id FROM console_member m JOIN console_user u ON u.id = m.user_id"
        " JOIN provider p ON p.id = m.provider_id WHERE u.username = :u AND p.out_mch_id = :m",
        u=username, m=MAIN,
    ).id  # fmt: skip
    return found


def audited(product: Product, username: str) -> list[str]:
    return [
        row.action
        for row in product.sql(
            "SELECT e.action FROM audit_entry e JOIN console_user u"
            " ON e.subject = 'console_user:' || u.id WHERE u.username = :u ORDER BY e.id",
            u=username,
        )
    ]


def add(desk: Console, username: str = "lin", role: str = "operator") -> Person:
    """Somebody new, set up."""
    form = {"username": username, "name": "林一", "role": role}
    person = Person(desk.product, username)
    person.set_up(key_in(desk.post("/people/new", form, confirmed=True)))
    return person


def test_somebody_new_comes_in_by_a_link_that_works_once(product: Product) -> None:
    """Added, set up, in: with nothing less than password and second factor at each step."""
    desk = Console(product)
    typed = {"username": "Lin Yi", "name": "林一", "role": "operator"}
    again = desk.post("/people/new", typed, confirmed=True)
    assert (again.status_code, "CONSOLE_USERNAME" in again.text) == (422, True)
    assert 'value="Lin Yi"' in again.text
    assert 'value="operator" checked' in again.text  # nothing typed is lost
    made = desk.post("/people/new", typed | {"username": "lin"})  # the code given is still good
    key = key_in(made)
    assert key not in desk.get("/people").text
    assert "等待设置" in desk.get("/people").text

    lin = Person(product, "lin")
    for wrong, field in (
        ({"password": "short", "again": "short"}, "CONSOLE_PASSWORD_WEAK"),
        ({"again": "something else"}, "CONSOLE_PASSWORD_WEAK"),
        ({"code": "000000"}, "CONSOLE_CODE"),
        ({"sealed": "k1.AAAA"}, "CONSOLE_CODE"),
    ):
        answer = lin.set_up(key, **wrong)
        assert (answer.status_code, field in answer.text) == (422, True), wrong
        assert lin.sign_in(otp="000000").status_code == 401
        product.do("UPDATE console_user SET failed_count = 0")
    product.do("DELETE FROM console_try")
    done = lin.set_up(key)
    assert (done.status_code, len(lin.codes)) == (200, 10)
    assert lin.get("/").headers["Location"].startswith("/console/sign-in")  # it signs nobody in
    used = totp.code_of(lin.secret, totp.step_of(product.deps.now()))
    assert lin.sign_in(otp=used).status_code == 401  # the code that proved it is used up
    assert Person(product, "lin").is_refused(key)
    assert lin.sign_in().status_code == 303
    assert "运营" in lin.get("/").text
    assert lin.get("/people").status_code == 403
    assert audited(product, "lin") == [
        "console_member_added", "console_set_up", "console_signed_in",
    ]  # fmt: skip
    kept = product.sql("SELECT facts::text AS f FROM audit_entry")
    assert not [row for row in kept if "林" in row.f or key in row.f]


def test_the_last_admin_stays_and_nobody_acts_on_himself(product: Product) -> None:
    desk = Console(product)
    me = number(product, "demo")
    for path, form in ((f"/people/{me}/role", {"role": "viewer"}), (f"/people/{me}/switch", {})):
        answer = desk.post(path, form, confirmed=True)
        assert (answer.status_code, "LAST_ADMIN" in answer.text) == (409, True)
    lin = add(desk, role="admin")
    answer = desk.post(f"/people/{me}/switch", {}, confirmed=True)
    assert (answer.status_code, "NOT_YOURSELF" in answer.text) == (409, True)

    # Both take it from the other at the same moment: one of them is told that he may not any more.
    assert lin.sign_in().status_code == 303
    form = {"token": lin.token(), "role": "viewer", "otp": lin.code()}
    mine = {"token": desk.token(), "role": "viewer", "otp": desk.code()}
    with ThreadPoolExecutor(2) as pool:
        theirs = pool.submit(lin.post, f"/people/{me}/role", **form)
        ours = pool.submit(
            desk.http.post, f"{product.url}/console/people/{number(product, 'lin')}/role",
            data=mine, timeout=30, allow_redirects=False,
        )  # fmt: skip
        said = sorted([theirs.result().status_code, ours.result().status_code])
    assert said == [303, 403]
    admins = "SELECT user_id FROM console_member WHERE role = 'admin' AND is_active"
    assert len(product.sql(admins)) == 1


def test_whoever_is_switched_off_is_out_with_the_next_press(product: Product) -> None:
    desk, seen = Console(product), Console(product, "demo-viewer")
    viewer = number(product, "demo-viewer")
    assert seen.get("/").status_code == 200
    role = {"role": "operator"}
    assert desk.post(f"/people/{viewer}/role", role, confirmed=True).status_code == 303
    assert "运营" in seen.get("/").text
    assert desk.post(f"/people/{viewer}/switch", {"on": "0"}, confirmed=True).status_code == 303
    assert seen.get("/", allow_redirects=False).headers["Location"].endswith("/sign-in")
    seen.sign_in()
    assert seen.get("/", allow_redirects=False).headers["Location"] == "/console/choose"
    assert "已停用" in desk.get("/people").text
    assert desk.post(f"/people/{viewer}/switch", {"on": "1"}, confirmed=True).status_code == 303
    seen.sign_in()
    assert seen.get("/").status_code == 200
    actions = audited(product, "demo-viewer")
    changes = ["console_role_set", "console_member_off", "console_member_on"]
    assert [a for a in actions if a in changes] == changes


def test_a_recovery_code_stands_in_once_and_opens_nothing_else(product: Product) -> None:
    """failures 44: with the password only, once, and what wants a fresh code still wants it."""
    desk = Console(product)
    lin, other = add(desk, role="admin"), add(desk, "zhou")
    first, second = lin.codes[:2]
    assert lin.sign_in(recovery=first, password="not the password").status_code == 401
    assert lin.sign_in(recovery=other.codes[0]).status_code == 401
    assert lin.sign_in(recovery="").status_code == 401
    entered = lin.sign_in(recovery=first.upper().replace("-", " "))
    assert entered.headers["Location"] == "/console/me"
    assert "还剩 9 个" in lin.get("/me").text
    again = Person(product, "lin")
    assert again.sign_in(recovery=first).status_code == 401
    form = {"token": lin.token(), "username": "evil", "name": "x", "role": "admin"}
    assert lin.post("/people/new", **form, otp=second).status_code == 401
    assert lin.post("/people/new", **form).status_code == 403

    # The phone is lost: the password and another recovery code bind a new authenticator.
    page = lin.get("/me/second-factor").text
    fresh = enrolled(page)
    form = {"token": lin.token(), "sealed": sealed(page), "password": PASSWORD, "code": second}
    for wrong in ({"password": "no"}, {"code": first}, {"code": "000000"}, {"code": ""}):
        answer = lin.post("/me/second-factor", **form | wrong, new_code=lin.code(fresh))
        assert answer.status_code == 422, wrong
        product.do("UPDATE console_user SET failed_count = 0")
    assert lin.post("/me/second-factor", **form, new_code="000000").status_code == 422
    done = lin.post("/me/second-factor", **form, new_code=lin.code(fresh))
    assert (done.status_code, len(CODE.findall(done.text))) == (200, 10)
    product.do("DELETE FROM console_try")
    assert lin.sign_in().status_code == 401  # the old authenticator
    lin.secret = fresh
    assert lin.sign_in().status_code == 303
    assert lin.sign_in(recovery=lin.codes[5]).status_code == 401  # codes of the time before
    kept = product.sql("SELECT code_hash AS h FROM console_recovery")
    assert not [row for row in kept if row.h in done.text or len(row.h) != 64]


def test_a_session_is_seen_and_ended_and_a_new_password_ends_the_others(product: Product) -> None:
    lin = add(Console(product))
    assert lin.sign_in().status_code == 303
    stolen = Person(product, "lin")
    stolen.secret = lin.secret
    stolen.http.headers["User-Agent"] = "A browser elsewhere"
    assert stolen.sign_in().status_code == 303
    page = lin.get("/me").text
    assert "A browser elsewhere" in page
    handles = re.findall(r'name="session" value="([0-9a-f]+)"', page)
    assert len(handles) == 1
    theirs = stolen.post("/me/sessions/end", token=stolen.token(), session="0" * 24)
    assert theirs.status_code == 404
    ended = lin.post("/me/sessions/end", token=lin.token(), session=handles[0])
    assert ended.status_code == 303
    assert stolen.get("/").status_code == 303
    assert stolen.sign_in().status_code == 303
    new = "another sentence, as long"
    form = {"token": lin.token(), "old": PASSWORD, "new": new, "again": new}
    for wrong in ({"old": "no"}, {"new": "lin", "again": "lin"}, {"again": "x"}, {"code": "1"}):
        answer = lin.post("/me/password", **{**form, "code": lin.code()} | wrong)
        assert answer.status_code == 422, wrong
    assert lin.post("/me/password", **form, code=lin.code()).status_code == 303
    assert lin.get("/").status_code == 200
    assert stolen.get("/").status_code == 303
    assert lin.sign_in().status_code == 401
    lin.password = new
    assert lin.sign_in().status_code == 303


def test_two_changes_at_once_are_two_codes(product: Product) -> None:
    """One code, sent with two forms in the same moment, makes one change."""
    desk = Console(product)
    assert desk.post("/confirm", {"otp": desk.code()}).status_code == 303
    token = desk.token()

    def send(name: str) -> int:
        form = {"token": token, "username": name, "name": name, "role": "viewer"}
        url = f"{product.url}/console/people/new"
        answer = desk.http.post(url, data=form, timeout=30, allow_redirects=False)
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        said = sorted(pool.map(send, [f"same-time-{n}" for n in range(6)]))
    assert said == [200, 403, 403, 403, 403, 403]
    assert len(product.sql("SELECT 1 FROM console_user WHERE username LIKE 'same-time%'")) == 1


def elsewhere(product: Product) -> Person:
    """An admin of another provider."""
    person = Person(product, "stranger")
    person.secret, now = totp.make_secret(), product.deps.now()
    provider = product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=OTHER).id

    def unit(session: Any) -> None:
        user = add_user(
            session, product.deps, username="stranger", name="外人", password=PASSWORD,
            totp_secret=person.secret, now=now,
        )  # fmt: skip
        add_member(session, provider, user.id, ConsoleRole.ADMIN, now)

    product.deps.transact(unit)
    return person


def test_an_account_works_for_two_providers_only_after_its_own_yes(product: Product) -> None:
    desk, person = Console(product), elsewhere(product)
    assert person.sign_in().status_code == 303
    ours = person.get("/choose").text.count(MAIN)
    form = {"username": "stranger", "name": "", "role": "viewer"}
    assert "已经在用" in desk.post("/people/new", form, confirmed=True).text
    twice = desk.post("/people/new", form, confirmed=True)
    assert (twice.status_code, "CONSOLE_MEMBER_EXISTS" in twice.text) == (422, True)
    at = f"/people/{number(product, 'stranger')}"
    reset = desk.post(f"{at}/link", {}, confirmed=True)  # or we could come in as him, over there
    assert (reset.status_code, "CONSOLE_ELSEWHERE" in reset.text) == (409, True)
    assert ours == 0
    assert "同意加入" in person.get("/choose").text
    token = person.token()
    assert person.post("/choose", token=token, provider=MAIN).status_code == 404
    said = person.post("/choose/answer", token=token, provider=MAIN, answer="yes")
    assert said.status_code == 303
    assert person.post("/choose/answer", token=token, provider=MAIN, answer="no").status_code == 404
    assert person.post("/choose", token=token, provider=MAIN).status_code == 303
    page = person.get("/").text
    assert "只读" in page
    assert person.get("/people").status_code == 403
    assert desk.post(f"{at}/link", {}, confirmed=True).status_code == 409
    assert person.post("/choose", token=token, provider=OTHER).status_code == 303
    assert "管理员" in person.get("/").text


def test_an_admin_resets_a_lost_account_and_all_of_the_old_is_over(product: Product) -> None:
    desk = Console(product)
    lin = add(desk)
    assert lin.sign_in().status_code == 303
    old = lin.codes[0]
    at = f"/people/{number(product, 'lin')}"
    key = key_in(desk.post(f"{at}/link", {}, confirmed=True))
    assert lin.get("/").status_code == 303
    assert lin.sign_in().status_code == 401
    assert lin.sign_in(recovery=old).status_code == 401
    newer = key_in(desk.post(f"{at}/link", {}, confirmed=True))
    assert lin.is_refused(key)
    product.simulator.advance(24 * 3600 + 60)
    assert lin.is_refused(newer)
    desk.sign_in()
    lin.password = "the sentence after all this"
    lin.set_up(key_in(desk.post(f"{at}/link", {}, confirmed=True)))
    assert lin.sign_in().status_code == 303


@pytest.fixture
def command(product: Product) -> Any:
    return lambda *words: product.app.test_cli_runner().invoke(args=["console", *words])


def test_the_command_line_makes_the_first_account_and_knows_the_ways_out(
    product: Product, command: Any
) -> None:
    made = command("add-admin", "first", "--name", "林一", "--provider", MAIN)
    assert made.exit_code == 0, made.output
    first = Person(product, "first")
    found = LINK.search(made.output)
    assert found
    assert first.set_up(found[1]).status_code == 200
    assert first.sign_in().status_code == 303
    assert "管理员" in first.get("/").text
    assert command("add-admin", "first").exit_code == 1
    assert "works for" in command("add-admin", "first", "--provider", OTHER).output
    assert "选择服务商" in first.get("/choose").text
    for _ in range(5):
        refused = first.sign_in(otp="000000")
    assert (refused.status_code, "还有 15 分钟" in refused.text) == (429, True)
    assert first.sign_in().status_code == 429
    assert command("unlock", "first").exit_code == 0
    assert first.sign_in().status_code == 303
    reset = LINK.search(command("reset-second-factor", "first").output)
    assert reset
    assert first.get("/").status_code == 303
    assert first.sign_in().status_code == 401
    assert command("reset-second-factor", "nobody").exit_code == 1
    assert first.set_up(reset[1]).status_code == 200
    assert first.sign_in().status_code == 303
    named = [a for a in audited(product, "first") if a.endswith(("_reset", "_unlocked", "_locked"))]
    assert named[-1] == "console_second_factor_reset"
