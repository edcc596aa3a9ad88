"""Secrets whose name stands elsewhere in a document: columns, pairs, manifests, SQL."""

import re
from collections.abc import Callable, Iterable, Iterator

from shipper.secrets.assigned import STANDS_FOR
from shipper.secrets.entropy import looks_random
from shipper.secrets.lazy import lazy
from shipper.secrets.names import is_secret_name
from shipper.secrets.spans import RANDOM, Places, Span

#: Where the names of secrets may stand in the text: start and end of their gates.
Words = list[tuple[int, int]]
_MASK = "[PASSWORD]"

_NAMED = lazy(
    r"""(?ix) (?:\b|_)(?:name|key|id|field|label|selector|element)["'\\]{0,4} \s{0,2}[:=]\s{0,2} ["'\\]{0,4}
    (?P<n>[\w.\#-]{2,64}) ["'\\]{0,4} \s{0,4}[,;]?\s{0,40}
    ["'\\]{0,4} (?:\w{0,12}value|val|default|text)["'\\]{0,4} \s{0,2}[:=]\s{0,2} ["'\\]{0,4}
    (?P<s>[^"'\\\n,}>]{1,512})"""
)
_XML = lazy(
    r"""(?ix) <(?:key|name|\w{2,20}[ ](?:name|key|id)=")>?(?P<n>[\w.-]{2,64})(?:"|</\w+)>\s{0,40}
    (?:<(?:string|value)>)?(?P<s>[^<\n]{1,512})</"""
)
#: An element with attributes, or with its value in an element or in CDATA; a row of a page's table.
_ELEMENT = lazy(
    r"""(?ix) <(?:\w{1,20}:)?(?P<n>[\w.-]{2,64})(?:\s[^<>]{0,256})?> \s{0,40}
    (?:<(?:\w{1,20}:)?(?:value|string|plaintext|text)>\s{0,40})? (?:<!\[CDATA\[)?
    (?P<s>[^<>\]\s][^<>\]]{0,511}) (?:\]\]>|\s{0,40}</)"""
)
_HEADED = lazy(
    r"""(?ix) <(?:th|td|dt|label|b|strong|span)(?:\s[^<>]{0,128})?>\s{0,8}(?P<n>[\w .-]{2,48}):?\s{0,8}</\w{1,8}>\s{0,40}
    <\w{1,8}(?:\s[^<>]{0,128})?>\s{0,8}(?P<s>[^<\n]{1,512})</"""
)
_UPDATE = lazy(
    r"""(?ix) set\s+\w{0,20}val\w{0,20}\s{0,2}=\s{0,2}'(?P<s>[^'\n]{1,256})'\s+where\s+\w{1,30}\s{0,2}=\s{0,2}
    '(?P<n>[\w.-]{2,64})'"""
)
_BLOCK = lazy(
    r"""(?x) (?:variable|resource|output|secret)[ ]+"(?P<n>[\w.-]{2,64})"\s{0,4}\{
    [^{}]{0,256}?\b(?:default|value)\s{0,4}=\s{0,4}"(?P<s>[^"\n]{1,512})["]"""
)
_CALLED = lazy(
    r"""(?x) ["'][\w\[=\s.#-]{0,24}?[\#\[.](?:\w{1,12}=['"]?)?(?P<n>[\w-]{2,40})['"\]]{0,3}["'] \s{0,2}
    (?: ,\s{0,4} | \)\.value\s{0,2}=\s{0,2} ) ["'](?P<s>[^"'\n]{1,512})["']"""
)
_CELLS = lazy(
    r"""(?x) ^[ \t]{0,8}\| [ *`]{0,8}(?P<n>[\w .-]{2,40}?)[ *`]{0,8}\| [ *`]{0,8} (?P<s>[^|\n]{1,256}?) [ *`]{0,8}\|[ \t]*$""",
    re.MULTILINE,
)
_PAIR = lazy(
    r"""(?x) [\[(]\s{0,2} ["'\\]{1,4} (?P<n>[\w-]{2,64}) ["'\\]{1,4} \s{0,2},\s{0,4} ["'\\]{1,4}
    (?P<s>[^"'\\\n]{1,512}) ["'\\]{1,4} \s{0,2}[\])]"""
)
_ARGUMENTS = lazy(
    r"""(?x) ["'\\]{1,4} (?P<n>--?[\w-]{2,64}) ["'\\]{1,4} \s{0,2},\s{0,4} ["'\\]{1,4}
    (?P<s>[^"'\\\n]{1,512}) ["'\\]{1,4}"""
)


#: What each pattern needs, which is cheaper to find than the pattern.
_VALUED = tuple(
    (word, lazy(word + r"(?:ue)?[\"'\\]{0,4}\s{0,2}[:=]")) for word in ("val", "default", "text")
)
_BLOCKS = ("variable ", "resource ", "output ", "secret ")


def _named(text: str, lower: str, _words: Words) -> Iterator[Span]:
    for pattern in _worth_trying(text, lower):
        for match in pattern.finditer(text):
            if (
                is_secret_name(match["n"])
                and not STANDS_FOR.match(match["s"])
                and _LETTER.search(match["s"])
                and not (pattern is _CALLED and match["n"] in _EXTENSIONS)
            ):
                yield Span(*match.span("s"), _MASK)


def _worth_trying(text: str, lower: str) -> list[re.Pattern[str]]:
    """The patterns of which the text has what is cheaper to find."""
    tried = [_NAMED] if any(word in lower and one.search(lower) for word, one in _VALUED) else []
    if "<" in text:
        tried += [_XML, _ELEMENT, _HEADED]
    if "where" in lower and "set" in lower:
        tried.append(_UPDATE)
    if "{" in text and any(block in text for block in _BLOCKS):
        tried += [_BLOCK]
    if "(" in text:
        tried.append(_CALLED)
    if text.count("|") > 2 and not _RULED.search(text):  # noqa: PLR2004 - one cell between two
        tried.append(_CELLS)
    if "'," in text or '",' in text or "' ," in text:
        tried += [_PAIR] if "[" in text or "(" in text else []
        tried += [_ARGUMENTS] if "'-" in text or '"-' in text else []
    return tried


_LETTER = lazy(r"\w")
#: Ends of the names of files.
_EXTENSIONS = frozenset({"pem", "pfx", "p12", "key"})
_INSERT = lazy(
    r"(?is)insert\s+(?:or\s+\w+\s+|ignore\s+)?into\s+[\w.\"`\[\]]{1,128}\s*\((?P<columns>[^()]{1,1024})\)\s*values\s*"
)
_TUPLE = lazy(r"\s*,?\s*\(")
_CELL = lazy(
    r"""\s*(?P<q>'(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.)*"?|[^,()'"]{1,512})\s*(?P<end>[,)]|\Z)"""
)


def _sql(text: str, lower: str, _words: Words) -> Iterator[Span]:
    if "insert" not in lower or "values" not in lower:
        return
    for insert in _INSERT.finditer(text):
        columns = [name.strip(' "`[]') for name in insert["columns"].split(",")]
        secret = {at for at, name in enumerate(columns) if is_secret_name(name)}
        at = insert.end()
        while secret and (opened := _TUPLE.match(text, at)):
            cells, at = _cells(text, opened.end())
            yield from (
                cells[n]
                for n in secret
                if n < len(cells) and not STANDS_FOR.match(text, cells[n].start)
            )


def _cells(text: str, at: int) -> tuple[list[Span], int]:
    cells = []
    while cell := _CELL.match(text, at):
        start, end = cell.span("q")
        if text[start] in "'\"" and end - start > 1:
            start, end = start + 1, end - 1
        cells.append(Span(start, end, _MASK))
        at = cell.end()
        if cell["end"] != ",":
            break
    return cells, at


_RULE = lazy(r"[\s|:+=-]+")
_RULED = lazy(r"(?m)^[ \t]*[|+:][-=:| +]{3,}$")


def _table(text: str, _lower: str, words: Words) -> Iterator[Span]:
    """Lines below a header that names a secret: CSV, TSV, Markdown, output of a database."""
    done = -1
    for start, _ in words:
        line = text.rfind("\n", 0, start) + 1
        end = text.find("\n", start)
        if line == done or end < 0:
            continue
        done = line
        header = text[line:end].rstrip("\r")
        mark = next((mark for mark in ("|", "\t", ",", ";") if mark in header), "")
        below = text[end + 1 :].partition("\n")[0].strip()
        if mark == "|" and not _RULE.fullmatch(below or "x"):
            continue
        if mark and ":" not in header and "=" not in header:
            names = [name.strip(" \"'`*") for name in header.split(mark)]
            secret = [at for at, name in enumerate(names) if name and is_secret_name(name)]
            if secret and sum(map(bool, names)) > 1 and all(map(_is_column, names)):
                yield from _column(text, end + 1, mark, len(names), secret)
                return


_COLUMN = lazy(r"[\w .#/()-]{0,32}")


def _is_column(name: str) -> bool:
    return _COLUMN.fullmatch(name) is not None


def _column(text: str, at: int, mark: str, width: int, secret: Iterable[int]) -> Iterator[Span]:
    for row in text[at:].splitlines(keepends=True):
        if _RULE.fullmatch(row) and row.strip():
            at += len(row)
            continue
        cells = row.rstrip("\r\n").split(mark)
        if len(cells) != width and row.strip():
            return
        starts = [at]
        for cell in cells:
            starts.append(starts[-1] + len(cell) + 1)
        for number in secret:
            if number < len(cells) and not _RULE.fullmatch(cells[number]):
                yield from _trimmed(cells[number], starts[number])
        at += len(row)


def _trimmed(cell: str, at: int) -> Iterator[Span]:
    inner = cell.strip(" \"'`")
    if inner:
        start = at + cell.index(inner)
        yield Span(start, start + len(inner), _MASK)


_MANIFEST = lazy(r"(?im)^[ \t]{0,40}[\"']?kind[\"']?\s*:\s*[\"']?Secret\b")
_DATA = lazy(
    r"(?m)^(?P<indent>[ \t]{0,40})(?:data|stringData):[ \t]*\r?\n(?P<rows>(?:(?P=indent)[ \t]+[^\n]*(?:\n|\Z))+)"
)
_ROW = lazy(
    r"(?m)^[ \t]+[\w.\-\"']{1,128}:[ \t]*[\"']?(?P<s>[^\s\"'|>][^\n\"']*|(?<=[|>])[^\n]*)|^[ \t]+(?P<t>[^\s:]{4,})[ \t]*$"
)


def _kubernetes(text: str, lower: str, _words: Words) -> Iterator[Span]:
    """All values of a Secret, however their names are."""
    if "kind" not in lower or not _MANIFEST.search(text):
        return
    for data in _DATA.finditer(text):
        for row in _ROW.finditer(text, *data.span("rows")):
            group = "s" if row["s"] else "t"
            if row[group]:
                yield Span(*row.span(group), _MASK)


#: A telling word, then a random text within a few words: "our Okta token is now 00Ab…".
_LONG = lazy(r"[A-Za-z0-9+/_~=.-]{20}")
_NEAR = lazy(
    r"(?<![\w./:@-])[A-Za-z0-9+/](?:[A-Za-z0-9+/_~-]|[.=](?=\w)){19,512}+(?![\w@:/\[(.-]\w)"
)
#: Characters between the word and the random text.
_FAR = 40
#: A word as a password is made: letters in both cases and digits, or a mark among them; no name of
#: a thing (`Sommer2024`, `PBKDF2WithHmacSHA256`), no path, version or address.
_MIXED = lazy(
    r"(?<![\w./:@$#%{<-])(?=[^\s\"'`]{0,30}[0-9])(?=[^\s\"'`]{0,30}[a-z])(?=[^\s\"'`]{0,30}[A-Z!$%*?#])"
    r"(?!(?:[A-Z]{2,8}[0-9]{0,4}|[A-Z]?[a-z]+[0-9]{0,4}|[_-])+(?:[^\w]|\Z))"
    r"[A-Za-z0-9][A-Za-z0-9!$%*?#_+~^-]{7,63}(?![\w@:/\\\[({=<.]\w|[@:/\\\[({=<])"
)
_OF_PASSWORD = lazy(
    r"(?i)pass|pwd|kennwort|clave|senha|contrase|l[öo]senord|wachtwoord|parol|парол|секрет|secret|has[łl]o"
    r"|heslo|[şs]ifre|salasana|jelsz|kodeord|adgang|lozinka|geslo|密|口令|パスワード|비밀번호|암호"
)
_TELLING = lazy(r"(?i)(?:secret|token|key|passw|credential|api|auth|pat)")


def nearby(text: str, words: Words, known: Places) -> Iterator[Span]:
    """Texts that look random, a few words behind a telling one."""
    end = 0
    for start, stop in words:
        if start < end:
            continue
        if _OF_PASSWORD.match(text, start):
            line = text.find("\n", stop, stop + _FAR + 20)
            word = _MIXED.search(text, stop, line if line > 0 else stop + _FAR + 20)
            if word and word.start() <= stop + _FAR and not known.covers(word.start()):
                yield Span(*word.span(), "[PASSWORD]", RANDOM)
                end = word.end()
                continue
        if not _TELLING.match(text, start):
            continue
        long = _LONG.search(text, stop, stop + _FAR + 20)
        if not long or "\n" in text[stop : long.start()]:
            continue
        match = None if known.covers(long.start()) else _NEAR.match(text, long.start())
        if match and looks_random(match[0]):
            yield Span(*match.span(), "[SECRET]", RANDOM)
        end = match.end() if match else long.end()


DOCUMENTS: tuple[Callable[[str, str, Words], Iterable[Span]], ...] = (
    _named,
    _sql,
    _table,
    _kubernetes,
)
