"""The ledger: what the database itself refuses, its chain, and what a verifier names."""
