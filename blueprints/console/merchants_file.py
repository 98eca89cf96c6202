"""Merchants from an Excel file: looked at as a long job first, then imported whole."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console import answers
from errors import AppError
from models.merchant import MerchantFile
from services import longjobs
from services.merchants import importing, sheet
from services.merchants.problems import FileRefused
from web.files import as_xlsx
from web.runtime import deps

MOST_BYTES = sheet.MOST_BYTES + (64 << 10)


def form() -> ResponseReturnValue:
    return _page()


def _page(status: int = 200, problem: AppError | None = None) -> ResponseReturnValue:
    provider = answers.operator().provider

    def unit(session: Session) -> list[tuple[longjobs.Job, MerchantFile | None]]:
        jobs = longjobs.newest(session, provider, importing.KIND, most=8)
        return [(job, session.get(MerchantFile, (provider, job.facts["file"]))) for job in jobs]

    found: Any = deps().transact(unit)
    return answers.page(
        "console/merchants_file.html", status, jobs=found, problem=problem,
        columns=list(sheet.COLUMNS), most_rows=sheet.MOST_ROWS, most_mb=sheet.MOST_BYTES >> 20,
    )  # fmt: skip


def send() -> ResponseReturnValue:
    who, file = answers.operator(), request.files.get("file")
    try:
        if file is None or not file.filename:
            raise FileRefused("先选择一个 Excel 文件（.xlsx）")
        content = file.stream.read(sheet.MOST_BYTES + 1)
        job = importing.upload(deps(), who.provider, content, actor=who.actor)
    except AppError as problem:
        return _page(422, problem)
    return answers.see(f"/console/jobs/{job}")


def apply() -> ResponseReturnValue:
    who = answers.operator()
    try:
        job = importing.apply(
            deps(), who.provider, request.form.get("file", "")[:24], actor=who.actor
        )
    except FileRefused as problem:
        return _page(422, problem)
    return answers.see(f"/console/jobs/{job}")


def template() -> ResponseReturnValue:
    """An empty sheet with the names of the columns and one row as an example."""
    return as_xlsx("merchants.xlsx", list(sheet.COLUMNS), [sheet.EXAMPLE], sheet="商户")
