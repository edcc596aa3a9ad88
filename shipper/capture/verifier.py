"""The verifier of tokens: why it refuses one."""

import functools
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from shipper.capture.emit import attempt, emit, open_logger
from shipper.capture.exchange import Verdict, current_exchange
from shipper.capture.failures import failure_of
from shipper.capture.refusals import rejected_token
from shipper.capture.verdict import Tried, reason_of

V = TypeVar("V")

_MARK = "_shipper_wrapped"
#: Of FastMCP's verifiers of JWTs.
_FIND_KEY = "_get_verification_key"
_tried: ContextVar[Tried | None] = ContextVar("shipper_tried", default=None)
_Method = Callable[..., Awaitable[Any]]


def wrap_token_verifier(verifier: V) -> V:
    """Record why this verifier refuses tokens, and give the verifier back.

    Takes an object with `verify_token`: a `TokenVerifier` of the package mcp, or a verifier or auth
    provider of fastmcp. It remains the same object, and answers and raises as before. Calling it
    again changes nothing. Raises `TypeError` for anything else.
    """
    if not callable(getattr(verifier, "verify_token", None)):
        raise TypeError(
            "wrap_token_verifier() takes an object with verify_token, such as a TokenVerifier; "
            f"this is a {type(verifier).__qualname__}"
        )
    if not hasattr(verifier, _MARK):
        watch_verification(verifier, "verify_token")
        replace_on(verifier, _MARK, True)  # noqa: FBT003 - a mark
        open_logger()
    return verifier


def watch_verification(verifier: Any, name: str) -> None:
    """Wrap the method of this name, which gives what a token stands for, or None."""
    replace_on(verifier, name, _judged(verifier, getattr(verifier, name)))
    if (find := getattr(verifier, _FIND_KEY, None)) is not None:
        replace_on(verifier, _FIND_KEY, _noting(find))


def replace_on(owner: object, name: str, value: object) -> None:
    """Set an attribute of an object, which may be frozen or accept only the fields of a model."""
    object.__setattr__(owner, name, value)


def _judged(verifier: object, verify: _Method) -> _Method:
    @functools.wraps(verify)
    async def judged(token: str, *args: Any, **kwargs: Any) -> Any:
        tried = Tried()
        mark = _tried.set(tried)
        try:
            found = await verify(token, *args, **kwargs)
        except Exception as error:
            attempt(_pass_on, token, Verdict("not_verified", failure_of(error).type))
            raise
        finally:
            _tried.reset(mark)
        attempt(_judge, verifier, token, tried, found)
        return found

    return judged


def _noting(find: _Method) -> _Method:
    @functools.wraps(find)
    async def noting(*args: Any, **kwargs: Any) -> Any:
        tried = _tried.get() or Tried()
        try:
            tried.key = await find(*args, **kwargs)
        except Exception as error:
            tried.fault = error
            raise
        return tried.key

    return noting


def _judge(verifier: object, token: str, tried: Tried, found: Any) -> None:
    if found is None:
        _pass_on(token, Verdict(reason_of(verifier, token, tried)))
    elif (expires := getattr(found, "expires_at", None)) and expires < int(time.time()):
        _pass_on(token, Verdict("expired"))  # the SDK refuses it for that
    elif exchange := current_exchange():
        exchange.verdict = Verdict(None)


def _pass_on(token: str, verdict: Verdict) -> None:
    """Leave the verdict to the request's event; without a wrapper around, it is an event itself."""
    if exchange := current_exchange():
        exchange.verdict = verdict
    else:
        emit(functools.partial(rejected_token, token, verdict))
