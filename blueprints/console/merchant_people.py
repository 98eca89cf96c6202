"""The first people: of a merchant, of the provider, of a sub-provider; and their codes (ACT-2)."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from blueprints.console.merchants import HOME, look
from errors import BadInput
from services.merchants import people
from web.qr import svg_uri
from web.runtime import deps


def show(out_id: str) -> ResponseReturnValue:
    return _page(out_id)


def _page(out_id: str, status: int = 200, **more: Any) -> ResponseReturnValue:
    provider = answers.operator().provider
    found = deps().transact(lambda s: people.owners(s, provider, out_id))
    return answers.page(
        "console/merchant_people.html", status, tab="people", owners=found,
        **{"problems": {}, "typed": {}, **look(out_id), **more},
    )  # fmt: skip


def add(out_id: str) -> ResponseReturnValue:
    who = answers.operator()
    try:
        public_id = people.add_owner(
            deps(), who.provider, out_id, request.form.get("name", ""), actor=who.actor
        )
    except BadInput as problem:
        again: Any = _page(out_id, 422, problems={"name": problem}, typed=request.form)
        again.headers["X-Form-Again"] = "1"
        return again  # type: ignore[no-any-return]
    return _code(public_id, f"{HOME}/{out_id}/people")


def invite(out_id: str) -> ResponseReturnValue:
    return _code(request.form.get("person", "")[:24], f"{HOME}/{out_id}/people")


def admin_add() -> ResponseReturnValue:
    """A person of the provider itself, or of one sub-provider."""
    who, said = answers.operator(), request.form.get("sub_provider", "")
    sub = int(said) if said.isdecimal() and len(said) < 19 else None
    try:
        public_id = people.add_admin(
            deps(), who.provider, request.form.get("person", ""), sub, actor=who.actor
        )
    except BadInput as problem:
        from blueprints.console.sub_providers import page  # it links here

        again: Any = page(422, problems={"person": problem}, typed=request.form)
        again.headers["X-Form-Again"] = "1"
        return again  # type: ignore[no-any-return]
    return _code(public_id, "/console/sub-providers")


def admin_invite() -> ResponseReturnValue:
    return _code(request.form.get("person", "")[:24], "/console/sub-providers")


def _code(public_id: str, back: str) -> ResponseReturnValue:
    """The code is shown to whoever made it, this once."""
    who = answers.operator()
    made = people.invite(deps(), who.provider, public_id, actor=who.actor)
    return answers.page(
        "console/activation_code.html", made=made, qr=svg_uri(made.url), back=back,
    )  # fmt: skip
