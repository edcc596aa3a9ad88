"""The bars: what is measured now, and the targets.

`test_bars.py` holds the measured values, so that no class gets worse. Once the targets are met,
`HELD` becomes `target`; a class may then be promised to users.
"""

from typing import NamedTuple

#: Which column is held: `measured` or `target`.
HELD = "measured"
PROMISED, FAIR, PRECISION = 0.98, 0.90, 0.995


class Bar(NamedTuple):
    """Recall of one class, as a share of its cases; rounded down."""

    measured: float
    target: float
    promised: bool = True


BARS = {
    "headers and command lines": Bar(1.0, 0.98),
    "echoes": Bar(0.966, 0.98),
    "encodings": Bar(0.983, 0.98),
    "entropy behind telling words": Bar(0.844, 0.9, promised=False),
    "file contents": Bar(0.99, 0.98),
    "JWT": Bar(0.966, 0.98),
    "PEM and key files": Bar(1.0, 0.98),
    "languages": Bar(0.972, 0.9, promised=False),
    "e-mail": Bar(1.0, 0.98),
    "secret key names": Bar(1.0, 0.98),
    "cards and IBANs": Bar(0.984, 0.98),
    "SSN and tax numbers": Bar(1.0, 0.98),
    "phones": Bar(1.0, 0.9, promised=False),
    "name and value structures": Bar(0.989, 0.98),
    "persons under telling names": Bar(1.0, 0.9, promised=False),
    "unicode tricks": Bar(1.0, 0.9, promised=False),
    "URLs and connection strings": Bar(0.982, 0.98),
    "vendor tokens": Bar(0.996, 0.98),
}
#: Over all classes.
#: Over all classes of the corpora that were written blind.
BLIND_NOW = 0.985
PROMISED_NOW, FAIR_NOW, PRECISION_NOW = 0.993, 0.989, 1.0
