"""Secrets in text that their name reveals: `name = value` in the notation of any language."""

import re
from collections.abc import Iterable, Iterator

from shipper.secrets.entropy import looks_random
from shipper.secrets.lazy import lazy
from shipper.secrets.names import is_secret_name
from shipper.secrets.spans import RANDOM, Places, Span

#: The rest of a name that may be a secret's, and the separator before its value: `=`, `: `, `=>`,
#: `>`, ` is `, `("`; or a blank: `--password x`, `PASSWORD 'x'`.
REST = lazy(
    r"""(?x)
    (?P<name> (?:(?![是は])[\w-]){0,48}+ )
    (?: [ ](?:for|of|für|pour|para|de|для|on)[ ](?:[\w@.-]{1,32}[ ]){0,2}?[\w@.-]{1,32}+(?=[ ]?[:=—→])(?P<whose>) )?
    (?: [*"'`\\\]]{0,20}+ (?: \s{0,4}+ | [ \t]{0,32}+ )
        (?: : \s{0,3} (?:&?'?\w{0,8}\s)? (?:str|String|string|bytes|SecretStr|Text|std::string)
              (?:\s?\|\s?None|\?)? \s{0,3} = \s{0,4}+
          | => | := | [:=：]{1,3}+ ) (?:(?!\*{3})[*`]){0,2}+ (?: (?=[ \t]*\r?\n) | \s{0,4}+ ) (?:[«‹]\s)?
      | ["']? \s{1,4}+ value \s{0,2} = \s{0,2}
      | >
      | (?P<called> \( \s{0,4}+ (?: ["'][\w@.-]{1,64}["'] \s{0,2} , \s{0,4} )? (?=["']) )
      | (?P<prose> \s{1,4}+ (?:is|was|are|ist|war|est|es|é|è|era|lautet|to|für\ lautet|with|будет) :? \s{1,4}+ | \s?(?:是|は|→|—|=>) \s? )
      | (?P<apart> [ \t]{1,4}+ ) )"""
)
#: The words before it that belong to the name (`db.user_`, `api `), read backwards.
BEFORE = lazy(r"[ ]?[\w.@-]{0,32}")
_BEFORE_LENGTH = 33
#: A value: in quotes, an authorization or cookies to the end of the line, or a word, which may
#: contain punctuation that does not end it.
VALUE = lazy(
    r"""(?isx)
    "{3}.*?(?:"{3}|\Z) | '{3}.*?(?:'{3}|\Z)
    | "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.)*'? | `[^`\n]*`?
    | (?P<escaped>\\+["']) (?:(?!(?<!\\)(?P=escaped)).)* (?:(?P=escaped))?
    | (?:digest|negotiate|ntlm|aws4-hmac-sha256|hawk|oauth|apikey|token|bearer|basic|ssws|bot)
      [ ] [^\r\n<"']+
    | [^\s"'<&,;=]{1,64}=[^\s"'<,;]{0,1024}+;[^\r\n"'<]*
    | (?: [^\s"'<&,;)\]}\\]
        | [,;)\]}"'\\] (?! [\s"'<&,;)\]}\\] | \Z | [\w.-]{1,40}["']?\s?[:=] ) )+"""
)
#: A value that is already masked, by an earlier shape or by its key.
MASKED = lazy(
    r"""(?x) ["'\\]{0,20} (?:\w{1,16}[ ])?
    \[(?:SECRET|PASSWORD|AUTHORIZATION|JWT|TOKEN|PRIVATE_KEY)(?:[#][0-9a-f]{16}|[*][0-9A-Z]{4})?\]"""
)
#: In prose, a value that looks like a word is not a secret: a password is often "required".
_NOT_A_WORD = lazy(r"\S{0,64}?(?:[0-9!@#$%^&*_=+/]|[a-z][A-Z])")
#: Nothing that a mask would hide: empty values, and expressions that name another place.
EMPTY = lazy(
    r"""(?x)
    (?:(?i:bearer|basic|token)\s{1,3})?
    (?: (?i:![01]|null|none|nil|true|false|undefined|n/a|on|off|yes|no|required|optional|missing|enabled
        |disabled|redacted|hidden|masked|unknown|expired|invalid|empty|unset|reset|changed|default
        |str|string|bytes|int|integer|bool|boolean|any|object|text|secretstr|varchar\(\d+\)
        |(?:optional|union)\[[\w\[\], ]{1,60}\]|type|session|accepted|rejected|revoked|sensitive
        |(?:insert|enter|replace|change|example|dummy|placeholder|your|my)[_-][\w-]{0,40}|change[_-]?(?:me|it|this)
        |[\w-]{0,40}[_-](?:placeholder|here)) | [0-9]{1,2} | \*{3,} | x{4,} | <[\w .-]{1,40}> | \[(?i:redacted|hidden|masked|filtered|removed|secret|password|token|authorization|jwt|private_key|email|person|phone|card|iban|ssn|account|cut)(?:[#][0-9a-f]{16}|[*][0-9A-Z]{4})?\] | \((?:not|un|no|none|hidden|redacted)[\w ]{0,20}\) | \$[0-9] | \?|:[a-z_]\w{0,40}|%s|%\(\w{1,40}\)s
      | (?:env|op|vault|ssm|secretsmanager|gcpsm|keyvault|ref|file|aws|azurekeyvault)(?:\+\w+)?:[\w/{][^\s"']{0,100}|!(?i:ref|sub|getatt|importvalue|env)\s\S{1,100} | \.\.\.
      | your[\w-]{0,40} | \w{0,8}\.{3} | \$\{[\w.:?-]{1,80}\} | \$\(?[A-Za-z_][\w.]{0,80}\)? | %\w{1,40}% | \$?\{\{[^{}\n]{1,80}\}\}
      | (?:var|local|process\.env|os\.environ|os\.getenv|env|secrets|config|settings|self|this|args
        |params|request|vault|data|module)\b [.\[(][\w.\[\]"'()-]{0,80}
      )
    (?= [\s"'`,;)\]}>&@/?=|] | \.?(?:\s|\Z) ) | (?:return|raise|new|await|throw|not|lambda|function|must|field|should|cannot|is)[ ] | (?!string\([0-9])[A-Za-z_][\w.]{1,60}[(\[] | `{1,3}(?=\s|\Z) | \|(?=[ ]) | [-?+]?\} | !vault\b | (?:(?i:bearer|basic|token)\s)?[\"']?\{[\w.]{1,60}\}(?=[\"']) | \{\s{0,20}[\w\"']{1,40}\??\s?:\s?(?:string|str|number|boolean|any|int)\b | \{\s{0,20}"(?:type|\$ref|description|title|anyOf|oneOf|allOf)" """
)
#: Words of SQL and prose before the name.
_KEYWORD = lazy(r"\s?(?i:with|set|by|and|or|where|the|my|your|new)\s")
#: A value that stands for another: a variable, a parameter, a placeholder.
STANDS_FOR = lazy(
    r"""(?x) \$\{ | \$[A-Za-z_]\w{0,80}(?![\w$;]) | \$\( | <[\w .-]{1,40}> | \{\w{0,40}\}(?![\w+/]) | \{[\w.]{1,60}\( | %\w{1,40}% | \?(?=\s*[,)]) | :[a-z_]+(?=\s*[,)])
    | %s | \*{3,} | (?i:null|none|default)\b | \[(?i:redacted|hidden|masked|filtered|removed|secret|password|token|authorization|jwt|private_key|email|person|phone|card|iban|ssn|account|cut)(?:[#][0-9a-f]{16}|[*][0-9A-Z]{4})?\]"""
)
#: In English, what follows a blank after the last word of a name is a value only if it looks so.
_OPTION = lazy(r"\s?--?\w[\w.-]*")
_TERSE = lazy(r"(?i)pass|pw|parol|contrase|senha|mot[ _]de|secret")
_LINE = lazy(r"[ \t]*[\w.-]{3,40}[ \t]+(?=\S*[A-Za-z])[^\s]{6,256}[ \t]*\r?(?:\n|\Z)")


def _alone(text: str, match: re.Match[str]) -> bool:
    """Whether name and value are all of a line, as in a file of settings."""
    line = text.rfind("\n", 0, match.start()) + 1
    return _LINE.match(text, line) is not None


_QUOTED = lazy(r"[\"'](?=[^\"'\n]{0,256}?\w)[^\"'\n]{3}")
_ELEMENT = lazy(r"[^<\n]{1,1024}<[/!]|[^<\s'\"]{1,1024}\Z")
_LONG_VALUE = lazy(r"[^\s,;]{14}|\S+ [a-z]+ [a-z]+ ")
_IDENTIFIER = lazy(r"[A-Za-z_][A-Za-z_.]{0,60}(?![\w.=/+!@#$%^&*-])")


def _same(name: str, value: re.Match[str] | None) -> bool:
    """Code such as `self._token = token` has no secret in it."""
    if not value:
        return False
    if value[0] == name.strip() and value.string[value.end() : value.end() + 1] in {",", ")"}:
        return True
    if name.strip().startswith(("self.", "this.", "_")) and value[0].islower():
        return True
    if not ("." in name + value[0] or "_" in name[:1] + value[0][:1]):
        return False
    last = value[0].rpartition(".")[2].strip("_").lower()
    return name.rpartition(".")[2].strip(" _").lower() == last


_PLAIN_PASSWORD = lazy(r"(?=\S*[0-9])(?=\S*[A-Za-z])[^\s\[=:/.]{8,}(?![^\s.,;!?)]|[.,;!?)]\S)")
_COUNT = lazy(r"[0-9]{1,7}\b(?!\S)")
_BRACKET = lazy(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]')
#: A block of YAML: all lines that are indented deeper than the name.
_BLOCK = lazy(r"(?:![\w!]{1,20}[ ])?[|>][+-]?[0-9]?[ \t]*(?=\r?\n)|(?=\r?\n)")
_SCHEME = lazy(r"[\"'\\]{0,20}(?:\w{1,16}[ ]{1,4})?")


def assigned(text: str, at: int, stem_end: int, specific: Places) -> tuple[int, Span | None]:
    """The value of the name around a gate; and where the name ends.

    `specific` are the secrets that their form has revealed.
    """
    match = REST.match(text, stem_end)
    if not match:
        return stem_end, None
    if specific.covers(match.end()) or specific.covers(match.end() + 1):  # in quotes
        return match.end("name"), None
    before = BEFORE.match(text[max(0, at - _BEFORE_LENGTH) : at][::-1])
    name = (before[0][::-1] if before else "") + text[at : match.end("name")]
    name = _KEYWORD.sub("", name)
    end = match.end("name")
    if is_secret_name(name):
        if _is_value(text, match, name):
            return end, _span(text, match, specific)
        if not (match["prose"] or match["apart"]):
            return end, None
    return end, _random(text, match, specific)


def _is_value(text: str, match: re.Match[str], name: str) -> bool:
    if match["prose"] or match["whose"] is not None:
        if match["prose"] and match["prose"].strip() in {"to", "with"}:
            return bool(_PLAIN_PASSWORD.match(text, match.end()))
        return bool(_prose_value(match["prose"]).match(text, match.end()))
    if match["apart"]:
        quoted = bool(_QUOTED.match(text, match.end()))
        is_plain = _PLAIN_PASSWORD.match(text, match.end()) and _TERSE.search(name) is not None
        is_line = (
            _alone(text, match)
            and _NOT_A_WORD.match(text, match.end())
            and not _HEX.match(text, match.end())
        )
        return bool(is_line) or bool(_OPTION.fullmatch(name)) or quoted or bool(is_plain)
    if match["called"] and not _is_argument(text, match, name):
        return False
    if match[0].endswith(">") and not match[0].endswith("=>"):
        return text[match.end() : match.end() + 1] != "@" and bool(
            _ELEMENT.match(text, match.end())
        )
    return not _is_code(text, match, name)


def _prose_value(said: str | None) -> re.Pattern[str]:
    """What a value in a sentence looks like; Japanese has no blank between words."""
    return _ASCII if said and said.strip() in {"は", "是"} else _NOT_A_WORD


_ASCII = lazy(r"[\s\"'「『“（(]{0,3}[!-~]{4}")


def _is_argument(text: str, match: re.Match[str], name: str) -> bool:
    """Whether a call gets a secret: not `pass("a test")`, not `add_token(" ")`."""
    if name.strip(" ._").lower() == "pass":
        return False
    return _NO_WORD.match(text, match.end()) is None


_NO_WORD = lazy(r"[\"'](?:[^\w\"'\n]|\\[a-z]){0,8}[\"']|[\"'](?:[A-Za-z_]+\.)+[A-Za-z_]+[\"']")


def _is_code(text: str, match: re.Match[str], name: str) -> bool:
    """Whether the value is a count, a comparison or the name of a variable."""
    at = match.end()
    plain = name.strip(" _-").lower()
    is_usual = (
        (plain.endswith("seed") and not _LONG_VALUE.match(text, at))
        or (plain.endswith("tokens") and _COUNT.match(text, at))
        or (plain == "pin" and _OF_BOARD.match(text, at))
    )
    if is_usual or _same(name, _IDENTIFIER.match(text, at)) or _TYPE.match(text, at):
        return True
    if match[0].rstrip().endswith("=="):
        return not (_QUOTED.match(text, at) or _PLAIN_PASSWORD.match(text, at))
    return _is_elsewhere(text, match, name) or (":" in match[0] and _is_sentence(text, at, name))


def _is_sentence(text: str, at: int, name: str) -> bool:
    """Whether words of a sentence follow: a passphrase is made of words, too."""
    if _PROSE.match(text, at):
        return "phrase" not in name.lower()
    return not _TERSE.search(name) and _SENTENCE.match(text, at) is not None


#: Words of a sentence behind a name: "password: must be changed every 90 days".
_PROSE = lazy(
    r"(?i)[a-z]{1,16} (?:[a-z]+ ){0,3}(?:be|is|are|was|the|a|an|of|for|to|in|at|by|not|and|or|with|from"
    r"|required|opened|closed|failed|changed|expired|set|valid|invalid|missing)\b"
)


#: A pin of a board: `GPIO17`.
_OF_BOARD = lazy(r"[\"'\\]{0,4}[A-Z]{1,5}_?[0-9]{1,2}\b")
#: Words in lower case behind a name that is also a usual word: "auth: user bob logged in".
_SENTENCE = lazy(r"[a-z]{2,16} [a-z]{2,16} [a-z]")


#: A type, a name with dots, an expression in parentheses or a pointer: code.
_TYPE = lazy(
    r"_?(?:[A-Z][a-z]+){1,6}(?=,|\)| =| \|)|(?:[A-Za-z_]+\.){1,4}[A-Za-z_]+(?=[,)\s]|\Z)|\([0-9<|]"
    r"|\*\w+[(;, ]|[\[{][^(\]}]{0,300}\((?![\"'][^\"'\n]{1,100}[\"']\))|[\[{][^\n)]{0,200}\b(?:for|lambda)\b|_[a-z_]{2,40}\b"
)


def _is_elsewhere(text: str, match: re.Match[str], name: str) -> bool:
    """Whether the value is a working directory, or the name of a secret that AWS keeps."""
    is_path = name.strip(" _-").lower().endswith("pwd") and _PATH.match(text, match.end())
    return bool(is_path) or _in_arn(text, match.start())


_PATH = lazy(r"[\"']?(?:[/~.]|[A-Za-z]:\\)[^\s]*")


def _in_arn(text: str, at: int) -> bool:
    """Whether the name is a part of an ARN of AWS."""
    line = text[max(0, at - 80) : at].rpartition(" ")[2]
    return "arn:aws" in line


def _random(text: str, match: re.Match[str], specific: Places) -> Span | None:
    """A value that only looks like a secret, behind a word that only may name one."""
    word = _CANDIDATE.match(text, match.end())
    if word and (match["prose"] or match["apart"]) and _HEX.fullmatch(word[1]):
        is_telling = _HEX_NAME.search(text, max(0, match.start("name") - 24), match.end("name"))
        return Span(*word.span(1), "[SECRET]", RANDOM) if is_telling else None
    if not word or specific.covers(word.start(1)) or not looks_random(word[1]):
        return None
    return Span(*word.span(1), "[SECRET]", RANDOM)


_HEX = lazy(r"[0-9a-f]{32,128}")
#: Names behind which a number in hexadecimal is a secret, and no digest or commit.
_HEX_NAME = lazy(
    r"(?i)(?:my|api|app|application|master|hmac|secret|private|signing|encryption|signature|auth|aes)[ _-]?"
    r"(?:key|secret)|(?<![\w-])secret"
)
_CANDIDATE = lazy(
    r"[\"'`(]{0,2}([A-Za-z0-9+/](?:[A-Za-z0-9+/_~=-]|\.(?=\w)){16,512}+)(?![\w.@:/\[(])"
)


def _span(text: str, match: re.Match[str], specific: Places) -> Span | None:
    """The span of the value, with its replacement; quotes stay."""
    start = match.end()
    if EMPTY.match(text, start) or text.startswith("//", start) or MASKED.match(text, start):
        return None
    head = _SCHEME.match(text, start)
    if specific.covers(start) or (head and specific.covers(head.end())):
        return None
    if tag := _TAG.match(text, start):
        start = tag.end()
    if block := _BLOCK.match(text, start):
        if (lines := _block(text, match.start(), block.end())) or text[start : start + 1] in "|>":
            return lines
        line = _ONE_LINE.match(text, block.end())
        if not line:
            return None
        start = line.start(1)
    return _closed(text, start, match) or _value(text, start)


_AUTHORIZATION = lazy(r"(?i)authorization")


def _closed(text: str, start: int, match: re.Match[str]) -> Span | None:
    """A list or an object up to its end, a scheme with all its parameters."""
    if text[start : start + 1] in {"[", "{"}:
        return Span(start, _closing(text, start), "[PASSWORD]")
    if not _AUTHORIZATION.search(text, max(0, match.start("name") - 20), match.end("name")):
        return None
    scheme = _SCHEMED.match(text, start)
    return Span(start, scheme.end(), "[PASSWORD]") if scheme else None


def _is_closing(text: str, at: int, quote: str) -> bool:
    """Whether the quote ends a string that contains the name: `input("Password: ")`."""
    line = max(text.rfind("\n", 0, at) + 1, at - 512)
    return text.count(quote, line, at) % 2 == 1


_PHRASE = lazy(r"[a-z]{3,10}(?: [a-z]{3,10}){2,11}(?=\r?\n|\Z)")
_GROUPS = lazy(r"[A-Z]{0,2}[0-9]{2,4}(?:[ -][0-9A-Z]{2,4}){2,8}(?!\w)")
#: A scheme and its parameters: `Digest username="bob", response="…"`.
_SCHEMED = lazy(r"[A-Za-z][\w-]{2,24} (?:[^\r\n\"'<\\]|\"[^\"\r\n]*\"(?=[, \r\n]|\Z))+")


def _value(text: str, start: int) -> Span | None:
    if match := _GROUPS.match(text, start) or _PHRASE.match(text, start):
        return Span(start, match.end(), "[PASSWORD]")
    match = VALUE.match(text, start)
    if not match or not match[0]:
        return None
    quote = match["escaped"] or match[0][0]
    if match[0][:3] in {'"""', "'''"} and match[0] != match[0][:3]:
        quote = match[0][:3]
    if quote[-1] not in "\"'`":
        return Span(start, match.end(), "[PASSWORD]")
    return None if match[0] == quote * 2 else _quoted(text, match, quote)


def _quoted(text: str, match: re.Match[str], quote: str) -> Span | None:
    """What stands between the quotes, if it is no placeholder and no single letter."""
    start = match.start()
    if EMPTY.match(text, start + len(quote)):
        return None
    closing = len(quote) if match[0].endswith(quote, len(quote)) else 0
    if not closing and _is_closing(text, start, quote):
        return None
    if start + len(quote) + 1 >= match.end() - closing:  # `accesskey="u"`
        return None
    return Span(start + len(quote), match.end() - closing, "[PASSWORD]")


#: Tags and anchors of YAML, the letters before quotes in SQL, elements and CDATA of XML, types of
#: PHP's dumps.
_TAG = lazy(
    r"!{1,2}(?!vault\b)\w{1,20}[ ]+|&\w{1,20}[ ]+(?=\S)|[NnEeBbRrUuFf](?=['\"])|(?:<\w{1,20}>\s{0,8})?<!\[CDATA\["
    r"|<(?i:value|string|plaintext)>|string\([0-9]{1,4}\)[ ]"
)
#: A value below its name.
_ONE_LINE = lazy(r"\s{0,8}([^\s#]+)[ \t]*(?:\r?\n|\Z)")
#: Below a name without `|`: one word, or a list of them.
_ONE_WORD = lazy(r"\s*[^\s#]+\s*|(?:\s*- [^\n]+)+\s*")


def _block(text: str, name_at: int, start: int) -> Span | None:
    """The lines of a YAML block, or the one indented line that follows."""
    line = text.rfind("\n", 0, name_at) + 1
    indent = len(text[line:name_at]) - len(text[line:name_at].lstrip(" -"))
    lines = re.compile(
        rf"(?:\r?\n(?:- [^\r\n]+|[ \t]{{{indent + 1},}}[^\r\n]+|[ \t]*(?=\r?\n)))+"
    ).match(text, start)
    if not lines:
        return None
    inside = lines[0]
    if text[start - 1 : start] == ":" and not _ONE_WORD.fullmatch(inside):
        return None
    first = len(inside) - len(inside.lstrip())
    return Span(start + first, lines.end(), "[PASSWORD]")


def _closing(text: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`, or the end of the text."""
    depth = 0
    for match in _BRACKET.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth == 0 and match.start() > start:
            return match.end()
    return len(text)


def _longest_first(hit: tuple[int, int]) -> tuple[int, int]:
    """Of gates at one place, the longest one decides: `mật khẩu` before `mật`."""
    return hit[0], -hit[1]


def names_in(text: str, hits: Iterable[tuple[int, int]], specific: Places) -> Iterator[Span]:
    """The values of the secret names around these gates, in the order of the text."""
    end = value_end = 0
    for at, stem_end in sorted(hits, key=_longest_first):
        if at < end or at < value_end:
            continue
        end, span = assigned(text, at, stem_end, specific)
        if span:
            yield span
            value_end = span.end
