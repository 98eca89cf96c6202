"""For operators and machines: health, metrics, the front door, domain verification files."""

from blueprints.ops.views import bp

__all__ = ["bp"]
