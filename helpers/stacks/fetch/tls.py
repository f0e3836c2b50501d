"""The lab's own certificate: every Kafka broker has a TLS listener beside the plaintext one, on both stacks.

The key is made on this machine when a broker first starts, and stays in `.lab/`; it proves nothing but 127.0.0.1.

Introduced in lesson 1.4.
"""

from __future__ import annotations

import os
from pathlib import Path

from ...paths import lab_dir
from . import passwords

__all__ = ["authority", "certificate", "key"]


def authority() -> Path:
    """The certificate that a client has to trust: its `ssl.ca.location`."""
    return _made() / "ca.pem"


def certificate() -> str:
    """The brokers' certificate, as one line of PEM (Kafka's `ssl.keystore.certificate.chain`)."""
    return " ".join((_made() / "broker.pem").read_text().split("\n")).strip()


def key() -> str:
    """The brokers' private key, as one line of PEM (Kafka's `ssl.keystore.key`)."""
    return " ".join((_made() / "key.pem").read_text().split("\n")).strip()


def _made() -> Path:
    """The folder that holds all three; made once, whole or not at all."""
    folder = lab_dir() / "tls"
    if folder.exists():
        return folder
    import trustme  # with cryptography it takes a quarter of a second: paid once for each lab
    from cryptography.hazmat.primitives import serialization as pem

    draft = folder.with_suffix(".draft")
    draft.mkdir(mode=0o700, exist_ok=True)
    ca = trustme.CA(organization_name="messaging lab")
    leaf = ca.issue_cert("127.0.0.1", "localhost", common_name="lab broker")
    ca.cert_pem.write_to_path(str(draft / "ca.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(draft / "broker.pem"))
    # Kafka reads keys in PKCS #8 only, and trustme writes the older form
    private = pem.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    form = (pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    passwords.private(draft / "key.pem", private.private_bytes(*form).decode())
    os.rename(draft, folder)
    return folder
