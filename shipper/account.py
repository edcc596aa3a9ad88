"""The account that a process runs as."""

import os
import pwd
from functools import cache


@cache
def account() -> str:
    """The name of the account, or its number: containers run under numbers without a name.

    From the kernel, not from `LOGNAME` as `getpass.getuser` takes it: whoever starts the process
    sets that.
    """
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
