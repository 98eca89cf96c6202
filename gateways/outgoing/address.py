"""A customer's URL, read once and strictly; whatever two readers could take differently is refused.

The parts that come out are what is connected to, so no library reads the text a second time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

from errors import CallbackAddress
from gateways.outgoing.inside import why_inside

LONGEST = 512
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
_TARGET = re.compile(r"[A-Za-z0-9\-._~:/?@!$&'()*+,;=%\[\]]*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
PORTS = {"https": 443, "http": 80}
LOWEST_OTHER_PORT = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and what to ask there. `host` is ASCII: a name or a literal address."""

    scheme: str
    host: str
    port: int
    path: str  # with the query: may hold a token, never log it

    @property
    def is_literal(self) -> bool:
        return ":" in self.host or _NUMBER.fullmatch(self.host.rsplit(".", 1)[-1]) is not None

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(url: str, *, allow_http: bool = False, allow_private: bool = False) -> Target:
    """The parts of an https URL. Raises CallbackAddress with the reason in words."""
    if not 1 <= len(url) <= LONGEST:
        raise CallbackAddress(f"a URL has 1 to {LONGEST} characters")
    if not url.isprintable() or any(c.isspace() for c in url) or "\\" in url:
        raise CallbackAddress("a URL has no spaces, line breaks, control characters or backslashes")
    found = _URL.fullmatch(url)
    if found is None:
        raise CallbackAddress("this is not a URL such as https://erp.example.com/paid")
    scheme = found["scheme"].lower()
    if scheme != "https" and not (scheme == "http" and allow_http):
        raise CallbackAddress(f"the scheme is {scheme}: only https is called")
    if found["fragment"] is not None:
        raise CallbackAddress("a fragment (#…) is not sent: leave it out")
    if "@" in found["authority"]:
        raise CallbackAddress("a user name or password in the URL is refused")
    host, port = _authority(found["authority"], scheme, allow_private)
    path = (found["path"] or "/") + (found["query"] or "")
    if not _TARGET.fullmatch(path):
        raise CallbackAddress("the path holds characters that must be percent-encoded")
    return Target(scheme, host, port, path)


def is_inside(target: Target) -> bool:
    """Whether a literal address is nobody's but our own; of a name only its addresses tell."""
    return target.is_literal and why_inside(target.host) is not None


def _authority(authority: str, scheme: str, allow_private: bool) -> tuple[str, int]:
    if authority.startswith("["):
        literal, closed, rest = authority[1:].partition("]")
        host = _literal_v6(literal) if closed else ""
    else:
        name, colon, digits = authority.partition(":")
        rest = colon + digits
        host = _name(name, allow_private) if name else ""
    if not host:
        raise CallbackAddress("the URL names no host")
    return host, _port(rest, scheme, allow_private)


def _port(rest: str, scheme: str, allow_private: bool) -> int:
    if not rest:
        return PORTS[scheme]
    if not re.fullmatch(r":[0-9]{1,5}", rest):
        raise CallbackAddress("the port is not a number")
    port = int(rest[1:])
    is_fine = port == PORTS[scheme] or LOWEST_OTHER_PORT <= port <= 65535
    if not is_fine and not (allow_private and 1 <= port <= 65535):
        raise CallbackAddress(f"port {port}: use 443, or one from {LOWEST_OTHER_PORT} up")
    return port


def _literal_v6(literal: str) -> str:
    try:
        found = IPv6Address(literal)
    except AddressValueError:
        raise CallbackAddress("the address in brackets is not an IPv6 address") from None
    if found.scope_id:
        raise CallbackAddress("an IPv6 address with a zone is local")
    return str(found)


def _name(raw: str, allow_private: bool) -> str:
    """A host name in its ASCII form, or an IPv4 address in its one plain spelling."""
    try:
        host = raw.lower() if raw.isascii() else idna.encode(raw, uts46=True).decode()
    except idna.IDNAError:
        raise CallbackAddress("the host is not a valid international name") from None
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1] or labels[-2 if len(labels) > 1 else 0]):
        return _plain_v4(host)
    if not labels[-1]:
        raise CallbackAddress("a dot at the end of the host is refused")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise CallbackAddress("this is not a host name")
    if len(labels) == 1 and not allow_private:
        raise CallbackAddress("a name without a dot is a host of our own network")
    return host


def _plain_v4(host: str) -> str:
    """What ends in a number is an IPv4 address to many a resolver: 0x7f.1, 017700000001, 127.1."""
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        raise CallbackAddress(
            "an IPv4 address is written as four decimal numbers without leading zeros"
        ) from None
