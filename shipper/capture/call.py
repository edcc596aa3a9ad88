"""A request and how it ended, as plain values: all that capture works on.

An adapter of an SDK, a pipe or a proxy builds these and knows nothing of events; the modules that
make events know no SDK.
"""

from typing import TypeAlias

from msgspec import Struct

from shipper.capture.memory import Memory
from shipper.catalog.methods import methods

#: An object as it came out of a JSON parser: dicts, lists, texts, numbers.
Json: TypeAlias = dict[str, object]


class Client(Struct, frozen=True):
    """The name and version that a client gives itself."""

    name: str | None = None
    version: str | None = None


class Claimed(Struct, frozen=True):
    """Whom a token names that nobody here has verified. `token_hash` is of the token's id."""

    subject: str | None = None
    issuer: str | None = None
    client: str | None = None
    token_hash: str | None = None


class Authority(Struct, frozen=True):
    """What a verified token allows, until when, and who acts by it for its user.

    `expires` is an ISO date. `actors` begins with the present one; it is short if `is_truncated`.
    """

    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    expires: str | None = None
    token_hash: str | None = None
    actors: tuple[str, ...] = ()
    is_truncated: bool = False


class Identity(Struct, frozen=True):
    """Who made a request: a user, in the domain that knows this user, through an OAuth client.

    `user` is the id; `name` is the login name, where it is another.
    `claimed` is whom a token names that was not verified: no identity. `authority` is that of a
    verified token.
    """

    user: str | None = None
    domain: str | None = None
    client: str | None = None
    name: str | None = None
    claimed: Claimed | None = None
    authority: Authority | None = None


class Http(Struct, frozen=True):
    """The HTTP request that a message came in. `session` is a digest of the session's id."""

    address: str | None = None
    port: int | None = None
    user_agent: str | None = None
    request_id: str | None = None
    session: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


class Call(Struct, frozen=True):
    """One JSON-RPC request or notification, from a client unless `from_server`.

    `params` are as they came in: nothing of them is validated, and their owner may change them
    later. `id` is None for a notification, `http` for a pipe. `client` is the client of the
    session; a client that a message names itself goes before it. `memory` is what was seen of the
    server before.
    """

    method: str
    params: Json | None = None
    id: str | int | None = None
    protocol_version: str | None = None
    server_name: str | None = None
    identity: Identity = Identity()
    client: Client = Client()
    http: Http | None = None
    from_server: bool = False
    memory: Memory | None = None


class Failure(Struct, frozen=True):
    """A request that ended with an error.

    `reason` is set where the failure is a refusal. The caller's or the server's time is over if it
    `is_timeout`. `code` is the error's in JSON-RPC. A decision
    on what the caller may use `is_authorization`, by the scopes `required` and `granted`. A method
    that nobody serves `is_unserved`, whatever the code.
    """

    type: str | None = None
    message: str | None = None
    code: int | str | None = None
    reason: str | None = None
    is_authorization: bool = False
    required: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    is_unserved: bool = False
    is_timeout: bool = False


class Answer(Struct, frozen=True):
    """A request that ended with a result, as JSON.

    `cause` is what the tool raised, if known: the result may say so, or a middleware may hide it.
    """

    result: Json
    cause: Failure | None = None


class Unanswered(Struct, frozen=True):
    """A request without an answer: it was cancelled, or it is a notification."""

    reason: str | None = None


#: The client asked for it; it went away; the server or its process ended; nobody waited longer.
CANCELLED = Unanswered("cancelled")
CLIENT_GONE = Unanswered("client_gone")
SERVER_ENDED = Unanswered("server_ended")
TIMED_OUT = Unanswered("timed_out")
#: What a user may answer to a question, but yes: the reason of the call's failure.
REFUSED = methods().refused
Ended: TypeAlias = Answer | Failure | Unanswered


def ended_by_response(response: Json) -> Ended:
    """How a request ended by its JSON-RPC response; a message that is none is no answer."""
    error = response.get("error")
    if isinstance(error, dict):
        return _failure(error)
    result = response.get("result")
    return Answer(result) if isinstance(result, dict) else Unanswered()


def _failure(error: Json) -> Failure:
    code, message = error.get("code"), error.get("message")
    known = code if isinstance(code, (int, str)) else None
    return Failure(
        type=None if known is None else str(known),
        message=message if isinstance(message, str) and message else None,
        code=known,
    )
