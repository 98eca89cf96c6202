"""Lasting conditions of the upstreams that a person or a test may set; a reset restores them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

_WHOLE = re.compile(r"[0-9]{1,8}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,8}(\.[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Switch:
    """`allowed` empty means any text, or any number where the default is one."""

    default: str
    allowed: tuple[str, ...]
    about: str
    apply: Callable[[str], None] | None = None  # told of every new value, the reset included


class BadSwitch(ValueError):
    """An unknown switch, or a value it does not take. The text names what is known."""


class Switches:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Switch] = {}
        self._values: dict[str, str] = {}

    def declare(
        self,
        name: str,
        default: str,
        allowed: tuple[str, ...],
        about: str,
        apply: Callable[[str], None] | None = None,
    ) -> None:
        """Each channel declares its own, named `<channel>.<word>`."""
        with self._lock:
            self._known[name] = Switch(default, allowed, about, apply)

    def get(self, name: str) -> str:
        return self._values.get(name, self._known[name].default)

    def check(self, name: str, value: str) -> Switch:
        switch = self._known.get(name)
        if switch is None:
            raise BadSwitch(f"unknown switch {name}; known: {', '.join(sorted(self._known))}")
        if switch.allowed and value not in switch.allowed:
            raise BadSwitch(f"{name} takes {' | '.join(v or '(empty)' for v in switch.allowed)}")
        if not switch.allowed and _NUMBER.fullmatch(switch.default):
            form = _NUMBER if name.endswith(("_s", "_days")) else _WHOLE
            if not form.fullmatch(value):
                raise BadSwitch(f"{name} takes a number, as {switch.default}")
        return switch

    def set(self, name: str, value: str) -> None:
        switch = self.check(name, value)
        with self._lock:
            self._values[name] = value
        if switch.apply is not None:
            switch.apply(value)

    def rows(self) -> dict[str, dict[str, object]]:
        return {
            name: {
                "value": self.get(name),
                "default": s.default,
                "allowed": list(s.allowed),
                "about": s.about,
            }
            for name, s in sorted(self._known.items())
        }

    def reset(self) -> None:
        with self._lock:
            self._values.clear()
            known = list(self._known.values())
        for switch in known:
            if switch.apply is not None:
                switch.apply(switch.default)
