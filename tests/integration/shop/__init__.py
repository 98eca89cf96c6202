"""The money pages of the merchant's backend: home, orders, one order, refund, statistics."""
