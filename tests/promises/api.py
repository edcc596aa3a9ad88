"""What is promised of the operations and of their HTTP interface."""

from tests.promises.model import Mutant, Promise

_OPERATIONS = "api/test_operations.py::"
_HTTP = "api/test_http.py::"

API = (
    Promise(
        "api:checked",
        "A request with a problem changes nothing, and its answer lists every problem.",
        {
            f"{_OPERATIONS}test_a_bad_request_is_answered_not_raised": (
                Mutant("api/operations.py", "check(operation, context, checked.catalog)", "pass"),
            ),
            f"{_OPERATIONS}test_a_batch_with_a_problem_is_not_logged_and_every_problem_is_answered": (),
        },
    ),
    Promise(
        "api:stream",
        "A reader of events continues where it stopped, and learns which streams lost a "
        "segment meanwhile.",
        {
            f"{_OPERATIONS}test_events_are_streamed_from_where_the_last_answer_ended": (
                Mutant("api/tail.py", "self._places[stream] = _Place(number, end)", "pass"),
            ),
            f"{_OPERATIONS}test_a_reader_learns_which_streams_it_missed_a_part_of": (
                Mutant("api/tail.py", "missed.append(stream)", "pass"),
            ),
        },
    ),
    Promise(
        "api:roles",
        "A client can do and see only what its role allows, and each refusal is an event.",
        {
            f"{_HTTP}test_a_client_without_a_right_is_refused_and_the_refusal_is_an_event": (
                Mutant("api/http/app.py", "and not caller.may(operation):", "and False:"),
            ),
            f"{_HTTP}test_an_event_is_logged_and_found_by_each_role_as_far_as_it_may_see": (
                Mutant(
                    "api/http/access.py",
                    'if self.client.role == "analyst" and "events" in answer:',
                    "if False:",
                ),
            ),
            f"{_HTTP}test_an_analyst_cannot_ask_for_what_payloads_contain": (
                Mutant("api/http/access.py", "if hidden:", "if False:"),
            ),
            f"{_HTTP}test_a_tenant_reads_only_its_own_by_every_way": (
                Mutant(
                    "api/http/access.py", 'query = f"{own} and ({query})" if node else own', "pass"
                ),
                Mutant("api/http/access.py", 'f"{own} and ({query})"', 'f"{own} and {query}"'),
            ),
        },
    ),
    Promise(
        "api:bounds",
        "Requests are bounded in size and in number.",
        {
            f"{_HTTP}test_a_bad_request_is_answered_with_the_reason": (
                Mutant(
                    "api/http/app.py",
                    "if len(data) > self._config.api.max_body_bytes:",
                    "if False:",
                ),
            ),
            f"{_HTTP}test_the_requests_of_a_client_are_bounded": (
                Mutant("api/http/app.py", "if wait_s:", "if False:"),
            ),
        },
    ),
)
