"""A `client.properties` as Kafka's Java tools take it (`--command-config`), in the words of this client.

Only what says where a cluster is and how to get in: address and security. What else such a file holds (a group.id,
deserializers) is left out. No value is ever printed: it may be a password.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import LabError

__all__ = ["client_of", "parse", "read_client"]

TAKEN = ("bootstrap.servers", "security.", "sasl.", "ssl.", "enable.ssl.", "client.", "socket.", "https.", "broker.")
JAVA_ONLY = {  # the Java client's own machinery, or translated below
    "client.rack", "sasl.jaas.config", "security.providers", "ssl.cipher.suites.default", "ssl.enabled.protocols",
    "ssl.engine.factory.class", "ssl.keymanager.algorithm", "ssl.keystore.certificate.chain", "ssl.keystore.key",
    "ssl.keystore.type", "ssl.protocol", "ssl.provider", "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm", "ssl.truststore.certificates", "ssl.truststore.location", "ssl.truststore.password",
    "ssl.truststore.type", "socket.connection.setup.timeout.max.ms",
}  # fmt: skip
JAVA_PREFIXES = ("sasl.login.", "sasl.client.callback.", "sasl.kerberos.ticket.", "sasl.kerberos.min.", "ssl.keystore.")
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_client(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The settings in a file, and the names of those that were left out.

    Raises:
        LabError: it cannot be read, or needs something that this client does not have.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise LabError(f"{path} cannot be read: {why}.", fix="name a client.properties that you may read") from None
    return client_of(parse(text))


def parse(text: str) -> dict[str, str]:
    """Java's format: `name=value`, `name: value`, `name value`. Comments: # and !. A backslash continues a line."""
    found = {}
    joined = re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t]*", r"\1", text)
    for line in joined.splitlines():
        line = line.lstrip()
        if not line or line[0] in "#!":
            continue
        match = re.match(r"((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)", line)
        if match:
            found[_unescaped(match[1])] = _unescaped(match[2])
    return found


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", plain, text)


def client_of(java: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Java's settings in librdkafka's words, and the names of those that were left out."""
    client: dict[str, Any] = {}
    for name, value in java.items():
        own = name.startswith(TAKEN) and name not in JAVA_ONLY and not name.startswith(JAVA_PREFIXES)
        if own:
            client[name] = value
    if client.get("ssl.endpoint.identification.algorithm") == "":
        client["ssl.endpoint.identification.algorithm"] = "none"
    client |= _login(java) | _trust(java) | _own_certificate(java)
    used = {*client, *(JAVA_ONLY & java.keys())} | {name for name in java if name.startswith("ssl.keystore.")}
    return client, sorted(java.keys() - used)


def _login(java: Mapping[str, str]) -> dict[str, str]:
    jaas = java.get("sasl.jaas.config", "")
    if not jaas:
        return {}
    options = dict(re.findall(r'(\w+)\s*=\s*"((?:\\.|[^"\\])*)"', jaas))
    options |= {k: v for k, v in re.findall(r"(\w+)\s*=\s*([^\s\";]+)", jaas) if k not in options}
    options = {name: _unescaped(value) for name, value in options.items()}
    if "username" in options:
        return {"sasl.username": options["username"], "sasl.password": options.get("password", "")}
    if "Krb5LoginModule" in jaas:
        names = {"keyTab": "sasl.kerberos.keytab", "principal": "sasl.kerberos.principal"}
        return {names[name]: value for name, value in options.items() if name in names}
    raise LabError(
        "sasl.jaas.config names a login that is not known here (known: username and password, Kerberos).",
        fix="give this client its own settings: sasl.username and sasl.password, or sasl.oauthbearer.method=oidc",
    )


def _trust(java: Mapping[str, str]) -> dict[str, str]:
    if pem := java.get("ssl.truststore.certificates"):
        return {"ssl.ca.pem": pem}
    if path := java.get("ssl.truststore.location"):
        if java.get("ssl.truststore.type", "JKS").upper() != "PEM":
            raise LabError(
                "This client reads no truststore in JKS or PKCS12.",
                fix="keytool -exportcert -rfc -keystore TRUSTSTORE -alias ALIAS > ca.pem, then in the file: "
                "ssl.truststore.type=PEM and ssl.truststore.location=ca.pem",
            )
        return {"ssl.ca.location": path}
    return {}


def _own_certificate(java: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if chain := java.get("ssl.keystore.certificate.chain"):
        found |= {"ssl.certificate.pem": chain, "ssl.key.pem": java.get("ssl.keystore.key", "")}
    if path := java.get("ssl.keystore.location"):
        kind = java.get("ssl.keystore.type", "JKS").upper()
        if kind == "PEM":
            found |= {"ssl.certificate.location": path, "ssl.key.location": path}
        elif kind == "PKCS12":
            found |= {"ssl.keystore.location": path, "ssl.keystore.password": java.get("ssl.keystore.password", "")}
        else:
            raise LabError(
                "This client reads no keystore in JKS.",
                fix="keytool -importkeystore -srckeystore KEYSTORE -destkeystore client.p12 -deststoretype PKCS12, "
                "then in the file: ssl.keystore.type=PKCS12 and ssl.keystore.location=client.p12",
            )
    return found
