"""What a reply's `status` and `internal_status` say (Cloud Pay, section "status").

`status` 0 says that the call was processed, never that money moved. Clients take 101, 102 and 104
for a definite failure and every other number but 0 for "unknown, send it again".
"""

from __future__ import annotations

from enum import IntEnum

from errors import AppError


class Status(IntEnum):
    OK = 0
    UNKNOWN = 3  # the same request may be sent again; carries no authen_info
    FAILED = 101  # not to be repeated; carries no authen_info
    NEW_NUMBER = 102  # use another order number
    AGAIN = 103  # unknown: the same request again after 3 s, or a query
    REFUSED = 104  # a definite no: act on the description


BARE: frozenset[Status] = frozenset({Status.UNKNOWN, Status.FAILED})


class Internal(IntEnum):
    """0, 7, 400, 407, 426, 3214 and 3215 are the old product's; the rest are ours."""

    OK = 0
    AUTHEN = 7  # authen_code is wrong
    NO_ORDER = 400
    REENTRY = 407  # this number was used with other content: never reverse
    NO_REFUND = 426
    BUSY = 1000  # something of ours failed: nothing is decided
    NOT_JSON = 1001
    MEMBER = 1002  # a member is missing or wrong; the description names it
    NO_METHOD = 1003
    TOO_LARGE = 1004
    TOO_MANY = 1005  # calls in a minute, or at a time
    PARTY = 1006  # the provider, shop, device or person named is not this merchant's
    DISABLED = 1007  # the merchant or its shop is switched off
    PERMISSION = 1008  # a permission or a product is not open
    NUMBER_USED = 1009
    IN_FLIGHT = 1010  # the same call is being worked on right now
    WALLET = 1011  # the wallet said no; its own code stands in the description
    UNSURE = 1012  # the wallet has not said
    STATE = 1013  # the order's state does not allow it
    AMOUNT = 1014
    NOT_SIGNED = 1015  # the signature of `authen_info.s` is wrong
    NO_FREEZE = 1016
    SETTING = 1017  # the binding code is unknown or too old
    BOUND_ELSEWHERE = 3214
    UNBOUND = 3215


class Refused(AppError):
    """A reply other than 0. `description` is for whoever runs the till, and names the member."""

    code = "CPAY_REFUSED"
    status = 200
    title = "接口拒绝了这次请求"
    steps = ("按应答里的 description 处理。",)

    def __init__(
        self,
        description: str,
        *,
        internal: Internal,
        reply_status: Status = Status.REFUSED,
    ) -> None:
        super().__init__(description)
        self.description = description
        self.internal = internal
        self.reply_status = reply_status


def bad_member(path: str, why: str) -> Refused:
    """`path` as the client wrote it, e.g. `pay_content.total_fee`."""
    return Refused(f"参数{path}{why}", internal=Internal.MEMBER)


def foreign(path: str) -> Refused:
    """An id that is not this merchant's: the same words whether it is another's or nobody's."""
    return Refused(f"参数{path}不属于该商户", internal=Internal.PARTY)
