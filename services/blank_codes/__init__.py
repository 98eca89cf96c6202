"""Blank codes (空码) in batches: made, counted, and printed fifty to a package (product BLK-1)."""
