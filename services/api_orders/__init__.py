"""Orders that a merchant's own system asks for, to be paid where no page of ours is."""
