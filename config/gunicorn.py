"""gunicorn's settings: threads for waiting, preload for memory, no access log of its own."""

from __future__ import annotations

from typing import Any

from config.settings import load_settings

_settings = load_settings()

bind = f"127.0.0.1:{_settings.port}"
worker_class = "gthread"
workers = _settings.web_workers
threads = _settings.web_threads
preload_app = True
keepalive = 30
timeout = 60
graceful_timeout = 10
limit_request_line = 8190
forwarded_allow_ips = ""
accesslog = None
errorlog = "-"
loglevel = "warning"
control_socket_disable = True


def post_fork(_server: Any, worker: Any) -> None:
    """A forked process must not share the parent's database connections."""
    application = worker.app.callable
    if application is not None:
        application.extensions["yima"].after_fork()
