"""The day's bill: wanted, fetched, matched with our books; each difference is a case of its own."""
