"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.methods import Method
from services.cloudpay.orders.ending import CLOSE_ORDER, REVERSE
from services.cloudpay.orders.query import QUERY_ORDER
from services.cloudpay.orders.query_refunds import QUERY_REFUND_ORDER
from services.cloudpay.orders.refunding import REFUND

METHODS: tuple[Method, ...] = (QUERY_ORDER, CLOSE_ORDER, REVERSE, REFUND, QUERY_REFUND_ORDER)
