"""The real servers that tests and benchmarks run against: fetched once, kept outside the work tree.

Their licences allow running them here, not shipping them: nothing fetched is ever committed.
"""


class Missing(Exception):
    """This real part cannot be had on this machine; the message says why, in one line."""
