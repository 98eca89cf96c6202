"""`flask merchant …`: merchants, and where their money goes."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.onboarding.options import (
    actor,
    from_file,
    of_provider,
    option,
    read_secret,
    said_plainly,
    value,
)
from services import onboarding
from services.alipay_grants import exchange, grant_url
from services.credentials import BadCredential, word
from services.onboarding import NewMerchant
from web.runtime import deps

merchant = AppGroup("merchant", help="Merchants, and where their money goes.")


@merchant.command("add")
@of_provider
@option("--name", required=True, help="as on the WeChat merchant platform")
@option("--short-name", default="")
@option("--wechat-sub-mchid", help="the merchant's own WeChat Pay number")
@option("--out-sub-mch-id", default="", help="an id that existing programs use already")
@option("--order-prefix", default="", help="8 digits or 10 letters and digits; never changes")
def merchant_add(out_mch_id: str, wechat_sub_mchid: str | None, **given: str) -> None:
    """Add a merchant. Prints its ids and, this once, its authen_key: keep it."""
    with said_plainly():
        sub = value(word("sub_mchid", wechat_sub_mchid)) if wechat_sub_mchid else None
        made = onboarding.add_merchant(
            deps(), NewMerchant(out_mch_id, wechat_sub_mchid=sub, **given), actor=actor()
        )
    click.echo(f"out_sub_mch_id {made.out_sub_mch_id}")
    click.echo(f"order_prefix {made.order_prefix}")
    click.echo(f"authen_key {made.authen_key}")


@merchant.command("set-wechat")
@click.argument("out_sub_mch_id")
@option("--wechat-sub-mchid", required=True)
def merchant_set_wechat(out_sub_mch_id: str, wechat_sub_mchid: str) -> None:
    """Set where the merchant's WeChat money goes from the next order on."""
    with said_plainly():
        sub = value(word("sub_mchid", wechat_sub_mchid))
        onboarding.set_merchant_wechat(deps(), out_sub_mch_id, sub, actor=actor())
    click.echo(f"wechat_sub_mchid {sub}")


@merchant.command("alipay-link")
@click.argument("out_sub_mch_id")
def merchant_alipay_link(out_sub_mch_id: str) -> None:
    """Print the page where the merchant's owner consents to our Alipay app."""
    with said_plainly():
        click.echo(grant_url(deps(), out_sub_mch_id))


@merchant.command("set-alipay")
@click.argument("out_sub_mch_id")
@from_file("auth-code", "the app_auth_code that came back with the consent, good for 24 hours")
@from_file("token", "an app_auth_token, in place of the code; then --pid too")
@option("--pid", help="the merchant's PID; with a code it is checked against Alipay's answer")
@option("--replace-pid", is_flag=True, help="the merchant changes to another Alipay account")
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
    with said_plainly():
        owner = value(word("pid", pid)) if pid else ""
        if auth_code_file:
            found = value(word("auth_code", read_secret(auth_code_file)))
            grant = exchange(deps(), out_sub_mch_id, found)
            token = grant.app_auth_token
            if owner and owner != grant.pid:
                raise BadCredential("pid", f"Alipay says that {grant.pid} consented")
            owner = grant.pid
        else:
            assert token_file is not None
            token = value(word("app_auth_token", read_secret(token_file)))
        if not owner:
            raise BadCredential("pid", "is wanted with a token")
        onboarding.set_merchant_alipay(
            deps(), out_sub_mch_id, pid=owner, token=token, replace_pid=replace_pid, actor=actor()
        )
    click.echo(f"alipay_pid {owner}")
