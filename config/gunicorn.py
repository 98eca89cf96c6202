"""gunicorn's settings: threads for work, preload for memory, no access log of its own."""

from __future__ import annotations

import gc
import resource
from importlib import import_module
from typing import Any

from config.settings import load_settings

_settings = load_settings()

bind = f"127.0.0.1:{_settings.port}"
worker_class = "config.patient.PatientWorker"
workers = _settings.web_workers
threads = _settings.web_threads
preload_app = True
keepalive = 150  # tills ask every two minutes to keep their connection
worker_connections = 2000
timeout = 60
graceful_timeout = 10
limit_request_line = 8190
forwarded_allow_ips = ""
accesslog = None
errorlog = "-"
loglevel = "warning"
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Import the wallets' SDKs before forking: the first payer must not wait for them.

    What is loaded by then stays as long as the process, so the collector leaves it alone: to go
    through all of it once more took each process most of a second of CPU at its end, and while all
    that stops at once takes turns on a busy machine, a stop lasted until it was cut.

    Each kept connection is an open file, and systems begin with 1,024 for a process.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = worker_connections * 2
    if 0 <= now < wanted:
        most_of_all = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_of_all, most))
    for module in ("gateways.alipay.client", "gateways.wechat_oa.sdk"):
        import_module(module)
    gc.collect()
    gc.freeze()


def post_fork(_server: Any, worker: Any) -> None:
    """A forked process must not share the parent's database connections."""
    application = worker.app.callable
    if application is not None:
        application.extensions["yima"].after_fork()
