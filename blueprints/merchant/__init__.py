"""Merchants and their people: the plain first page of their backend."""

from blueprints.merchant.views import bp

__all__ = ["bp"]
