"""`flask oa …`: the official account: its tokens, its grant, its menu, its pushes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, from_file, of_provider, option, read_secret, said_plainly
from services.oa import files, grants, health, menu, platform, setting, tokens
from services.oa.renewing import obtain
from services.onboarding.checks import lock_provider
from web.runtime import deps

oa = AppGroup("oa", help="The official account: grant, tokens, menu, pushes.")
COMMANDS = (oa,)


@oa.command("set")
@of_provider
@from_file("push-token", "Token of 服务器配置")
@from_file("push-key", "EncodingAESKey of 服务器配置: pushes are sealed from then on")
@option("--plain", is_flag=True, help="forget the key: pushes come in the clear")
@option("--user-name", default="", help="the account's own name, gh_…")
@option("--verified-until", type=click.DateTime(["%Y-%m-%d"]), help="end of the verification")
def oa_set(
    out_mch_id: str,
    push_token_file: str | None,
    push_key_file: str | None,
    plain: bool,
    user_name: str,
    verified_until: datetime | None,
) -> None:
    """Mode direct: the account's own secret is with us. Prints where WeChat is to push to."""
    until = verified_until.replace(tzinfo=UTC) if verified_until else None
    with said_plainly():
        given = (push_token_file, push_key_file, plain, user_name)
        if until is not None and not any(given):
            setting.set_verified_until(deps(), out_mch_id, until, actor=actor())
            click.echo(f"verified until {until:%F}")
            return
        entry = setting.Entry(_word(push_token_file), _word(push_key_file), plain, user_name, until)
        click.echo(f"push to {setting.set_direct(deps(), out_mch_id, entry, actor=actor())}")


@oa.command("platform")
@option("--appid", "app_id", default="", help="AppID of the third-party platform")
@from_file("secret", "its AppSecret")
@from_file("push-token", "its 消息校验Token")
@from_file("push-key", "its 消息加解密Key")
@option("--start-tickets", is_flag=True, help="ask WeChat to push tickets again")
def oa_platform(
    app_id: str,
    secret_file: str | None,
    push_token_file: str | None,
    push_key_file: str | None,
    start_tickets: bool,
) -> None:
    """Mode component: set our third-party platform, or say how it is."""
    with said_plainly():
        if secret_file or push_token_file or push_key_file:
            token, key = _word(push_token_file), _word(push_key_file)
            setting.checked_push(token, key)
            platform.put(
                deps(), app_id=app_id, secret=_word(secret_file), push_token=token, push_key=key
            )
        found = platform.load(deps(), app_id)
        if start_tickets:
            deps().gateways.wechat_tokens.start_tickets(found.app_id, found.secret)
    base = deps().settings.base_url
    when = f"{found.ticket_at:%F %T}Z" if found.ticket_at else "never"
    click.echo(f"platform {found.app_id}\nlast ticket {when}")
    click.echo(
        f"授权事件接收 URL {base}/oa/component\n消息与事件接收 URL {base}/oa/component/$APPID$"
    )


@oa.command("authorise")
@of_provider
def oa_authorise(out_mch_id: str) -> None:
    """Print the page where the account's administrator grants us rights, good for an hour."""
    with said_plainly():
        click.echo(grants.link(deps(), out_mch_id, actor=actor()))


@oa.command("health")
@of_provider
def oa_health(out_mch_id: str) -> None:
    """Say what works and what does not, with the remedy; exit 1 where something is red."""
    with said_plainly():
        found = health.report(deps(), out_mch_id)
    for check in found:
        click.echo(f"{check.colour.value:6} {check.name}: {check.said}")
        if check.remedy:
            click.echo(f"       {check.remedy}")
    if any(check.colour is health.Colour.RED for check in found):
        raise SystemExit(1)


@oa.command("look")
@of_provider
def oa_look(out_mch_id: str) -> None:
    """Mode component: ask WeChat now what the account grants."""
    with said_plainly():
        grants.look(deps(), _provider_id(out_mch_id))
    click.echo("looked")


@oa.command("refresh")
@of_provider
def oa_refresh(out_mch_id: str) -> None:
    """Take a new token for all processes, whatever the old one's life."""
    with said_plainly():
        asker = tokens.access_asker(deps(), _provider_id(out_mch_id))
        fresh = obtain(deps(), asker, bad=obtain(deps(), asker))
    click.echo(f"a new token, good until {fresh.until_at:%F %T}Z")


@oa.command("menu")
@of_provider
@option("--apply", "is_wanted", is_flag=True, help="make it; without this nothing changes")
def oa_menu(out_mch_id: str, is_wanted: bool) -> None:
    """Show the menu for merchants, and how it differs from what WeChat has."""
    with said_plainly():
        if is_wanted:
            found = menu.apply(deps(), out_mch_id, actor=actor())
        else:
            found = menu.plan(deps(), out_mch_id)
    click.echo("\n".join(["menu", *(f"  {line}" for line in menu.preview(found.buttons))]))
    if found.is_same:
        click.echo("WeChat has this menu")
        return
    click.echo("\n".join(["difference", *found.difference]))
    click.echo("made" if is_wanted else "nothing was changed: --apply makes it")


@oa.command("scene")
@click.argument("scene")
@of_provider
@option("--days", default=30, type=click.IntRange(1, 30), help="life of the code")
def oa_scene(scene: str, out_mch_id: str, days: int) -> None:
    """Print the address inside a code that follows the account and names a scene."""
    seconds = int(timedelta(days=days).total_seconds())
    menus = deps().gateways.wechat_menus
    with said_plainly():
        who = _provider_id(out_mch_id)
        click.echo(tokens.call(deps(), who, lambda token: menus.scene(token, scene, seconds)))


@oa.command("file")
@click.argument("name", default="")
@from_file("content", "what WeChat gave for it")
@option("--remove", is_flag=True, help="serve it no more")
def oa_file(name: str, content_file: str | None, remove: bool) -> None:
    """Serve a verification file at the root; without a name, list them."""
    with said_plainly():
        if remove:
            files.remove(deps(), name)
        elif name:
            if content_file is None:
                raise click.UsageError("give --content-file or --remove")
            files.put(deps(), name, read_secret(content_file))
            click.echo(f"{deps().settings.base_url}/{name}")
        else:
            click.echo("\n".join(files.names(deps())))


def _word(path: str | None) -> str:
    return read_secret(path).strip() if path else ""


def _provider_id(out_mch_id: str) -> int:
    return deps().transact(lambda s: lock_provider(s, out_mch_id)).id
