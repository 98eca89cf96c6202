"""What leads to the help: `help_link(code)` and `help_here()` for templates."""

from __future__ import annotations

from typing import Final

from flask import Flask, has_request_context, request

from services.help import Page, find, link_for

# The page on which a question arises -> the page of the help that answers it.
HERE: Final = {
    "console.settings": ("alipay-supported",),
    "console.alipay_keys": ("alipay-provider",),
    "console.merchant_alipay": ("alipay-merchant",),
    "console.official": ("authorisation-failed", "scope-10005"),
    "console.health": ("configuration-health",),
    "console.health_merchant": ("configuration-health",),
    "console.sync": ("sync-maidan", "device-after-sync"),
    "console.merchants": ("sync-maidan",),
    "console.merchant_new": ("merchant-exists",),
    "console.merchant_permissions": ("pos-deposit",),
    "console.applications": ("faster-review",),
    "console.application": ("faster-review",),
    "console.application_step": ("faster-review",),
    "console.sub_providers": ("people",),
    "console.ads": ("ads",),
    "console.ad": ("ads",),
    "console.complete_page": ("ads", "follow"),
    "console.gold_plan": ("gold-plan",),
    "console.gold_plan_merchant": ("gold-plan",),
    "console.codes": ("pay-codes", "where-bound"),
    "console.signature": ("authen-code",),
    "console.signature_look": ("authen-code",),
    "console.start": ("no-developers",),
    "console.orders": ("delete-transactions",),
    "console.order": ("refund-accepted", "delete-transactions"),
    "console.recon": ("differences",),
    "console.recon_item": ("differences",),
    "console.figures": ("settlement",),
    "console.audit": ("export-logs",),
    "console.sign_in": ("console",),
    "console.me": ("console",),
    "console.people": ("console",),
    "merchant.store": ("card-store-switch",),
    "merchant.store_devices": ("mobile-type", "device-after-sync"),
    "merchant.device_form": ("mobile-type",),
    "merchant.device": ("device-bound", "terminal"),
    "merchant.device_bind_form": ("green-box", "device-bound"),
    "merchant.store_delete_form": ("delete-store",),
    "merchant.order": ("delete-transactions",),
    "merchant.refund_form": ("refund-accepted",),
}


def help_here() -> list[Page]:
    """What people ask on the page that is being answered."""
    wanted = HERE.get(request.endpoint or "", ()) if has_request_context() else ()
    return [page for slug in wanted if (page := find(slug)) is not None]


def install(app: Flask) -> None:
    app.jinja_env.globals.update(help_link=link_for, help_here=help_here)
