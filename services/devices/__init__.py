"""Devices (机具) of stores: kept, bound to a serial number by two ways, and freed again.

The shop's office, the console and the API call the same functions (product 6.1).
"""
