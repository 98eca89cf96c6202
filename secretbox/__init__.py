"""The key ring: secrets at rest are sealed with a key that can be rotated."""
