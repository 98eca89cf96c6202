"""Taking over old members from a spreadsheet: looked at first, then imported whole or not at all.

The file is kept by nobody between the two: it is sent twice, and each time read anew.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.merchant import answers
from blueprints.merchant.members import HOME, staff
from errors import AppError
from services.cards import importing, member_file
from services.cards.importing import ImportReport
from services.cards.member_problems import ImportRefused
from web.runtime import deps

SHOWN = 50


def form() -> ResponseReturnValue:
    return _page()


def send() -> ResponseReturnValue:
    request.max_content_length = member_file.MOST_BYTES + (64 << 10)
    answers.check_token()
    is_real = request.form.get("do") == "import"
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise ImportRefused("先选择一个 Excel 文件（.xlsx）")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "members.xlsx"
            file.save(path)
            report = _run(path, is_real=is_real)
    except AppError as error:
        return _page(error.status, error=str(error))
    return _page(200 if report.is_clean else 400, report=report, is_real=is_real)


def _run(path: Path, *, is_real: bool) -> ImportReport:
    place = (deps(), staff().provider_id, staff().merchant_id, path)
    if is_real:
        return importing.run(*place, actor=f"staff:{staff().id}")
    return importing.dry_run(*place)


def _page(status: int = 200, **shown: Any) -> ResponseReturnValue:
    report: ImportReport | None = shown.get("report")
    problems = report.problems if report is not None else ()
    return answers.page(
        "merchant/member_import.html",
        status,
        title="导入老会员",
        back_url=HOME,
        problems=problems[:SHOWN],
        more=max(0, len(problems) - SHOWN),
        **shown,
    )
