"""Stores (门店): seen, changed, rested and deleted from the merchant's own pages (product 2.4)."""
