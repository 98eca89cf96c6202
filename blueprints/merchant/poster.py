"""The printable poster of a pay code: a look at it, the PDF to print, the picture for chats."""

from __future__ import annotations

from typing import Any

from flask import make_response, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.codes import CODES
from blueprints.merchant.stores import who
from services.paycodes import reading
from web.assets import linked_headers
from web.runtime import deps


def show(code: str) -> ResponseReturnValue:
    from services.paycodes.poster import LABELS

    shown, size = _poster(code), _size()
    own = f"{CODES}/{shown.code}/poster"
    return answers.page(
        "merchant/poster.html",
        title="收款码海报",
        place=shown.place or shown.shop,
        alt=f"{shown.shop} {shown.place} 的收款码海报",
        sizes=[(one.value, label, one is size) for one, label in LABELS.items()],
        size=size.value,
        own=own,
        back_url=f"{CODES}/{shown.code}",
        tabs=None,
    )


def as_pdf(code: str) -> ResponseReturnValue:
    from services.paycodes import poster

    shown, size = _poster(code), _size()
    return _file(poster.pdf(shown, size), "application/pdf", f"poster-{shown.code}-{size}.pdf")


def as_png(code: str) -> ResponseReturnValue:
    from services.paycodes import poster

    shown, size = _poster(code), _size()
    name = f"poster-{shown.code}-{size}.png"
    return _file(poster.png(shown, size), "image/png", name, is_shown="save" not in request.args)


def _size() -> Any:
    from services.paycodes.poster import Size

    asked = request.args.get("size", "")
    return Size(asked) if asked in set(Size) else Size.A6


def _poster(code: str) -> Any:
    from services.paycodes.printing import poster_of

    def unit(session: Session) -> Any:
        return poster_of(session, deps(), reading.find(session, who(), code))

    return deps().transact(unit)


def _file(content: bytes, kind: str, name: str, *, is_shown: bool = False) -> Response:
    response = make_response(content)
    response.headers.update(linked_headers(deps().settings.simulator_url or None))
    response.headers["Content-Type"] = kind
    response.headers["Content-Disposition"] = (
        f'{"inline" if is_shown else "attachment"}; filename="{name}"'
    )
    return response
