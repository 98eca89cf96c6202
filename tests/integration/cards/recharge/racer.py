"""One process of several races: for each it waits for a line, presses every key at once, and says
how it ended. `python -m tests.integration.cards.recharge.racer <plan.json> <nth>`."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.settings import load_settings
from errors import AppError
from services.cards.recharging import start_recharge
from services.deps import build_deps
from services.payers import Payer, find_payer
from services.scan import scan_code


def main() -> None:
    plan: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    races = [race[int(sys.argv[2]) :: plan["processes"]] for race in plan["races"]]
    deps = build_deps(load_settings(**plan["settings"]), pool_size=max(map(len, races)))
    scan = scan_code(deps, plan["out_mch_id"], plan["code"])
    found = find_payer(
        deps, session_id=plan["cookie"], provider_id=scan.provider_id, channel="wechat"
    )
    assert found is not None
    payer: Payer = found

    def press(one: dict[str, Any], gate: threading.Barrier) -> str:
        gate.wait()
        try:
            start_recharge(
                deps,
                scan,
                replace(payer, person_id=one["person"]),
                one["card"],
                one["fen"],
                terms_version=1,
                intent_key=one["intent"],
            )
        except AppError as refused:
            return refused.code
        return "started"

    print("ready", flush=True)
    for mine in races:
        sys.stdin.readline()
        gate = threading.Barrier(len(mine))
        with ThreadPoolExecutor(len(mine)) as pool:
            ended = Counter(pool.map(press, mine, [gate] * len(mine)))
        print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    main()
