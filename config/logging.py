"""Logs as one JSON object per line; never a key, an openid or a query string."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

HIDDEN = frozenset(
    {"openid", "sub_openid", "sp_openid", "payer", "code", "auth_code", "secret", "key", "token"}
)


def _hide(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any] | str | bytes | bytearray | tuple[Any, ...]:
    for name in HIDDEN & event.keys():
        event[name] = "***"
    return event


def configure_logging(level: str) -> None:
    """Route the standard library's logging through structlog's JSON renderer."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("urllib3", "procrastinate", "alembic", "asyncio", "wechatpy"):
        logging.getLogger(noisy).setLevel("WARNING")
