"""Member cards: caps, recharges, spending, refunds, members and their merchants."""
