"""An authority whose certificates nobody trusts unless told to, and an environment that tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme
from peer import OK, answering, http, peer, tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from peer import Peer

NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the authority, as a company hands it out."""
    path = tmp_path_factory.mktemp("authority") / "root.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(autouse=True)
def no_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def secure(authority: trustme.CA, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server named service.test needs to be trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    return tls(authority, "service.test")


@pytest.fixture
def service(authority: trustme.CA) -> Iterator[Peer]:
    """A server named service.test, whose certificate nobody trusts unless told to."""
    with peer(answering(http(OK)), tls=tls(authority, "service.test")) as running:
        yield running
