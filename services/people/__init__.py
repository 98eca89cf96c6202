"""A merchant's people: who they are, what each may do, and for whom one acts."""
