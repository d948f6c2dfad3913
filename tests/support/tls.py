"""A certificate authority for one run of the tests, and a server with its certificate."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.support.servers import Server, uvicorn


class Authority:
    """A certificate authority that nobody trusts unless told to."""

    def __init__(self, folder: Path, *names: str) -> None:
        """Make it, and a certificate for these names, or for 127.0.0.1."""
        self._authority = trustme.CA()
        certificate = self._authority.issue_cert(*(names or ("127.0.0.1",)))
        self.key_file = folder / "key.pem"
        self.certificate_file = folder / "certificate.pem"
        certificate.private_key_pem.write_to_path(str(self.key_file))
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(str(self.certificate_file), append=True)
        # Some programs want certificate and key in one file, some the authority's.
        self.pair_file = folder / "pair.pem"
        self.authority_file = folder / "authority.pem"
        self.authority_pair_file = folder / "authority-pair.pem"
        self.write_trust(self.authority_file)
        for target, parts in (
            (self.pair_file, (self.certificate_file, self.key_file)),
            (self.authority_pair_file, (self.authority_file,)),
        ):
            target.write_text("".join(one.read_text() for one in parts))
        self._authority.private_key_pem.write_to_path(str(self.authority_pair_file), append=True)

    def context(self) -> ssl.SSLContext:
        """Return settings for a client that trusts this authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context

    def write_trust(self, path: Path) -> None:
        """Write the authority's own certificate, for a client that is told whom to trust."""
        self._authority.cert_pem.write_to_path(str(path))


@contextmanager
def tls_server(app: str, authority: Authority) -> Iterator[Server]:
    """Serve `module:app` with uvicorn over TLS."""
    with uvicorn(
        app,
        "--ssl-keyfile",
        str(authority.key_file),
        "--ssl-certfile",
        str(authority.certificate_file),
    ) as server:
        yield server
