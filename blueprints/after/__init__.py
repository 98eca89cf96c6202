"""`/after/…`: the picture of an ad on a result page, and the way to where it leads."""

from blueprints.after.views import bp

__all__ = ["bp"]
