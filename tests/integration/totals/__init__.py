"""Takings per day: exact whatever is under way, and equal to what they are made of."""
