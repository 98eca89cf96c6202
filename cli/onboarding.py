"""`flask provider|merchant|store|code …`: putting real accounts in place without a console.

A secret is read from a file or, with `-`, from standard input; never from an argument, which other
users of the machine could see and the shell would remember.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from errors import AppError
from gateways.money import fen_from_yuan
from models.merchant import PageMode
from models.provider import OaState
from services import onboarding
from services.alipay_grants import exchange, grant_url
from services.credentials import BadCredential, Cleaned, certificate, private_key, public_half, word
from services.credentials import public_key as checked_public_key
from services.onboarding import NewCode, NewMerchant, NewStore, WechatEntry
from services.probe import probe
from web.runtime import deps

provider = AppGroup("provider", help="Service providers and their wallets' credentials.")
merchant = AppGroup("merchant", help="Merchants, and where their money goes.")
store = AppGroup("store", help="Stores of a merchant.")
code = AppGroup("code", help="Pay codes of a store.")

SECRET_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
LARGEST = 64 * 1024


def _option(*names: str, **more: Any) -> Callable[[Any], Any]:
    return click.option(*names, **more)


def _of_provider(command: Any) -> Any:
    return _option("--provider", "out_mch_id", default="", help="out_mch_id; one alone: left out")(
        command
    )


def _file(name: str, what: str, **more: Any) -> Callable[[Any], Any]:
    return _option(f"--{name}-file", type=SECRET_FILE, help=f"{what}; - is stdin", **more)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """A refusal is one sentence and exit 1, not a traceback."""
    try:
        yield
    except AppError as problem:
        raise click.ClickException(str(problem)) from None


def _actor() -> str:
    return f"cli:{getpass.getuser()}"[:64]


def _read(path: str) -> str:
    raw = sys.stdin.buffer.read(LARGEST) if path == "-" else Path(path).read_bytes()[:LARGEST]
    for coding in ("utf-8", "utf-16"):
        try:
            return raw.decode(coding)
        except UnicodeDecodeError:
            continue
    raise click.ClickException(f"{path} is not text")


def _tell(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"put right: {note}", err=True)


def _value(found: Cleaned) -> str:
    _tell(found.notes)
    return found.value


def _say_changed(changed: list[str]) -> None:
    click.echo(f"changed: {', '.join(changed)}" if changed else "nothing changed")


# Providers -------------------------------------------------------------------------------------


@provider.command("add")
@_option("--name", required=True, help="as on the wallets' platforms")
@_option("--out-mch-id", default="", help="an id that printed codes carry already")
def provider_add(name: str, out_mch_id: str) -> None:
    """Add a provider; prints its out_mch_id."""
    with _said_plainly():
        made = onboarding.add_provider(deps(), name=name, out_mch_id=out_mch_id, actor=_actor())
    click.echo(f"out_mch_id {made}")


@provider.command("set-wechat")
@_of_provider
@_option("--sp-mchid", help="the provider's WeChat Pay number")
@_option("--sp-appid", help="AppID of the official account, bound to that number")
@_file("certificate", "apiclient_cert.pem: gives the serial number and checks the key")
@_option("--serial", help="serial number of the API certificate, without its file")
@_file("private-key", "apiclient_key.pem")
@_file("apiv3-key", "the APIv3 key")
@_option("--public-key-id", help="PUB_KEY_ID_…")
@_file("public-key", "WeChat Pay's public key")
@_file("platform-certificate", "a platform certificate, in place of the public key", multiple=True)
@_file("oa-secret", "AppSecret of the official account")
def provider_set_wechat(**given: Any) -> None:
    """Set or change the WeChat side; what is not given stays as it is."""
    with _said_plainly():
        entry = _wechat_entry(given)
        changed = onboarding.set_wechat(deps(), given["out_mch_id"], entry, actor=_actor())
    _say_changed(changed)
    if "apiv3_key" in changed:
        click.echo("the old APIv3 key still opens notifications: `flask provider retire-replaced`")


def _wechat_entry(given: dict[str, Any]) -> WechatEntry:
    facts: dict[str, Any] = {
        name: _value(word(name, given[name]))
        for name in ("sp_mchid", "sp_appid", "public_key_id")
        if given[name]
    }
    secret: dict[str, str] = {}
    if given["private_key_file"]:
        found = private_key("private key", _read(given["private_key_file"]))
        secret["merchant_private_key"] = _value(found)
    serial = _serial(given, secret.get("merchant_private_key"))
    if serial:
        facts["merchant_serial"] = serial
    if secret and not serial:
        raise BadCredential("serial", "a new private key comes with its certificate or serial")
    if given["apiv3_key_file"]:
        secret["apiv3_key"] = _value(word("apiv3_key", _read(given["apiv3_key_file"])))
    if given["public_key_file"]:
        found = checked_public_key("public key", _read(given["public_key_file"]))
        facts["public_key"] = _value(found)
    certificates = []
    for path in given["platform_certificate_file"]:
        made = certificate("platform certificate", _read(path))
        _tell(made.notes)
        certificates.append(made.pem)
    oa_secret = ""
    if given["oa_secret_file"]:
        oa_secret = _value(word("oa_secret", _read(given["oa_secret_file"])))
    return WechatEntry(facts, secret, oa_secret, tuple(certificates))


def _serial(given: dict[str, Any], private_pem: str | None) -> str:
    """From the certificate, which must be of the private key; or as it was typed."""
    typed = _value(word("merchant_serial", given["serial"])) if given["serial"] else ""
    if not given["certificate_file"]:
        return typed
    made = certificate("certificate", _read(given["certificate_file"]))
    _tell(made.notes)
    if typed and typed != made.serial:
        raise BadCredential("serial", "is not the certificate's")
    if private_pem and public_half(private_pem) != made.public_pem:
        raise BadCredential("private key", "does not belong to the certificate")
    return made.serial


@provider.command("set-alipay")
@_of_provider
@_option("--app-id", help="AppID of the third-party app (第三方应用)")
@_option("--pid", help="the provider's own PID: it decides who gets the rebate")
@_file("private-key", "the app's private key")
@_file("public-key", "Alipay's public key (支付宝公钥, not 应用公钥)")
@_option("--yes", is_flag=True, help="do not ask about the PID")
def provider_set_alipay(
    out_mch_id: str,
    app_id: str | None,
    pid: str | None,
    private_key_file: str | None,
    public_key_file: str | None,
    yes: bool,
) -> None:
    """Set or change the Alipay side; what is not given stays as it is."""
    with _said_plainly():
        facts: dict[str, Any] = {}
        secret: dict[str, str] = {}
        if app_id:
            facts["app_id"] = _value(word("alipay_app_id", app_id))
        if pid:
            facts["pid"] = _value(word("pid", pid))
            if not yes:
                click.confirm(
                    f"Alipay pays the rebate to {facts['pid']} for good. Right?", abort=True
                )
        if private_key_file:
            found = private_key("private key", _read(private_key_file))
            secret["app_private_key"] = _value(found)
        if public_key_file:
            found = checked_public_key("public key", _read(public_key_file))
            secret["alipay_public_key"] = _value(found)
        _refuse_own_public_key(secret)
        changed = onboarding.set_alipay(
            deps(), out_mch_id, facts=facts, secret=secret, actor=_actor()
        )
    _say_changed(changed)


def _refuse_own_public_key(secret: dict[str, str]) -> None:
    own, theirs = secret.get("app_private_key"), secret.get("alipay_public_key")
    if own and theirs and public_half(own) == theirs:
        raise BadCredential("public key", "this is the app's own (应用公钥): take 支付宝公钥")


@provider.command("retire-replaced")
@_of_provider
def provider_retire_replaced(out_mch_id: str) -> None:
    """End the overlap of a key change: only the newest of each kind stays live."""
    with _said_plainly():
        gone = onboarding.retire_replaced(deps(), out_mch_id, actor=_actor())
    click.echo(f"retired: {', '.join(gone) or 'nothing'}")


@provider.command("oa-state")
@_of_provider
@click.argument("state", type=click.Choice([state.value for state in OaState]))
def provider_oa_state(out_mch_id: str, state: str) -> None:
    """Say whether the official account can serve payers; else our page explains, not WeChat's."""
    with _said_plainly():
        onboarding.set_oa_state(deps(), out_mch_id, OaState(state), actor=_actor())
    click.echo(f"official account: {state}")


@provider.command("check")
@_of_provider
def provider_check(out_mch_id: str) -> None:
    """Ask both wallets a harmless question for every merchant. Exit 1 if one refuses."""
    with _said_plainly():
        findings = probe(deps(), out_mch_id)
    for found in findings:
        click.echo(f"{found.merchant}  {found.channel}  {found.said}")
    if not all(found.is_fine for found in findings):
        raise SystemExit(1)


# Merchants -------------------------------------------------------------------------------------


@merchant.command("add")
@_of_provider
@_option("--name", required=True, help="as on the WeChat merchant platform")
@_option("--short-name", default="")
@_option("--wechat-sub-mchid", help="the merchant's own WeChat Pay number")
@_option("--out-sub-mch-id", default="", help="an id that existing programs use already")
@_option("--order-prefix", default="", help="8 digits or 10 letters and digits; never changes")
def merchant_add(out_mch_id: str, wechat_sub_mchid: str | None, **given: str) -> None:
    """Add a merchant. Prints its ids and, this once, its authen_key: keep it."""
    with _said_plainly():
        sub = _value(word("sub_mchid", wechat_sub_mchid)) if wechat_sub_mchid else None
        made = onboarding.add_merchant(
            deps(), NewMerchant(out_mch_id, wechat_sub_mchid=sub, **given), actor=_actor()
        )
    click.echo(f"out_sub_mch_id {made.out_sub_mch_id}")
    click.echo(f"order_prefix {made.order_prefix}")
    click.echo(f"authen_key {made.authen_key}")


@merchant.command("set-wechat")
@click.argument("out_sub_mch_id")
@_option("--wechat-sub-mchid", required=True)
def merchant_set_wechat(out_sub_mch_id: str, wechat_sub_mchid: str) -> None:
    """Set where the merchant's WeChat money goes from the next order on."""
    with _said_plainly():
        sub = _value(word("sub_mchid", wechat_sub_mchid))
        onboarding.set_merchant_wechat(deps(), out_sub_mch_id, sub, actor=_actor())
    click.echo(f"wechat_sub_mchid {sub}")


@merchant.command("alipay-link")
@click.argument("out_sub_mch_id")
def merchant_alipay_link(out_sub_mch_id: str) -> None:
    """Print the page where the merchant's owner consents to our Alipay app."""
    with _said_plainly():
        click.echo(grant_url(deps(), out_sub_mch_id))


@merchant.command("set-alipay")
@click.argument("out_sub_mch_id")
@_file("auth-code", "the app_auth_code that came back with the consent, good for 24 hours")
@_file("token", "an app_auth_token, in place of the code; then --pid too")
@_option("--pid", help="the merchant's PID; with a code it is checked against Alipay's answer")
@_option("--replace-pid", is_flag=True, help="the merchant changes to another Alipay account")
def merchant_set_alipay(
    out_sub_mch_id: str,
    auth_code_file: str | None,
    token_file: str | None,
    pid: str | None,
    replace_pid: bool,
) -> None:
    """Keep a merchant's consent: its Alipay money goes to that account from the next order on."""
    if bool(auth_code_file) == bool(token_file):
        raise click.UsageError("give --auth-code-file or --token-file")
    with _said_plainly():
        owner = _value(word("pid", pid)) if pid else ""
        if auth_code_file:
            found = _value(word("auth_code", _read(auth_code_file)))
            grant = exchange(deps(), out_sub_mch_id, found)
            token = grant.app_auth_token
            if owner and owner != grant.pid:
                raise BadCredential("pid", f"Alipay says that {grant.pid} consented")
            owner = grant.pid
        else:
            assert token_file is not None
            token = _value(word("app_auth_token", _read(token_file)))
        if not owner:
            raise BadCredential("pid", "is wanted with a token")
        onboarding.set_merchant_alipay(
            deps(), out_sub_mch_id, pid=owner, token=token, replace_pid=replace_pid, actor=_actor()
        )
    click.echo(f"alipay_pid {owner}")


# Stores and codes ------------------------------------------------------------------------------


class Yuan(click.ParamType):  # type: ignore[type-arg]
    name = "yuan"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        try:
            fen = fen_from_yuan(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)
        return fen


def _clock(typed: str | None) -> time | None:
    if not typed:
        return None
    try:
        return datetime.strptime(typed, "%H:%M").time()
    except ValueError:
        raise click.BadParameter(f"{typed} is not HH:MM") from None


@store.command("add")
@_option("--merchant", "out_sub_mch_id", required=True, help="out_sub_mch_id")
@_option("--name", required=True)
@_option("--branch", "branch_name", default="")
@_option("--out-shop-id", default="", help="an id that old printed codes carry already")
@_option(
    "--page-mode",
    type=click.Choice([mode.value for mode in PageMode]),
    default=PageMode.DEFAULT.value,
)
@_option("--opens", help="HH:MM in China; left out: always open")
@_option("--closes", help="HH:MM in China")
@_option("--min", "min_fen", type=Yuan(), help="smallest payment, yuan")
@_option("--max", "max_fen", type=Yuan(), help="largest payment, yuan")
@_option("--code-name", default="", help="name of the first code, such as 前台")
def store_add(page_mode: str, opens: str | None, closes: str | None, **given: Any) -> None:
    """Add a store with its first pay code; prints the code's link."""
    with _said_plainly():
        new = NewStore(
            page_mode=PageMode(page_mode),
            opens_at=_clock(opens),
            closes_at=_clock(closes),
            **given,
        )
        made = onboarding.add_store(deps(), new, actor=_actor())
    click.echo(f"out_shop_id {made.out_shop_id}\ncode {made.code}\nurl {made.url}")


@code.command("add")
@_option("--store", "out_shop_id", required=True, help="out_shop_id")
@_option("--name", required=True, help="where it stands, such as 12 号桌")
@_option("--price", "unit_price_fen", type=Yuan(), help="yuan: the payer chooses how many")
@_option("--code", "code", default="", help="a code that is printed already")
@_option("--old-person-id", help="id of an old staff code's link")
def code_add(**given: Any) -> None:
    """Add a further pay code; prints its link."""
    with _said_plainly():
        made = onboarding.add_code(deps(), NewCode(**given), actor=_actor())
    click.echo(f"code {made.code}\nurl {made.url}")


@code.command("print")
@click.argument("code")
@click.argument("target", type=click.Path(dir_okay=False, writable=True))
def code_print(code: str, target: str) -> None:
    """Write the QR code of a pay code to an .svg or .png file."""
    import segno

    if not target.endswith((".svg", ".png")):
        raise click.UsageError("the file ends in .svg or .png")
    with _said_plainly():
        url = onboarding.find_code_url(deps(), code)
    segno.make(url, error="m").save(target, scale=12, border=4)
    click.echo(url)


COMMANDS = (provider, merchant, store, code)
