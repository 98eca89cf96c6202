"""Applications of sub-merchants and their pictures, as WeChat keeps them; beside the journal."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from simulator import kept_file

PREFIX: Final = "APPLYMENT_STATE_"
STATES: Final = (
    "EDITTING", "AUDITING", "REJECTED", "TO_BE_CONFIRMED", "TO_BE_SIGNED", "SIGNING", "FINISHED",
    "CANCELED",
)  # fmt: skip
MESSAGES: Final = {
    "EDITTING": "资料填写中",
    "AUDITING": "资料审核中，预计 1 到 3 个工作日",
    "REJECTED": "资料被驳回，请修改后重新提交",
    "TO_BE_CONFIRMED": "请在 10 天内完成账户验证",
    "TO_BE_SIGNED": "请超级管理员在 30 天内扫码签约",
    "SIGNING": "正在开通权限，约 30 分钟",
    "FINISHED": "已完成，子商户号可以使用",
    "CANCELED": "申请已作废",
}


@dataclass
class Form:
    """One application. `opened` is what was decrypted, by path: test data only."""

    applyment_id: int
    business_code: str
    sp_mchid: str
    name: str
    short_name: str
    since: float
    state: str = "AUDITING"
    sub_mchid: str = ""
    sign_token: str = ""
    details: list[dict[str, str]] = field(default_factory=list)
    opened: dict[str, str] = field(default_factory=dict)
    media: list[str] = field(default_factory=list)
    finished_at: float | None = None


@dataclass
class Media:
    sp_mchid: str
    sha256: str
    size: int


class ApplymentBook:
    """Callers hold the world's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.forms: dict[str, Form] = {}
        self.media: dict[str, Media] = {}
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            self.forms = {code: Form(**row) for code, row in found["forms"].items()}
            self.media = {number: Media(**row) for number, row in found["media"].items()}
        except (OSError, ValueError, TypeError, KeyError):
            pass  # never saved, or not by us

    def save(self) -> None:
        rows = {
            "forms": {code: dataclasses.asdict(one) for code, one in self.forms.items()},
            "media": {number: dataclasses.asdict(one) for number, one in self.media.items()},
        }
        kept_file.write(self._path, json.dumps(rows, ensure_ascii=False))

    def forget(self) -> None:
        self.forms.clear()
        self.media.clear()
        self._path.unlink(missing_ok=True)
