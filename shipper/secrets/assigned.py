"""Secrets that their name reveals: keys of objects, and `name = value` in text.

Both test a name in the same way, so that a secret in `{"api_key": …}` is also one in
`?api_key=…`, `API_KEY: …` or `<apiKey>…`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from shipper.secrets.spans import Span, replaced

#: Names of secrets, reduced to letters and digits. The first line matches anywhere in the name
#: (`password_confirmation`), the others only at its end.
SECRET_NAME = re.compile(
    r"""(?x)
    password | passwd | passphrase | passcode | apikey | clientsecret | connectionstring
    | (?: pwd | secrets?(?:value|key)? | credentials? | creds | authorization(?:header)? | cookies?
        | (?:private|secret|access|signing|encryption|account|ssh|master|shared|auth|pass|sas|host
            |storage|webhook|license)keys?(?:id|pem|value|base64)?
        | t?otp | cvv2? | cvc2? | cvn | pincode | ssn | iban | socialsecurity(?:number|no)?
        | (?:card|creditcard|account|passport)(?:numbers?|no)
        | tokens?(?:value|string|hash)? | jwt | sess(?:ion)?id | codeverifier | mnemonic
        | (?:auth|authorization|mfa|otp|security|verification|recovery|backup)codes?
        | (?:amz|goog|sas)signature | seedphrase
      )$
    | ^ (?: pass | pw | psw | pin | (?:basic|http|proxy)?auth | bearer | sig ) $"""
)
#: Short words match only as the separate last word of a name: not `compass`, not `spin`.
LAST_WORD = re.compile(r"(?:^|[\W_])(?i:pass|pw|pin)$|[a-z](?:Pass|Pin)$")
#: Names that look like a secret's, but count or page things, or describe a secret.
HARMLESS = re.compile(
    r"""(?x)
    (?: max | min | (?:max|min)?(?:new|prompt|completion|input|output|reasoning|thinking|context)
      | total | cached? | cache(?:creation|read)input | num | numberof | stop | usage | used
      | audio | text | image | generated | budget | remaining | special ) tokens
    | (?: .*(?:page|sync) | next | continuation | pagination | progress | resume
      | bos | eos | pad | sep | unk | cls | mask | stop ) tokens?
    | .*pass(?:word|phrase|code) (?:policy|length|age|expir(?:y|es|ed)(?:at|in)?|strength
      |hint|(?:updated|changed)at|rules?|types?|format|manager|less|field|name|count)"""
)
#: Every secret's name contains one of these; JSON may write a letter as its code.
_IN_NAMES = (
    "pass pwd pw psw secret token key cred cookie auth otp cv ssn pin jwt sess sig code "
    "iban bearer number card account social mnemonic phrase connection \\u00"
)
_NAME_GATES = tuple(_IN_NAMES.split())
_NO_LETTER = re.compile(r"[\W_]+")


#: A longer name is content.
MAX_NAME = 128


@lru_cache(maxsize=4096)  # names repeat; callers bound their length
def is_secret_name(name: str) -> bool:
    """Whether the value of this name is a secret, whatever it looks like."""
    plain = _NO_LETTER.sub("", name).lower()
    if not SECRET_NAME.search(plain) and not LAST_WORD.search(name):
        return False
    return not HARMLESS.fullmatch(plain)


def labels_a_secret(value: Mapping[Any, object]) -> bool:
    """Whether it has the form `{"name": "Authorization", "value": …}`."""
    labels = (value.get(key) for key in ("name", "key", "header"))
    return any(_is_short(label) and is_secret_name(str(label)) for label in labels)


def _is_short(key: object) -> bool:
    return type(key) is str and len(key) <= MAX_NAME


def may_name_secrets(text: str) -> bool:
    """Whether the text can contain a secret's name; cheaper than a search for one."""
    lower = text.lower()
    return any(gate in lower for gate in _NAME_GATES)


#: A name that may be a secret's, and the separator before its value: `=`, `: `, `=>`, `>`,
#: ` is `; or a blank: `--password x`, `PASSWORD 'x'`. For text in lower case: a pattern that
#: ignores case takes ten times as long, because it cannot search for first letters.
ASSIGNMENT = re.compile(
    r"""(?x)
    (?P<name> (?: p(?:ass|wd|w(?=\W)|in(?![a-z])|hpsessid) | s(?:ecret|sn|ig(?==))
                | c(?:reds|reden|ookie|v[vc]|ard) | a(?:uth|ccount) | j(?:sessionid|wt)
                | token | key | otp | iban ) [\w-]{0,40}+ )
    (?: ["'\\\]]{0,20}+ \s{0,4}+ (?: => | := | [:=]{1,2}+ ) \s{0,4}+
      | >
      | (?P<prose> \s{1,4}+ (?:is|was|are) :? \s{1,4}+ )
      | (?P<apart> \s{1,4}+ ) )"""
)
#: The words before it that belong to the name (`db.user_`, `api `), read backwards.
BEFORE = re.compile(r"[ ]?[\w.-]{0,32}")
_BEFORE_LENGTH = 33
#: A value: in quotes, an authorization or cookies to the end of the line, or a word, which may
#: contain punctuation that does not end it.
VALUE = re.compile(
    r"""(?isx)
    "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.)*'?
    | (?P<escaped>\\+["']) (?:(?!(?<!\\)(?P=escaped)).)* (?:(?P=escaped))?
    | (?:digest|negotiate|ntlm|aws4-hmac-sha256|hawk|oauth|apikey|token|bearer|basic)
      [ ] [^\r\n<]+
    | [^\s"'<&,;=]{1,64}=[^\s"'<,;]{0,1024}+;[^\r\n"'<]*
    | (?: [^\s"'<&,;)\]}\\]
        | [,;)\]}"'\\] (?! [\s"'<&,;)\]}\\] | \Z | [\w.-]{1,40}["']?\s?[:=] ) )+"""
)
#: A value that is already masked, by an earlier shape or by its key.
MASKED = re.compile(
    r"""(?x) ["'\\]{0,20} (?:\w{1,16}[ ])?
    \[(?:SECRET|PASSWORD|AUTHORIZATION|JWT|TOKEN|PRIVATE_KEY)\]"""
)
#: In prose, a value that looks like a word is not a secret: a password is often "required".
_NOT_A_WORD = re.compile(r"\S{0,64}?[0-9!@#$%^&*_=+/]")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]')


def mask_assigned(text: str) -> tuple[str, int]:
    """Replace the values of secret names in text."""
    return replaced(text, _values(text))


def _values(text: str) -> Iterator[Span]:
    lower = text.lower()
    if len(lower) != len(text):  # a letter whose lower case has two: offsets would be wrong
        lower = text
    end = 0
    for match in ASSIGNMENT.finditer(lower):
        if match.start() < end or not _is_secret(text, match):
            continue
        span = _value(text, match.end())
        if span:
            yield span
            end = span.end


def _is_secret(text: str, match: re.Match[str]) -> bool:
    start = match.start()
    before = BEFORE.match(text[max(0, start - _BEFORE_LENGTH) : start][::-1])
    name = (before[0][::-1] if before else "") + text[start : match.end("name")]
    if not is_secret_name(name):
        return False
    if match["prose"]:
        return bool(_NOT_A_WORD.match(text, match.end()))
    if match["apart"]:
        return name.lstrip().startswith("-") or text[match.end() : match.end() + 1] in {'"', "'"}
    return True


def _value(text: str, start: int) -> Span | None:
    """The span of the value, with its replacement; quotes stay."""
    if MASKED.match(text, start):
        return None
    if text[start : start + 1] in {"[", "{"}:
        return Span(start, _closing(text, start), "[PASSWORD]")
    match = VALUE.match(text, start)
    if not match:
        return None
    quote = match["escaped"] or match[0][0]
    if quote[-1] not in "\"'":
        return Span(start, match.end(), "[PASSWORD]")
    if match[0] == quote * 2:  # empty
        return None
    closing = len(quote) if match[0].endswith(quote, len(quote)) else 0
    return Span(start + len(quote), match.end() - closing, "[PASSWORD]")


def _closing(text: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`, or the end of the text."""
    depth = 0
    for match in _BRACKET.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth == 0 and match.start() > start:
            return match.end()
    return len(text)
