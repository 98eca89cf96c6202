"""Refunds: room is held first, the wallet is asked under one number, and asking decides."""
