"""Which URLs are read, and what of a network counts as inside."""

from __future__ import annotations

import pytest

from errors import CallbackAddress
from gateways.outgoing.address import read_url
from gateways.outgoing.inside import why_inside


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://erp.example.com/paid?t=1", "erp.example.com", 443, "/paid?t=1"),
        ("https://erp.example.com", "erp.example.com", 443, "/"),
        ("https://erp.example.com?a=b", "erp.example.com", 443, "/?a=b"),
        ("HTTPS://ERP.Example.COM:8443/A", "erp.example.com", 8443, "/A"),
        ("https://商户.example.com/", "xn--czr041a.example.com", 443, "/"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/"),
    ],
)
def test_a_plain_address_is_read(url: str, host: str, port: int, path: str) -> None:
    found = read_url(url)
    assert (found.scheme, found.host, found.port, found.path) == ("https", host, port, path)


REFUSED = [
    ("", "1 to 512"),
    ("https://e.example.com/" + "a" * 512, "1 to 512"),
    ("http://erp.example.com/", "only https"),
    ("gopher://127.0.0.1:6379/_SET", "only https"),
    ("file:///etc/passwd", "only https"),
    ("javascript:alert(1)", "not a URL"),
    ("erp.example.com/paid", "not a URL"),
    ("//erp.example.com/paid", "not a URL"),
    ("https:///paid", "names no host"),
    ("https://user:word@erp.example.com/", "user name"),
    ("https://erp.example.com@127.0.0.1/", "user name"),
    ("https://erp.example.com/#x", "fragment"),
    ("https://erp.example.com\\@127.0.0.1/", "backslashes"),
    ("https://erp.example.com/a\r\nHost: x", "line breaks"),
    ("https://erp.example.com/\x00", "control"),
    (" https://erp.example.com/", "spaces"),
    ("https://erp.example.com/a b", "spaces"),
    ("https://erp.example.com/路径", "percent-encoded"),
    ("https://erp.example.com:22/", "port 22"),
    ("https://erp.example.com:0/", "port 0"),
    ("https://erp.example.com:99999/", "port 99999"),
    ("https://erp.example.com:/", "port"),
    ("https://erp.example.com:4 43/", "spaces"),
    ("https://erp.example.com./", "dot at the end"),
    ("https://localhost/", "without a dot"),
    ("https://metadata/", "without a dot"),
    ("https://a..example.com/", "not a host name"),
    ("https://-a.example.com/", "not a host name"),
    ("https://%31%32%37.0.0.1/", "not a host name|four decimal"),
    ("https://2130706433/", "four decimal"),
    ("https://0x7f000001/", "four decimal"),
    ("https://0x7f.1/", "four decimal"),
    ("https://127.1/", "four decimal"),
    ("https://017700000001/", "four decimal"),
    ("https://0177.0.0.1/", "four decimal"),
    ("https://127.0.0.1./", "four decimal"),
    ("https://127.0.0.0x1/", "four decimal"),
    ("https://[::1/", "names no host"),
    ("https://[fe80::1%25eth0]/", "zone|not an IPv6"),
    ("https://[nonsense]/", "not an IPv6"),
    ("https://[::1]x/", "port"),
]


@pytest.mark.parametrize(("url", "why"), REFUSED)
def test_what_two_readers_could_take_differently_is_refused(url: str, why: str) -> None:
    with pytest.raises(CallbackAddress, match=why):
        read_url(url)


def test_full_width_digits_are_the_address_that_they_look_like() -> None:
    # NFKC makes 127.0.0.1 of it: read as that, and judged as that
    assert why_inside(read_url("https://１２７.0.0.1/").host) == "loopback"


INSIDE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255"),
    *("172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("100.127.255.255", "192.0.0.8", "198.18.0.1", "198.19.255.255", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "192.0.2.1", "203.0.113.9", "192.88.99.1", "100.100.100.200"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fdff::1", "fd00:ec2::254", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "fec0::1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8"),
    *("2002:7f00:1::", "2002:808:808::", "2001:0:7f00:1::", "2001:db8::1", "3fff::1"),
    *("4000::1", "100::1", "::ffff:0:127.0.0.1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_of_our_own_networks_are_inside(address: str) -> None:
    assert why_inside(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1"),
        *("11.0.0.1", "2606:4700::1111", "240e::1", "64:ff9b::808:808", "223.255.255.255"),
    ],
)
def test_addresses_of_the_internet_are_not(address: str) -> None:
    assert why_inside(address) is None


def test_allowing_private_networks_opens_neither_link_local_nor_metadata() -> None:
    opened = ("127.0.0.1", "10.1.2.3", "192.168.1.1", "::1", "fd12::1", "100.64.0.1")
    assert [why_inside(a, allow_private=True) for a in opened] == [None] * len(opened)
    for shut in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fe80::1", "0.0.0.0"):
        assert why_inside(shut, allow_private=True)
    assert read_url("http://localhost:80/x", allow_http=True, allow_private=True).port == 80
