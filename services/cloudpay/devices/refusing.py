"""What the services of devices say no to, in the API's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.cloudpay.statuses import Internal, Refused
from services.devices.problems import (
    DeviceBound,
    DeviceQrExpired,
    DeviceRefused,
    DeviceStopped,
    DeviceUnbound,
    TillLoginOver,
)

NUMBERS: dict[type[DeviceRefused], Internal] = {
    DeviceBound: Internal.BOUND_ELSEWHERE,
    DeviceUnbound: Internal.UNBOUND,
    DeviceQrExpired: Internal.SETTING,
    TillLoginOver: Internal.SETTING,
    DeviceStopped: Internal.DISABLED,
}


@contextmanager
def in_numbers() -> Iterator[None]:
    """Raises Refused (104) in place of DeviceRefused: the words stay, a number is added."""
    try:
        yield
    except DeviceRefused as no:
        number = NUMBERS.get(type(no), Internal.MEMBER)
        raise Refused(no.detail or no.title, internal=number) from no
