"""Channels' callbacks only: verified, kept, applied; the channel's own words in answer."""

from blueprints.notify.views import bp

__all__ = ["bp"]
