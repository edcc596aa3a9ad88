"""Numbers that only their form and check digits distinguish from others: cards, IBANs, SSNs."""

from collections.abc import Iterator
from itertools import accumulate, pairwise

from shipper.secrets.budget import GROUP, PATTERN, Budget
from shipper.secrets.lazy import lazy
from shipper.secrets.spans import NUMBER, Span

#: First digits of payment cards by length (ISO/IEC 7812-1). A time in milliseconds has 13 digits,
#: one in microseconds 16, and one in ten passes the check; but they begin with 1.
_FIRST_DIGITS = {13: "4", 14: "3", 15: "3", 16: "23456", 17: "56", 18: "56", 19: "456"}
_LONGEST = max(_FIRST_DIGITS)
#: A card's groups have three digits or more, except the last.
_MAX_GROUPS = 6
#: From each digit's code to the digit sum of twice its value: the rule of the check digit.
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))


def is_card(digits: str) -> bool:
    """Whether the ASCII digits are a plausible card number."""
    if digits[0] not in _FIRST_DIGITS.get(len(digits), ""):
        return False
    backwards = digits.encode()[::-1]
    total = sum(backwards[::2].translate(_PLAIN)) + sum(backwards[1::2].translate(_DOUBLED))
    return total % 10 == 0 and len({*digits}) > 1


#: Digits, in groups or not; not the decimals of a fraction. Four groups may have dots or slashes between.
_RUN = lazy(
    r"""(?x) (?<![0-9]) (?<![0-9]\.) (?<![\s=(]\.)
    (?: (?<!\.)(?:[0-9]{4}\.){3} [0-9]{4} (?![0-9]) | (?:[0-9]{4}/){3} [0-9]{4} (?![0-9/]) | [0-9] (?:[ -]{0,3}[0-9]){12,} )"""
)
_GROUP = lazy("[0-9]+")


#: A hash or the id of a trace has at least this many hexadecimal digits.
_LEAST_DIGEST = 32
_HEX = frozenset("0123456789abcdefABCDEF")


def _is_in_digest(text: str, start: int, end: int) -> bool:
    """Whether the number is a part of a hash: of one in 2,500 some part passes as a number."""
    if not _HEX.issuperset(text[start:end]):
        return False
    least, most = max(0, end - _LEAST_DIGEST), min(len(text), start + _LEAST_DIGEST)
    while start > least and text[start - 1] in _HEX:
        start -= 1
    while end < most and text[end] in _HEX:
        end += 1
    return end - start >= _LEAST_DIGEST and not text[start:end].isdigit()


def _cards(text: str, run_start: int, run_end: int) -> Iterator[Span]:
    """Card numbers, also within a run of other numbers (a date, a code)."""
    for run in _RUN.finditer(text, run_start, run_end):
        if _is_card_alone(run[0]) and not _is_in_digest(text, *run.span()):
            yield Span(*run.span(), "[CARD]", NUMBER)
            continue
        groups = [match.span() for match in _GROUP.finditer(text, run.start(), run.end())]
        digits = [0, *accumulate(end - start for start, end in groups)]
        end = 0
        for at, (start, _) in enumerate(groups):
            if digits[min(at + _MAX_GROUPS, len(groups))] - digits[at] < len(_CARD):
                continue
            if start < end or not (card_end := _card_end(text, groups[at : at + _MAX_GROUPS])):
                continue
            if not _is_in_digest(text, start, card_end):
                yield Span(start, card_end, "[CARD]", NUMBER)
            end = card_end


def _is_card_alone(run: str) -> bool:
    """Whether all digits of a run are one card: the usual case, without its groups."""
    digits = run.replace(" ", "").replace("-", "")
    if len(digits) > _LONGEST or len(run) - len(digits) >= _MAX_GROUPS or not digits.isdigit():
        return False
    if not is_card(digits):
        return False
    return not _counts_up(run, [match.span() for match in _GROUP.finditer(run)])


def _card_end(text: str, groups: list[tuple[int, int]]) -> int | None:
    """The end of the card that begins with the first group; None if there is no card."""
    digits = ""
    for start, end in groups:
        digits += text[start:end]
        if len(digits) > _LONGEST:
            return None
        if is_card(digits):
            return None if _counts_up(text, groups) else end
    return None


def _counts_up(text: str, groups: list[tuple[int, int]]) -> bool:
    """Whether the first groups are numbers in a row: of a list, or code points."""
    first = [int(text[start:end]) for start, end in groups[:_LEAST_ROW]]
    return len(first) == _LEAST_ROW and all(
        after - before == 1 for before, after in pairwise(first)
    )


_LEAST_ROW = 3
#: ISO 13616: the length by country.
_IBANS = (
    "15NO 16BE 18DK 18FI 18FO 18GL 18NL 18SD 19MK 19SI 20AT 20BA 20EE 20KZ 20LT 20LU 20MN 20XK "
    "21CH 21HR 21LI 21LV 22BG 22BH 22CR 22DE 22GB 22GE 22IE 22ME 22RS 22VA 23AE 23GI 23IL 23IQ "
    "23OM 23SO 23TL 24AD 24CZ 24ES 24MD 24PK 24RO 24SA 24SE 24SK 24TN 24VG 25LY 25PT 26IS 26TR "
    "27BI 27DJ 27FR 27GR 27IT 27MC 27MR 27SM 28AL 28AZ 28BY 28CY 28DO 28GT 28HU 28LB 28NI 28PL "
    "28SV 29BR 29EG 29PS 29QA 29UA 30JO 30KW 30MU 30YE 31MT 31SC 32LC 33RU"
)
IBAN_LENGTHS = {entry[2:]: int(entry[:2]) for entry in _IBANS.split()}
#: The digits of a head, because a search for them is the fastest.
_IBAN_HEAD = lazy(r"[0-9](?<=(?<![A-Za-z0-9])[A-Za-z]{2}.)[0-9](?=[ -]?[A-Za-z0-9])")
_IBAN_TAIL = lazy(r"(?:[ -]?[A-Za-z0-9]){11,30}")
#: From each letter to its two digits (ISO 7064).
_AS_DIGITS = {
    ord(letter): str(int(letter, 36))
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
}


def _ibans(text: str, budget: Budget) -> Iterator[Span]:
    """Bank account numbers; words may follow without punctuation."""
    for head in _IBAN_HEAD.finditer(text):
        start = head.start() - 2
        length = IBAN_LENGTHS.get(text[start : start + 2].upper())
        if not length:
            continue
        if not budget.takes_number(PATTERN, start):
            return
        end = _iban_end(text, start, head.end(), length)
        if end and not _is_in_digest(text, start, end):
            yield Span(start, end, "[IBAN]", NUMBER)


def _iban_end(text: str, start: int, head_end: int, length: int) -> int | None:
    tail = _IBAN_TAIL.match(text, head_end)
    if not tail:
        return None
    plain = tail[0].replace(" ", "").replace("-", "")[: length - 4]
    if len(plain) < length - 4 or not _leaves_one(plain + text[start:head_end]):
        return None
    count, at = 0, head_end
    while count < length - 4:
        count += text[at] not in " -"
        at += 1
    return at


def _leaves_one(rotated: str) -> bool:
    """ISO 7064, mod 97-10, over the number with its first four characters moved to the end."""
    return int(rotated.translate(_AS_DIGITS)) % 97 == 1


#: United States: area, group and serial number are never zero (SSA, randomization of 2011).
SSN = lazy(
    r"(?<![0-9-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9-])"
    r"|(?<![0-9.])(?!000|666|9)[0-9]{3}\.(?!00)[0-9]{2}\.(?!0000)[0-9]{4}(?![0-9.])"
)
#: International, or North American in the two usual spellings.
PHONE = lazy(
    r"(?<![\w+])(?<![0-9][ -])(?:\+|00(?=[1-9][0-9]? )(?![0-9]{2}(?: [0-9A-Fa-f]{4})+(?![0-9A-Za-z])))[1-9][0-9]{0,2}[ .()/-]{0,2}(?:[0-9][ .()/-]{0,2}){6,11}[0-9](?<!\.[0-9])"
    r"(?![0-9.]|[-/][0-9])"
    r"|(?<![\w+.-])(?:1[ .-])?(?:(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}-)[2-9][0-9]{2}-"
    r"|(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}\.)[2-9][0-9]{2}\.)[0-9]{4}"
    r"(?![\w.-])"
)
#: Brazil: eleven digits, of which the last two check the others.
_CPF = lazy(r"(?<![0-9.])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![0-9])")


def _is_cpf(text: str) -> bool:
    digits = [int(char) for char in text if char.isdigit()]
    for size in (9, 10):
        total = sum(digit * (size + 1 - at) for at, digit in enumerate(digits[:size]))
        if total * 10 % 11 % 10 != digits[size]:
            return False
    return len({*digits}) > 1


def _is_ahv(text: str) -> bool:
    """Switzerland: the check digit of an EAN-13."""
    digits = [int(char) for char in text if char.isdigit()]
    return sum(digit * (3 if at % 2 else 1) for at, digit in enumerate(digits)) % 10 == 0


def _is_nir(text: str) -> bool:
    """France: the last two digits are 97 minus the others modulo 97."""
    digits = text.replace(" ", "")
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


#: What the characters at even places of Italy's code count, from 0 to Z; those at odd places count
#: their rank in the alphabet or their value.
_EVEN_PLACES = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20),
            *(11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)


def _is_codice_fiscale(text: str) -> bool:
    """Italy: the last letter checks the others."""
    code = text.upper()
    odd = sum(int(char, 36) - (0 if char.isdigit() else 10) for char in code[1:15:2])
    even = sum(_EVEN_PLACES[char] for char in code[0:15:2])
    return ord(code[15]) - ord("A") == (odd + even) % 26


#: Digits of the shortest such number.
_LEAST_OF_PERSONS = 7
#: Numbers of persons that have a form of their own: its classes, its pattern, its check digits.
_OF_PERSONS = (
    (
        "000.0000.0000.00",
        lazy(r"(?<![0-9.])756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}(?![0-9])"),
        _is_ahv,
    ),
    (
        "0 00 00 00 000 000 00",
        lazy(
            r"(?<![0-9 ])[12] [0-9]{2} [01][0-9] [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{2}(?![0-9 ][0-9])"
        ),
        _is_nir,
    ),
    (
        "00a00a000a",
        lazy(
            r"(?i)(?<![A-Z0-9])[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?![A-Z0-9])"
        ),
        _is_codice_fiscale,
    ),
)
#: Digits and what may stand between them.
_DIGITS = lazy(r"[0-9][0-9 ()./-]{7,}")
LEAST_NUMBER = 9
_AROUND = 4


#: Digits of the shortest card, and of any number.
_CARD, _EIGHT = b"0" * min(_FIRST_DIGITS), b"0" * 8
#: Decimals of a fraction that are more than a group of digits.
_LEAST_FRACTION = b"0." + b"0" * 9
_FRACTION = lazy(rb"0\.0{9,}")
_OF_IBAN = lazy(rb"aa00(?<![0a]aa00)")
_ABROAD = lazy(r"00(?<![\w+]00)[1-9][0-9]? ")


def numbers_in(text: str, classes: bytes, budget: Budget) -> list[Span]:
    """Cards, bank accounts, phone and social security numbers.

    `classes` are those of the text.
    """
    plain = classes.decode()  # a search in a `str` takes half the time
    found: list[Span] = []
    if _may_be_iban(text, classes, plain):
        found += _ibans(text, budget)
    if _may_be_number(text, classes, plain):
        found += _in_runs(text, plain, budget)
    if classes.count(b"0") < _LEAST_OF_PERSONS:
        return found
    for form, pattern, check in _OF_PERSONS:
        if form in plain:
            found += [
                Span(*match.span(), "[PERSON]", NUMBER)
                for match in pattern.finditer(text)
                if check(match[0])
            ]
    return found


def _may_be_iban(text: str, classes: bytes, plain: str) -> bool:
    if "aa00" not in plain:
        return False
    head = _OF_IBAN.search(classes)
    while head:
        start, end = head.span()
        if text[start : start + 2].upper() in IBAN_LENGTHS:
            return True
        head = _OF_IBAN.search(classes, end)
    return False


def _may_be_number(text: str, classes: bytes, plain: str) -> bool:
    if classes.count(b"0") < LEAST_NUMBER:
        return False
    return _is_number(classes, plain) or ("000 " in plain and _ABROAD.search(text) is not None)


def _is_number(classes: bytes, plain: str) -> bool:
    if "+" in plain:
        return "+0" in plain or _has_form(plain) or _has_card(classes)
    if not _has_form(plain) and (not _has_card(classes) or _has_only_fractions(classes, plain)):
        return False
    if _LEAST_FRACTION in classes:
        classes = _FRACTION.sub(b"0.a", classes)  # no number begins in one
    has_digits = _EIGHT in classes.translate(None, b" -.()/")
    return has_digits and (_has_form(classes.decode()) or _has_card(classes))


def _has_form(plain: str) -> bool:
    return (
        "00-0000" in plain  # of a social security number or a phone
        or "00.0000" in plain  # the same, and a card with dots
        or ".000-00" in plain  # Brazil's
        or "0000/0000/" in plain  # a card with slashes
    )


def _has_card(classes: bytes) -> bool:
    return _CARD in classes.translate(None, b" -")


def _has_only_fractions(classes: bytes, plain: str) -> bool:
    """Whether what may be cards are decimals: the usual case, without a pattern."""
    if "000000000." in plain:  # not a fraction, or not its end
        return False
    return not _has_card(classes.replace(_LEAST_FRACTION, b"0.a"))


def _in_runs(text: str, plain: str, budget: Budget) -> Iterator[Span]:
    end = -1
    for run in _DIGITS.finditer(text):
        digits = plain.count("0", *run.span())
        if digits < LEAST_NUMBER:
            continue
        groups = 1 + run.end() - run.start() - digits
        if not budget.takes_number(groups * GROUP, run.start()):
            return
        start = max(0, end, run.start() - _AROUND)
        end = run.end()
        if digits >= min(_FIRST_DIGITS) and _THREE.search(text, start, end + _AROUND):
            yield from _cards(text, start, end + _AROUND)
        if _has_form(part := plain[start : end + _AROUND]) or "+" in part or "000 " in part:
            yield from _numbers(text, start, end + _AROUND)


#: One of a card's six groups has as many digits.
_THREE = lazy("[0-9]{3}")


def _numbers(text: str, start: int, end: int) -> Iterator[Span]:
    for match in SSN.finditer(text, start, end):
        yield Span(*match.span(), "[SSN]", NUMBER)
    for match in PHONE.finditer(text, start, end):
        yield Span(*match.span(), "[PHONE]", NUMBER)
    for match in _CPF.finditer(text, start, end):
        if _is_cpf(match[0]):
            yield Span(*match.span(), "[PERSON]", NUMBER)
