"""What a provider's merchants have taken together: by day, merchant, store, wallet and way."""
