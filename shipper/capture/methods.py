"""Which event each JSON-RPC method becomes: the catalog's table, as capture needs it."""

from shipper.catalog.methods import Method, methods

Row = Method

METHODS = methods().requests
#: As a request, a notification's name is one that nobody serves.
SILENT = frozenset(name for name in methods().silent if not name.startswith("notifications/"))
VENDOR = methods().served
UNKNOWN = methods().unserved
