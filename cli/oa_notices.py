"""`flask oa notices`: which template a shop's people are told of payments by."""

from __future__ import annotations

import click

from cli.oa import oa
from cli.onboarding.options import actor, of_provider, option, said_plainly
from services.payment_notices import setting, words
from web.runtime import deps

COMMANDS: tuple[click.Command, ...] = ()  # it is one of `flask oa`


@oa.command("notices")
@of_provider
@option("--template-id", default="", help="tell payments by this template of the account")
@option(
    "--field", "fields", multiple=True, metavar="KEYWORD=SOURCE",
    help="what stands there; guessed where it is left out. Sources: "
    + ", ".join(words.SOURCES) + "; =words for fixed ones",
)  # fmt: skip
@option("--templates", "is_asking", is_flag=True, help="list those that the account has")
@option("--off", is_flag=True, help="tell nobody any more")
def oa_notices(
    out_mch_id: str, template_id: str, fields: tuple[str, ...], is_asking: bool, off: bool
) -> None:
    """Say how payments are told to the shops' people, or change it."""
    if sum((bool(template_id), is_asking, off)) > 1:
        raise click.UsageError("one of --template-id, --templates and --off at a time")
    if fields and not template_id:
        raise click.UsageError("--field belongs to --template-id")
    with said_plainly():
        if off:
            setting.stop(deps(), out_mch_id, actor=actor())
        if template_id:
            setting.use(deps(), out_mch_id, template_id, _given(fields), actor=actor())
        lines = _templates(out_mch_id) if is_asking else _standing(out_mch_id)
    click.echo("\n".join(lines))


def _given(fields: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in fields:
        key, mark, source = one.partition("=")
        if not (key and mark and source):
            raise click.UsageError(f"--field {one}: write KEYWORD=SOURCE")
        found[key] = source
    return found


def _templates(out_mch_id: str) -> list[str]:
    lines = []
    for one in setting.templates(deps(), out_mch_id):
        lines.append(f"{one.template_id} {one.title}")
        guessed = words.guess(one.keys)
        lines += [f"  {key} {label}: {guessed[key]}" for key, label in one.keys]
    return lines or ["the account has no templates: choose one in its console"]


def _standing(out_mch_id: str) -> list[str]:
    found = setting.standing(deps(), out_mch_id)
    if found is None:
        return ["no template is set: nobody is told"]
    sms = "sent" if deps().gateways.sms.is_ready else "written to the log alone (SMS_URL is empty)"
    lines = [
        f"template {found.template_id}{'' if found.is_active else ' (off: nobody is told)'}",
        *(f"  {key}: {source}" for key, source in found.fields.items()),
        f"short messages are {sms}",
    ]
    counted = [f"{state} {count}" for state, count in found.counts.items()]
    return [*lines, f"last day: {', '.join(counted) or 'none'}"]
