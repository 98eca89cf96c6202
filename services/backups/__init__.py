"""Backups of the database, without the key ring; and putting one back."""
