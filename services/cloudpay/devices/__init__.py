"""Tills, devices and their telemetry, as the API asks for them."""
