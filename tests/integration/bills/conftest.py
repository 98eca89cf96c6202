"""The fixtures of the bills' tests."""

from tests.integration.bills.helping import days

__all__ = ["days"]
