"""The provider's console (控制台) at `/console/`."""

from blueprints.console.views import bp

__all__ = ["bp"]
