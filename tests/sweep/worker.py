"""The real worker with the sweep's points, under a supervisor that starts it again.

The supervisor has loaded the code, so a restart costs a fork; the worker opens everything itself.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

from config.logging import configure_logging
from config.settings import load_settings
from services.deps import build_deps
from tasks.worker import run_worker
from tests.sweep import points


def _work() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    points.install("worker")
    settings = load_settings()
    configure_logging(settings.log_level)
    run_worker(build_deps(settings))


def main() -> int:
    exits = Path(os.environ["SWEEP_DIR"]) / "worker.exits"
    while True:
        child = os.fork()
        if child == 0:
            try:
                _work()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        signal.signal(signal.SIGTERM, lambda *_, pid=child: os.kill(pid, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        with exits.open("a") as out:
            out.write(f"{child} {code}\n")
        if code != -signal.SIGKILL:
            return abs(code)


if __name__ == "__main__":
    sys.exit(main())
