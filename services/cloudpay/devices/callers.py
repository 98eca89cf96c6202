"""Devices that are not bound yet prove themselves by their own init key, found by their number."""

from __future__ import annotations

from typing import Any

from services.cloudpay.callers import Caller
from services.deps import Deps


def find_device_caller(deps: Deps, content: dict[str, Any]) -> Caller | None:
    """None: no such device is known here."""
    return None
