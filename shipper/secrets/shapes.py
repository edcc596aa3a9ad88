"""Kinds that need more than a prefix: keys in armour, credentials of headers, URLs and commands."""

from shipper.secrets.commands import COMMANDS
from shipper.secrets.credentials import CREDENTIALS
from shipper.secrets.files import FILES
from shipper.secrets.keys import KEYS
from shipper.secrets.urls import URLS

SHAPES = (*KEYS, *CREDENTIALS, *URLS, *FILES, *COMMANDS)
