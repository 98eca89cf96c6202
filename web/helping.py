"""`help_link(code)` for templates: where an error code is explained, None where no page does."""

from __future__ import annotations

from flask import Flask

from services.help import link_for


def install(app: Flask) -> None:
    app.jinja_env.globals["help_link"] = link_for
