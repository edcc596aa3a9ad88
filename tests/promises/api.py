"""What is promised of the operations and of their HTTP interface."""

from tests.promises.model import Mutant, Promise

_OPERATIONS = "api/test_operations.py::"
_HTTP = "api/test_http.py::"
_GRAPHQL = "api/test_graphql.py::"
_ACCESS = "api/test_access.py::"
_PAGE = "api/test_page.py::"
_USAGE = "run/test_usage.py::"

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
                Mutant("api/http/app.py", "if not caller.may(operation):", "if False:"),
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
            f"{_ACCESS}test_each_role_does_and_sees_what_it_may_and_a_refusal_is_an_event": (
                Mutant(
                    "api/http/app.py",
                    "caller.narrowed(operation, context, self._config.catalog)",
                    "context",
                ),
            ),
            f"{_ACCESS}test_every_operation_and_every_path_is_in_these_tables": (),
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
                Mutant("api/http/app.py", "if wait_s := self._rates.wait_s(who):", "if False:"),
            ),
        },
    ),
    Promise(
        "api:graphql",
        "A GraphQL request is refused as one if it costs too much or has an operation without a "
        "right; only readers see the schema.",
        {
            f"{_GRAPHQL}test_a_request_that_costs_too_much_is_refused_before_it_is_carried_out": (
                Mutant("api/http/graphql.py", "if cost > _MAX_COST:", "if False:"),
                Mutant("api/http/graphql.py", "if at == _MAX_OPERATIONS:", "if False:"),
            ),
            f"{_GRAPHQL}test_one_operation_without_a_right_refuses_the_complete_request": (
                Mutant(
                    "api/http/app.py",
                    "        for name in operations:\n            self._require(caller, name)",
                    "",
                ),
            ),
            f"{_GRAPHQL}test_the_schema_is_shown_to_those_who_may_read": (
                Mutant(
                    "api/http/app.py",
                    "if asked.is_introspection and not caller.reads:",
                    "if False:",
                ),
            ),
            f"{_GRAPHQL}test_the_limit_of_a_variable_counts": (),
        },
    ),
    Promise(
        "api:page",
        "The page keeps a token in memory alone, loads nothing from elsewhere, and shows texts of "
        "the record as texts.",
        {
            f"{_PAGE}test_the_token_is_in_the_memory_of_the_page_alone": (
                Mutant("api/http/page.js", '  $("token").value = "";\n', ""),
            ),
            f"{_PAGE}test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline": (),
            f"{_PAGE}test_texts_of_the_record_are_shown_as_texts": (),
        },
    ),
    Promise(
        "run:usage",
        "Every byte of an audit stream is counted for the time that its event is kept.",
        {
            f"{_USAGE}test_every_byte_of_a_stream_is_counted_for_the_time_that_its_event_is_kept": (
                Mutant(
                    "run/usage.py",
                    "known.classes[found.audit.retention_days] += len(line)",
                    "known.classes[None] += len(line)",
                ),
            ),
            f"{_USAGE}test_a_later_measurement_counts_only_what_was_added": (),
        },
    ),
)
