"""A client certificate for upstreams that ask for one, without leaving its key on a disk."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateways.http import HttpTransport, Transport


def presenting(
    *, connect_timeout: float, read_timeout: float, pool_size: int
) -> Callable[[str, str], Transport]:
    """Makes the transport of one (certificate PEM, private key PEM)."""

    def make(certificate: str, private_key: str) -> Transport:
        return HttpTransport(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            pool_size=pool_size,
            tls=context(certificate, private_key),
        )

    return make


def context(certificate: str, private_key: str) -> ssl.SSLContext:
    """TLS that verifies the server as always, and presents this certificate when asked.

    ValueError, without a word of the key, when the two are not a pair.
    """
    made = ssl.create_default_context()
    with _briefly_a_file(f"{certificate}\n{private_key}\n") as path:
        try:
            made.load_cert_chain(path)
            return made
        except ssl.SSLError:
            pass
    raise ValueError("the API certificate and the private key are not a pair")


@contextmanager
def _briefly_a_file(text: str) -> Iterator[str]:
    """OpenSSL reads files only: memory that has a path, or where there is none a file of 0600."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("tls")
        try:
            os.write(number, text.encode())
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    with tempfile.NamedTemporaryFile("w", prefix="tls-") as file:
        file.write(text)
        file.flush()
        yield file.name
