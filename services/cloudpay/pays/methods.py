"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.methods import Method
from services.cloudpay.pays.micro import MICRO_PAY

METHODS: tuple[Method, ...] = (MICRO_PAY,)
