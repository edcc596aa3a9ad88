"""TLS as in Filebeat's `ssl` section, made into one context for every output."""

import hashlib
import socket
import ssl
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from shipper.errors import Refused
from shipper.outputs.pem import as_file, is_pem, name_of
from shipper.outputs.secret import Secret


class TlsConfig(Struct, frozen=True, kw_only=True):
    """How to verify the server, and how to prove our identity to it."""

    #: full: trusted chain and matching host name (strict is the same here: only the alternative
    #: names count); certificate: the chain only; none: no check, which anyone in between can abuse.
    verification_mode: Literal["full", "strict", "certificate", "none"] = "full"
    #: Files, or PEM text, of the authorities to trust; by default the system's authorities.
    certificate_authorities: tuple[str, ...] = ()
    #: File, or PEM text, of our own certificate, for servers that ask for it.
    certificate: str | None = None
    #: File, or PEM text, of its private key; by default that of the certificate.
    key: str | None = None
    #: For an encrypted private key.
    key_passphrase: Secret | None = None
    #: SHA-256 of an authority in the server's chain, in hexadecimal: it is trusted as well.
    ca_trusted_fingerprint: str | None = None
    #: Versions to use; versions before 1.2 are never used, even if they are named.
    supported_protocols: tuple[
        Literal["TLSv1", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"], ...
    ] = ("TLSv1.2", "TLSv1.3")

    def __repr__(self) -> str:
        """Without the key, which may be given as text."""
        return f"TlsConfig(verification_mode={self.verification_mode!r}, …)"

    @property
    def checks_name(self) -> bool:
        """Whether the certificate must name the host."""
        return self.verification_mode in {"full", "strict"}

    @property
    def excludes_a_version(self) -> bool:
        """Whether a version that we support is not among the configured ones."""
        return not {"TLSv1.2", "TLSv1.3"} <= set(self.supported_protocols)


def tls_context(
    config: TlsConfig, host: str, port: int, connect: Callable[[], socket.socket]
) -> ssl.SSLContext:
    """The context for a connection to `host`; asks it for its chain if an authority is pinned.

    `connect` opens a connection for that question.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _limit(context, config)
    _trust(context, config)
    if config.ca_trusted_fingerprint:
        pinned = _pinned_authority(config, host, port, connect)
        context.load_verify_locations(cadata=pinned)
        # The pin may name an intermediate authority or the server's own certificate.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    _identify(context, config)
    return context


def _limit(context: ssl.SSLContext, config: TlsConfig) -> None:
    versions = [one for name, one in _VERSIONS.items() if name in config.supported_protocols]
    if not versions:
        raise Refused("ssl.supported_protocols: name TLSv1.2 or TLSv1.3, others are not supported")
    context.minimum_version, context.maximum_version = versions[0], versions[-1]


#: In this order.
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def _trust(context: ssl.SSLContext, config: TlsConfig) -> None:
    context.check_hostname = config.checks_name
    if config.verification_mode == "none":
        context.verify_mode = ssl.CERT_NONE
    if not config.certificate_authorities and not config.ca_trusted_fingerprint:
        context.load_default_certs()
    for authority in config.certificate_authorities:
        try:
            if is_pem(authority):
                context.load_verify_locations(cadata=authority)
            else:
                context.load_verify_locations(cafile=authority)
        except OSError as error:  # ssl.SSLError is one
            raise Refused(
                f"ssl.certificate_authorities: {name_of(authority)} cannot be loaded ({error}); "
                "it must be a readable PEM file"
            ) from error


def _identify(context: ssl.SSLContext, config: TlsConfig) -> None:
    if config.certificate is None:
        return
    # Without a function OpenSSL would ask for the passphrase on the terminal, and wait.
    passphrase = config.key_passphrase.reveal() if config.key_passphrase else ""
    try:
        with as_file(config.certificate) as certificate, as_file(config.key) as key:
            assert certificate is not None
            context.load_cert_chain(certificate, key, lambda: passphrase)
    except (OSError, UnicodeEncodeError) as error:
        name = name_of(config.certificate)
        raise Refused(
            f"ssl.certificate {name} with its key cannot be loaded ({error}); "
            "check both files, that they belong together, and ssl.key_passphrase"
        ) from error


def _pinned_authority(
    config: TlsConfig, host: str, port: int, connect: Callable[[], socket.socket]
) -> bytes:
    """The certificate of the server's chain that has the pinned fingerprint.

    Nothing is sent on this connection. Its certificate is trusted because of the fingerprint only;
    the real connection then verifies the chain and the host name with it.
    """
    wanted = (config.ca_trusted_fingerprint or "").replace(":", "").replace(" ", "").lower()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _identify(context, config)
    with (
        connect() as raw,
        context.wrap_socket(raw, server_hostname=host) as connection,
    ):
        chain = _chain(connection)
    for certificate in chain:
        if hashlib.sha256(certificate).hexdigest() == wanted:
            return certificate
    raise Refused(
        f"ssl.ca_trusted_fingerprint: no certificate of {host}:{port} has the fingerprint "
        f"{wanted}; compare it with the authority's (openssl x509 -fingerprint -sha256)"
    )


def _chain(connection: ssl.SSLSocket) -> list[bytes]:
    """The certificates that the server sent, as DER."""
    if hasattr(connection, "get_unverified_chain"):  # public since Python 3.13
        return [bytes(certificate) for certificate in connection.get_unverified_chain()]
    inner = connection._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  # the only way in 3.11 and 3.12
    return [ssl.PEM_cert_to_DER_cert(c.public_bytes()) for c in inner.get_unverified_chain()]
