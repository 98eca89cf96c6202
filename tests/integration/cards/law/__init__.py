"""What the law asks of stored value."""
