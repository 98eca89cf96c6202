"""Real web processes (gunicorn, as in production) over a test's own database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import ROOT
from tests.harness.ports import free_port, wait_for
from tests.harness.product import Product


@contextmanager
def web_processes(product: Product, workers: int, **more: str) -> Iterator[str]:
    """The address of `workers` web processes that serve what `product` serves; `more` settings."""
    with web_server(product, workers, **more) as (url, _):
        yield url


@contextmanager
def web_server(
    product: Product, workers: int, **more: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """So, with the first process, which a test may stop itself."""
    settings = product.deps.settings
    port = free_port()
    env = {
        **os.environ,
        "PORT": str(port),
        "WEB_WORKERS": str(workers),
        "DATABASE_URL": settings.database_url,
        "MIGRATE_DATABASE_URL": settings.migrate_database_url,
        "PUBLIC_URL": settings.public_url,
        "SIMULATOR_URL": settings.simulator_url,
        "DATA_DIR": str(settings.data_dir),
        "LOG_LEVEL": "ERROR",
        **more,
    }
    words = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "wsgi:app"]
    process = subprocess.Popen(words, cwd=ROOT, env=env)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(60)
