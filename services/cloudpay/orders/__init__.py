"""Orders and refunds, as the API asks for them."""
