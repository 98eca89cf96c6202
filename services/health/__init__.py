"""Configuration health: one table of checks, what each asks for real, and what was found."""
