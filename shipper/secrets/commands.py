"""Passwords and tokens in command lines."""

from shipper.secrets.kinds import Check, Kind, password

_WORD = r"""["']?(?P<s>[^\s"'|;]{1,256})"""
#: Other words of the same command.
_MORE = r"[^\n|;]{0,120}?"

_LEAST_TOKEN = 12


def _is_long(text: str) -> bool:
    return len(text) >= _LEAST_TOKEN


def _no_ids(text: str) -> bool:
    """`docker run -u 1000:1000` names a user and a group, `-u bob:secret1` has a password."""
    return not text.isdigit() and text not in {"node", "root", "www-data", "staff", "users"}


def _command(name: str, gates: str, pattern: str, hit: str, check: Check | None = None) -> Kind:
    return password(f"command-{name}", gates, pattern + _WORD, hit, check=check)


COMMANDS = (
    _command(
        "mysql",
        "mysql|mariadb",
        rf"(?:mysql\w*|mariadb[\w-]*)\s{_MORE}(?<=\s)-p(?!\s)",
        "mysql -u root -phunter2 db",
    ),
    _command(
        "user",
        " -u|--user|--proxy-user| -su| -ssu| -ku| -sku| -lu| -lsu| -fsu| -vu",
        r"\s?(?:-[a-zA-Z]{0,4}[uU] ?|--(?:proxy-)?user[= ]{1,2})[\"']?[\w.@+\\-]{0,64}:(?=[^\s\"':/]{3})",
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
        "configure set|config set",
        r"(?:configure set \S{0,64}(?:secret|token|key|password)|config set \S{0,64}(?:secret|[tT]oken|password|_auth))\S{0,64}[ =]\s{0,3}",
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
        r"htpasswd\s+-\w*b\w*\s+(?:(?<=-nb )|(?<=-bn )|(?<=-nbB )|\S{1,128}\s+)\S{1,64}\s+",
        "htpasswd -b .htpasswd bob hunter2",
    ),
    _command(
        "here",
        "--with-token|--password-stdin",
        r"--(?:with-token|password-stdin)\s{0,3}<<<\s{0,3}",
        "gh auth login --with-token <<< hunter2",
    ),
    _command(
        "shell-set",
        "set -|setx |setenv ",
        r"(?:set -[a-zA-Z]{1,4}|setx|setenv)\s+\w{0,40}(?i:key|token|secret|passw\w{0,4}|pwd|pass|auth)\w{0,8}\s+",
        "set -gx OPENAI_KEY hunter2",
    ),
    _command(
        "ftp",
        "ftp ",
        rf"ftp\s{_MORE}(?<=\s)-u\s*[\w.@\\-]{{1,64}},",
        "lftp -u bob,hunter2 ftp.example",
    ),
    _command(
        "user-password",
        "twine |cqlsh|beeline|psexec|useradd|usermod|impala-shell|mongoimport|mongodump|vsphere|govc |rpcclient|crackmapexec|evil-winrm|smbmap",
        rf"(?:twine|cqlsh|beeline|(?i:psexec(?:\.exe)?)|useradd|usermod|\w[\w-]{{3,20}})\s{_MORE}(?<=\s)-p[= ]\s{{0,3}}(?!-)",
        "cqlsh -u cassandra -p hunter2",
    ),
    _command(
        "user-option",
        " -u ",
        r"\s-u\s+(?!-)\S{1,64}\s+(?:-\w\s+\S{1,64}\s+)?-p\s+(?!-)(?=[^\s\"']{0,64}[A-Za-z])(?=[^\s\"']{0,64}[0-9])(?=[^\s\"':]{6})",
        "registryctl push -u bob -p hunter22",
    ),
    _command(
        "unseal",
        "operator unseal",
        r"operator unseal\s+(?!-)",
        "vault operator unseal hunter2hunter2",
        _is_long,
    ),
    _command(
        "keygen",
        "ssh-keygen",
        rf"ssh-keygen\s{_MORE}(?<=\s)-[NP]\s*(?![\"'][\"'])",
        "ssh-keygen -t ed25519 -N hunter2 -f k",
    ),
    _command("rar", "rar ", rf"rar\s{_MORE}(?<=\s)-h?p(?!\s)", "unrar x -phunter2 a.rar"),
    _command(
        "put",
        "secret put|secrets put|variable set|env add",
        r"(?:secrets? put|variable set|env add)\s+\S{1,64}\s+--(?:value|body)[= ]\s{0,3}",
        "wrangler secret put API_TOKEN --value hunter2",
    ),
    _command(
        "encrypt-string",
        "encrypt_string",
        r"encrypt_string\s+(?!-)",
        "ansible-vault encrypt_string 'hunter2' --name x",
    ),
    _command("schtasks", "schtasks", rf"schtasks\s{_MORE}/rp\s+", "schtasks /ru bob /rp hunter2"),
    _command(
        "winrs", "winrs", rf"winrs\s{_MORE}-p(?:assword)?:", "winrs -r:h -u:bob -p:hunter2 ls"
    ),
    _command("iwconfig", "key s:", r"key s:", "iwconfig wlan0 key s:hunter2"),
    _command("kinit", "kinit", r"kinit\s+\S{1,64}\s+<<<\s{0,3}", "kinit bob <<< hunter2"),
    _command(
        "pulumi",
        "config set --secret",
        r"config set --secret\s+\S{1,64}\s+",
        "pulumi config set --secret db:password hunter2",
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
    password(
        "command-chpasswd",
        "chpasswd",
        r"[\w.-]{1,32}:(?P<s>[^\s\"'|]{1,128})[\"']?\s*\|\s*(?:sudo\s+)?chpasswd",
        "echo 'bob:hunter2' | chpasswd",
        back=180,
    ),
)
