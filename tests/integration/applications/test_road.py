"""An application from the first field to the merchant, with everything that may go wrong."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from errors import GatewayRejected
from gateways.wechat_pay import applyment
from gateways.wechat_pay.applyment import ENCRYPTED
from services.applications import checks, retention, wire
from services.applications.fields import BY_PATH, FIELDS, Step
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.applications import forms


def test_from_the_first_field_to_the_merchant(product: Product) -> None:
    console = Console(product, "demo-operator")
    number = forms.begin(console)
    wrong = forms.save(console, number, Step.IDENTITY, card_number="110105194912310021")
    assert wrong.status_code == 422
    assert "校验位不对" in wrong.text
    assert 'value="110105194912310021"' in wrong.text, "what was typed is still there"
    early = console.post(f"/applications/{number}/submit")
    assert early.status_code == 422
    assert "还没有上传" in early.text
    forms.fill(console, number)
    assert console.post(f"/applications/{number}/submit").status_code == 303
    forms.sweep(product)
    assert forms.state(product, number) == "auditing"
    (form,) = forms.upstream(product)
    assert form["opened"]["subject_info.identity_info.id_card_info.id_card_number"] == (
        forms.ID_NUMBER
    )
    assert set(form["opened"].values()) == set(forms.PLANTED)
    assert len(set(form["media"])) == 5

    rejected = {
        "field": "$.subject_info.identity_info.id_card_info.id_card_number",
        "field_name": "身份证号码", "reject_reason": "身份证号码与照片不一致",
    }  # fmt: skip
    forms.move(product, form["business_code"], "REJECTED", rejected)
    product.simulator.advance(601)
    forms.sweep(product)
    assert forms.state(product, number) == "rejected"
    page = html.unescape(console.get(f"/applications/{number}/identity").text)
    at = page.index('id="card_number-msg"')
    assert "身份证号码与照片不一致" in page[at : at + 120], "at the field"
    assert forms.save(console, number, Step.IDENTITY, card_number=forms.OTHER_ID).status_code == 303
    console.post(f"/applications/{number}/submit")
    forms.sweep(product)
    (again,) = forms.upstream(product)
    assert again["applyment_id"] == form["applyment_id"]
    assert again["media"] == form["media"], "no picture went twice"

    forms.move(product, form["business_code"], "TO_BE_SIGNED")
    product.simulator.advance(601)
    forms.sweep(product)
    page = html.unescape(console.get(f"/applications/{number}").text)
    assert 'alt="待签约二维码"' in page
    sign = re.search(r'href="(http[^"]*/sim/applyments/sign/[^"]+)"', page)
    assert sign
    product.simulator.http.post(sign[1], timeout=10)
    product.simulator.advance(61)
    forms.sweep(product)
    assert forms.state(product, number) == "signing"
    product.simulator.advance(1900)
    forms.sweep(product)
    made = product.one("SELECT * FROM merchant WHERE source = 'applyment'")
    row = product.one("SELECT * FROM application WHERE id = :i", i=number)
    assert (row.state, row.merchant_id, row.due_at) == ("finished", made.id, None)
    assert (made.name, made.wechat_sub_mchid, made.needs_setup) == (
        "上海小满面馆", row.sub_mchid, True,
    )  # fmt: skip
    assert made.out_sub_mch_id in console.get(f"/applications/{number}").text
    steps = [
        a.facts["state"]
        for a in product.sql(
            "SELECT facts FROM audit_entry WHERE action = 'application_moved' ORDER BY id"
        )
    ]
    assert steps == ["rejected", "to_be_signed", "signing", "finished"]
    _joins_the_sync_the_day_after(product, row.sub_mchid)
    _goes_by_itself(product, number)


def _joins_the_sync_the_day_after(product: Product, sub_mchid: str) -> None:
    """SYN-3, SYN-5: brought in by an application, it is not made again by a sync."""
    from tests.integration.maidan.test_sync import link, sync

    product.simulator.switch("maidan.count", "0")
    admin = Console(product)
    link(product, admin)
    assert sync(product, admin).counts == {}
    product.simulator.advance(86400)
    admin.sign_in()
    link(product, admin)
    assert sync(product, admin).counts == {"found": 1, "updated": 1}
    found = product.sql("SELECT has_maidan FROM merchant WHERE wechat_sub_mchid = :s", s=sub_mchid)
    assert [row.has_maidan for row in found] == [True]


def _goes_by_itself(product: Product, number: int) -> None:
    assert retention.remove_old(product.deps) == 0
    days = product.deps.settings.application_papers_days
    product.simulator.advance(timedelta(days=days).total_seconds())
    assert retention.remove_old(product.deps) == 1
    assert product.sql("SELECT 1 FROM application_paper") == []
    row = product.one("SELECT * FROM application WHERE id = :i", i=number)
    assert row.private_sealed is None
    assert row.papers_gone_at is not None


@pytest.mark.books_differ
def test_papers_are_for_their_uploader_and_admins_and_lie_sealed(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    admin, operator = Console(product), Console(product, "demo-operator")
    viewer = Console(product, "demo-viewer")
    of_admin, of_operator = forms.begin(admin), forms.begin(operator)
    for number, console in ((of_admin, admin), (of_operator, operator)):
        forms.fill(console, number)
    paper = f"/applications/{of_operator}/papers/card_copy"
    assert operator.get(paper).headers["Content-Type"] == "image/jpeg"
    assert admin.get(paper).status_code == 200
    assert forms.ID_NUMBER in admin.get(f"/applications/{of_operator}/identity").text
    looked = product.sql(
        "SELECT actor FROM audit_entry WHERE action = 'application_paper_looked_at' ORDER BY id"
    )
    assert len(looked) == 2
    for path in (
        f"/applications/{of_admin}/papers/card_copy",
        f"/applications/{of_admin}/identity",
    ):
        answer = operator.get(path)
        assert answer.status_code == 404
        assert forms.ID_NUMBER not in answer.text
    assert operator.post(f"/applications/{of_admin}/submit").status_code == 404
    assert viewer.get(paper).status_code == 403
    for console in (operator, viewer):
        shown = console.get(f"/applications/{of_admin}").text
        assert not [word for word in forms.PLANTED if word in shown]
    admin.post(f"/applications/{of_admin}/submit")
    forms.sweep(product)
    dump = _dump(product) + caplog.text
    assert not [word for word in forms.PLANTED if word in dump]
    kept = product.sql("SELECT content FROM application_paper")
    assert all(b"JFIF" not in bytes(row.content)[:64] for row in kept)


def _dump(product: Product) -> str:
    tables = [
        row.tablename
        for row in product.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]

    def unit(session: object) -> str:
        rows = []
        for table in tables:
            statement = text(f"SELECT to_jsonb(t)::text FROM {table} t")
            rows += session.scalars(statement).all()  # type: ignore[attr-defined]
        return "\n".join(rows)

    return product.deps.transact(unit)


def test_a_lost_answer_makes_no_second_form_and_a_refusal_stands_at_its_field(
    product: Product,
) -> None:
    console = Console(product)
    number = forms.begin(console)
    forms.fill(console, number)
    stale = forms.version(console, number)
    product.simulator.fault("wechat.applyment_media", "drop")
    product.simulator.fault("wechat.applyment_submit", "lose_answer")
    console.post(f"/applications/{number}/submit")
    for _ in range(4):
        forms.sweep(product)
        product.simulator.advance(120)
    assert forms.state(product, number) == "auditing"
    (form,) = forms.upstream(product)
    assert len(form["media"]) == 5
    closed = forms.save(console, number, Step.BANK)
    assert closed.status_code == 409
    assert "APPLICATION_CLOSED" in closed.text
    # WeChat's programs refuse a field: the words stand there
    other = forms.begin(console)
    forms.fill(console, other)
    product.do(
        "UPDATE application SET answers = jsonb_set(answers, '{license_number}', '\"92310101\"')"
        " WHERE id = :i", i=other,
    )  # fmt: skip
    product.do("UPDATE application SET state = 'submitting', due_at = now() WHERE id = :i", i=other)
    forms.sweep(product)
    assert forms.state(product, other) == "editing"
    page = html.unescape(console.get(f"/applications/{other}/subject").text)
    at = page.index('id="license_number-msg"')
    assert "正则表达式" in page[at : at + 400]
    # two people at one form: the second is told, and what was typed is there
    late = forms.save(console, other, Step.BUSINESS, version=stale + "9", short_name="另一个名字")
    assert late.status_code == 422
    assert "APPLICATION_CHANGED" in late.text
    assert "另一个名字" in late.text


def test_sensitive_fields_leave_encrypted_to_either_of_wechats_keys(product: Product) -> None:
    assert {field.path for field in FIELDS if field.path in ENCRYPTED} == ENCRYPTED
    assert all(BY_PATH[path].is_private for path in ENCRYPTED)
    console = Console(product)
    number = forms.begin(console)
    forms.fill(console, number)
    product.do(  # a provider without WeChat's public key: the platform certificate seals
        "UPDATE channel_account SET facts = facts - 'public_key_id' - 'public_key'"
        " WHERE channel = 'wechat' AND kind = 'pay'"
    )
    product.do("UPDATE provider SET account_version = account_version + 1")
    console.post(f"/applications/{number}/submit")
    forms.sweep(product)
    assert forms.state(product, number) == "auditing"
    (form,) = forms.upstream(product)
    assert set(form["opened"].values()) == set(forms.PLANTED)
    version = product.one("SELECT account_version FROM provider WHERE id = 1").account_version
    account = product.deps.accounts_of(1, version).wechat[0]
    body = wire.body("YMplain", forms.VALUES, dict.fromkeys(_pictures(), form["media"][0]))
    client = product.deps.gateways.wechat_applyments._client(account)
    serial, _ = client.sealing_key()
    with pytest.raises(GatewayRejected) as refused:
        client.call("POST", "/v3/applyment4sub/applyment/", body, sealed_by=serial)
    assert "解密失败" in refused.value.upstream_message
    assert refused.value.facts["field"] == "/body/contact_info/contact_name"
    uploads = product.deps.gateways.wechat_applyments
    with pytest.raises(GatewayRejected, match="图片内容与格式不符"):
        uploads.upload(account, "jpg", "0" * 64, b"<svg onload=x>")
    sealed = applyment.sealed(body, client.sealing_key()[1])
    for change, words in (
        ({"whatever": 1}, "未在API文档中定义"),
        ({"business_code": ""}, "字节数 0"),
        ({"bank_account_info": {}}, "必填项"),
    ):
        with pytest.raises(GatewayRejected, match=words):
            client.call("POST", "/v3/applyment4sub/applyment/", sealed | change, sealed_by=serial)


def _pictures() -> list[str]:
    return [field.name for field in FIELDS if field.is_picture]


def test_a_company_is_asked_for_more() -> None:
    from datetime import date

    values = {**forms.VALUES, "subject_type": "SUBJECT_TYPE_ENTERPRISE", "contact_type": "SUPER"}
    missing = checks.before_sending(values, _pictures(), date(2026, 1, 1))
    assert set(missing) == {
        "contact_id_number", "contact_from", "contact_until", "card_address", "account_type",
    }  # fmt: skip
    made = wire.body("YM1", forms.VALUES, {})
    assert "contact_id_number" not in made["contact_info"]
    assert "" not in str(made).split("'")[1::2], "nothing empty is sent"
