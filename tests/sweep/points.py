"""Where a process may be killed: loaded into the real web and worker processes, by the sweep only.

A point is a commit that wrote something (of a transaction, or of a statement that commits itself),
an upstream call, or a job's fetch and finish. Each is
written to `$SWEEP_DIR/points.log`; where it is the armed one, the armed process gets SIGKILL. The
product knows nothing of this: everything hangs on events and methods of its libraries.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from procrastinate.manager import JobManager
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from config.settings import ROOT
from gateways.http import HttpTransport

_SERVICES = ROOT / "services"
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")
_PLUMBING = frozenset({"deps.py", "single.py"})  # whoever calls these is the use case
FOLLOWED = "order_paid"  # the job of the road; the worker's own periodic jobs are not of it
_WAITS = (
    "SELECT EXISTS (SELECT 1 FROM procrastinate_jobs"
    f" WHERE task_name = '{FOLLOWED}' AND status = 'todo') AS found"
)


@dataclass(frozen=True, slots=True)
class Point:
    """`nth` counts the points of this name in this process during one part of the road."""

    part: str
    role: str
    what: str
    nth: int


class Points:
    def __init__(self, role: str, folder: Path) -> None:
        self._role, self._folder = role, folder
        self._turn = threading.Lock()
        self._seen: Counter[tuple[str, str]] = Counter()
        self._of_thread = threading.local()
        self.sign_in()
        os.register_at_fork(after_in_child=self.sign_in)

    def sign_in(self) -> None:
        """Say who is to be killed; gunicorn's and our own supervisor fork the real process."""
        self._turn = threading.Lock()
        (self._folder / f"{self._role}.pid").write_text(str(os.getpid()))

    def reach(self, what: str) -> Point:
        """Just before the step."""
        part = _read(self._folder / "part")
        with self._turn:
            self._seen[part, what] += 1
            point = Point(part, self._role, what, self._seen[part, what])
        _append(self._folder / "points.log", asdict(point))
        self._kill_if_armed(point, "before")
        return point

    def passed(self, point: Point) -> None:
        """Just after it."""
        self._kill_if_armed(point, "after")

    def _kill_if_armed(self, point: Point, when: str) -> None:
        arm = self._folder / "arm.json"
        try:
            wanted = json.loads(arm.read_text())
        except (FileNotFoundError, ValueError):
            return
        victim = wanted.pop("kill")
        if wanted != {**asdict(point), "when": when}:
            return
        try:
            arm.rename(self._folder / "fired.json")
        except FileNotFoundError:
            return  # another thread was here first
        pid = int(_read(self._folder / f"{victim}.pid"))
        _append(self._folder / "kills.log", {"pid": pid, "role": victim})
        os.kill(pid, signal.SIGKILL)

    # --- commits ------------------------------------------------------------------------------

    def before_commit(self, connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        wrote = raw.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()[0] is not None
        where = _caller()
        counts = wrote and where is not None and not where.startswith("housekeeping.")
        self._of_thread.point = self.reach(f"commit {where}") if counts else None

    def after_commit(self, _session: Session) -> None:
        point: Point | None = getattr(self._of_thread, "point", None)
        self._of_thread.point = None
        if point is not None:
            self.passed(point)


def install(role: str) -> None:
    """Call before the product is loaded."""
    points = Points(role, Path(os.environ["SWEEP_DIR"]))
    event.listen(Engine, "commit", points.before_commit)
    event.listen(Session, "after_commit", points.after_commit)
    _watch_calls(points)
    _watch_statements(points)
    if role == "worker":
        _watch_jobs(points)


def _watch_calls(points: Points) -> None:
    send = HttpTransport.send

    def watched(self: HttpTransport, method: str, url: str, *rest: Any, **named: Any) -> Any:
        point = points.reach(f"call {_operation(method, url)}")
        answer = send(self, method, url, *rest, **named)
        points.passed(point)
        return answer

    HttpTransport.send = watched  # type: ignore[method-assign]


def _watch_statements(points: Points) -> None:
    """Outside of a transaction a statement that writes is a commit of its own."""
    execute = psycopg.Cursor.execute

    def watched(self: Any, query: Any, *rest: Any, **named: Any) -> Any:
        where = _caller() if self.connection.autocommit and _WRITES.search(_text(query)) else None
        if where is None:
            return execute(self, query, *rest, **named)
        point = points.reach(f"commit {where}")
        done = execute(self, query, *rest, **named)
        points.passed(point)
        return done

    psycopg.Cursor.execute = watched  # type: ignore[method-assign]


def _text(query: Any) -> str:
    return query.decode() if isinstance(query, bytes) else str(query)


def _watch_jobs(points: Points) -> None:
    fetch: Callable[..., Awaitable[Any]] = JobManager.fetch_job
    finish: Callable[..., Awaitable[None]] = JobManager.finish_job

    async def watched_fetch(self: Any, queues: Any, worker_id: int) -> Any:
        point: Point | None = None
        if "effects" in (queues or ()):
            row = await self.connector.execute_query_one_async(query=_WAITS)
            point = points.reach("job fetch") if row["found"] else None
        job = await fetch(self, queues, worker_id)
        if point is not None and job is not None:
            points.passed(point)
        return job

    async def watched_finish(self: Any, job: Any, *rest: Any, **named: Any) -> None:
        if job.task_name != FOLLOWED:
            return await finish(self, job, *rest, **named)
        point = points.reach("job finish")
        await finish(self, job, *rest, **named)
        points.passed(point)
        return None

    JobManager.fetch_job = watched_fetch  # type: ignore[method-assign]
    JobManager.finish_job = watched_finish  # type: ignore[method-assign]


def _operation(method: str, url: str) -> str:
    """The call without its numbers and secrets."""
    parts = urlsplit(url)
    named = parse_qs(parts.query).get("method")
    path = re.sub(r"(/out-trade-no)/[^/]+", r"\1/…", parts.path)
    return named[0] if named else f"{method} {path}"


def _caller() -> str | None:
    """The use case whose transaction ends."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_SERVICES) and path.name not in _PLUMBING:
            module = path.relative_to(_SERVICES).with_suffix("")
            return f"{'.'.join(module.parts)}.{frame.f_code.co_name}"
        frame = frame.f_back
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _append(path: Path, row: dict[str, Any]) -> None:
    """One write per line, so that lines of several processes do not mix."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, (json.dumps(row, ensure_ascii=False) + "\n").encode())
    finally:
        os.close(handle)
