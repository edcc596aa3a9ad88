"""Passwords and keys in URLs and in strings that databases are reached by."""

from shipper.secrets.kinds import password

URLS = (
    password(
        "url-password",
        "://|:\\/",
        r":(?:\\{0,15}/){2}[^\s/:@]{0,256}:(?P<s>[^\s/\"'<>]{1,256}|(?![0-9]{1,5}/)[^\s\"'<>]{1,128}?)@(?=[\w.\[-])",
        "postgres://bob:hunter2@db",
    ),
    password(
        "url-token",
        "://",
        r"://(?P<s>[A-Za-z0-9_\-]{20,256})@",
        "https://abcdefghij0123456789@git.example/x",
    ),
    password(
        "url-key",
        "?key=|&key=|#key=|appid=|?code=|&code=|?k=",
        r"(?:[?&#](?:key|code|k)|appid)=(?P<s>[^&\s\"'#<>]{8,})",
        "https://x.example/v1?key=Zx81jsKq02mmA1",
    ),
    password(
        "url-signature",
        "signature=",
        r"(?i)(?<=[?&-])signature=(?P<s>[^&\s\"'#<>]{8,})",
        "https://x.example/a?Expires=1&Signature=abcdefgh12",
    ),
    password(
        "oracle",
        "@//",
        r"(?<![\w/:])\w{1,30}/(?P<s>[^\s/@\"']{1,64})@//",
        "scott/tiger@//db:1521/x",
        back=96,
    ),
    password(
        "jdbc-oracle",
        "thin:",
        r"thin:\w{1,30}/(?P<s>[^\s/@\"']{1,64})@",
        "jdbc:oracle:thin:scott/tiger@db",
    ),
    password(
        "oracle-connect",
        "conn |connect ",
        r"(?i)\bconn(?:ect)?\s+\w{1,30}/(?P<s>[^\s/@\"']{1,64})@",
        "SQL> connect scott/tiger@orcl",
    ),
    password(
        "sqlplus",
        "sqlplus",
        r"sqlplus\s+(?:-\w+\s+){0,3}\w{1,30}/(?P<s>[^\s/@\"']{1,64})",
        "sqlplus scott/tiger",
    ),
)
