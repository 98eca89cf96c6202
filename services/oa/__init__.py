"""The provider's official account: tokens, what was granted, its menu, what it pushes to us."""
