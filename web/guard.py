"""What no address of ours may hold, whatever page it is for."""

from __future__ import annotations

from flask import Flask, abort, request


def install(app: Flask) -> None:
    app.before_request(_refuse_nul)


def _refuse_nul() -> None:
    """PostgreSQL's texts hold no NUL character: a link with one is nobody's, and no error."""
    if "\x00" in request.path:
        abort(404)
    if any("\x00" in name or "\x00" in value for name, value in request.args.items(multi=True)):
        abort(400)
