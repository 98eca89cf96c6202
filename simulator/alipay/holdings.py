"""What an integrator of a demo party would hold. Test keys only. Source: architecture.md 5."""

from __future__ import annotations

from typing import Any

from simulator.alipay.state import integrator_key
from simulator.keys import private_pem, public_pem
from simulator.parties import AlipayApp
from simulator.world import World


def credentials(world: World, app: AlipayApp) -> dict[str, Any]:
    """Of one ISV app; `app_auth_token` is its first merchant's, `merchants` has all
    that consented before."""
    key = integrator_key(world, app.app_id)
    return {
        "app_id": app.app_id,
        "pid": app.pid,
        "app_private_key": private_pem(key),
        "app_public_key": public_pem(key),
        "alipay_public_key": public_pem(world.keys.get(f"alipay-platform:{app.app_id}")),
        "app_auth_token": next(iter(app.merchants)),
        "merchants": [
            {
                "name": m.name,
                "seller_id": m.pid,
                "auth_app_id": m.auth_app_id,
                "app_auth_token": m.app_auth_token,
            }
            for m in app.merchants.values()
            if m.is_granted
        ],
    }


def next_credentials(world: World, app: AlipayApp) -> dict[str, str]:
    """What each key is replaced with at the platform; which serves is a switch."""
    own = world.keys.get(f"alipay-app:{app.app_id}:second")
    return {
        "app_private_key": private_pem(own),
        "alipay_public_key": public_pem(world.keys.get(f"alipay-platform:{app.app_id}:second")),
    }
