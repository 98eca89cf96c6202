"""What WeChat does not forget when the simulator is started again: beside the journal, in JSON.

Tokens are not kept: whoever holds one asks for another, as after any 40001.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

from simulator import kept_file
from simulator.oa_state import AuthCode, Fan, Grant, Menu, OaState, PreAuth, Scene, Server


class OaFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = ""

    def load(self) -> OaState:
        """As it was saved; empty when it never was, or cannot be read."""
        try:
            found: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return OaState()
        return OaState(
            fans={(appid, person): Fan(**row) for appid, person, row in found["fans"]},
            servers={appid: Server(**row) for appid, row in found["servers"].items()},
            menus={appid: _menu(row) for appid, row in found["menus"].items()},
            tags={appid: _numbered(row) for appid, row in found["tags"].items()},
            scenes={ticket: Scene(**row) for ticket, row in found["scenes"].items()},
            preauth={code: PreAuth(**row) for code, row in found["preauth"].items()},
            auth_codes={code: AuthCode(**row) for code, row in found["auth_codes"].items()},
            grants={appid: _grant(row) for appid, row in found["grants"].items()},
            tickets=found["tickets"],
            is_pushing=found["is_pushing"],
            consents=Counter({(a, p, t): count for a, p, t, count in found["consents"]}),
            once=dict.fromkeys(((a, p, t, s) for a, p, t, s in found["once"]), True),
        )

    def save(self, state: OaState) -> None:
        """Callers hold the world's lock. Written only when something changed."""
        text = json.dumps(_kept(state), ensure_ascii=False, default=dataclasses.asdict)
        if text == self._last:
            return
        self._last = text
        kept_file.write(self._path, text)

    def forget(self) -> None:
        self._last = ""
        self._path.unlink(missing_ok=True)


def _kept(state: OaState) -> dict[str, Any]:
    return {
        "fans": [[appid, person, fan] for (appid, person), fan in state.fans.items()],
        "servers": state.servers,
        "menus": state.menus,
        "tags": state.tags,
        "scenes": state.scenes,
        "preauth": state.preauth,
        "auth_codes": state.auth_codes,
        "grants": state.grants,
        "tickets": state.tickets,
        "is_pushing": state.is_pushing,
        "consents": [[*key, count] for key, count in state.consents.items() if count],
        "once": [list(key) for key in state.once],
    }


def _numbered(row: dict[str, Any]) -> dict[int, Any]:
    """JSON's keys are texts."""
    return {int(number): value for number, value in row.items()}


def _menu(row: dict[str, Any]) -> Menu:
    return Menu(**{**row, "conditional": _numbered(row["conditional"])})


def _grant(row: dict[str, Any]) -> Grant:
    return Grant(**{**row, "funcs": tuple(row["funcs"])})
