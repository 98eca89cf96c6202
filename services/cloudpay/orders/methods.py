"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.methods import Method
from services.cloudpay.orders.query import QUERY_ORDER

METHODS: tuple[Method, ...] = (QUERY_ORDER,)
