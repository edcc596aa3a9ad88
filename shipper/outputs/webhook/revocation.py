"""An alert as a signed security event token that ends a user's sessions.

RFC 8417 has the token, CAEP 1.0 the event `session-revoked`, RFC 9493 the subject, and RFC 8935 how
it is pushed.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from shipper.errors import ConfigError, Problem
from shipper.outputs.pem import is_pem
from shipper.outputs.raised import in_words
from shipper.outputs.webhook.config import RevocationConfig

_SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
#: The bytes of each of the two numbers in a signature with P-256.
_P256_BYTES = 32
_MIN_RSA_BITS = 2048
_Sign = Callable[[bytes], bytes]


class Revocation:
    """Makes tokens; raises `ConfigError` if the key cannot sign any."""

    content_type = "application/secevent+jwt"

    def __init__(self, config: RevocationConfig) -> None:
        self._config = config
        algorithm, self._sign = _signer(config.key)
        header = {"alg": algorithm, "typ": "secevent+jwt"}
        self._header = _part(header | ({"kid": config.key_id} if config.key_id else {}))

    def encode(self, event: Mapping[str, Any]) -> bytes | None:
        """The token, the same each time; None if the alert is to end no session.

        That is the case if the operator has not chosen the alert, or if it is about no user.
        """
        user = event.get("user", {}).get("id")
        if not user or event["mcp"]["threat"]["rule"] not in self._config.rules:
            return None
        claims = self._claims(event, user)
        signed = self._header + b"." + _part(claims)
        return signed + b"." + _base64(self._sign(signed))

    def _claims(self, event: Mapping[str, Any], user: str) -> dict[str, Any]:
        at_s = int(datetime.fromisoformat(event["@timestamp"]).timestamp())
        about = {
            "event_timestamp": at_s,
            "initiating_entity": "policy",
            "reason_admin": {"en": in_words(dict(event))},
        }
        return {
            "iss": self._config.issuer,
            "aud": self._config.audience,
            "iat": at_s,
            "jti": event["event"]["id"],
            "sub_id": self._subject(user),
            "events": {_SESSION_REVOKED: about},
        }

    def _subject(self, user: str) -> dict[str, str]:
        if self._config.subject_issuer:
            return {"format": "iss_sub", "iss": self._config.subject_issuer, "sub": user}
        return {"format": "opaque", "id": user}


def _signer(key: str) -> tuple[str, _Sign]:
    """The algorithm of a private key, and what signs with it."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise _fault("needs cryptography; pip install 'mcp-shipper[evidence]'") from error
    try:
        text = key.encode() if is_pem(key) else Path(key).read_bytes()
        found = load_pem_private_key(text, password=None)
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not an unencrypted private key"
        raise _fault(f"cannot be used ({reason})") from error
    match found:
        case RSAPrivateKey() if found.key_size >= _MIN_RSA_BITS:
            return "RS256", _signs_rsa(found)
        case EllipticCurvePrivateKey() if isinstance(found.curve, SECP256R1):
            return "ES256", _signs_p256(found)
        case Ed25519PrivateKey():
            return "EdDSA", found.sign
    raise _fault("must be RSA with 2048 bits or more, P-256 or Ed25519")


def _signs_rsa(key: Any) -> _Sign:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return lambda text: bytes(key.sign(text, PKCS1v15(), SHA256()))


def _signs_p256(key: Any) -> _Sign:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    def sign(text: bytes) -> bytes:
        numbers = decode_dss_signature(key.sign(text, ECDSA(SHA256())))
        return b"".join(number.to_bytes(_P256_BYTES, "big") for number in numbers)

    return sign


def _part(value: object) -> bytes:
    return _base64(msgspec.json.encode(value))


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _fault(what: str) -> ConfigError:
    return ConfigError([Problem("revocation.key", what)])
