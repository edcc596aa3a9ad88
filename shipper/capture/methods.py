"""Which event each JSON-RPC method becomes: the catalog's table, as capture needs it."""

from shipper.catalog.methods import Method, methods

Row = Method

REQUESTS = methods().requests
FROM_SERVER = methods().from_server
SILENT = methods().silent
SCHEMES = methods().schemes
VENDOR = methods().served
UNKNOWN = methods().unserved
