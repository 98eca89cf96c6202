"""A code for a screen, as an image that a page holds in itself."""

from __future__ import annotations


def svg_uri(text: str) -> str:
    """A `data:` address of the code's picture. Nothing of the text stands in it."""
    import segno  # only pages with a code load it

    return str(segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=2))
