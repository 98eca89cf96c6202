"""`flask provider …`: service providers and their wallets' credentials."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from cli.onboarding.options import (
    actor,
    from_file,
    of_provider,
    option,
    read_secret,
    said_plainly,
    say_changed,
    tell,
    value,
)
from models.provider import OaState
from services import onboarding
from services.credentials import BadCredential, certificate, private_key, public_half, word
from services.credentials import public_key as checked_public_key
from services.onboarding import WechatEntry
from services.probe import probe
from web.runtime import deps

provider = AppGroup("provider", help="Service providers and their wallets' credentials.")


@provider.command("add")
@option("--name", required=True, help="as on the wallets' platforms")
@option("--out-mch-id", default="", help="an id that printed codes carry already")
def provider_add(name: str, out_mch_id: str) -> None:
    """Add a provider; prints its out_mch_id."""
    with said_plainly():
        made = onboarding.add_provider(deps(), name=name, out_mch_id=out_mch_id, actor=actor())
    click.echo(f"out_mch_id {made}")


@provider.command("set-wechat")
@of_provider
@option("--sp-mchid", help="the provider's WeChat Pay number")
@option("--sp-appid", help="AppID of the official account, bound to that number")
@from_file("certificate", "apiclient_cert.pem: gives the serial number and checks the key")
@option("--serial", help="serial number of the API certificate, without its file")
@from_file("private-key", "apiclient_key.pem")
@from_file("apiv3-key", "the APIv3 key")
@from_file("apiv2-key", "the APIv2 key (APIv2密钥): payment codes want it, and the certificate")
@option("--public-key-id", help="PUB_KEY_ID_…")
@from_file("public-key", "WeChat Pay's public key")
@from_file(
    "platform-certificate", "a platform certificate, in place of the public key", multiple=True
)
@from_file("oa-secret", "AppSecret of the official account")
def provider_set_wechat(**given: Any) -> None:
    """Set or change the WeChat side; what is not given stays as it is."""
    with said_plainly():
        entry = _wechat_entry(given)
        changed = onboarding.set_wechat(deps(), given["out_mch_id"], entry, actor=actor())
    say_changed(changed)
    if "apiv3_key" in changed:
        click.echo("the old APIv3 key still opens notifications: `flask provider retire-replaced`")


def _wechat_entry(given: dict[str, Any]) -> WechatEntry:
    facts: dict[str, Any] = {
        name: value(word(name, given[name]))
        for name in ("sp_mchid", "sp_appid", "public_key_id")
        if given[name]
    }
    secret: dict[str, str] = {}
    if given["private_key_file"]:
        found = private_key("private key", read_secret(given["private_key_file"]))
        secret["merchant_private_key"] = value(found)
    serial, shown = _serial(given, secret.get("merchant_private_key"))
    if serial:
        facts["merchant_serial"], facts["merchant_certificate"] = serial, shown
    if secret and not serial:
        raise BadCredential("serial", "a new private key comes with its certificate or serial")
    if given["apiv3_key_file"]:
        secret["apiv3_key"] = value(word("apiv3_key", read_secret(given["apiv3_key_file"])))
    if given["apiv2_key_file"]:
        secret["apiv2_key"] = value(word("apiv2_key", read_secret(given["apiv2_key_file"])))
    if given["public_key_file"]:
        found = checked_public_key("public key", read_secret(given["public_key_file"]))
        facts["public_key"] = value(found)
    certificates = []
    for path in given["platform_certificate_file"]:
        made = certificate("platform certificate", read_secret(path))
        tell(made.notes)
        certificates.append(made.pem)
    oa_secret = ""
    if given["oa_secret_file"]:
        oa_secret = value(word("oa_secret", read_secret(given["oa_secret_file"])))
    return WechatEntry(facts, secret, oa_secret, tuple(certificates))


def _serial(given: dict[str, Any], private_pem: str | None) -> tuple[str, str]:
    """The serial number and the certificate, which must be of the private key; or the number as it
    was typed, and no certificate: an older one would be another key's."""
    typed = value(word("merchant_serial", given["serial"])) if given["serial"] else ""
    if not given["certificate_file"]:
        return typed, ""
    made = certificate("certificate", read_secret(given["certificate_file"]))
    tell(made.notes)
    if typed and typed != made.serial:
        raise BadCredential("serial", "is not the certificate's")
    if private_pem and public_half(private_pem) != made.public_pem:
        raise BadCredential("private key", "does not belong to the certificate")
    return made.serial, made.pem


@provider.command("set-alipay")
@of_provider
@option("--app-id", help="AppID of the third-party app (第三方应用)")
@option("--pid", help="the provider's own PID: it decides who gets the rebate")
@from_file("private-key", "the app's private key")
@from_file("public-key", "Alipay's public key (支付宝公钥, not 应用公钥)")
@option("--yes", is_flag=True, help="do not ask about the PID")
def provider_set_alipay(
    out_mch_id: str,
    app_id: str | None,
    pid: str | None,
    private_key_file: str | None,
    public_key_file: str | None,
    yes: bool,
) -> None:
    """Set or change the Alipay side; what is not given stays as it is."""
    with said_plainly():
        facts: dict[str, Any] = {}
        secret: dict[str, str] = {}
        if app_id:
            facts["app_id"] = value(word("alipay_app_id", app_id))
        if pid:
            facts["pid"] = value(word("pid", pid))
            if not yes:
                click.confirm(
                    f"Alipay pays the rebate to {facts['pid']} for good. Right?", abort=True
                )
        if private_key_file:
            found = private_key("private key", read_secret(private_key_file))
            secret["app_private_key"] = value(found)
        if public_key_file:
            found = checked_public_key("public key", read_secret(public_key_file))
            secret["alipay_public_key"] = value(found)
        _refuse_own_public_key(secret)
        changed = onboarding.set_alipay(
            deps(), out_mch_id, facts=facts, secret=secret, actor=actor()
        )
    say_changed(changed)


def _refuse_own_public_key(secret: dict[str, str]) -> None:
    own, theirs = secret.get("app_private_key"), secret.get("alipay_public_key")
    if own and theirs and public_half(own) == theirs:
        raise BadCredential("public key", "this is the app's own (应用公钥): take 支付宝公钥")


@provider.command("retire-replaced")
@of_provider
def provider_retire_replaced(out_mch_id: str) -> None:
    """End the overlap of a key change: only the newest of each kind stays live."""
    with said_plainly():
        gone = onboarding.retire_replaced(deps(), out_mch_id, actor=actor())
    click.echo(f"retired: {', '.join(gone) or 'nothing'}")


@provider.command("oa-state")
@of_provider
@click.argument("state", type=click.Choice([state.value for state in OaState]))
def provider_oa_state(out_mch_id: str, state: str) -> None:
    """Say whether the official account can serve payers; else our page explains, not WeChat's."""
    with said_plainly():
        onboarding.set_oa_state(deps(), out_mch_id, OaState(state), actor=actor())
    click.echo(f"official account: {state}")


@provider.command("check")
@of_provider
def provider_check(out_mch_id: str) -> None:
    """Ask both wallets a harmless question for every merchant. Exit 1 if one refuses."""
    with said_plainly():
        findings = probe(deps(), out_mch_id)
    for found in findings:
        click.echo(f"{found.merchant}  {found.channel}  {found.said}")
    if not all(found.is_fine for found in findings):
        raise SystemExit(1)
