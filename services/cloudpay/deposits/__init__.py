"""Deposits (押金), as the API asks for them."""
