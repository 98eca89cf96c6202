"""What a shop has taken: by wallet, hour, day, store, code and person, for whoever may see it."""
