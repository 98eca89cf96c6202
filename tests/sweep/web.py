"""The real web application with the sweep's points: `gunicorn tests.sweep.web:app`."""

from __future__ import annotations

from tests.sweep import points

points.install("web")

from wsgi import app  # noqa: E402  # the points come first

__all__ = ["app"]
