"""Deposits: money of a payer held at the wallet, consumed and released in parts, asked about."""
