"""A process of its own with many threads that call WeChat at once; prints how each fared.

On stdin: one line of JSON with the settings and the number of threads; then, once it has said
"ready", any line to begin.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from config.settings import load_settings
from services.deps import build_deps
from services.oa import tokens


def main() -> None:
    job = json.loads(sys.stdin.readline())
    settings = job["settings"]
    deps = build_deps(load_settings(**settings | {"data_dir": Path(settings["data_dir"])}))
    tokens.access_asker(deps, job["provider_id"])  # as a process that has served before
    together = Barrier(job["threads"])

    def one(_: int) -> tuple[str, float]:
        together.wait(30)
        began = time.monotonic()
        try:
            tokens.call(
                deps, job["provider_id"],
                lambda token: deps.gateways.wechat_tokens.ticket(token, "jsapi"),
            )  # fmt: skip
            said = "ok"
        except Exception as problem:
            said = repr(problem)
        return said, time.monotonic() - began

    with ThreadPoolExecutor(job["threads"]) as pool:
        asked = [pool.submit(one, n) for n in range(job["threads"] - 1)]
        print("ready", flush=True)
        sys.stdin.readline()
        asked.append(pool.submit(one, job["threads"]))  # the last one opens the barrier
        print(json.dumps([found.result() for found in asked]), flush=True)


if __name__ == "__main__":
    main()
