"""Names of secrets: keys of objects, headers, variables, columns, options.

One test serves all of them, so that a secret in `{"api_key": …}` is also one in `?api_key=…`,
`API_KEY: …` or `<apiKey>…`.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from shipper.secrets.lazy import lazy
from shipper.secrets.own import follows_own, has_own_name, is_own_name

#: A longer name is content.
MAX_NAME = 128

#: Names of secrets, reduced to letters and digits. The first lines match anywhere in the name
#: (`password_confirmation`), the next only at its end, the last the complete name.
SECRET_NAME = lazy(
    r"""(?x)
    (?:pass|p@ss|pss|pa55|pas5|pa[$]{2})(?:words?|w0rd|wrd|wd) | passphrase | passcode | apikey | clientsecret
    | connectionstr(?:ing)?
    | passwort | kennwort | losungswort | motdepasse | mot2passe | contrase(?:ñ|n)a | palavrapasse | senha
    | wachtwoord | lösenord | losenord | adgangskode | salasana | jelsz[óo] | m[ậa]tkh[ẩa]u | katasandi
    | kodeord | passord | lozinka | geslo | slapta[žz]odis | parool | parole?les | ключapi | апиключ
    | parola?dordine | chiavesegreta | chiaveapi | chavesecreta | chaveapi | chaveprivada | (?:geheime|priv[eé])sleutel | apisleutel | cl[ée]secr[èe]te | cl[ée]api | geheimschl(?:ü|ue)ssel
    | apischl(?:ü|ue)ssel | zugriffsschl(?:ü|ue)ssel | klucz(?:api|tajny)? | tajnykl[íi][čc]
    | парол[аьяі] | секрет | 密[码碼钥鑰] | 口令 | パスワード | 暗証番号 | 秘密鍵 | 비밀번호 | 암호 | סיסמה
    | पसवरड | รหสผาน | كلم[ةه](?:ال)?(?:مرور|سر) | رمزعبور | گذرواژه | κωδικός | secret(?:string|binary|base|access)
    | (?: pwd | pswd | pswrd | passw | secrets?(?:value|key|text)? | credentials? | creds
        | authorization(?:header)? | cookies? | htpasswd | (?:user|db|ssh|smtp|ftp|root|admin|login|my|app|web|sudo)pass | (?:root|bind|admin|user|db|ldap|smtp|ftp|ssh|default|new|old|my|dn)pw
        | (?:private|secret|access|signing|encryption|account|ssh|master|shared|auth|pass|sas|host
            |storage|webhook|license|licence|rsa|dsa|ecdsa|ed25519|aes|des|hmac|kms|tls|ssl|pgp|gpg
            |wifi|wpa2?|wpa|psk|preshared|subscription|functions?|jwt|jws|jwe
            |deploy|admin|consumer
            |openai|anthropic|gemini|groq|mistral|cohere|sendgrid|stripe|twilio|fernet|dify|brave
            |algolia|datadog|mailgun|github|gitlab|slack|azure|aws|gcp|google|huggingface|hf
            |wandb|pinecone|tavily|serper|xai|deepseek|perplexity|replicate|vault|symmetric|crypt
            |crypto|cipher|decryption|derived|vapid|wireguard|wg|luks|recovery
            |keystore|truststore|app|application|service|servicerole|integration|wallet|certificate|cert
            |client|server|maps|bot|write|ingest|ingestion|merchant|sdk|live|instrumentation
            |user|project|partner|payment|checkout|tenant|site|team|org|license|event|event(?:hub|grid)
            |search|cosmos|cosmosdb|monitor|sync|report|reporting|device|session|login)keys?(?:pem|value|base64|data)?
        | (?:private|secret|access|account|signing|encryption|aws)keyid
        | (?:store|key|trust|src(?:store|key)|dest(?:store|key))pass
        | t?otp | otp(?:code|token|secret) | cvv2? | cvc2? | cvn | csc | pincode | puk | ssn | iban
        | socialsecurity(?:number|no)?
        | (?:card|secret|creditcard|account|passport|cc|debitcard)(?:numbers?|no|num|nr)
        | tokens?(?:value|string|hash|id|secret)? | jwt | sess(?:ion)?id | codeverifier | mnemonic
        | (?:auth|authorization|twofactor|mfa|2fa|otp|device|tfa|totp|security|verification|recovery|backup|onetime
            |sms|login|unlock|scratch)codes?
        | (?:security|secret|recovery)(?:answer|question?answer)s?
        | (?:amz|goog|sas|hub)signature(?:256)? | saml(?:response|assertion|token)
        | konto(?:nummer|nr) | rekeningnummer | num[ée]ro(?:de)?(?:cuenta|compte|conto) | (?:seed|recovery|backup|secret|mnemonic)(?:phrase|words?)
        | (?:database|db|redis|mongo(?:db)?|postgres(?:ql)?|mysql|amqp|rabbitmq|broker|celery
            |cache|sentry|smtp)(?:url|uri|dsn)
        | dsn | connstr | conn(?:ection)?uri | kubeconfig(?:data)? | dockerconfigjson | dockerconfig | connectsid | serviceaccount(?:json|key) | keytab
        | (?:github|gitlab|azure|devops|ado)pat | personalaccesstoken | webhook(?:url|secret)
        | (?:rediscli|redis|mongo|smtp|ldap|twilio|proxy|registry|docker)auth(?:token)?
        | (?:wifi|wpa2?|preshared|network)?psk | xprv | privkey | privpem | pfx | p12
        | privatepem | clientkey(?:data|pem) | pkcs12 | pkcs8 | masterauth | mothersmaidenname | mothermaidenname | requirepass
        | (?:pass(?:word)?|pwd)(?:hash|salt) | (?:bank|giro)?(?:account|routing)(?:numbers?|no|num|nr) | bankaccount| signature(?:secret) | sonarlogin | hasło | haslo | heslo | şifre
        | parol[ăa] | sifre | şifre | senhas? | mdp | authkey | authtoken | requesttoken | jsessionid | phpsessid
        | geheimnis | zugangscode | zugangsdaten | schlüsselwort | clavesecreta | clavedeacceso
        | claveapi | secretkeybase | ssid(?:password) | ssopassword | licensecode | activationcode
        | (?:signing|client|app|shared|hmac|webhook|consumer|oauth)secret | refreshtoken
      )$
    | ^ (?: pat | salt | pepper | pass[0-9]? | pw[0-9]? | psw | pin | pkey | tan | (?:basic|http|proxy)?auth | bearer | sig | seed
        | mfa | 2fa | totp | pem | sid | nonce(?:secret) | psk | пин | пинкод | mdp )
      $"""
)
#: Short words match only as the separate last word of a name: not `compass`, not `spin`.
LAST_WORD = lazy(
    r"(?:^|[\W_])(?i:pass|pw|pin|seed|otp|dsn|psk|sess)$|[\W_](?i:pat)$|[a-z](?:Pass|Pin|Pat|Psk)$"
)
#: Names that look like a secret's, but count or page things, or describe a secret.
HARMLESS = lazy(
    r"""(?x)
    (?: max | min | (?:max|min)?(?:new|prompt|completion|input|output|reasoning|thinking|context)
      | total | cached? | cache(?:creation|read)input | num | numberof | stop | usage | used
      | audio | text | image | generated | budget | remaining | special ) tokens
    | (?: .*(?:page|sync) | next | continuation | pagination | progress | resume
      | bos | eos | pad | sep | unk | cls | mask | stop ) tokens?
    | (?:has|is|no|show|hide|needs?|require[sd]?|use|with|without|allow|enable|forgot|change
        |rotate|missing|invalid|wrong|bad|unexpected|parse|reset(?=password|pin))
      (?:password|passwd|passphrase|passcode|token|secret|apikey|credentials?|cookies?|pin)(?:url|link)?
    | .*pass(?:word|phrase|code) (?:policy|length|age|expir(?:y|es|ed)(?:at|in)?|strength
      |hint|(?:updated|changed|set|created|rotated|modified|expires)(?:at|on|date|by)?|at|date|rules?|types?|format|manager|less|field|name|count|required
      |reset(?:required)?|url|uri|link|page|label|input|prompt|enabled|disabled|min|max|changed?|set|exists?|ok|valid|encryption|file|path|dir)
    | (?:public|primary|foreign|sort|partition|hot|group|cache|s3|object|row|column|idempotency)
      (?:data|host)?keys?
    | (?:first|second|third|last|next|single|one|two|multi)pass
    | .*public(?:access|ssh|rsa|host|signing)?keys?(?:id|pem)? | .*(?:seedid|tokentype)"""
)
#: Every secret's name contains one of these, in lower case: they are gates.
# fmt: off
STEMS = (
    "pass", "p@ss", "pwd", "pswd", "psw", "secret", "token", "key", "cred", "cookie", "auth",
    "otp", "cvv", "cvc", "cvn", "csc", "ssn", "jwt", "sessionid", "session_id", "session-id", "session id", "sessid", "saml", "hub-sig", "konto",
    "rekening", "sonar.login", "verifier", "cuenta", "compte", "conto",
    "pincode", "iban", "bearer", "mnemonic", "connectionstr", "connection_str", "connstr",
    "conn_str", "dsn", "kennwort", "mot_de", "mot-de", "motdepasse", "contrase", "palavra",
    "wachtwoord", "lösenord", "losenord", "adgang", "salasana", "jelszó", "mat_khau", "matkhau",
    "katasandi", "парол", "секрет", "密", "口令", "パスワード", "暗証番号", "秘密鍵", "비밀번호", "암호", "סיסמה",
    "पासवर्ड", "รหัสผ่าน", "كلمة", "κωδικός", "kubeconfig", "keytab", "webhook", "xprv", "hasło",
    "haslo", "heslo", "şifre", "parolă", "senha", "geheim", "zugang", "clave", "2fa", "mot de passe",
    "kata sandi", "kodeord", "jelszo", "parol", "sifre", "lozinka", "geslo", "slapta", "chiave", "chave", "sleutel", "كلمة ال", "mật khẩu", "clé",
    "schl", "klucz", "ключ", "كلمه", "رمز", "mật", "dockerconfig", "connect.sid", "pkcs", "maiden", "pa55", "routing",
)
# fmt: on
#: Short words are gates only where the name ends: before a separator.
# fmt: off
SHORT = (
    "url", "uri", "code", "number", "account", "card", "session", "phrase", "words", "answer",
    "pat", "tan", "puk", "psk", "sid", "seed", "sig", "pin", "pw", "pem", "pfx", "p12", "mdp",
    "mfa", "salt", "pepper", "number", "numbers", "codes", "answers", "pkey", "no", "num", "nr", "sess",
)
# fmt: on
SEPARATORS = ("=", ":", '"', "'", ">", " =", "\\", " is")
_NO_LETTER = lazy(r"[\W_]+")
_GATES = lazy("|".join(map(re.escape, [*STEMS, *SHORT])) + r"|\\u00")


#: Cyrillic letters that look like Latin ones.
LOOKALIKES = str.maketrans("аеорсухіѕјԁАВЕКМНОРСТХІЅЈ", "aeopcyxisjdABEKMHOPCTXISJ")
_MIXED = lazy(r"[A-Za-z][\W_]?[а-яіѕјԁА-ЯІЅЈ]|[а-яіѕјԁА-ЯІЅЈ][\W_]?[A-Za-z]")


def _plainly_spelt(text: str) -> str:
    """The text with plain letters for full-width ones, and for others that look like Latin ones."""
    text = unicodedata.normalize("NFKC", text)
    return text.translate(LOOKALIKES) if _MIXED.search(text) else text


@follows_own
@lru_cache(maxsize=4096)  # names repeat; callers bound their length
def is_secret_name(name: str) -> bool:
    """Whether the value of this name is a secret, whatever it looks like."""
    if is_own_name(name):
        return True
    if not name.isascii():
        name = _plainly_spelt(name)
    plain = _NO_LETTER.sub("", name).lower()
    if not SECRET_NAME.search(plain) and not LAST_WORD.search(name):
        return False
    return not HARMLESS.fullmatch(plain)


def may_name_secrets(text: str) -> bool:
    """Whether the text can contain a secret's name; cheaper than a search for one."""
    lower = text.lower()
    return _GATES.search(lower) is not None or has_own_name(lower)


#: Members that name the value beside them, and members with that value.
LABELS = frozenset(
    {
        *("name", "key", "header", "field", "label", "id", "parameterkey", "selector", "element"),
        *("k", "n", "locator", "xpath", "target", "ref", "css", "placeholder", "setting", "env"),
        *("param", "parameter", "variable", "attribute", "property", "option", "type", "title"),
    }
)
VALUES = frozenset(
    {
        *("value", "val", "values", "default", "parametervalue", "text", "content", "data"),
        *("stringvalue", "defaultvalue", "currentvalue", "fieldvalue", "optionvalue", "v", "keys"),
        *("envvalue", "settingvalue", "newvalue", "input", "plaintext", "secretvalue"),
    }
)
SECURE = frozenset({"securestring", "password", "secret"})


def may_be_labelled(keys: Collection[Any]) -> bool:
    """Whether an object with these keys may name the value in it."""
    names = [key.lower() for key in keys if type(key) is str]
    return not VALUES.isdisjoint(names) and any(map(_is_label, names))


def labelled(value: Mapping[Any, object]) -> tuple[object, ...]:
    """The keys of an object's secret values, as in `{"name": "Authorization", "value": …}`."""
    if len(value) > MOST_LABELLED:
        return ()
    held = [key for key in value if type(key) is str and key.lower() in VALUES]
    if not held or not any(map(_names_a_secret, value.items())):
        return ()
    return tuple(key for key in held if not _is_sentence(key, value[key]))


#: An object with more members describes a thing, and labels no value.
MOST_LABELLED = 12


def _names_a_secret(member: tuple[object, object]) -> bool:
    key, label = member
    if type(key) is not str or type(label) is not str or len(label) > MAX_NAME:
        return False
    name = key.lower()
    if name == "type":
        return label.lower() in SECURE
    return _is_label(name) and is_secret_name(_words(label))


#: Members that usually hold a sentence, below a title or a question.
TEXTS = frozenset({"text", "content", "data", "input"})
MOST_WORDS = 4


def _is_sentence(key: object, item: object) -> bool:
    return (
        str(key).lower() in TEXTS
        and isinstance(item, str)
        and item.count(" ") >= MOST_WORDS
        and "\n" not in item
    )


def _is_label(name: str) -> bool:
    if name not in LABELS:
        name = name.removeprefix("option").removeprefix("field").removeprefix("form")
    return name in LABELS


def _words(label: str) -> str:
    """The name in a label: `Password field`, `#password`, `input[name=password]`."""
    return _FIELD.sub("", label.rstrip("\"')]"))


_FIELD = lazy(r"(?i)[\s_-]*(?:text)?(?:field|box|input|textbox)\s*$|[\]\"')]+$")


def _is_state(item: object) -> bool:
    return isinstance(item, str) and item.lower() in STATES


def after_names(items: Iterable[object], count: int = 0) -> Iterator[tuple[object, bool]]:
    """The items of a list, and which are secrets: the one after `--password`, the pair's second."""
    listed = list(items)
    is_pair = (count or len(listed)) == _PAIR
    before: object = None
    for item in listed:
        is_name = type(before) is str and (is_pair or before[:1] == "-") and len(before) <= MAX_NAME
        is_secret = is_name and is_secret_name(str(before)) and not _is_state(item)
        yield item, is_secret
        before = None if is_secret else item


_PAIR = 2
#: Words beside a name that are no secrets.
STATES = frozenset(
    {
        *("required", "optional", "missing", "enabled", "disabled", "redacted", "none", "null"),
        *("hidden", "masked", "unset", "invalid", "expired", "changed", "true", "false"),
    }
)
