"""The first page: how the day goes, and what needs somebody."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from blueprints.console import answers


def show() -> ResponseReturnValue:
    return answers.page("console/overview.html")
