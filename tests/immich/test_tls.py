"""Encrypted connections, with certificates that can and can't be verified."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
import ssl

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest

from custom_components.immich_backup.immich import ImmichClient, errors
from simulator import Simulator

from .calls import ALL_CALLS, Content
from .conftest import CANARY
from .server import RawServer, answers, http

ME = http(200, {"id": "u1"})


def server_context(
    folder: Path, *, days: int = 1, host: str = "127.0.0.1"
) -> ssl.SSLContext:
    """Return the TLS side of a server with a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "photos.local")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def test_self_signed(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    """A certificate of the server's own is refused, unless a person allows it."""
    tls = server_context(tmp_path)
    async with RawServer(answers(other=ME), tls=tls) as server:
        for call in ALL_CALLS.values():
            with pytest.raises(errors.TlsError, match="self-signed certificate"):
                await call(ImmichClient(session, server.address, CANARY))
        assert not server.exchanges
        client = ImmichClient(session, server.address, CANARY, verify_tls=False)
        assert (await client.me()).id == "u1"
        server.handler = answers(other=http(201, {"id": "a1", "status": "created"}))
        result = await client.upload_asset(Content(8 * 1024 * 1024).upload())
        assert result.asset_id == "a1"


async def test_trusted(tmp_path: Path) -> None:
    """The session's own idea of whom to trust counts."""
    tls = server_context(tmp_path)
    trust = ssl.create_default_context(cafile=tmp_path / "server.pem")
    connector = aiohttp.TCPConnector(ssl=trust)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        RawServer(answers(other=ME), tls=tls) as server,
    ):
        assert (await ImmichClient(session, server.address, CANARY).me()).id == "u1"


@pytest.mark.parametrize(
    ("days", "host", "reason"),
    [(-1, "127.0.0.1", "expired"), (1, "127.0.0.2", "not valid for '127.0.0.1'")],
)
async def test_reasons(tmp_path: Path, days: int, host: str, reason: str) -> None:
    """Why a certificate is refused is said."""
    tls = server_context(tmp_path, days=days, host=host)
    trust = ssl.create_default_context(cafile=tmp_path / "server.pem")
    connector = aiohttp.TCPConnector(ssl=trust)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        RawServer(answers(other=ME), tls=tls) as server,
    ):
        with pytest.raises(errors.TlsError, match=reason):
            await ImmichClient(session, server.address, CANARY).me()


@pytest.mark.parametrize("verify_tls", [True, False])
async def test_not_tls_at_all(
    session: aiohttp.ClientSession, immich: Simulator, verify_tls: bool
) -> None:
    """Https where http is spoken is told."""
    address = immich.url.replace("http:", "https:")
    client = ImmichClient(session, address, CANARY, verify_tls=verify_tls)
    with pytest.raises(errors.NoTlsError, match="does not speak TLS"):
        await client.me()


async def test_tls_at_a_plain_address(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The other way round the server hangs up, or answers in its own language."""
    async with RawServer(answers(other=ME), tls=server_context(tmp_path)) as server:
        address = server.address.replace("https:", "http:")
        with pytest.raises(errors.ImmichError):
            await ImmichClient(session, address, CANARY).me()
        assert not server.exchanges
