"""`make run`: simulator, web and one worker under one roof; Ctrl-C stops all.

In production each is a service of its own: see docs/operations.md.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from alembic import command
from alembic.config import Config

from config.settings import ROOT, Settings, load_settings
from postgres import addresses
from postgres.programs import PostgresUnavailable

PATIENCE_S = 40
STOP_WITHIN_S = 15


@dataclass
class Roof:
    """The processes we started, in order."""

    env: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *words: str) -> None:
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=ROOT, env=self.env, start_new_session=True
        )

    def dead(self) -> str | None:
        return next((n for n, child in self.running.items() if child.poll() is not None), None)

    def stop(self) -> None:
        children = list(reversed(self.running.values()))
        for child in children:
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for child in children:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def main() -> int:
    """Start everything, say where it is, wait for Ctrl-C or for a child that dies."""
    os.environ.setdefault("SIM_PORT", "8001")
    os.environ.setdefault("SIMULATOR_URL", f"http://127.0.0.1:{os.environ['SIM_PORT']}")
    settings = load_settings()
    try:
        where = addresses.resolve(settings)
    except PostgresUnavailable as problem:
        print(f"PostgreSQL does not start: {problem}", file=sys.stderr)
        return 1
    migrate(where)
    roof = Roof(_environment(settings))
    for stop in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: whoever starts us may ignore it
        signal.signal(stop, _interrupt)
    try:
        _start_all(roof, settings)
        _say(settings)
        while (name := roof.dead()) is None:
            time.sleep(0.3)
        print(f"{name} has ended; stopping the rest", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopping …", flush=True)
        return 0
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        roof.stop()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def migrate(where: addresses.Addresses) -> None:
    """Bring the database up to the newest migration, as its owner."""
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["addresses"] = where
    command.upgrade(config, "head")


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "FLASK_APP": "app",
        "SIM_DIR": str(settings.data_dir / "sim"),
        "SIM_CLOCK_FILE": str(settings.data_dir / "clock"),
        "SIM_PRODUCT_URL": settings.base_url,
        "PYTHONUNBUFFERED": "1",
    }


def _start_all(roof: Roof, settings: Settings) -> None:
    simulator = f"127.0.0.1:{settings.sim_port}"
    if settings.simulation:
        roof.start(
            "simulator",
            *("gunicorn", "--bind", simulator, "--worker-class", "gthread", "--threads", "32"),
            *("--workers", "1", "--keep-alive", "30", "--log-level", "warning"),
            *("--no-control-socket", "simulator.wsgi:app"),
        )
        _wait_for(f"http://{simulator}/sim/health", roof)
        subprocess.run(
            [sys.executable, "-m", "flask", "seed"],
            cwd=ROOT,
            env=roof.env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    roof.start("web", "gunicorn", "--config", str(ROOT / "config" / "gunicorn.py"), "wsgi:app")
    roof.start("worker", "flask", "worker")
    _wait_for(f"http://127.0.0.1:{settings.port}/readyz", roof)


def _wait_for(url: str, roof: Roof) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        name = roof.dead()
        if name is not None:
            raise RuntimeError(f"{name} did not start: see the lines above")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} is not ready after {PATIENCE_S} s")


def _say(settings: Settings) -> None:
    rows = [("一码付 Yima", settings.base_url)]
    if settings.simulation:
        rows += [
            ("simulated phone", f"{settings.simulator_url}/sim/phone"),
            ("upstream's books", f"{settings.simulator_url}/sim/books"),
            ("merchant's orders", _merchant_login(settings)),
            ("provider's console", f"{settings.base_url}/console/"),
            ("  its login", "account demo; password and code secret: flask --app app demo-info"),
        ]
    width = max(len(name) for name, _ in rows)
    print("\n" + "\n".join(f"  {name:<{width}}  {url}" for name, url in rows))
    place = Path(os.path.relpath(settings.data_dir))
    elsewhere = settings.data_dir / "pg-is-elsewhere.txt"
    print(f"\n  data in {place}; Ctrl-C stops everything")
    if elsewhere.exists():
        print("  " + elsewhere.read_text().strip().replace("\n", "\n  "))
    print(flush=True)


def _merchant_login(settings: Settings) -> str:
    url = f"http://127.0.0.1:{settings.port}/sim-codes.json"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(json.load(answer)["merchant_url"])


if __name__ == "__main__":
    sys.exit(main())
