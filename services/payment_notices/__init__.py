"""Telling a shop's people that money arrived: written with the payment, sent until it is known."""
