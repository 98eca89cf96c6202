"""The help: its pages, its search, and what leads to them."""
