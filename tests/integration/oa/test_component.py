"""Our third-party platform: tickets, consent, rotating refresh tokens, and the end of a grant."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests

from errors import AppError, GatewayRejected
from services.oa import grants, health, platform, sweep, tokens
from tests.harness.phone import MAIN, Phone
from tests.harness.places import run
from tests.harness.product import Product
from tests.integration.looking import until
from tests.integration.oa.crowds import asked, provider
from tests.integration.oa.wechat import Pusher, xml

MakePhone = Callable[..., Phone]
ALL = (1, 2, 3, 4, 6, 7, 8, 9, 11, 15)
REFRESH = "/cgi-bin/component/api_authorizer_token"


@dataclass
class Admin:
    """The account's administrator, and the operator of the platform."""

    product: Product
    appid: str
    platform: dict[str, str]

    def link(self) -> str:
        done = run(self.product, "oa", "authorise", "--provider", MAIN)
        assert done.exit_code == 0, done.output
        return done.output.strip()

    def page(self, link: str) -> requests.Response:
        return _get(link)

    def hrefs(self, page: str) -> list[str]:
        found = re.findall(r'href="([^"]*component_appid=[^"]*)"', page)
        assert len(found) == 2, page
        return [html.unescape(one) for one in found]

    def consent(
        self, link: str, *, funcs: tuple[int, ...] = ALL, appid: str = "", in_wechat: bool = False
    ) -> requests.Response:
        """Open WeChat's page from ours, tick the sets, agree, and come back."""
        href = self.hrefs(self.page(link).text)[1 if in_wechat else 0]
        form = _get(href, headers={} if in_wechat else {"Referer": f"{self.product.url}/"}).text
        assert "申请你的公众号权限" in form, form
        sent = {
            name: html.unescape(re.search(rf'name={name} value="([^"]*)"', form)[1])  # type: ignore[index]
            for name in ("pre_auth_code", "redirect_uri")
        }
        data: dict[str, Any] = {**sent, "appid": appid or self.appid, "func": list(funcs)}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                f"{self.product.simulator.url}/sim/oa/consent", data=data, timeout=30
            )

    def authorise(self, *, funcs: tuple[int, ...] = ALL) -> None:
        answer = self.consent(self.link(), funcs=funcs)
        assert "已授权给" in answer.text, answer.text

    def act(self, what: str, **body: Any) -> Any:
        return self.product.simulator.post(f"/sim/oa/{self.appid}/{what}", body)

    def cancel(self) -> None:
        assert self.act("unauthorise")["was_authorised"]
        until(lambda: not self.row().is_authorised)

    def row(self) -> Any:
        return self.product.one("SELECT * FROM official_account")

    def look(self) -> None:
        """The worker's sweep of accounts that are due."""
        for claim in sweep.claim_accounts(self.product.deps, 10):
            sweep.look(self.product.deps, claim)

    def pusher(self) -> Pusher:
        return Pusher(
            f"{self.product.url}/oa/component", self.platform["component_appid"],
            self.platform["token"], self.platform["encoding_aes_key"],
        )  # fmt: skip


def _get(url: str, **more: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=30, **more)


@pytest.fixture
def admin(product: Product, tmp_path: Path) -> Admin:
    """The platform set, and its first ticket here."""
    held = product.simulator.get("/sim/credentials")["component"]
    words = ["oa", "platform", "--appid", held["component_appid"]]
    fields = {
        "secret": "component_appsecret", "push-token": "token", "push-key": "encoding_aes_key",
    }  # fmt: skip
    for name, field in fields.items():
        (tmp_path / name).write_text(held[field])
        words += [f"--{name}-file", str(tmp_path / name)]
    done = run(product, *words)
    assert done.exit_code == 0, done.output
    assert f"{product.url}/oa/component" in done.output
    assert platform.start_tickets_if_late(product.deps)  # as the worker does
    until(lambda: platform.load(product.deps).ticket != "")
    app_id = product.one(
        "SELECT c.facts->>'sp_appid' a FROM channel_account c JOIN provider p ON p.id ="
        " c.provider_id WHERE p.out_mch_id = :m AND c.channel = 'wechat' AND c.kind = 'pay'",
        m=MAIN,
    ).a
    return Admin(product, app_id, held)


def colours(product: Product) -> dict[str, str]:
    return {c.name: c.colour.value for c in health.report(product.deps, MAIN)}


@pytest.mark.parametrize("in_wechat", [False, True])
def test_an_account_is_authorised_and_payers_come_through_the_platform(
    product: Product, admin: Admin, phone: MakePhone, in_wechat: bool
) -> None:
    answer = admin.consent(admin.link(), in_wechat=in_wechat)
    assert "已授权给" in answer.text
    assert answer.url.startswith(f"{product.url}/oa/authorised/")
    row = admin.row()
    assert (row.mode, row.app_id, sorted(row.granted)) == ("component", admin.appid, sorted(ALL))
    assert row.user_name.startswith("gh_")
    account = product.deps.accounts_of(row.provider_id, product.one(
        "SELECT account_version v FROM provider WHERE id = :p", p=row.provider_id).v)  # fmt: skip
    assert account.official is not None
    assert account.official.component_appid == admin.platform["component_appid"]
    assert account.official.secret == ""
    made = phone().pay()
    product.wait_paid(made["out_trade_no"]) if "out_trade_no" in made else product.sweep()
    assert asked(product, "/sns/oauth2/component/access_token") >= 1
    assert asked(product, "/sns/oauth2/access_token") == 0
    found = colours(product)
    assert {found[n] for n in ("网页服务", "群发与通知", "公众号授权", "平台推送")} == {"green"}
    assert tokens.jsapi_ticket(product.deps, row.provider_id)


def test_a_set_that_was_not_ticked_is_red_and_payers_are_told(
    product: Product, admin: Admin, phone: MakePhone
) -> None:
    answer = admin.consent(admin.link(), funcs=(1, 7, 15))
    assert "没有勾选「网页服务」" in answer.text
    assert "OA_SCOPE_DENIED" in phone().scan().text
    found = {c.name: c for c in health.report(product.deps, MAIN)}
    assert found["网页服务"].colour == "red"
    assert "flask oa authorise" in found["网页服务"].remedy
    assert "10005" in found["微信付款入口"].said
    assert found["自定义菜单"].colour == "green"
    admin.authorise()  # again, with all of them
    assert 'name="intent"' in phone().scan().text


def test_a_cancelled_authorisation_in_mid_use_is_said(
    product: Product, admin: Admin, phone: MakePhone
) -> None:
    admin.authorise()
    someone = phone()
    assert 'name="intent"' in someone.scan().text
    tokens.call(product.deps, provider(product), lambda token: token)
    admin.cancel()
    assert "PROVIDER_OA_NOT_AUTHORIZED" in phone("wechat", "zhou").scan().text
    product.simulator.advance(61)  # copies of tokens are over
    with pytest.raises(GatewayRejected) as said:
        tokens.call(product.deps, provider(product), lambda token: token)
    assert said.value.upstream_code == "61003"
    assert admin.row().refresh_sealed is None
    assert colours(product)["公众号授权"] == "red"
    assert [r.action for r in product.sql(
        "SELECT action FROM audit_entry WHERE actor = 'wechat' ORDER BY id")] == [
        "oa_authorised", "oa_unauthorised"]  # fmt: skip


def test_word_that_comes_late_changes_nothing(product: Product, admin: Admin) -> None:
    """The end of an earlier authorisation, delivered after the next one began."""
    admin.authorise()
    old = int(time.time()) - 200
    gone = xml(
        AppId=admin.platform["component_appid"], CreateTime=old, InfoType="unauthorized",
        AuthorizerAppid=admin.appid,
    )  # fmt: skip
    assert admin.pusher().send(gone).text == "success"
    assert admin.row().is_authorised
    admin.look()  # WeChat is asked all the same
    assert admin.row().is_authorised
    assert asked(product, "/cgi-bin/component/api_get_authorizer_info") == 2


def test_a_change_at_wechat_is_looked_at(product: Product, admin: Admin) -> None:
    """`updateauthorized` makes the account due; the answer brings what is granted now."""
    admin.authorise()
    code = grants.begin(product.deps, admin.link().rsplit("/", 1)[1])
    link = re.search(r"pre_auth_code=([^&]+)", code.on_computer)
    assert link is not None
    admin.act(
        "authorise", pre_auth_code=unquote(link[1]), redirect_uri=f"{product.url}/x", funcs=[4, 7]
    )  # agreed, and the browser was closed
    until(lambda: admin.row().due_at <= product.deps.now())
    admin.look()
    assert admin.row().granted == [4, 7]
    assert colours(product)["自定义菜单"] == "red"
    assert tokens.call(product.deps, provider(product), lambda token: token)


def test_another_account_is_not_taken(product: Product, admin: Admin, phone: MakePhone) -> None:
    """Its openids could not pay: WeChat Pay orders with another appid."""
    other = "wx5555555555555555"
    assert other != admin.appid
    answer = admin.consent(admin.link(), appid=other)
    assert answer.status_code == 409
    assert "授权的不是这个服务商的公众号" in answer.text
    assert product.sql("SELECT 1 FROM official_account") == []
    assert 'name="intent"' in phone().scan().text  # the direct way, as before


def test_a_link_serves_once_and_for_an_hour(product: Product, admin: Admin) -> None:
    link = admin.link()
    assert "已授权给" in admin.consent(link).text
    for path in ("authorise", "authorised"):
        answer = admin.page(link.replace("/authorise/", f"/{path}/") + "?auth_code=x")
        assert answer.status_code == 409
        assert "这个授权链接已失效" in answer.text
    late = admin.link()
    product.simulator.advance(3601)
    assert admin.page(late).status_code == 409


def test_a_replayed_code_of_consent_is_refused(product: Product, admin: Admin) -> None:
    back = admin.consent(admin.link()).url
    again = admin.link().replace("/authorise/", "/authorised/") + "?" + back.split("?")[1]
    answer = admin.page(again)
    assert answer.status_code == 409
    assert "61009" in answer.text


@pytest.mark.parametrize("rule", ["grace", "strict", "same"])
def test_each_refresh_brings_the_token_for_the_next(
    product: Product, admin: Admin, rule: str
) -> None:
    admin.authorise()
    product.simulator.switch("wechat.refresh_token", rule)
    before, seen = admin.row().refresh_sealed, set()
    for _ in range(4):
        seen.add(tokens.call(product.deps, provider(product), lambda token: token))
        product.simulator.advance(7201)
    assert len(seen) == 4
    assert admin.row().refresh_sealed != before


def test_a_lost_answer_does_not_lose_the_authorisation(product: Product, admin: Admin) -> None:
    """The refresh token that nobody heard of is in WeChat's list: stored, then used."""
    admin.authorise()
    product.simulator.switch("wechat.refresh_token", "strict")
    product.simulator.fault(REFRESH, "lose_answer")
    assert tokens.call(product.deps, provider(product), lambda token: token)
    assert asked(product, "/cgi-bin/component/api_get_authorizer_list") == 1
    row = admin.row()
    assert row.is_authorised
    product.simulator.advance(7201)
    assert tokens.call(product.deps, provider(product), lambda token: token)


def test_the_platforms_own_dead_token_is_renewed_once(product: Product, admin: Admin) -> None:
    admin.authorise()
    tokens.call(product.deps, provider(product), lambda token: token)
    component = "/cgi-bin/component/api_component_token"
    before = asked(product, component)
    sealed = product.deps.ring.seal(
        "GONE", f"oa_token.sealed.0:component:{admin.platform['component_appid']}"
    )
    product.do("UPDATE oa_token SET sealed = :s, version = version + 1 WHERE kind = 'component'",
               s=sealed)  # fmt: skip
    product.simulator.advance(7201)
    assert tokens.call(product.deps, provider(product), lambda token: token)
    assert asked(product, component) == before + 1


def test_without_tickets_for_twelve_hours_health_is_red(product: Product, admin: Admin) -> None:
    admin.authorise()
    assert colours(product)["平台推送"] == "green"
    product.simulator.switch("wechat.component_push", "off")
    product.simulator.advance(31 * 60)
    assert colours(product)["平台推送"] == "yellow"
    product.simulator.advance(12 * 3600)
    found = {c.name: c for c in health.report(product.deps, MAIN)}["平台推送"]
    assert found.colour == "red"
    assert f"{product.url}/oa/component" in found.remedy
    assert "--start-tickets" in found.remedy
    warnings = product.app.test_client().get("/readyz").get_json()["warnings"]
    assert any("component_verify_ticket" in line for line in warnings)
    with pytest.raises(GatewayRejected) as said:
        tokens.call(product.deps, provider(product), lambda token: token)
    assert said.value.upstream_code == "61005"
    assert admin.page(admin.link()).status_code == 422
    done = run(product, "oa", "platform", "--start-tickets")
    assert done.exit_code == 0, done.output
    until(lambda: colours(product)["平台推送"] == "green")
    product.simulator.advance(4)
    assert tokens.call(product.deps, provider(product), lambda token: token)


def test_a_replayed_ticket_does_not_take_the_newer_ones_place(
    product: Product, admin: Admin
) -> None:
    now = platform.load(product.deps).ticket
    old = xml(
        AppId=admin.platform["component_appid"], CreateTime=int(time.time()) - 120,
        InfoType="component_verify_ticket", ComponentVerifyTicket="ticket@@@old",
    )  # fmt: skip
    assert admin.pusher().send(old).text == "success"
    assert platform.load(product.deps).ticket == now
    forged = Pusher(admin.pusher().url, admin.platform["component_appid"])
    assert forged.send(old).status_code == 401


def test_followers_of_an_account_are_answered_through_the_platform(
    product: Product, admin: Admin
) -> None:
    admin.authorise()
    assert admin.act("follow", person="lin")["told"]
    where = f"/sim/messages?appid={admin.appid}&person=lin"
    until(lambda: product.simulator.get(where))
    assert "商户后台" in str(product.simulator.get(where))
    row = admin.row()
    product.do("UPDATE official_account SET user_name = 'gh_another'")
    answer = Pusher(
        f"{product.url}/oa/component/{row.app_id}", admin.platform["component_appid"],
        admin.platform["token"], admin.platform["encoding_aes_key"],
    ).send(
        xml(ToUserName=row.user_name, FromUserName="oX", CreateTime=int(time.time()),
            MsgType="text", Content="帮助", MsgId="9")
    )  # fmt: skip
    assert answer.status_code == 401  # sealed well, but of another account


def test_no_secret_of_the_platform_is_in_the_clear(product: Product, admin: Admin) -> None:
    admin.authorise()
    tokens.call(product.deps, provider(product), lambda token: token)
    said = "".join(
        str(product.sql(f"SELECT * FROM {table}"))
        for table in ("wechat_component", "official_account", "oa_token", "audit_entry", "lease")
    )
    for secret in ("component_appsecret", "token", "encoding_aes_key"):
        assert admin.platform[secret] not in said
    assert "refreshtoken@@@" not in said
    assert "ticket@@@" not in said


def test_a_grant_that_is_gone_is_found_without_a_push(
    product: Product, admin: Admin, phone: MakePhone
) -> None:
    """The push of the end was lost: the next renewal says 61003, and payers are told."""
    admin.authorise()
    product.simulator.switch("wechat.component_url", f"{product.url}/oa/nowhere")
    assert admin.act("unauthorise")["was_authorised"]
    with pytest.raises(GatewayRejected):
        tokens.call(product.deps, provider(product), lambda token: token)
    assert not admin.row().is_authorised
    assert "PROVIDER_OA_NOT_AUTHORIZED" in phone().scan().text


def test_a_provider_is_put_in_place_without_a_secret(product: Product, admin: Admin) -> None:
    """With a platform the account's secret is nobody's business; until it is authorised, nothing
    is asked of WeChat."""
    product.do(
        "UPDATE credential SET retired_at = now() WHERE account_id IN (SELECT id FROM"
        " channel_account WHERE channel = 'wechat' AND kind = 'oa')"
    )
    done = run(product, "provider", "set-wechat", "--provider", MAIN, "--sp-appid", admin.appid)
    assert done.exit_code == 0, done.output
    product.do("UPDATE provider SET account_version = account_version + 1")
    with pytest.raises(AppError) as said:
        tokens.call(product.deps, provider(product), lambda token: token)
    assert said.value.code == "PROVIDER_OA_NOT_AUTHORIZED"
    admin.authorise()
    assert tokens.call(product.deps, provider(product), lambda token: token)
