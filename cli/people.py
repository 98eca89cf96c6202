"""`flask people …`: the first people of a provider or merchant, and their activation codes."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.onboarding.options import actor, of_provider, said_plainly
from services.people import first
from web.runtime import deps

people = AppGroup("people", help="People: the first admins, activation codes, ending a role.")


@people.command("list")
@click.argument("out_sub_mch_id")
def list_people(out_sub_mch_id: str) -> None:
    """A merchant's people: public id, role, store, state, rights, name."""
    with said_plainly():
        for line in first.listed(deps(), out_sub_mch_id):
            words = (line.public_id, line.role, line.place or "-", line.state, line.rights)
            click.echo("  ".join((*words, line.name)))


@people.command("add-owner")
@click.argument("out_sub_mch_id")
@click.argument("name")
def add_owner(out_sub_mch_id: str, name: str) -> None:
    """A merchant's admin with every right; prints the code that activates him."""
    with said_plainly():
        _tell(first.add_owner(deps(), out_sub_mch_id, name, actor=actor()))


@people.command("add-admin")
@click.argument("name")
@of_provider
@click.option("--sub-provider", type=int, default=None, help="of this sub-provider's merchants")
def add_admin(name: str, out_mch_id: str, sub_provider: int | None) -> None:
    """A person of the provider, who acts in all its merchants; prints the code."""
    with said_plainly():
        _tell(first.add_admin(deps(), out_mch_id, name, sub_provider, actor=actor()))


@people.command("invite")
@click.argument("public_id")
def invite(public_id: str) -> None:
    """A fresh activation code for somebody who waits; an older one is over."""
    with said_plainly():
        _tell(public_id)


@people.command("remove")
@click.argument("public_id")
def remove(public_id: str) -> None:
    """End anybody's role at once, even the last admin's."""
    with said_plainly():
        first.remove(deps(), public_id, actor=actor())
    click.echo(f"{public_id} removed")


def _tell(public_id: str) -> None:
    made = first.invite(deps(), public_id, actor=actor())
    digits = f"{made.code.digits[:3]} {made.code.digits[3:]}"
    click.echo(f"{public_id}\nopen in WeChat, once, within 30 minutes: {made.url}")
    click.echo(f"or type the six digits under 激活身份: {digits}")


COMMANDS = (people,)
