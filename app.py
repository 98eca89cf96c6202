"""The application: wires settings, collaborators and blueprints; no logic of its own."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from blueprints import after, card, console, cpay, help, merchant, notify, oa, ops, pay, receipt
from cli import register as register_commands
from config.logging import configure_logging
from config.settings import Settings, load_settings
from services.deps import Deps, build_deps
from web import assets, crowd, formats, guard, helping, i18n
from web.runtime import Runtime


def create_app(settings: Settings | None = None, deps: Deps | None = None) -> Flask:
    """Build the application; a test hands in its own settings or collaborators."""
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
    # Files come in pieces of 64 KB; with less than twice that, one whose piece ends in a line break
    # is refused: the parser holds a break back, and counts it with the next piece.
    app.config["MAX_FORM_MEMORY_SIZE"] = 192 * 1024
    app.config["MAX_FORM_PARTS"] = 40
    app.extensions["yima"] = Runtime.over(deps or build_deps(settings))
    guard.install(app)
    i18n.install(app)
    formats.register_filters(app)
    helping.install(app)
    assets.install(app)
    for module in (cpay, pay, after, card, notify, oa, merchant, console, help, receipt, ops):
        app.register_blueprint(module.bp)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    register_commands(app)
    crowd.install(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        proxied: Any = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)
        app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


WORDS = {
    404: ("没有找到这个页面", "NOT_FOUND"),
    405: ("这个地址不能这样访问", "METHOD_NOT_ALLOWED"),
    413: ("提交的内容太大", "INPUT_TOO_LARGE"),
}


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    title, code = WORDS.get(status, ("请求有误", f"HTTP_{status}"))
    return _plain(title, code, status)


def _unexpected(error: Exception) -> Response:
    from flask import current_app

    current_app.logger.exception("unexpected error", extra={"path": request.path})
    return _plain("暂时无法完成，请稍后重试", "SYS_ERROR", 500)


def _plain(title: str, code: str, status: int) -> Response:
    shown = render_template("errors/plain.html", title=title, steps=[], codes=[code], status=status)
    response = make_response(shown, status)
    response.headers.update(assets.linked_headers())
    return response
