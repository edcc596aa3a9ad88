"""Makers of made-up tokens, numbers and passwords, each with the check digits of its issuer."""

import base64
import json
import string
import uuid
import zlib
from hashlib import sha256

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ALPHABETS = {
    "base62": _BASE62,
    "low": string.digits + string.ascii_lowercase,
    "up": string.digits + string.ascii_uppercase,
    "az": string.ascii_lowercase,
    "caps": string.ascii_uppercase,
    "letters": string.ascii_letters,
    "hex": "0123456789abcdef",
    "uphex": "0123456789ABCDEF",
    "dig": string.digits,
    "b32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "b64chars": string.ascii_letters + string.digits + "+/",
    "b64url": string.ascii_letters + string.digits + "_-",
    "wordchars": string.ascii_letters + string.digits + "_",
    "b58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_WORDS = (
    *("amber", "anchor", "badger", "barley", "beacon", "bramble", "canyon", "cedar", "cinder"),
    *("clover", "copper", "cricket", "dapple", "ember", "falcon", "fennel", "garnet", "gravel"),
    *("harbor", "hazel", "heron", "indigo", "juniper", "kettle", "lantern", "maple", "marble"),
    *("meadow", "nutmeg", "orchid", "otter", "pebble", "pepper", "quartz", "raven", "saddle"),
    *("saffron", "sparrow", "thistle", "timber", "tulip", "velvet", "walnut", "willow", "zephyr"),
)
_FIRST = (
    *("Anna", "Bruno", "Chiara", "Daniel", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas"),
    *("Katja", "Liam", "Mei", "Nadia", "Oskar", "Priya", "Rosa", "Samuel", "Tomasz", "Yusuf"),
)
_LAST = (
    *("Albrecht", "Bianchi", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Hansen"),
    *("Ivanova", "Jansen", "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Oliveira", "Petrov"),
)
#: The lengths of account parts by country: letters are bank codes, digits are digits.
_IBAN_FORMS = """
    DE:d18 FR:d10c11d2 GB:a4d14 NL:a4d10 ES:d20 IT:a1d10c12 AT:d16 CH:d5c12 BE:d12 PL:d24
    SE:d20 NO:d11 DK:d14 FI:d14 PT:d21 IE:a4d14 CZ:d20 LU:d3c13 GR:d7c16 HU:d24 RO:a4c16
    TR:d5c17 SA:d2c18 AE:d19 MT:a4d5c18
"""
_IBAN = dict(pair.split(":") for pair in _IBAN_FORMS.split())
_FORMS = {"d": "dig", "a": "caps", "c": "up"}


def _drawn(alphabet):
    return lambda rng, count: "".join(rng.choices(_ALPHABETS[alphabet], k=_count(rng, count)))


def _count(rng, count):
    low, _, high = count.partition("-")
    return rng.randint(int(low), int(high or low))


def _encoded(number, alphabet, width=0):
    text = ""
    while number:
        number, rest = divmod(number, len(alphabet))
        text = alphabet[rest] + text
    return text.rjust(width, alphabet[0])


def _checked(rng, prefix):
    """GitHub's and npm's form: 30 random characters and their CRC32 in base 62."""
    random = _drawn("base62")(rng, "30")
    return f"{prefix}{random}{_encoded(zlib.crc32(random.encode()), _BASE62, 6)}"


def _routable(rng, prefix):
    """GitLab's routable form: payload, its length and its CRC32 in base 36."""
    payload = prefix + _drawn("b64url")(rng, "36")
    body = f"{payload}.0{_encoded(len(payload) - len(prefix), _ALPHABETS['low'])[-1]}"
    return body + _encoded(zlib.crc32(body.encode()), _ALPHABETS["low"], 7)[-7:]


def _luhn(digits):
    doubled = [int(d) * (2 - at % 2) for at, d in enumerate(reversed(digits))]
    return str(-sum(sum(divmod(d, 10)) for d in doubled) % 10)


def _card(rng, argument):
    prefix, _, length = argument.partition(",")
    digits = prefix + _drawn("dig")(rng, str(int(length or 16) - len(prefix) - 1))
    return digits + _luhn(digits)


def _iban(rng, country):
    form = _IBAN[country]
    account = ""
    for part in form.replace("d", " d").replace("a", " a").replace("c", " c").split():
        account += _drawn(_FORMS[part[0]])(rng, part[1:])
    number = "".join(str(int(one, 36)) for one in f"{account}{country}00")
    return f"{country}{98 - int(number) % 97:02d}{account}"


def _ssn(rng):
    return f"{rng.randint(101, 665)}-{rng.randint(11, 98)}-{rng.randint(1001, 9998)}"


def _steuer_id(rng):
    """Germany's tax number: eleven digits, one of the first ten twice, ISO 7064 check digit."""
    digits = rng.sample("123456789", 9)
    digits.insert(rng.randint(2, 9), digits[0])
    product = 10
    for one in digits:
        product = ((int(one) + product) % 10 or 10) * 2 % 11
    return "".join(digits) + str((11 - product) % 10)


def _cpf(rng):
    digits = [rng.randint(0, 9) for _ in range(9)]
    for _ in range(2):
        total = sum(one * (len(digits) + 1 - at) for at, one in enumerate(digits))
        digits.append(total * 10 % 11 % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def _dni(rng):
    number = rng.randint(10_000_000, 89_999_999)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _nir(rng):
    """France's social security number with its key, modulo 97."""
    number = f"{rng.choice('12')}{rng.randint(40, 99)}{rng.randint(1, 12):02d}"
    number += f"{rng.randint(1, 95):02d}{rng.randint(1, 990):03d}{rng.randint(1, 999):03d}"
    return f"{number}{97 - int(number) % 97:02d}"


def _password(rng):
    first, second = rng.sample(_WORDS, 2)
    return rng.choice(
        [
            f"{first.capitalize()}{second.capitalize()}{rng.randint(10, 9999)}",
            f"{first}-{second}-{rng.randint(10, 99)}",
            f"{first.capitalize()}_{rng.randint(1000, 9999)}{second[:3]}",
            _drawn("base62")(rng, "12-20"),
        ]
    )


def _symbols(rng):
    first, second = rng.sample(_WORDS, 2)
    return rng.choice(
        [
            f"{first.capitalize()}!{second}{rng.randint(10, 99)}#",
            f"{first[:4]}${second}+{rng.randint(100, 999)}!x",
            f"p@{second.capitalize()}%{first}{rng.randint(1, 9)}",
            f"{first}&{second}={rng.randint(10, 99)}/Q",
        ]
    )


def _phrase(rng, count="4"):
    return " ".join(rng.sample(_WORDS, int(count)))


def _person(rng):
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def _mail(rng, domain="example.com"):
    return f"{rng.choice(_FIRST)}.{rng.choice(_LAST)}{rng.randint(1, 99)}@{domain}".lower()


def _bytes(rng, count):
    return base64.b64encode(rng.randbytes(int(count))).decode()


def _url_bytes(rng, count):
    return base64.urlsafe_b64encode(rng.randbytes(int(count))).decode().rstrip("=")


def _part(document):
    return (
        base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode())
        .decode()
        .rstrip("=")
    )


def _jwt(rng, algorithm="HS256"):
    head = _part({"alg": algorithm, "typ": "JWT"})
    claims = {"sub": _drawn("dig")(rng, "10"), "iat": rng.randint(1_700_000_000, 1_800_000_000)}
    size = {"HS256": "32", "ES256": "64", "EdDSA": "64"}.get(algorithm, "256")
    return f"{head}.{_part(claims)}.{_url_bytes(rng, size)}"


def _jwe(rng):
    parts = (_url_bytes(rng, size) for size in ("256", "12", "80", "16"))
    return ".".join([_part({"alg": "RSA-OAEP", "enc": "A256GCM"}), *parts])


def _body(rng, lines="5"):
    return "\n".join(_drawn("b64chars")(rng, "64") for _ in range(int(lines)))


def _pem(rng, label):
    """A key in armour, its body marked as the secret."""
    return f"-----BEGIN {label}-----\n«MII{_body(rng, '4')}»\n-----END {label}-----"


def _wif(rng, version="80"):
    payload = bytes.fromhex(version) + rng.randbytes(32) + b"\x01"
    full = payload + sha256(sha256(payload).digest()).digest()[:4]
    return _encoded(int.from_bytes(full, "big"), _ALPHABETS["b58"])


def _phone(rng, form):
    """Each `#` of the form is a digit, the first of a run never 0."""
    return "".join(str(rng.randint(2, 9)) if one == "#" else one for one in form)


MAKERS = {
    **{name: _drawn(name) for name in _ALPHABETS},
    "github": _checked,
    "npm": _checked,
    "gitlab": _routable,
    "card": _card,
    "iban": _iban,
    "ssn": _ssn,
    "steuer": _steuer_id,
    "cpf": _cpf,
    "dni": _dni,
    "nir": _nir,
    "pw": _password,
    "pwx": _symbols,
    "phrase": _phrase,
    "person": _person,
    "mail": _mail,
    "bytes": _bytes,
    "urlbytes": _url_bytes,
    "jwt": _jwt,
    "jwe": _jwe,
    "keybody": _body,
    "pem": _pem,
    "wif": _wif,
    "phone": _phone,
    "say": lambda _rng, text: text,
    "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "number": lambda rng, span: str(_count(rng, span)),
}
