"""Who holds this browser: found by its cookie, or sent off to the wallet to be asked."""

from __future__ import annotations

from flask import redirect
from flask.typing import ResponseReturnValue

from services import payers
from services.payers import Payer
from services.scan import Scan
from web.customer import no_store
from web.runtime import deps
from web.visit import Visit, set_cookie


def who_pays(visit: Visit, scan: Scan) -> Payer | None:
    """The payer of this browser at this provider; None: he has to take the round trip first."""
    assert visit.wallet is not None
    return payers.find_payer(
        deps(),
        session_id=visit.session_id,
        provider_id=scan.provider_id,
        channel=visit.wallet,
    )


def leave(visit: Visit, scan: Scan, path: str) -> ResponseReturnValue:
    """Off to the wallet, which sends the browser back to `path` by way of `back`."""
    assert visit.wallet is not None
    leaving = payers.depart(
        deps(),
        scan,
        channel=visit.wallet,
        target=visit.url(path),
        session_id=visit.session_id,
    )
    response = no_store(redirect(leaving.url, 302))
    set_cookie(response, visit.payer_cookie, leaving.session_id, visit.settings)
    return response
