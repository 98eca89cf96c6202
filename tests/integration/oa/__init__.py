"""The provider's official account: tokens, pushes, grants, menu."""
