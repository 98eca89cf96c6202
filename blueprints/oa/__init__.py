"""The official account's side: pushes, and the way to and from an authorisation."""

from blueprints.oa.views import bp

__all__ = ["bp"]
