"""Differences with the wallets' bills and cases about money, as work that somebody finishes."""
