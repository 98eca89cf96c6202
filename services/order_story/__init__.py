"""The whole life of one order, in order of time, in words for somebody who is tired."""

from services.order_story.finding import find
from services.order_story.telling import tell

__all__ = ["find", "tell"]
