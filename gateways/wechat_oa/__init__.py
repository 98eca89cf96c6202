"""The provider's official account."""
