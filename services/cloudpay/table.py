"""Every method of the API by its name. The documents and the OpenAPI file are made from it."""

from __future__ import annotations

from services.cloudpay.brief.methods import METHODS as BRIEF
from services.cloudpay.deposits.methods import METHODS as DEPOSITS
from services.cloudpay.devices.methods import METHODS as DEVICES
from services.cloudpay.lists.methods import METHODS as LISTS
from services.cloudpay.methods import Method
from services.cloudpay.orders.methods import METHODS as ORDERS
from services.cloudpay.pays.methods import METHODS as PAYS
from services.cloudpay.shops.methods import METHODS as SHOPS

GROUPS: tuple[tuple[Method, ...], ...] = (PAYS, ORDERS, DEPOSITS, LISTS, SHOPS, DEVICES, BRIEF)
TABLE: dict[str, Method] = {method.name: method for group in GROUPS for method in group}
