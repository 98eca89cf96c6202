"""Code that speaks to the wallets: wire formats, signatures and HTTP, nothing of our books."""
