"""What is promised of `proxy`."""

from tests.promises.model import Mutant, Promise

_BYTES = "proxy/test_bytes.py::"
_EVENTS = "proxy/test_events.py::"
_WIRE = "wire/test_jsonrpc.py::"
_COMMAND = "proxy/test_command.py::"

PROXY = (
    Promise(
        "proxy:transparent",
        "The proxy does not change the status and body of an answer, or the body of a "
        "request. It passes authorization unchanged, and removes only hop-by-hop headers.",
        {
            f"{_BYTES}test_any_bytes_in_any_chunks_pass_exactly": (
                Mutant(
                    "proxy/exchange.py",
                    "                self._put(event)",
                    "                self._put(h11.Data(data=bytes(event.data)[1:]))",
                ),
            ),
            f"{_BYTES}test_a_client_sees_the_bytes_that_it_would_see_without": (
                Mutant("proxy/exchange.py", "headers.answered(given, self._route)", "[]"),
            ),
            f"{_BYTES}test_headers_of_the_connection_stay_and_all_others_pass_in_order": (
                Mutant("proxy/headers.py", "dropped = hidden(headers)", "dropped = _OF_CONNECTION"),
            ),
            f"{_BYTES}test_authorization_and_names_of_headers_pass_as_they_are": (
                Mutant(
                    "proxy/connection.py",
                    "given = request.headers.raw_items()",
                    "given = list(request.headers)",
                ),
            ),
        },
    ),
    Promise(
        "proxy:unbuffered",
        "The proxy delays nothing: a head and each piece of a body pass while the sender is "
        "still sending. A slow reader holds up the sender, so memory is bounded.",
        {
            f"{_BYTES}test_a_head_and_each_chunk_pass_while_the_server_still_answers": (
                Mutant("proxy/channel.py", "            await first()\n", ""),
            ),
            f"{_BYTES}test_a_request_passes_while_the_client_still_sends": (
                Mutant(
                    "proxy/exchange.py",
                    "self._watch, self._flush_server)",
                    "self._watch, self._client.flush)",
                ),
            ),
            f"{_BYTES}test_a_client_that_reads_slowly_holds_the_server_and_not_the_bytes": (
                Mutant("proxy/channel.py", "await self._writer.drain()", "pass"),
            ),
            f"{_COMMAND}test_fifty_megabytes_take_no_memory": (),
        },
    ),
    Promise(
        "proxy:tokens",
        "The proxy's record contains no token and no session id. The user that a token names "
        "is never recorded as the user, because the proxy cannot verify it.",
        {
            f"{_EVENTS}test_no_token_or_session_id_is_in_any_line": (
                Mutant(
                    "capture/facts.py",
                    "session=digest(session) if session else None",
                    "session=dict(scope['headers']).get(b'authorization', b'').decode()",
                ),
            ),
            f"{_EVENTS}test_a_session_is_known_by_its_hash_from_its_beginning_to_its_end": (
                Mutant("proxy/sessions.py", "named(digest(session_id))", "named(session_id)"),
            ),
            f"{_EVENTS}test_whom_a_token_names_is_recorded_as_a_claim_and_never_as_the_user": (
                Mutant(
                    "capture/identity.py", "Identity(claimed=", "Identity(claimed.subject, claimed="
                ),
            ),
        },
    ),
    Promise(
        "proxy:record",
        "A proxy records the events that the server itself would have recorded. A request "
        "that is open when the client, the server or the proxy goes away is recorded.",
        {
            f"{_EVENTS}test_the_events_are_those_of_the_server_itself": (
                Mutant("proxy/watch.py", "self._exchange.dispatched = True", "pass"),
            ),
            f"{_EVENTS}test_a_client_that_hangs_up_is_recorded_and_ends_the_call_in_the_server": (
                Mutant("proxy/watch.py", "Unanswered(gone or", "Unanswered("),
            ),
            f"{_EVENTS}test_a_server_that_dies_in_a_call_leaves_the_call_in_the_record": (
                Mutant("proxy/connection.py", "return SERVER_GONE", "return CLIENT_GONE"),
            ),
            f"{_EVENTS}test_a_server_that_is_away_is_a_502_and_the_call_a_failure": (
                Mutant(
                    "proxy/connection.py",
                    "        await take_unsent(self._client, watch)\n        attempt(",
                    "        attempt(",
                ),
            ),
            f"{_EVENTS}test_a_call_that_is_open_when_the_proxy_stops_is_recorded": (),
            f"{_COMMAND}test_a_proxy_that_is_killed_leaves_its_open_call_to_the_next_process": (),
        },
    ),
    Promise(
        "proxy:unseen",
        "The proxy refuses a request that the record cannot read, or that a server could read"
        " differently. A message that passed unread is an event.",
        {
            f"{_WIRE}test_what_a_lenient_server_reads_is_read": (
                Mutant("wire/jsonrpc.py", "return json.loads(data)", "pass"),
            ),
            f"{_WIRE}test_a_long_request_keeps_a_method_and_a_tool_behind_its_arguments": (
                Mutant("wire/jsonrpc.py", '"arguments" in params and', "False and"),
            ),
            f"{_EVENTS}test_a_message_that_passed_and_could_not_be_read_is_a_violation": (
                Mutant("proxy/watch.py", "if self._is_unread and", "if False and"),
            ),
            f"{_BYTES}test_a_length_beside_chunks_does_not_pass": (
                Mutant("proxy/headers.py", 'dropped |= {b"content-length"}', "pass"),
            ),
            f"{_BYTES}test_what_must_not_pass_is_refused": (
                Mutant("proxy/request.py", " or _DOTS & set(segments)", ""),
                Mutant("proxy/request.py", "host and named and", "False and"),
                Mutant("proxy/request.py", 'not in (b"", b"identity")', "in ()"),
            ),
        },
    ),
)
