"""Compact methods of devices, as the API asks for them."""
