"""Payments, as the API asks for them."""
