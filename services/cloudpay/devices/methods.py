"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.methods import Method

METHODS: tuple[Method, ...] = ()
