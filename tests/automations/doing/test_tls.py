"""What is sent by TLS goes to who can prove its name, in spite of the guard."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.automations.doing.child import Child
from apps.automations.doing.sending.told import ANSWER, Answer, Asked, Call, Notify
from tests.automations.doing.receiving import Receiver


@pytest.fixture
def sealed(receiver: Receiver, tmp_path: Path) -> Receiver:
    """A receiver with a certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "both.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    receiver.wrap(context)
    return receiver


def sent(asked: Asked) -> Answer:
    child = Child("apps.automations.doing.sending.process")
    try:
        return ANSWER.decode(child.ask(msgspec.msgpack.encode(asked), within=30))
    finally:
        child.end()


def test_who_cannot_prove_its_name_is_told_nothing(sealed):
    answer = sent(Call("POST", f"https://127.0.0.1:{sealed.port}/", private=True))
    assert "certificate" in answer.error.lower()
    assert answer.again
    assert sealed.received == []


def test_a_notification_goes_by_tls(sealed):
    url = f"jsons://127.0.0.1:{sealed.port}/"
    assert sent(Notify(url, "a", "b", private=True)).error
    assert sealed.received == []
    assert sent(Notify(f"{url}?verify=no", "a", "b", private=True)).error == ""
    assert len(sealed.received) == 1
