"""Merchants as the provider's desk sees them: found, added, changed, their keys, accounts, stores.

Every function takes the provider's id and looks nowhere else. What changes leaves an audit entry.
"""
