"""/sim/applyments: what WeChat's people and the merchant do with applications; by hand or JSON."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

from flask import Flask, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from simulator.applyment_state import MESSAGES, STATES, Form
from simulator.wechat import applyment
from simulator.world import World

HEAD = (
    "<!doctype html><html lang=zh-CN><meta charset=utf-8>"
    '<meta name=viewport content="width=device-width,initial-scale=1">'
)


def register(app: Flask, world: World) -> None:
    @app.get("/sim/applyments")
    def listed() -> ResponseReturnValue:
        """JSON for programs, a desk with buttons for a browser."""
        with world.lock:
            for form in world.applyments.forms.values():
                applyment.age(world, form)
            forms = list(world.applyments.forms.values())
        if request.accept_mimetypes.best == "text/html":
            return page("进件审核台", "".join(_row(form) for form in forms) or "<p>没有申请</p>")
        return jsonify([dataclasses.asdict(form) for form in forms])

    @app.post("/sim/applyments/<code>")
    def moved(code: str) -> ResponseReturnValue:
        """`{"state", "details"?: [{"field", "field_name", "reject_reason"}]}`, or a form."""
        body: dict[str, Any] = request.get_json(silent=True) or request.form.to_dict()
        state, details = str(body.get("state", "")), body.get("details", [])
        if state not in STATES or not isinstance(details, list):
            return jsonify(code="PARAM_ERROR", message=f"state is one of {', '.join(STATES)}"), 400
        if reason := body.get("reason"):
            field = str(body.get("field", ""))
            details = [{"field": field, "field_name": "", "reject_reason": str(reason)}]
        with world.lock:
            form = world.applyments.forms.get(code)
            if form is None:
                return jsonify(code="APPLYMENT_NOTEXIST", message="no such application"), 404
            applyment.move(world, form, state, details)
            told = dataclasses.asdict(form)
        return redirect("/sim/applyments", 303) if request.form else jsonify(told)

    @app.route("/sim/applyments/sign/<token>", methods=["GET", "POST"])
    def signed(token: str) -> ResponseReturnValue:
        with world.lock:
            form = _by_token(world, token)
            if form is None:
                return page("链接无效", "<p>链接无效或已过期</p>", 404)
            applyment.age(world, form)
            if request.method == "POST":
                _press(world, form)
            body = _signing(form)
        return page("签约", body)


def _by_token(world: World, token: str) -> Form | None:
    forms = world.applyments.forms.values()
    return next((form for form in forms if form.sign_token == token), None)


def _press(world: World, form: Form) -> None:
    """The merchant's own person: first the account is verified, then it is signed."""
    onward = {"TO_BE_CONFIRMED": "TO_BE_SIGNED", "TO_BE_SIGNED": "SIGNING"}
    if form.state in onward:
        applyment.move(world, form, onward[form.state])


def _signing(form: Form) -> str:
    label = {"TO_BE_CONFIRMED": "完成账户验证", "TO_BE_SIGNED": "同意并签约"}.get(form.state)
    button = f"<form method=post><button>{label}</button></form>" if label else ""
    return f"<h2>{html.escape(form.name)}</h2><p>{MESSAGES[form.state]}</p>{button}"


def _row(form: Form) -> str:
    choices = "".join(
        f"<option{' selected' if one == form.state else ''}>{one}</option>" for one in STATES
    )
    return (
        f"<section><h2>{html.escape(form.name)}</h2><p>{html.escape(form.business_code)}"
        f" {form.state} {form.sub_mchid}</p>"
        f'<form method=post action="/sim/applyments/{html.escape(form.business_code)}">'
        f"<select name=state aria-label=状态>{choices}</select>"
        "<input name=field placeholder=驳回的字段 aria-label=驳回的字段>"
        "<input name=reason placeholder=驳回原因 aria-label=驳回原因>"
        "<button>改变状态</button></form></section>"
    )


def page(title: str, body: str, status: int = 200) -> Response:
    answer = Response(f"{HEAD}<title>{title}</title><h1>{title}</h1>{body}", status)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return answer
