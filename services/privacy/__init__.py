"""Personal data: consents, what is known of one person, forgetting it, and how long it is kept."""
