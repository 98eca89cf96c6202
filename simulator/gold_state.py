"""How each merchant's Gold Plan stands at WeChat; kept beside the journal, in JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator import kept_file


@dataclass
class Plan:
    """One sub-merchant's switches, as WeChat has them."""

    is_open: bool = False
    scene: str = "JSAPI"
    has_receipt: bool = False
    has_ads: bool = True
    tags: list[str] = field(default_factory=list)
    closed_at: float | None = None


class GoldBook:
    """Plans by sub_mchid. Callers hold the world's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._plans: dict[str, Plan] = {}
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            self._plans = {sub_mchid: Plan(**row) for sub_mchid, row in found.items()}
        except (OSError, ValueError, TypeError):
            pass  # never saved, or not by us

    def of(self, sub_mchid: str) -> Plan:
        return self._plans.get(sub_mchid) or Plan()

    def keep(self, sub_mchid: str, plan: Plan) -> None:
        self._plans[sub_mchid] = plan
        kept_file.write(self._path, json.dumps(self.rows(), ensure_ascii=False))

    def rows(self) -> dict[str, dict[str, Any]]:
        return {key: dataclasses.asdict(plan) for key, plan in sorted(self._plans.items())}

    def forget(self) -> None:
        self._plans.clear()
        self._path.unlink(missing_ok=True)
