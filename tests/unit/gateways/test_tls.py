"""Mutual TLS for real: a server that asks for a certificate, and one key that is on no disk."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from errors import GatewayUnknown
from gateways import tls
from gateways.http import HttpTransport


def made(name: str) -> tuple[str, str]:
    """A self-signed certificate for loopback, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    local = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    cert = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(local, False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return cert.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()


CLIENT, SERVER = made("merchant"), made("upstream")


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Its address, and whose certificate each caller showed."""
    (tmp_path / "server.pem").write_text("\n".join(SERVER))
    (tmp_path / "client.pem").write_text(CLIENT[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.load_verify_locations(tmp_path / "client.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    shown: list[str] = []

    def serve() -> None:
        with suppress(OSError):
            line, _ = listener.accept()
            with line, context.wrap_socket(line, server_side=True) as held:
                shown.append(str(held.getpeercert()))
                asked = b""
                while not asked.endswith(b"\r\n\r\nx"):  # unread bytes would reset the line
                    asked += held.recv(65536)
                held.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}", shown
    listener.close()
    thread.join(10)


def transport(context: ssl.SSLContext) -> HttpTransport:
    context.load_verify_locations(cadata=SERVER[0])
    return HttpTransport(connect_timeout=5, read_timeout=5, pool_size=1, tls=context)


def test_the_certificate_is_presented(upstream: tuple[str, list[str]]) -> None:
    url, shown = upstream
    line = transport(tls.context(*CLIENT))
    assert line.send("POST", f"{url}/secapi/pay/reverse", {}, b"x").body == b"ok"
    assert "merchant" in shown[0]
    line.close()


def test_without_it_nothing_is_answered(upstream: tuple[str, list[str]]) -> None:
    url, shown = upstream
    line = transport(ssl.create_default_context())
    with pytest.raises(GatewayUnknown):
        line.send("POST", f"{url}/secapi/pay/reverse", {}, b"x")
    assert shown == []
    line.close()


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(
    upstream: tuple[str, list[str]],
) -> None:
    url, shown = upstream
    make = tls.presenting(connect_timeout=5, read_timeout=5, pool_size=1)
    with pytest.raises(GatewayUnknown):
        make(*CLIENT).send("POST", url, {}, b"x")
    assert shown == []


def test_what_is_no_pair_is_refused_without_a_word_of_the_key() -> None:
    with pytest.raises(ValueError, match="not a pair") as caught:
        tls.context(CLIENT[0], SERVER[1])
    assert "PRIVATE" not in str(caught.value)


def test_the_key_lies_on_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tls.context(*CLIENT)
    assert list(tmp_path.iterdir()) == []
