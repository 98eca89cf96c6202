"""What a customer sees after paying: the page to go to, an ad, or the plain result."""
