"""Pay codes as the provider's desk sees them: batches of blank ones, and whose one is."""
