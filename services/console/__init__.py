"""The console's people: accounts, their second factor, sessions and rights."""
