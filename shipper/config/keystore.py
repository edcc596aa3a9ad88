"""Secrets by name, in a file that only its owner can read; `${NAME}` finds them.

Filebeat's keystore is obfuscated with a key that lies beside it. This one is plain text, protected
by file permissions that are checked at each use.
"""

import json
from pathlib import Path

from shipper.config.permissions import SECRET, problem_of
from shipper.durable import make_directory, replace
from shipper.errors import ConfigError, Problem


class Keystore:
    """The keystore at `path`; one that does not exist is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, str]:
        """Every secret by name; raises `ConfigError` where others could have read or written it."""
        if problem := problem_of(self.path, forbidden=SECRET):
            raise ConfigError([problem])
        if not self.path.exists():
            return {}
        try:
            secrets = json.loads(self.path.read_text(encoding="utf-8"))["secrets"]
            return {str(name): str(value) for name, value in secrets.items()}
        except PermissionError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            kind = type(error).__name__
            what = f"is not a keystore ({kind}); recreate it: keystore create --force"
            raise ConfigError([Problem(str(self.path), what)]) from error

    def write(self, secrets: dict[str, str]) -> None:
        """Replace all secrets."""
        make_directory(self.path.parent)
        data = json.dumps({"version": 1, "secrets": secrets}, indent=1).encode()
        replace(self.path, [data])
