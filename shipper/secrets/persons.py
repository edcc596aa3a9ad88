"""Data that identifies a person: e-mail addresses by form, other data by the name beside it."""

import re
from collections.abc import Iterator
from functools import lru_cache

from shipper.secrets.kinds import Kind
from shipper.secrets.lazy import lazy
from shipper.secrets.spans import NUMBER, Span

_LOCAL = lazy(r'[\w.+%!#$&*/=?^{|}~-]{0,63}[\w+-]|"(?:[^"\\\n]){1,62}"')
_LOCAL_BACK = lazy(r'(?:"[^"\n]{1,62}"|[\w.+-]{1,64})')
_DOMAIN = lazy(
    r"(?:[\w-]{1,63}\.){1,8}(?:[^\W\d_]{2,24}|xn--[\w-]{2,59})(?![\w-]|\.[0-9])"
    r"|\[[0-9]{1,3}(?:\.[0-9]{1,3}){3}\]"
)
#: Users of `user@host` in addresses of repositories and machines.
_MACHINES = frozenset({"git", "hg", "svn", "gitlab", "root", "ubuntu", "ec2-user", "postmaster"})
_MAX_LOCAL = 65


def emails(text: str, at: int, width: int) -> Iterator[Span]:
    """The address around an `@`, or its code in a URL."""
    domain = _DOMAIN.match(text, at + width)
    local = _LOCAL_BACK.match(text[max(0, at - _MAX_LOCAL) : at][::-1])
    if not domain or not local:
        return
    name = local[0][::-1]
    start = at - len(name)
    if text[start - 2 : start] == "//" and "." not in name:
        return  # the user of a URL; `first.last` is a person there too
    if text[start - 1 : start] == ":" and name in _MACHINES:
        return
    follows = text[domain.end() : domain.end() + 1]
    if name in _MACHINES and follows in {":", "/"}:
        return
    yield Span(start, domain.end(), "[EMAIL]", NUMBER)


_SEP = r"""["'*\\]{0,4}\s{0,2}(?:[:=：]|\bis\b|\bwas\b|>|\|)[*]{0,2}\s{0,3}["'\\]{0,2}"""
_DATE = (
    r"(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/. ]{1,2}(?:[0-9]{1,2}|[A-Za-z]{3,9})"
    r"[-/. ,]{1,2}[0-9]{2,4}|[A-Za-z]{3,9} [0-9]{1,2},? [0-9]{4}|[0-9]{8})(?![0-9])"
)
_LICENCE = r"[A-Z]{1,3}[ -][A-Z]{1,2} ?[0-9]{1,4}[EH]?(?![A-Za-z0-9])|(?=[A-Z0-9 -]{0,9}[0-9])[A-Z0-9][A-Z0-9 -]{3,9}[A-Z0-9](?![A-Za-z0-9])"
_ID = r"(?=[A-Za-z0-9 ./-]{0,12}[0-9])[A-Za-z0-9](?:[ ./-]?[A-Za-z0-9]){4,22}(?![A-Za-z0-9])"


def _person(
    name: str,
    gates: str,
    words: str,
    value: str,
    hit: str,
    sep: str = _SEP,
    *,
    group: str = "person",
) -> Kind:
    pattern = (
        rf"(?i)(?:{words})(?:[ _-]?(?:no|nr|num|number|nummer|id|code|#))?\.?{sep}(?P<s>{value})"
    )
    words_of = tuple(gate.replace("\\x20", " ") for gate in gates.split())
    return Kind(name, words_of, pattern, "", (hit,), (), group, is_specific=False)


PERSONS = (
    _person(
        "phone-named",
        "phone mobile tél tel: tel. telef fax cell handy rufnummer móvil movil whatsapp telephone",
        r"phone|mobile(?:[ _-]?phone)?|t[eé]l(?:[eé]phone)?|telef[oó]n[oe]?|fax"
        r"|cell(?:[ _-]?phone)?|handy|rufnummer|m[oó]vil|whatsapp",
        r"[+(]?[0-9][0-9 ()./-]{5,20}[0-9](?![0-9])",
        "phone: 030 1234567",
        rf"(?:{_SEP}|[ ]{{1,2}}(?=[+0(]))",
    ),
    _person(
        "birth",
        "birth dob geburt naissance nacimiento nascita nascimento geboorte рождения",
        r"birth(?:[ _-]?(?:date|day))?|dob|geburts(?:datum|tag)|naissance|nacimiento|nascita"
        r"|nascimento|geboortedatum|рождения",
        _DATE,
        "DOB: 12/03/1985",
        rf"(?:{_SEP}|[ ](?=[0-9]))",
    ),
    _person(
        "born",
        "born geb. geboren née né\\x20le nacid nato\\x20il",
        r"born(?:[ ]on)?|geb\.(?:[ ]am)?|geboren(?:[ ]am)?|n[ée]e?(?:[ ]le)|nacid[oa](?:[ ]el)?|nato(?:[ ]il)?",
        _DATE,
        "born on 12 March 1985",
        r"[ :]{1,3}",
    ),
    _person(
        "passport",
        "passport reisepass passeport pasaporte pasaport passaporto паспорт",
        r"passport|reisepass|passeport|pasaporte|passaporto|паспорт",
        r"(?=[A-Z]{0,9}[0-9])[A-Z0-9<]{6,12}(?![A-Za-z0-9])",
        "Reisepass: C01X00T47",
        rf"(?:{_SEP}|[ ])",
    ),
    _person(
        "identity",
        "itin ein: ust vat sécurité sociale nir pan sin: sin\\x20 tfn my\\x20number mynumber patient medical mrn "
        "ni\\x20n personalausweis licence abn ein\\x20 siren siret avs rfc: cuit rut: rg: tckn hkid cnic iqama egn cnp oib emirates tax steuer insurance national driver driving führerschein permis\\x20de licen cpf cnpj dni nie nif curp aadhaar nino codice pesel "
        "nric bsn personnummer ssn sozialvers krankenv versicherten ausweis social tin nir ahv medicare nhs",
        r"(?<![A-Za-z])(?:tax(?:payer)?(?:[ _-]?(?:id|identification))?|steuer(?:identifikations)?(?:[ _-]?(?:id|nummer))?|i?tin|ein|(?:ust|vat)(?:[ _-]?id)?(?:[ _-]?nr)?|nir|pan(?:[ ]card)?|sin|tfn|abn|my[ ]?number|mynumber|patient(?:[ _-]?id)?|medical[ _-]record(?:[ _-]?number)?|mrn|(?:num[ée]ro[ ]de[ ])?s[ée]curit[ée][ ]sociale|siren|siret|rfc|cuit|rut|tckn|hkid|cnic|iqama|egn|cnp|oib|emirates[ ]id"
        r"|national[ _-]?(?:id|insurance|identity)|ni(?=[ ]n)|(?:krankenversicherungs|krankenversicherten|versicherten)(?:nummer|nr)|insurance|social[ _-]?(?:security|insurance)|ssn|nino"
        r"|driv(?:er'?s?|ing)[ _-]?licen[cs]e|führerschein(?:nummer)?|permis de conduire|licen[cs]e(?=[ _-]?(?:no|nr|number|id|#))|cpf|cnpj|dni|nie|nif|curp|aadhaar|codice[ _]fiscale"
        r"|pesel|nric|bsn|personnummer|(?:personal)?ausweis(?:nummer)?|ahv|avs|medicare|nhs"
        r"|sozialversicherung(?:snummer)?)",
        _ID,
        "tax id: 12-3456789",
        rf"(?:{_SEP}|[ ](?=[A-Z]{{0,2}}[0-9]{{3}}[ .-]?[0-9]{{2}}|[0-9]{{2}}[ ](?:[0-9]{{3}}[ ]){{2}}[0-9]{{3}}|[A-Z]{{2}}[ ](?:[0-9]{{2}}[ ]){{3}}[A-D]|[0-9]{{2}}-[0-9]{{7}}|[0-9]{{4}}[ ][0-9]{{4,5}}[ ][0-9]|[A-Z]{{4,9}}[0-9]|[A-Z](?=[A-Z]*[0-9])[A-Z0-9]{{7,}}|[A-Z0-9]{{8,9}}(?![A-Za-z0-9])))",
    ),
    Kind(
        "travel-document",
        ("<<<<",),
        r"[PIACV][A-Z<][A-Z<]{3}[A-Z0-9<]{25,39}\r?\n[A-Z0-9<]{30,44}(?:\r?\n[A-Z0-9<]{30})?",
        "ICAO 9303",
        (
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
        ),
        ("<<<<<<< HEAD\n=======\n>>>>>>> main",),
        "person",
        44,
        is_specific=False,
    ),
    _person(
        "account",
        "kontonummer konto-nr kontonr konto: account\\x20n accountn acct cuenta compte rekening",
        r"konto-?(?:nummer|nr\.?)|konto|account(?=[ ]n)|acct|cuenta|compte|rekening(?=nummer)",
        r"[0-9](?:[ -]?[0-9]){6,18}(?![0-9])",
        "Kontonummer 2954100739",
        rf"(?:{_SEP}|[ ](?=[0-9]{{6}}))",
        group="account",
    ),
    _person(
        "plate",
        "plate kennzeichen matrícula immatriculation",
        r"(?<![A-Za-z])(?:number |licen[cs]e )?plates?|kennzeichen|matr[ií]cula|immatriculation",
        _LICENCE,
        "license plate: B-ZK 7146",
        rf"(?:{_SEP}|[ ](?=[A-Z]{{1,3}}[ -][A-Z]{{1,2}} ?[0-9]))",
    ),
)
_NAME_OF_PERSON = (
    r"(?:(?:first|last|middle|full|maiden|given|family|patient|customer|employee|sur|legal|birth)name|vorname|nachname"
    r"|familienname|prenom|nomdefamille|apellidos?|cognome|sobrenome)$"
)
_ADDRESS = (
    r"(?:(?:home|street|postal|mailing|billing|shipping|residential|delivery|permanent)address(?:line)?[0-9]?"
    r"|addressline[0-9]|streetaddress|wohnadresse|anschrift|adressepostale)$"
)
_CONFIDENTIAL = r"(?:salary|gehalt|salaire|salario|diagnos[ei]s|bloodtype|bloodgroup|religion|ethnicity|race|disability|sexualorientation)$"
#: Names of a person's data as keys, reduced to letters and digits, by the kind of their value.
BY_NAME = (
    (lazy(_NAME_OF_PERSON), r"[^\d\W][^\d\n]{1,63}"),
    (lazy(_ADDRESS), r"[^\n]{0,40}[0-9][^\n]{0,60}|[^\n]{0,60} [^\n]{0,60}"),
    (lazy(_CONFIDENTIAL), r"[^\n]{1,64}"),
    (
        lazy(r"(?:phone|telephone|mobile|cell|fax|tel|telefon)(?:number|no|nr)?$"),
        r"[+(]?[0-9][0-9 ()./-]{5,20}[0-9]",
    ),
    (
        lazy(
            r"(?:dateofbirth|birthdate|birthday|dob|geburtsdatum|geburtstag|datedenaissance|fechadenacimiento)$"
        ),
        _DATE,
    ),
    (
        lazy(
            r"(?:passport|medicalrecord|patientid|mrn|itin|ein|vatid|ustid|socialinsurance|healthinsurance|insurancenumber|reisepass|driverslicen[cs]e|driverlicen[cs]e|nationalid|nationalinsurance|taxid|taxnumber|taxidentificationnumber|tin|steuerid|steuernummer|cpf|cnpj|dni|nie|nif|curp|aadhaar|nino|codicefiscale|pesel|nric|bsn|personnummer|ausweisnummer|idcard|ssn)(?:number|no|nr|id)?$"
        ),
        _ID,
    ),
)
_NO_LETTER = lazy(r"[\W_]+")


def is_personal(name: str, value: object) -> bool:
    """Whether a value under this key identifies a person: `{"phone": …}`, `{"dob": …}`."""
    form = _form_of(name)
    if form is None or type(value) not in {str, int}:
        return False
    return form.fullmatch(str(value)[:64]) is not None


def may_be_personal(name: str) -> bool:
    """Whether some value under this key identifies a person."""
    return _form_of(name) is not None


@lru_cache(maxsize=4096)  # names repeat
def _form_of(name: str) -> re.Pattern[str] | None:
    plain = _NO_LETTER.sub("", name[:128]).lower()
    for names, form in BY_NAME:
        if names.search(plain):
            return re.compile(form, re.IGNORECASE)
    return None
