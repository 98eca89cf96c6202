"""Which addresses of a network are nobody's but our own: a customer's URL must not lead there.

The lists stand here, not in `ipaddress.is_global`: what counts there changes with Python's version.
Source: IANA's special-purpose registries (RFC 6890 and what has joined them since).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_V4 = (
    ("0.0.0.0/8", "this host"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
_V6 = (
    ("::/128", "this host"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4 in IPv6"),
    ("::/96", "IPv4 in IPv6"),
    ("64:ff9b:1::/48", "local NAT64"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
    ("2001::/32", "Teredo"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
)
V4 = tuple((IPv4Network(net), why) for net, why in _V4)
V6 = tuple((IPv6Network(net), why) for net, why in _V6)
GLOBAL_V6 = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")

# What ALLOW_PRIVATE_CALLBACKS opens; everything else stays shut, a cloud's metadata above all.
OPENED = frozenset({"private", "carrier-grade NAT", "loopback", "unique local"})
METADATA = frozenset({ip_address("fd00:ec2::254"), ip_address("100.100.100.200")})


def why_inside(address: str, *, allow_private: bool = False) -> str | None:
    """None for an address of the public internet, else what it is. ValueError: not an address."""
    found = ip_address(address)
    if found in METADATA:
        return "a cloud's metadata"
    why = _v4(found) if isinstance(found, IPv4Address) else _v6(found)
    return None if allow_private and why in OPENED else why


def _v4(found: IPv4Address) -> str | None:
    return next((why for net, why in V4 if found in net), None)


def _v6(found: IPv6Address) -> str | None:
    if found.scope_id:
        return "link-local"
    if found in NAT64:  # how a host without IPv4 reaches an IPv4 address: that one is judged
        inner = _v4(IPv4Address(int(found) & 0xFFFFFFFF))
        return f"NAT64 of {inner}" if inner else None
    why = next((why for net, why in V6 if found in net), None)
    return why or (None if found in GLOBAL_V6 else "reserved")
