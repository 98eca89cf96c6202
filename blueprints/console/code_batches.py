"""Batches of blank codes: ordering one, its packages, and their files."""

from __future__ import annotations

import re
from typing import Final

from flask import Response as Streamed
from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response

from blueprints.console import answers, codes
from errors import AppError
from models.codebatch import CodeBatch
from services.blank_codes import making, reading
from services.blank_codes.problems import BatchRefused
from web.assets import linked_headers
from web.files import as_csv
from web.runtime import deps

HEAD: Final = ("批次", "包", "序号", "编号", "印在码下的编号", "链接", "状态")
_COUNT: Final = re.compile(r"[0-9]{1,3}")


def make() -> ResponseReturnValue:
    """A new batch; many packages are made by a job whose page is shown."""
    who, typed = answers.operator(), request.form.get("packages", "").strip()
    note = request.form.get("note", "")
    try:
        if not _COUNT.fullmatch(typed):
            raise BatchRefused(f"包数要是 1 到 {making.MOST_PACKAGES} 的整数")
        batch = deps().transact(
            lambda s: _asked(making.ask(s, deps(), who.provider, int(typed), note,
                                        actor=who.actor))
        )  # fmt: skip
    except AppError as problem:
        field = "note" if "备注" in problem.detail else "packages"
        answer = codes.page(status=422, problems={field: problem}, typed=request.form)
        answer.headers["X-Form-Again"] = "1"
        return answer
    public_id, job_id = batch
    return answers.see(f"/console/jobs/{job_id}" if job_id else f"{codes.CODES}/{public_id}")


def _asked(batch: CodeBatch) -> tuple[str, int | None]:
    return batch.public_id, batch.job_id


def show(public_id: str) -> ResponseReturnValue:
    provider_id = answers.operator().provider
    batch, bound = deps().transact(
        lambda s: (
            reading.find(s, provider_id, public_id),
            reading.bound_by_package(s, provider_id, public_id),
        )
    )
    packages = [
        (number, bound.get(number, 0), batch.made >= number * making.PACKAGE)
        for number in range(1, batch.packages + 1)
    ]
    return answers.page(
        "console/code_batch.html", batch=batch, packages=packages, package=making.PACKAGE
    )


def as_pdf(public_id: str, package: int) -> ResponseReturnValue:
    """Ready for the printer: nine stickers to a sheet of A4."""
    from services.blank_codes import sheets

    batch, found = _package(public_id, package)
    title = f"第 {batch.number} 批 · 第 {package} 包"
    return _file(
        Response(sheets.pdf(found, title)), "application/pdf", _name(batch, package, "pdf")
    )


def as_zip(public_id: str, package: int) -> ResponseReturnValue:
    """One picture for each code, sent as they are drawn."""
    from services.blank_codes import sheets

    batch, found = _package(public_id, package)
    return _file(Streamed(sheets.pictures(found)), "application/zip", _name(batch, package, "zip"))


def list_csv(public_id: str) -> ResponseReturnValue:
    """The whole batch as a list: what was printed, and what became of it."""
    provider_id = answers.operator().provider
    batch = deps().transact(lambda s: reading.find(s, provider_id, public_id))
    found = deps().transact(lambda s: reading.codes_of(s, deps(), provider_id, public_id))
    rows = (
        (batch.number, one.package, one.place, one.code, one.shown, one.url,
         "已绑定" if one.is_bound else "未绑定")
        for one in found
    )  # fmt: skip
    return as_csv(f"codes-{batch.number}.csv", HEAD, rows)


def _package(public_id: str, package: int) -> tuple[reading.BatchLine, list[reading.Printed]]:
    provider_id = answers.operator().provider
    return deps().transact(
        lambda s: (
            reading.find(s, provider_id, public_id),
            list(reading.codes_of(s, deps(), provider_id, public_id, package)),
        )
    )


def _name(batch: reading.BatchLine, package: int, kind: str) -> str:
    return f"codes-{batch.number}-{package}.{kind}"


def _file(response: Response, kind: str, name: str) -> Response:
    response.headers.update(linked_headers())
    response.headers["Content-Type"] = kind
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
