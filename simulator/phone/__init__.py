"""The phone page and the wallets' bridge script: how people use the simulator."""

from __future__ import annotations

from flask import Flask

from simulator.phone.views import blueprint
from simulator.world import World


def register(app: Flask, world: World) -> None:
    app.register_blueprint(blueprint(world))
