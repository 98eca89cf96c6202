"""How levels of configuration health look on pages."""

from __future__ import annotations

from typing import Final

from models.health import Level

# level -> (kind of chip, its word, icon, class of the icon)
SHOWN: Final = {
    Level.OK: ("ok", "正常", "check", "okc"),
    Level.WARN: ("warn", "留意", "alert", "wac"),
    Level.BAD: ("bad", "要处理", "x", "bac"),
    Level.UNKNOWN: ("", "未知", "info", ""),
}
