"""Telling a provider's own system what happened: written with the event, sent until heard."""
