"""What is promised of capture."""

from tests.promises.model import Mutant, Promise

_HTTP = "capture/test_http.py::"
_REQUESTS = "capture/test_requests.py::"
_INSTRUMENT = "capture/test_instrument.py::"
_REFUSALS = "capture/test_refusals.py::"

CAPTURE = (
    Promise(
        "capture:who",
        "An event carries the identity that the server verified for that request, even if "
        "the token changes during a session.",
        {
            f"{_HTTP}test_a_call_is_recorded_with_the_identity_of_its_token": (
                Mutant(
                    "capture/identity.py",
                    'subject = text(getattr(token, "subject", None)) or text(claims.get("sub"))',
                    "subject = None",
                ),
            ),
            f"{_HTTP}test_each_request_is_recorded_with_its_own_token": (
                Mutant(
                    "capture/identity.py",
                    'token = getattr(scope.get("user"), "access_token", None)',
                    'token = token_holder.__dict__.setdefault("first", getattr(scope.get("user"), "access_token", None))',
                ),
            ),
            f"{_HTTP}test_a_token_renewed_within_a_session_is_the_one_that_counts": (),
            f"{_HTTP}test_a_session_used_with_anothers_token_is_a_violation_by_the_other": (
                Mutant(
                    "capture/identity.py",
                    'token = getattr(scope.get("user"), "access_token", None)',
                    (
                        "from mcp.server.auth.middleware.auth_context import get_access_token\n\n"
                        "    token = get_access_token()"
                    ),
                ),
            ),
        },
    ),
    Promise(
        "capture:once",
        "A dispatched request becomes exactly one event: never two, and never an event "
        "without a request.",
        {
            f"{_REQUESTS}test_listings_are_recorded_once_each_with_their_count": (),
            f"{_HTTP}test_the_sdks_own_look_at_the_tools_is_no_request": (
                Mutant("capture/sdk2.py", " and not self._is_internal(ctx)", ""),
            ),
            f"{_INSTRUMENT}test_instrumenting_twice_records_once": (
                Mutant(
                    "capture/install.py",
                    "if any(isinstance(layer, Wire) for layer in low.middleware):",
                    "if False:",
                ),
            ),
            f"{_REFUSALS}test_a_wrapper_around_an_instrumented_app_records_nothing_twice": (
                Mutant("capture/asgi.py", " or exchange_in(scope)", ""),
            ),
            f"{_HTTP}test_an_unknown_method_is_one_event_though_http_says_404": (
                Mutant("capture/sdk2.py", "exchange.dispatched = True", "pass"),
            ),
        },
    ),
    Promise(
        "capture:outcome",
        "A failure is recorded as a failure however the server wraps it, and a cancelled "
        "call has no known outcome.",
        {
            f"{_REQUESTS}test_a_tool_that_crashes_is_recorded_with_what_it_really_raised": (
                Mutant("capture/causes.py", "_note(error)", "pass"),
            ),
            f"{_REQUESTS}test_a_result_that_says_error_is_a_failure": (
                Mutant("capture/outcome.py", 'if not fields.get("mcp.tool.is_error"):', "if True:"),
            ),
            f"{_REQUESTS}test_a_json_rpc_error_of_a_tool_is_a_failure_with_its_code": (),
            f"{_REQUESTS}test_a_cancelled_call_has_no_known_outcome": (
                Mutant(
                    "capture/causes.py",
                    "if not isinstance(error, Exception):  # asyncio's",
                    "if False:  # asyncio's",
                ),
            ),
        },
    ),
    Promise(
        "capture:refusals",
        "Requests that no MCP hook sees are recorded from the HTTP side: refused tokens, "
        "missing scopes, malformed messages, limits.",
        {
            f"{_REFUSALS}test_a_refused_token_is_a_failed_authentication": (
                Mutant("capture/refusals.py", "_UNAUTHORIZED: _rejected,", ""),
            ),
            f"{_REFUSALS}test_a_token_without_the_scope_is_a_denied_authorization": (
                Mutant("capture/refusals.py", "_FORBIDDEN: _forbidden,", ""),
            ),
            f"{_REFUSALS}test_a_message_the_transport_refuses_is_a_violation": (
                Mutant("capture/refusals.py", "if status in _BY_STATUS and", "if False and"),
            ),
            f"{_REFUSALS}test_a_limit_that_was_reached_is_recorded": (
                Mutant("capture/refusals.py", "_TOO_MANY: _limited,", ""),
            ),
        },
    ),
    Promise(
        "capture:harmless",
        "A failure of capture never reaches the server, and every exception passes "
        "through unchanged.",
        {
            f"{_INSTRUMENT}test_a_failing_record_never_reaches_the_server": (
                Mutant(
                    "capture/emit.py",
                    "except Exception as error:",
                    "except ArithmeticError as error:",
                ),
            ),
            f"{_INSTRUMENT}test_exceptions_reach_the_client_as_without_capture": (
                Mutant("capture/sdk2.py", "                raise\n", "                return {}\n"),
            ),
        },
    ),
)
