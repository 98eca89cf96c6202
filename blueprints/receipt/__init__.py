"""The merchant receipt (商家小票) at `/receipt`, shown inside WeChat's page after a payment."""

from blueprints.receipt.views import bp

__all__ = ["bp"]
