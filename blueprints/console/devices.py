"""The register of payment devices: which serial number has which key, and where it is bound."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.console import answers
from errors import AppError
from services.devices import keys
from services.devices.keys import DeviceKeysRefused
from services.stores.reading import name_of
from web.runtime import deps

HOME: Final = "/console/devices"
PAGE: Final = 50
MOST_BYTES: Final = keys.MOST_BYTES + (64 << 10)
SAID: Final = re.compile(r"(\d{1,6})-(\d{1,6})-(\d{1,6})")


def index() -> ResponseReturnValue:
    return _index()


def _index(status: int = 200, **more: Any) -> ResponseReturnValue:
    provider = answers.operator().provider
    begins = request.args.get("sn", "").strip()[:64]
    after = request.args.get("after", "")
    last = int(after) if re.fullmatch(r"[0-9]{1,18}", after) else None
    lines = deps().transact(
        lambda s: keys.listed(s, provider, begins=begins, after=last, most=PAGE + 1)
    )
    return answers.page(
        "console/devices.html", status,
        **{
            "lines": lines[:PAGE], "name_of": name_of, "begins": begins, "is_first": last is None,
            "last": lines[PAGE - 1].key.id if len(lines) > PAGE else None,
            "counts": SAID.fullmatch(request.args.get("done", "")), "problem": None, **more,
        },
    )  # fmt: skip


def form() -> ResponseReturnValue:
    """A fresh code was asked for before this page: a file cannot wait for one."""
    return answers.page("console/devices_register.html", problems={}, most=keys.MOST_ROWS)


def register() -> ResponseReturnValue:
    """From the file, else from what was typed. A key is never sent back to the page."""
    who = answers.operator()
    try:
        found = keys.register(deps(), who.provider, keys.read_lines(_lines()), actor=who.actor)
    except DeviceKeysRefused as problem:
        return answers.form_again(
            "console/devices_register.html", {"lines": problem}, most=keys.MOST_ROWS
        )
    return answers.see(f"{HOME}?done={found.added}-{found.changed}-{found.same}")


def _lines() -> str:
    file = request.files.get("file")
    if file is None or not file.filename:
        return request.form.get("lines", "")
    raw = file.stream.read(keys.MOST_BYTES + 1)
    if len(raw) > keys.MOST_BYTES:
        raise DeviceKeysRefused("文件超过 1 MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DeviceKeysRefused("文件不是 UTF-8 文本：每行一台，序列号和密钥") from problem


def remove() -> ResponseReturnValue:
    who = answers.operator()
    try:
        keys.unregister(deps(), who.provider, request.form.get("sn", "")[:64], actor=who.actor)
    except AppError as problem:
        if problem.status == 404:
            raise
        return _index(409, problem=problem)
    return answers.see(HOME)
