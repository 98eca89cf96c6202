"""What can go wrong: a definite no, or nothing that decides."""

from __future__ import annotations


class YimaError(Exception):
    """The root of every error of this client."""


class Refused(YimaError):
    """A definite no: nothing happened under this request. `description` says what to do.

    `internal_status` 407: the number was used with other content; never reverse it.
    """

    def __init__(self, status: int, internal_status: int, description: str, log_id: int) -> None:
        super().__init__(f"{description} (status {status}/{internal_status}, log_id {log_id})")
        self.status = status
        self.internal_status = internal_status
        self.description = description
        self.log_id = log_id


class Undecided(YimaError):
    """Nothing decides yet: money may have moved. Query later; do not use another number."""
