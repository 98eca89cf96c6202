"""Requests to addresses that a customer chose: guarded, since the host may be anybody's."""
