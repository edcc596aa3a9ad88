"""Passwords in files, code, queries and pages."""

from shipper.secrets.kinds import password

_HASH = (
    r"(?:\$(?:2[abxy]?|argon2(?:id|i|d)|[156789y]|gy|apr1|pbkdf2[\w-]*|scrypt)\$[./A-Za-z0-9$=,+_-]{8,}"
    r"|\{(?:S?SHA(?:256|512)?|S?MD5|CRYPT)\}[A-Za-z0-9+/=$.]{8,})"
)
FILES = (
    password(
        "hash",
        "$2|$argon2|$1$|$5$|$6$|$7$|$8$|$9$|$y$|$gy$|$apr1$|$pbkdf2|$scrypt$|{sha|{ssha|{md5}|{smd5}|{crypt}",
        _HASH,
        "bob:$2y$10$abcdefghijklmnopqrstuv",
    ),
    password(
        "hash-werkzeug",
        "scrypt:|pbkdf2:",
        r"(?:scrypt|pbkdf2):[\w:]{1,32}\$[\w./+]{4,64}\$[0-9a-f]{32,}",
        "scrypt:32768:8:1$abcdefgh$" + "0123456789abcdef" * 3,
    ),
    password(
        "hash-ntlm",
        ":::",
        r"[0-9a-fA-F]{32}:[0-9a-fA-F]{32}:::",
        "bob:500:" + "0123456789abcdef" * 2 + ":" + "0123456789abcdef" * 2 + ":::",
        back=66,
    ),
    password(
        "ansible-vault",
        "$ansible_vault",
        r"\$ANSIBLE_VAULT;[\w.;-]{1,60}(?:\r?\n[ \t]*[0-9a-f]{8,})+",
        "$ANSIBLE_VAULT;1.1;AES256\n  0123456789abcdef",
    ),
    password(
        "sql-for",
        "password for",
        # Not `(?i)`: the regular expressions of Logstash 8.9's JRuby fail on a long literal there.
        r"[Pp](?:ass|ASS)(?:word|WORD) (?:for|FOR) [^=\n]{1,100}="
        r"\s{0,4}(?:(?:password|PASSWORD)\()?[\"'](?P<s>[^\"'\n]{1,256})",
        "SET PASSWORD FOR 'bob'@'%' = 'hunter2'",
    ),
    password(
        "sql-crypt",
        "pgp_sym_|aes_encrypt|aes_decrypt|des_encrypt|encryptbypassphrase",
        r"(?i)(?:pgp_sym_(?:en|de)crypt\w*|aes_(?:en|de)crypt|des_encrypt)\([^'\n]{1,100}'(?P<s>[^'\n]{1,256})",
        "select pgp_sym_decrypt(x, 'hunter2')",
    ),
    password(
        "signing-call",
        "jwt.sign|jwt.verify|jwt.encode|jwt.decode|createhmac|createcipher|hmac.new",
        r"(?:[jJ][wW][tT]\.(?:sign|verify|encode|decode)|create(?:Hmac|Cipher\w*))\([^,\n]{1,80},\s{0,4}b?[\"'](?P<s>[^\"'\n]{4,256})",
        "jwt.sign(payload, 'hunter2')",
    ),
    password(
        "auth-pair",
        "auth=(|auth(|auth = (|basicauth(|credentials(|login(",
        r"(?i)(?:auth\s?=\s?|auth|credentials|login)\(\s{0,4}[\"'][^\"'\n]{1,100}[\"']\s{0,4},\s{0,4}[\"'](?P<s>[^\"'\n]{1,256})",
        "auth=('bob', 'hunter2')",
    ),
    password(
        "login-call",
        "mysqli_connect|mysql_connect|getconnection|create_user|createuser|add_user|adduser|sp_addlogin|basic_auth|networkcredential|passwordtoken|passwordcredential",
        r"(?i)(?:mysqli?_connect|getConnection|create_?user|add_?user|sp_addlogin|basic_auth|NetworkCredential"
        r"|PasswordToken|PasswordCredentials?)(?:\(|\s)\s?(?:[^,()\n]{1,100},\s{0,4}){1,2}[\"'](?P<s>[^\"'\n]{4,256})[\"']",
        'getConnection(url, "bob", "hunter2")',
    ),
    password(
        "user-slash",
        "creds|credentials|login:|zugangsdaten|credenciales|credenciais|credenziali|identifiants",
        r"(?i)(?:(?:creds|credentials|login|zugangsdaten|credencia(?:l|)[ei]s|credenziali|identifiants)\s?[:=]\s{0,2}[\w.@-]{1,64}\s?[/:]\s?"
        r"|(?:creds|credentials)\s[\w.@-]{1,64}\s?[/:]\s?(?=[^\s/]{0,64}[0-9]))(?P<s>[^\s/]{4,128})",
        "creds: admin / hunter2",
    ),
    password(
        "tried",
        "tried ",
        r"(?i)(?<=[ (])tried (?:password )?[\"'](?P<s>(?=[^\"'\s]*[0-9])[^\"'\s]{6,128})[\"']",
        'password authentication failed, tried "hunter22"',
        back=2,
    ),
    password(
        "cisco",
        "password 0 |password 5 |password 7 |secret 0 |secret 5 |secret 8 |secret 9 |key 0 |key 7 |enable secret |enable password |snmp-server community |key-string |radius-server key |tacacs-server key ",
        r"(?:(?:password|secret|key) [05789]|enable (?:secret|password)(?= \S*[0-9])|snmp-server community"
        r"|key-string|(?:radius|tacacs)-server key) (?![0-9] )(?P<s>(?![a-z]{1,12}(?!\S))\S{4,256})",
        "username bob password 7 hunter22",
    ),
    password(
        "cookie-jar",
        "\ttrue\t|\tfalse\t",
        r"\t(?:TRUE|FALSE)\t[^\t\n]{1,256}\t(?:TRUE|FALSE)\t[0-9]{1,12}\t[^\t\n]{1,128}\t(?P<s>\S{1,4096})",
        ".x.example\tTRUE\t/\tTRUE\t1790000000\tsid\thunter2",
    ),
    password(
        "kerberos",
        "$krb5",
        r"\$krb5(?:asrep|tgs|pa)\$[0-9]{1,2}\$(?P<s>[\w$*./@:-]{32,})",
        "$krb5asrep$23$" + "0123456789abcdef" * 3,
    ),
    password(
        "compared",
        "!= ",
        r"(?i)(?:secret|password|token|api_?key) !={1,2} [\"'](?P<s>[^\"'\n]{4,256})",
        'if creds.Secret != "hunter2"',
        back=9,
    ),
    password(
        "said-before",
        "as the pass|as the api|as the token|as the secret|as your pass|as my pass|as password|as the admin|as the root|as a pass|as the new pass",
        r"(?i)(?<![^\s\"'`])[\"'`]?(?P<s>(?=[^\s\"'`]{0,64}[0-9])(?=[^\s\"'`]{0,64}[A-Za-z])[^\s\"'`=:]{6,128})[\"'`]? as (?:the |your |my |an? )?(?:\w{2,12} )?"
        r"(?:password|passphrase|passwd|api[ -]?key|token|secret)\b",
        "use hunter22 as the password",
        back=135,
    ),
    password(
        "code-said",
        "otp |verification code |security code |one-time |one time |2fa code |mfa code |recovery code |unlock code |access code |login code |auth code |confirmation code |backup code ",
        r"(?i)(?:otp|(?:verification|security|2fa|mfa|recovery|unlock|access|login|auth|confirmation|backup) code"
        r"|one[- ]time (?:code|pass\w{0,4}|pin))\s(?:is |was )?(?P<s>[0-9]{3,8}(?![\w.:/-])|(?=[a-z-]{0,20}[0-9])[a-z0-9]{4,8}(?:-?[a-z0-9]{4,8}){1,5}(?![\w.:/]))",
        "your OTP 095969",
    ),
    password(
        "changed",
        "changed from |changed to |reset to |rotated to ",
        r"(?i)(?:password|passphrase|secret|token)\b[^\n:=]{0,40}?\s(?:changed|reset|rotated) (?:from|to) [\"'`]?"
        r"(?P<s>(?=[^\s\"'`]{0,64}[0-9])(?=[^\s\"'`]{0,64}[A-Za-z])[^\s\"'`]{6,128})",
        "password for bob changed to hunter22",
        back=64,
    ),
    password(
        "secret-file",
        "cat ",
        r"cat \S{0,100}(?:secret|passw|token|\.key|_key)\S{0,60}\r?\n(?P<s>[^\s\"']{6,256})(?=\s|\Z)",
        "$ cat /run/secrets/db\nhunter22",
    ),
    password(
        "hash-django",
        "pbkdf2_sha|bcrypt_sha|argon2$",
        r"(?:pbkdf2|bcrypt)_sha[0-9]{1,3}\$[A-Za-z0-9+/=$.]{12,}",
        "pbkdf2_sha256$600000$abcd$efghijklmnop=",
    ),
    password(
        "netrc",
        "login ",
        r"login\s+\S{1,128}\s+password\s+(?P<s>\S{1,256})",
        "machine x login bob password hunter2",
    ),
    password(
        "pgpass",
        ":5432:|:*:|:6432:|:5433:",
        r"(?<![^\s\"'])[\w.*-]{1,100}:(?:[0-9]{1,5}|\*):[\w.*-]{1,63}:[\w.*-]{1,63}:(?P<s>[^\s:\"']{1,128})",
        "db:5432:app:bob:hunter2",
        back=101,
    ),
    password(
        "sql-identified",
        "identified",
        r"(?i)identified\s+(?:with\s+\S{1,40}\s+)?(?:by|as)\s+(?:password\s+)?[\"'`](?P<s>[^\"'`\n]{1,256})",
        "CREATE USER bob IDENTIFIED BY 'hunter2'",
    ),
    password(
        "powershell",
        "convertto-securestring",
        r"(?i)ConvertTo-SecureString\s+(?:-\w+\s+){0,3}[\"'](?P<s>[^\"'\n]{1,256})",
        'ConvertTo-SecureString "hunter2" -AsPlainText',
    ),
    password(
        "html-input",
        "type=password|type=\"password\"|type='password'",
        r"(?i)type=[\"']?password[^<>\n]{0,120}?\svalue=[\"']?(?P<s>[^\"'\s>]{1,256})",
        "<input type=password value=hunter2>",
    ),
    password(
        "http-form",
        'name="',
        r"(?i)name=\"[^\"\n]{0,40}(?:passw|pwd|secret|token|api_?key|pin\b)[^\"\n]{0,40}\"(?:\r?\n|\\r\\n|\\n){2}(?P<s>[^\r\n\\]{1,512})",
        'name="password"\n\nhunter2\n--x',
    ),
    password(
        "mnemonic",
        "phrase|mnemonic|seed",
        r"(?i)(?:phrase|mnemonic|seed)(?:\s+words)?\W{1,6}(?:(?:is|was)\W{1,3})?(?P<s>(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8})",
        "seed phrase: " + "abandon " * 11 + "about",
    ),
    password(
        "kubernetes-literal",
        "--from-literal",
        r"--from-literal[= ][\"']?[\w.-]{1,64}=(?P<s>[^\s\"']{1,256})",
        "kubectl create secret generic x --from-literal=a=hunter2",
    ),
)
