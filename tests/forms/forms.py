"""Helpers for the tests of forms."""

import json

from shipper.config import from_mapping
from shipper.forms.base import Block


def form(**keys):
    """The form of an input with these keys, as the configuration reads it."""
    return from_mapping({"inputs": {"paths": ["/x"], **keys}}).inputs[0].form


def block(data, offset=0, **marks):
    return Block(data, offset, "/var/log/app.log", 10 << 20, **marks)


def events(form_, data, **marks):
    return [json.loads(one) for one in form_.sift(block(data, **marks)).lines]


def messages(form_, data, **marks):
    """The texts of the events, and the objects that were sent unchanged."""
    return [one.get("message", one) for one in events(form_, data, **marks)]
