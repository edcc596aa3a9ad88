"""Ed25519 by the optional library `cryptography`."""

from shipper.errors import ShipperError

_INSTALL = "signatures need cryptography; run: pip install 'mcp-shipper[evidence]'"


def public_key(seed: bytes) -> bytes:
    """The public key of a private one."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise ShipperError(_INSTALL) from error
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """The signature of the message, 64 bytes."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise ShipperError(_INSTALL) from error
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def verifies(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature of the message is by the key."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise ShipperError(_INSTALL) from error
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
