"""A form whose file is too large: its words come back, and what else was typed is still there.

The file is read and thrown away as it comes, a little at a time: a browser that is still sending
would not hear an answer, and its person would see a broken connection instead of a reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from flask import g, request
from flask.wrappers import Response
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData

from blueprints.console import answers
from errors import AppError, Forbidden

Form = Callable[[Mapping[str, str], int], Response]
# endpoint -> its form again, given what was typed and how large the request was, in bytes
FORMS: Final[dict[str, Form]] = {}
MOST_READ: Final = 160 * 1024 * 1024
MOST_S: Final = 20.0
PIECE: Final = 64 * 1024
MOST_TYPED: Final = 32 * 1024


class TooLarge(AppError):
    code = "INPUT_TOO_LARGE"
    status = 413
    title = "提交的内容太大"
    steps = ("换一个小些的文件，再传一次。",)


def answer(_error: RequestEntityTooLarge) -> Response:
    """An error handler of the console."""
    from blueprints.console.routes import BY_ENDPOINT, Open  # it names the pages that use this

    endpoint = (request.endpoint or "").removeprefix("console.")
    route, who = BY_ENDPOINT.get(endpoint), g.get("operator")
    typed = _typed()
    if endpoint not in FORMS or route is None or who is None:
        return answers.refused(TooLarge())
    if isinstance(route.needs, Open) or not who.may(route.needs):
        return answers.refused(Forbidden(str(route.needs)))
    return FORMS[endpoint](typed, request.content_length or 0)


def _typed() -> dict[str, str]:
    """The fields of a form whose files are thrown away; {} for what is no such form."""
    boundary = request.mimetype_params.get("boundary", "")
    decoder = MultipartDecoder(boundary.encode(), MOST_TYPED + 2 * PIECE) if boundary else None
    typed: dict[str, bytes] = {}
    name = ""
    for piece in _pieces():
        if decoder is None:
            continue
        try:
            decoder.receive_data(piece)
            name = _events(decoder, typed, name)
        except (ValueError, RequestEntityTooLarge):  # it is not what it says
            decoder = None
    return {key: value.decode("utf-8", "replace") for key, value in typed.items()}


def _events(decoder: MultipartDecoder, typed: dict[str, bytes], name: str) -> str:
    """Take what the decoder has; the name of the field that the next data belongs to, "" for a
    file's."""
    while not isinstance(event := decoder.next_event(), NeedData):
        if isinstance(event, Field):
            name = event.name
        elif isinstance(event, File):
            name = ""
        elif isinstance(event, Data) and name:
            if sum(map(len, typed.values())) + len(event.data) > MOST_TYPED:
                raise ValueError("more than anybody types")
            typed[name] = typed.get(name, b"") + event.data
    return name


def _pieces() -> Iterator[bytes]:
    """The body as it comes, to its end, or as much of it as anybody waits for.

    Nothing where the whole was not too large, only a field of it: some was read already.
    """
    length = request.content_length or 0
    if length <= (request.max_content_length or 0):
        return
    stream, left = request.environ["wsgi.input"], min(length, MOST_READ)
    until = time.monotonic() + MOST_S
    while left > 0 and time.monotonic() < until:
        piece = stream.read(min(PIECE, left))
        if not piece:
            return
        left -= len(piece)
        yield piece
