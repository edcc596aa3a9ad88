"""Private keys in armour and without, and their members in documents."""

from shipper.secrets.kinds import Kind


def _key(name: str, gate: str, pattern: str, hit: str, *more: str, back: int = 0) -> Kind:
    gates = (gate, *more)
    return Kind(name, gates, pattern, "RFC 7468, RFC 4716", (hit,), (), "private_key", back)


_BODY = r"[A-Za-z0-9+/]{12,}={0,2}(?:(?:\r?\n|\\n)[ \t]*[A-Za-z0-9+/]{1,76}={0,2}(?![^\s\\\"']))*"

KEYS = (
    _key(
        "pem",
        "-----begin",
        r"-----BEGIN (?:[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?|PGP MESSAGE|OpenVPN Static key V1)-----"
        r"(?s:.*?)(?:-----END[^\n]{0,60}?-----|\Z)",
        "-----BEGIN ~PRIVATE KEY-----\nMIIEabcd\n-----END PRIVATE KEY-----",
    ),
    _key(
        "ssh2",
        "---- begin",
        r"---- BEGIN SSH2 [A-Z ]{0,20}PRIVATE KEY ----(?s:.*?)(?:---- END[^\n]{0,60}?----|\Z)",
        "---- BEGIN SSH2 ENCRYPTED ~PRIVATE KEY ----\nP2/56wAA\n---- END SSH2 PRIVATE KEY ----",
    ),
    _key(
        "putty",
        "putty-user-key-file",
        r"PuTTY-User-Key-File-[0-9](?s:.*?)(?:Private-MAC: ?[0-9a-fA-F]+|\Z)",
        "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nAAAAgQ\nPrivate-MAC: 12ab",
    ),
    _key(
        "key-body",
        "mii",
        r"MII[A-Za-z0-9+/]{3}(?:IBAAK|IBADAN|BOBgkq|AIBAAKC|gIBAAKB|gIBADAN)" + _BODY,
        "MIIEpAIBAAKC~AQEAabcdefghijklmnopqrstuvwxyz0123456789",
    ),
    _key(
        "ec-key-body",
        "mhccaqee",
        r"(?:MHcCAQEE|MHQCAQEE|MIGkAgEB|MIGHAgEAMBMG|MC4CAQAwBQYDK2V|b3BlbnNzaC1rZXktdj)" + _BODY,
        "b3BlbnNzaC1rZXktdj~EAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB",
        *("mhqcaqee", "migkageb", "mighageambmg", "mc4caqawbqydk2v", "b3blbnnzac1rzxktdj"),
    ),
    _key(
        "pem-tail",
        "private key-----",
        r"(?<![A-Za-z0-9+/=\r\n])[A-Za-z0-9+/=][A-Za-z0-9+/=\r\n]{40,4096}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----",
        "MIIEabcdefghijklmnopqrstuvwxyz\nabcd0123456789012345678901\n-----END ~PRIVATE KEY-----",
        back=4200,
    ),
    _key(
        "pem-base64",
        "ls0tls1crudjti",
        r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{24,}={0,2}",
        "LS0tLS1CRUdJTi~BSU0EgUFJJVkFURSBLRVktLS0tLQo=",
    ),
    _key(
        "minisign",
        "rwrty0iy",
        r"RWRTY0Iy[A-Za-z0-9+/]{40,}={0,2}",
        "RWRTY0Iy~kogEy5z61VD1oAIhNijRf8r07diYMh+oO4eEZETGUEVs3S4TBrS",
    ),
    _key(
        "xml-key",
        "<d>",
        r"<D>(?P<s>[A-Za-z0-9+/=\s]{40,})</D>",
        "<RSAKeyValue><D>ef1Q3H0UE6ckg9XD0AkkBK~I3aYVslXllrso1ipBomHxWKlYm</D></RSAKeyValue>",
    ),
    _key(
        "jwk",
        '"d"',
        r'"[dk]"\s{0,4}:\s{0,4}"(?P<s>[A-Za-z0-9_\-]{32,})"',
        '{"kty":"EC","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43~bVdj3eAE"}',
        '"k"',
    ),
    _key("extended-key", "xprv", r"\b[xyz]prv[A-Za-z0-9]{80,}", "xprv~" + "9s21ZrQH143K" * 9),
)
