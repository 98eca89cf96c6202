"""Lists and overviews, as the API asks for them."""
