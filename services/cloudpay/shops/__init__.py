"""Shops and the merchant's profile, as the API asks for them."""
