"""gunicorn -k gthread --threads 16 -b 127.0.0.1:8001 simulator.wsgi:app (one process only)."""

from __future__ import annotations

from simulator.app import create_app

app = create_app()
