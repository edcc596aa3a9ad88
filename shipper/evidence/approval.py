"""Dual control: what other persons must have signed before a command runs.

The policy names the keys of approvers, and how many must sign (`#! approvals 2`). A request is a
signed note: its text says exactly what is to be done, and each approver adds a signature line.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from shipper.durable import make_directory, replace
from shipper.errors import ShipperError
from shipper.evidence.keys import Signer
from shipper.evidence.policy import Policy
from shipper.wire.note import Signature, parse_signed, signed

_HEADER = "mcp-shipper request"


class NotApproved(ShipperError):
    """Too few approvers have signed the request; the message says where it is."""


def request_of(operation: str, details: Mapping[str, object]) -> str:
    """The text of a request; `details` say everything that the operation depends on."""
    stated = msgspec.json.encode(details, order="sorted").decode()
    return f"{_HEADER}\n{operation}\n{stated}\n"


def approved(policy: Policy, path: Path, request: str, lines: tuple[Signature, ...] = ()) -> str:
    """The note of the request, with the signatures that the policy asks for.

    The request is kept at `path`, with the signatures in `lines`, until enough approvers have
    signed it there; before that, this raises `NotApproved`. Without approvals in the policy, the
    note is returned immediately.
    """
    if not policy.approvals:
        return signed(request, lines)
    found = _read(path)
    if found is None or found[0] != request:
        make_directory(path.parent)
        replace(path, [signed(request, lines).encode()])
        found = request, lines
    if missing := policy.approvals - len(policy.approvers_of(*found)):
        more = f"{missing} more" if missing < policy.approvals else f"{missing}"
        raise NotApproved(
            f"{path} needs the signatures of {more} of the policy's approvers. Let each run: "
            f"mcp-shipper approve {path} --key KEY. Then run this command again"
        )
    return signed(*found)


def approve(path: Path, signer: Signer) -> str:
    """Add a signature to a request, unless the key has signed it; the text of the request.

    Raises `ShipperError` if the file is not a request.
    """
    found = _read(path)
    if found is None:
        raise ShipperError(f"{path} is not a request to approve")
    text, lines = found
    mine = Signature(signer.public.name, signer.public.id, signer.sign(text.encode()))
    kept = [line for line in lines if (line.name, line.key_id) != (mine.name, mine.key_id)]
    replace(path, [signed(text, (*kept, mine)).encode()])
    return text


def _read(path: Path) -> tuple[str, tuple[Signature, ...]] | None:
    try:
        return parse_signed(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
