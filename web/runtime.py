"""What an application carries besides Flask: its collaborators and its live-page watcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from services.deps import Deps
from services.live import Watcher


@dataclass
class Runtime:
    deps: Deps
    watcher: Watcher

    @classmethod
    def over(cls, deps: Deps) -> Runtime:
        """Half of a process's threads may wait on live pages."""
        return cls(deps, Watcher(deps, places=max(1, deps.settings.web_threads // 2)))

    def before_stop(self) -> None:
        """This process answers what is inside and then ends: nothing waits for 25 seconds."""
        self.watcher.send_away()

    def after_fork(self) -> None:
        """A forked process opens its own connections and starts its own watcher."""
        self.deps.db.forget()


def runtime() -> Runtime:
    return cast(Runtime, current_app.extensions["yima"])


def deps() -> Deps:
    return runtime().deps
