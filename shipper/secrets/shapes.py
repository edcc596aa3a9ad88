"""Kinds that need more than a prefix: keys in armour, credentials of headers, URLs and commands."""

import base64
import re

from shipper.secrets.kinds import Check, Kind

_STANDARD = str.maketrans("-_", "+/")
#: A word of a command line, in quotes or not.
_WORD = r"""["']?(?P<s>[^\s"'|;]{1,256})"""
#: Other words of the same command.
_MORE = r"[^\n|;]{0,120}?"


def _decoded(text: str) -> bytes:
    head = text.rstrip("=").translate(_STANDARD)
    return base64.b64decode(head[: len(head) // 4 * 4])


def _has_colon(text: str) -> bool:
    """Prose often contains "basic"; credentials are the base64 of a text with a colon in it."""
    return b":" in _decoded(text)


#: Members of a token's header (RFC 7515, RFC 7516). A cursor of a list is JSON in base64 too.
_OF_HEADERS = re.compile(rb'"(?:alg|typ|kid|enc|cty|x5t|jwk|jku|b64|zip|epk|apu|crit)')


def _is_jwt(text: str) -> bool:
    return "." in text or _OF_HEADERS.search(_decoded(text)) is not None


#: A token that a command logs in with has no spaces and is no option.
_LEAST_TOKEN = 12


def _is_long(text: str) -> bool:
    return len(text) >= _LEAST_TOKEN


def _no_ids(text: str) -> bool:
    """`docker run -u 1000:1000` names a user and a group, `-u bob:secret1` has a password."""
    return not text.isdigit() and text not in {"node", "root", "www-data", "staff", "users"}


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

_LINE = r"(?:\r?\n[A-Za-z0-9_.-]{20,})"
_JWT = (
    r"(?<![A-Za-z0-9])e(?:yJ|wog|wo[gJ]|yAg)[A-Za-z0-9_-]{8,}"
    rf"(?:\.[A-Za-z0-9_-]*(?:(?<=[A-Za-z0-9_-]{{40}}){_LINE}+[A-Za-z0-9_.-]*)?){{0,4}}(?:~[A-Za-z0-9_.~-]+)?"
)
#: Words that follow in prose: "bearer authentication failed", "bearer token".
_BEARER = (
    r"(?i)\bbearer\s{1,4}(?P<s>(?!(?:auth|token|scheme|realm|credential|error|header|challenge)"
    r"[a-z]*(?![\w.~+/=-]))[\w.~+/-]{6,}=*)"
)
CREDENTIALS = (
    Kind(
        "jwt",
        ("eyj", "ewog", "ewoj", "eyag"),
        _JWT,
        "RFC 7519",
        ("ey~JhbGciOiJIUzI1NiJ9.e30.x",),
        ("cursor eyJpZCI6MTIzNDU2fQ",),
        "jwt",
        check=_is_jwt,
    ),
    Kind(
        "paseto",
        (".local.", ".public."),
        r"(?<![A-Za-z0-9])v[1-4]\.(?:local|public)\.[A-Za-z0-9_-]{32,}(?:\.[A-Za-z0-9_-]+)?",
        "github.com/paseto-standard",
        ("v4.local.~" + "c70fqZv6gr" * 4,),
        (),
        "jwt",
        back=2,
    ),
    Kind(
        "jwt-base64",
        ("zxlk",),
        r"\bZXlK[A-Za-z0-9+/]{24,}={0,2}",
        "RFC 7519",
        ("ZXlK~aGJHY2lPaUpJVXpJMU5pSjkuZTMwLng",),
        (),
        "jwt",
    ),
    Kind(
        "basic",
        ("basic",),
        r"(?ai)\bbasic\s{1,4}+(?P<s>[a-z0-9+/_-]{4,2048}+={0,2}+)",
        "RFC 7617",
        ("Basic Ym9iOmh1bnRlcjI=",),
        ("a basic understanding",),
        "authorization",
        check=_has_colon,
    ),
    Kind(
        "bearer",
        ("bearer",),
        _BEARER,
        "RFC 6750",
        ("Bearer 8f3a9bc2d1",),
        ("bearer token missing",),
        "authorization",
    ),
)


def _password(
    name: str, gates: str, pattern: str, hit: str, *, back: int = 0, check: Check | None = None
) -> Kind:
    return Kind(name, tuple(gates.split("|")), pattern, "", (hit,), (), "password", back, check)


def _command(name: str, gates: str, pattern: str, hit: str, check: Check | None = None) -> Kind:
    return _password(f"command-{name}", gates, pattern + _WORD, hit, check=check)


URLS = (
    _password(
        "url-password",
        "://|:\\/",
        r":(?:\\{0,15}/){2}[^\s/:@]{0,256}:(?P<s>[^\s/\"'<>]{1,256}|(?![0-9]{1,5}/)[^\s\"'<>]{1,128}?)@(?=[\w.\[-])",
        "postgres://bob:hunter2@db",
    ),
    _password(
        "url-token",
        "://",
        r"://(?P<s>[A-Za-z0-9_\-]{20,256})@",
        "https://abcdefghij0123456789@git.example/x",
    ),
    _password(
        "url-key",
        "?key=|&key=|appid=|?code=|&code=|?k=",
        r"(?:[?&](?:key|code|k)|appid)=(?P<s>[^&\s\"'#<>]{8,})",
        "https://x.example/v1?key=Zx81jsKq02mmA1",
    ),
    _password(
        "url-signature",
        "signature=",
        r"(?i)(?<=[?&-])signature=(?P<s>[^&\s\"'#<>]{8,})",
        "https://x.example/a?Expires=1&Signature=abcdefgh12",
    ),
    _password(
        "oracle",
        "@//",
        r"(?<![\w/:])\w{1,30}/(?P<s>[^\s/@\"']{1,64})@//",
        "scott/tiger@//db:1521/x",
        back=96,
    ),
    _password(
        "jdbc-oracle",
        "thin:",
        r"thin:\w{1,30}/(?P<s>[^\s/@\"']{1,64})@",
        "jdbc:oracle:thin:scott/tiger@db",
    ),
    _password(
        "sqlplus",
        "sqlplus",
        r"sqlplus\s+(?:-\w+\s+){0,3}\w{1,30}/(?P<s>[^\s/@\"']{1,64})",
        "sqlplus scott/tiger",
    ),
)
_HASH = (
    r"(?:\$(?:2[abxy]?|argon2(?:id|i|d)|[1567y]|gy|apr1|pbkdf2[\w-]*|scrypt)\$[./A-Za-z0-9$=,+_-]{8,}"
    r"|\{(?:S?SHA(?:256|512)?|S?MD5|CRYPT)\}[A-Za-z0-9+/=$.]{8,})"
)
FILES = (
    _password(
        "hash",
        "$2|$argon2|$1$|$5$|$6$|$7$|$y$|$gy$|$apr1$|$pbkdf2|$scrypt$|{sha|{ssha|{md5}|{smd5}|{crypt}",
        _HASH,
        "bob:$2y$10$abcdefghijklmnopqrstuv",
    ),
    _password(
        "hash-werkzeug",
        "scrypt:|pbkdf2:",
        r"(?:scrypt|pbkdf2):[\w:]{1,32}\$[\w./+]{4,64}\$[0-9a-f]{32,}",
        "scrypt:32768:8:1$abcdefgh$" + "0123456789abcdef" * 3,
    ),
    _password(
        "hash-ntlm",
        ":::",
        r"[0-9a-fA-F]{32}:[0-9a-fA-F]{32}:::",
        "bob:500:" + "0123456789abcdef" * 2 + ":" + "0123456789abcdef" * 2 + ":::",
        back=66,
    ),
    _password(
        "ansible-vault",
        "$ansible_vault",
        r"\$ANSIBLE_VAULT;[\w.;-]{1,60}(?:\r?\n[ \t]*[0-9a-f]{8,})+",
        "$ANSIBLE_VAULT;1.1;AES256\n  0123456789abcdef",
    ),
    _password(
        "sql-for",
        "password for",
        # Not `(?i)`: the regular expressions of Logstash 8.9's JRuby fail on a long literal there.
        r"[Pp](?:ass|ASS)(?:word|WORD) (?:for|FOR) [^=\n]{1,100}="
        r"\s{0,4}(?:(?:password|PASSWORD)\()?[\"'](?P<s>[^\"'\n]{1,256})",
        "SET PASSWORD FOR 'bob'@'%' = 'hunter2'",
    ),
    _password(
        "sql-crypt",
        "pgp_sym_|aes_encrypt|aes_decrypt|des_encrypt|encryptbypassphrase",
        r"(?i)(?:pgp_sym_(?:en|de)crypt\w*|aes_(?:en|de)crypt|des_encrypt)\([^'\n]{1,100}'(?P<s>[^'\n]{1,256})",
        "select pgp_sym_decrypt(x, 'hunter2')",
    ),
    _password(
        "signing-call",
        "jwt.sign|jwt.verify|jwt.encode|jwt.decode|createhmac|createcipher|hmac.new",
        r"(?:[jJ][wW][tT]\.(?:sign|verify|encode|decode)|create(?:Hmac|Cipher\w*))\([^,\n]{1,80},\s{0,4}b?[\"'](?P<s>[^\"'\n]{4,256})",
        "jwt.sign(payload, 'hunter2')",
    ),
    _password(
        "auth-pair",
        "auth=(|auth(|auth = (|basicauth(|credentials(|login(",
        r"(?i)(?:auth\s?=\s?|auth|credentials|login)\(\s{0,4}[\"'][^\"'\n]{1,100}[\"']\s{0,4},\s{0,4}[\"'](?P<s>[^\"'\n]{1,256})",
        "auth=('bob', 'hunter2')",
    ),
    _password(
        "user-slash",
        "creds|credentials|login:",
        r"(?i)(?:creds|credentials|login)\s?[:=]\s{0,2}[\w.@-]{1,64}\s?[/:]\s?(?P<s>[^\s/]{4,128})",
        "creds: admin / hunter2",
    ),
    _password(
        "tried",
        "tried ",
        r"(?i)(?<=[ (])tried (?:password )?[\"'](?P<s>(?=[^\"'\s]*[0-9])[^\"'\s]{6,128})[\"']",
        'password authentication failed, tried "hunter22"',
        back=2,
    ),
    _password(
        "secret-file",
        "cat ",
        r"cat \S{0,100}(?:secret|passw|token|\.key|_key)\S{0,60}\r?\n(?P<s>[^\s\"']{6,256})(?=\s|\Z)",
        "$ cat /run/secrets/db\nhunter22",
    ),
    _password(
        "hash-django",
        "pbkdf2_sha|bcrypt_sha|argon2$",
        r"(?:pbkdf2|bcrypt)_sha[0-9]{1,3}\$[A-Za-z0-9+/=$.]{12,}",
        "pbkdf2_sha256$600000$abcd$efghijklmnop=",
    ),
    _password(
        "netrc",
        "login ",
        r"login\s+\S{1,128}\s+password\s+(?P<s>\S{1,256})",
        "machine x login bob password hunter2",
    ),
    _password(
        "pgpass",
        ":5432:|:*:|:6432:|:5433:",
        r"(?<![^\s\"'])[\w.*-]{1,100}:(?:[0-9]{1,5}|\*):[\w.*-]{1,63}:[\w.*-]{1,63}:(?P<s>[^\s:\"']{1,128})",
        "db:5432:app:bob:hunter2",
        back=101,
    ),
    _password(
        "sql-identified",
        "identified",
        r"(?i)identified\s+(?:with\s+\S{1,40}\s+)?(?:by|as)\s+(?:password\s+)?[\"'`](?P<s>[^\"'`\n]{1,256})",
        "CREATE USER bob IDENTIFIED BY 'hunter2'",
    ),
    _password(
        "powershell",
        "convertto-securestring",
        r"(?i)ConvertTo-SecureString\s+(?:-\w+\s+){0,3}[\"'](?P<s>[^\"'\n]{1,256})",
        'ConvertTo-SecureString "hunter2" -AsPlainText',
    ),
    _password(
        "html-input",
        "type=password|type=\"password\"|type='password'",
        r"(?i)type=[\"']?password[^<>\n]{0,120}?\svalue=[\"']?(?P<s>[^\"'\s>]{1,256})",
        "<input type=password value=hunter2>",
    ),
    _password(
        "http-form",
        'name="',
        r"(?i)name=\"[^\"\n]{0,40}(?:passw|pwd|secret|token|api_?key|pin\b)[^\"\n]{0,40}\"(?:\r?\n|\\r\\n|\\n){2}(?P<s>[^\r\n\\]{1,512})",
        'name="password"\n\nhunter2\n--x',
    ),
    _password(
        "mnemonic",
        "phrase|mnemonic|seed",
        r"(?i)(?:phrase|mnemonic|seed)(?:\s+words)?\W{1,6}(?:(?:is|was)\W{1,3})?(?P<s>(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8})",
        "seed phrase: " + "abandon " * 11 + "about",
    ),
    _password(
        "kubernetes-literal",
        "--from-literal",
        r"--from-literal[= ][\"']?[\w.-]{1,64}=(?P<s>[^\s\"']{1,256})",
        "kubectl create secret generic x --from-literal=a=hunter2",
    ),
)
COMMANDS = (
    _command(
        "mysql",
        "mysql|mariadb",
        rf"(?:mysql\w*|mariadb[\w-]*)\s{_MORE}(?<=\s)-p(?!\s)",
        "mysql -u root -phunter2 db",
    ),
    _command(
        "user",
        " -u|--user|--proxy-user",
        r"\s?(?:-[uU] ?|--(?:proxy-)?user[= ]{1,2})[\"']?[\w.@+\\-]{0,64}:(?=[^\s\"':/]{3})",
        "curl -u bob:hunter2 https://x",
        _no_ids,
    ),
    _command(
        "httpie",
        " -a |--auth",
        r"\s?(?:-a|--auth)[= ][\w.@-]{1,64}:",
        "http -a bob:hunter2 x.example",
    ),
    _command(
        "login-word",
        "vault login|cargo login|npm login|heroku login|fly auth|op signin|snyk auth|huggingface-cli login",
        r"(?:vault login|cargo login|snyk auth)\s+(?:-\S+\s+)*(?!-)",
        "cargo login hunter2hunter2",
        _is_long,
    ),
    _command(
        "value-of-secret",
        "securestring|secretsmanager",
        rf"(?:SecureString|put-secret-value|create-secret){_MORE}\s--(?:value|secret-string)[= ]",
        "aws ssm put-parameter --type SecureString --value hunter2",
    ),
    _command(
        "dotnet",
        "user-secrets set",
        r"user-secrets set\s+[\"']?[\w:.-]{1,64}[\"']?\s+",
        "dotnet user-secrets set 'Db:Password' 'hunter2'",
    ),
    _command(
        "net-user", "net user", r"(?i)net user [\w.\\-]{1,64} (?![/*])", "net user bob hunter2 /add"
    ),
    _command(
        "net-use-word",
        "net use",
        r"(?i)net use \S{1,4} \\\\\S{1,100} (?![/*])",
        "net use Z: \\\\srv\\x hunter2 /user:bob",
    ),
    _command(
        "ldappasswd",
        "ldappasswd",
        rf"ldappasswd\s{_MORE}(?<=\s)-[sa]\s+",
        "ldappasswd -s hunter2 uid=bob",
    ),
    _command(
        "wpa",
        "wpa_passphrase",
        r"wpa_passphrase\s+[\"']?[\w .-]{1,64}[\"']?\s+",
        "wpa_passphrase Office hunter2hunter2",
    ),
    _command(
        "ipmi",
        "ipmitool",
        rf"ipmitool\s{_MORE}(?<=\s)-P\s+",
        "ipmitool -H h -U admin -P hunter2 power",
    ),
    _command(
        "rabbit",
        "add_user|change_password",
        r"(?:add_user|change_password)\s+[\w.@-]{1,64}\s+",
        "rabbitmqctl add_user bob hunter2",
    ),
    _command(
        "helm",
        "registry login",
        rf"registry login\s{_MORE}(?<=\s)-p[= ]",
        "helm registry login r -u ci -p hunter2",
    ),
    _command(
        "snmp-privacy",
        "snmp",
        rf"snmp\w{{2,10}}\s{_MORE}(?<=\s)-X\s+",
        "snmpwalk -v3 -u bob -X hunter2 host",
    ),
    _command(
        "snmp-community",
        "snmp",
        rf"snmp\w{{2,10}}\s{_MORE}(?<=\s)-c\s+",
        "snmpwalk -v2c -c hunter2 host",
    ),
    _command(
        "cookie",
        "curl",
        rf"curl\s{_MORE}(?<=\s)(?:-b|--cookie)[= ]{{1,2}}[\"']?[\w.-]{{1,64}}=",
        "curl -b sid=hunter2 https://x",
    ),
    _command("sshpass", "sshpass", r"sshpass\s+-p\s*", "sshpass -p hunter2 ssh bob@db"),
    _command(
        "aws",
        "configure set",
        r"configure set \S{0,64}(?:secret|token|key|password)\S{0,64}\s+",
        "aws configure set aws_secret_access_key hunter2",
    ),
    _command(
        "nmcli",
        "nmcli",
        rf"nmcli\s{_MORE}(?:password|psk)\s+",
        "nmcli dev wifi connect x password hunter2",
    ),
    _command(
        "redis",
        "redis-cli",
        rf"redis-cli\s{_MORE}(?<=\s)(?:-a|--pass)\s+",
        "redis-cli -h db -a hunter2",
    ),
    _command(
        "login",
        "docker login|podman login|az login|oc login|helm registry login|vault login",
        rf"(?:docker|podman|az|oc|registry) login\s{_MORE}(?<=\s)-p[= ]?\s?",
        "docker login -u bob -p hunter2",
    ),
    _command(
        "ldap", "ldap", rf"ldap\w{{3,10}}\s{_MORE}(?<=\s)-w\s*", "ldapsearch -x -w hunter2 -b dc=x"
    ),
    _command("smb", " -u ", r"\s-U\s*[\"']?[\w\\/.-]{1,64}%", "smbclient //x/y -U bob%hunter2"),
    _command(
        "net-use",
        "net use",
        r"(?i)net use [^\n]{0,120}?/user:\S+\s+",
        "net use z: \\\\srv\\x /user:bob hunter2",
    ),
    _command(
        "htpasswd",
        "htpasswd",
        r"htpasswd\s+-\w*b\w*\s+\S{1,128}\s+\S{1,64}\s+",
        "htpasswd -b .htpasswd bob hunter2",
    ),
    _command("zip", "zip ", rf"zip\s{_MORE}(?<=\s)-P\s*", "unzip -P hunter2 a.zip"),
    _command("7z", "7z", rf"7z\w?\s{_MORE}(?<=\s)-p(?!\s)", "7z x -phunter2 a.7z"),
    _command("mongo", "mongo", rf"mongo\w*\s{_MORE}(?<=\s)-p\s+", "mongosh -u bob -p hunter2"),
    _command(
        "sqlcmd",
        "sqlcmd|bcp ",
        rf"(?:sqlcmd|bcp)\s{_MORE}(?<=\s)-P\s*",
        "sqlcmd -S db -U sa -P hunter2",
    ),
    _command("rdp", "freerdp", rf"freerdp\s{_MORE}/p:", "xfreerdp /u:bob /p:hunter2 /v:host"),
    _command(
        "openssl",
        "openssl",
        rf"openssl\s{_MORE}(?<=\s)-[kK]\s+",
        "openssl enc -aes-256-cbc -k hunter2",
    ),
    _command("pass", "pass:", r"(?<=\s)pass:", "openssl rsa -passin pass:hunter2"),
    _command(
        "snmp", "snmp", rf"snmp\w{{2,10}}\s{_MORE}(?<=\s)-A\s+", "snmpwalk -v3 -A hunter2 host"
    ),
    _command(
        "echo",
        "echo ",
        r"echo\s+(?:-n\s+)?(?=[^\n|]{1,256}\|\s*(?:sudo\s+-S|passwd --stdin|docker login))",
        "echo hunter2 | sudo -S ls",
    ),
    _password(
        "command-chpasswd",
        "chpasswd",
        r"[\w.-]{1,32}:(?P<s>[^\s\"'|]{1,128})[\"']?\s*\|\s*(?:sudo\s+)?chpasswd",
        "echo 'bob:hunter2' | chpasswd",
        back=180,
    ),
)
SHAPES = (*KEYS, *CREDENTIALS, *URLS, *FILES, *COMMANDS)
