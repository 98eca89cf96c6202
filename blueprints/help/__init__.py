"""The help (帮助) at `/help`: open to everybody, in Chinese and English."""

from blueprints.help.views import bp

__all__ = ["bp"]
