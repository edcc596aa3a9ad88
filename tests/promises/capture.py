"""What is promised of capture."""

from tests.promises.model import Mutant, Promise

_HTTP = "capture/test_http.py::"
_REQUESTS = "capture/test_requests.py::"
_INSTRUMENT = "capture/test_instrument.py::"
_REFUSALS = "capture/test_refusals.py::"
_AROUND = "capture/test_around.py::"
_DECISIONS = "capture/test_decisions.py::"
_CAUSES = "capture/test_causes.py::"
_STACKS = "stacks/test_stacks.py::"
_AUTO = "auto/test_auto.py::"
_OPEN = "capture/test_open_calls.py::"
_EARLY = "capture/test_early_ends.py::"
_CALLS = "capture/test_calls.py::"
_VERIFIERS = "capture/test_verifiers.py::"
_PROVIDERS = "capture/test_providers.py::"
_MISUSE = "capture/test_misuse.py::"
_AUTHORITY = "capture/test_authority.py::"

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
            f"{_INSTRUMENT}test_instrumenting_twice_records_once": (),
            f"{_INSTRUMENT}test_a_server_whose_low_level_one_is_instrumented_records_once": (
                Mutant("capture/install.py", "if not adapter.is_audited(low):", "if True:"),
            ),
            f"{_REFUSALS}test_a_wrapper_around_an_instrumented_app_records_nothing_twice": (
                Mutant(
                    "capture/asgi.py",
                    "(exchange := exchange_in(scope)) is not None",
                    "(exchange := exchange_in(scope)) is not None and False",
                ),
            ),
            f"{_HTTP}test_an_unknown_method_is_one_event_though_http_says_404": (
                Mutant("capture/sdk2.py", "exchange.dispatched = True", "pass"),
            ),
        },
    ),
    Promise(
        "capture:outcome",
        "A failure is recorded as a failure however the server wraps it, and a cancelled call"
        " has the outcome unknown.",
        {
            f"{_REQUESTS}test_a_tool_that_crashes_is_recorded_with_what_it_really_raised": (
                Mutant("capture/causes.py", "seen.error = seen.below or error", "pass #"),
            ),
            f"{_REQUESTS}test_a_result_that_says_error_is_a_failure": (
                Mutant("capture/outcome.py", 'if not fields.get("mcp.tool.is_error"):', "if True:"),
            ),
            f"{_REQUESTS}test_a_json_rpc_error_of_a_tool_is_a_failure_with_its_code": (),
            f"{_REQUESTS}test_a_cancelled_call_has_no_known_outcome": (
                Mutant("capture/failures.py", "if _is_cancellation(error):", "if False:"),
            ),
        },
    ),
    Promise(
        "capture:early-end",
        "Cancelled by the client, client gone, server ended and timed out are four reasons. A "
        "question that the user refuses is a denial.",
        {
            f"{_EARLY}test_each_way_to_end_a_call_early_has_its_reason": (
                Mutant("capture/sdk2.py", "if dispatcher._closed else SERVER_ENDED", ""),
                Mutant(
                    "capture/sdk2.py", "is not None and asked.is_set():", "is not None and False:"
                ),
            ),
            f"{_EARLY}test_a_tool_that_times_out_is_a_failure_and_not_a_denial": (
                Mutant(
                    "capture/failures.py",
                    "isinstance(error, TimeoutError) or is_hidden",
                    "is_hidden",
                ),
            ),
            f"{_EARLY}test_a_time_limit_of_fastmcp_is_a_time_out": (
                Mutant(
                    "capture/failures.py",
                    "isinstance(error, TimeoutError) or is_hidden",
                    "isinstance(error, TimeoutError)",
                ),
            ),
            f"{_HTTP}test_a_client_that_hangs_up_leaves_a_call_without_outcome": (
                Mutant("capture/asgi.py", "exchange.has_left = True", "pass"),
            ),
            f"{_CALLS}test_a_question_that_the_user_refuses_is_a_denial": (
                Mutant("capture/outcome.py", "if refused := REFUSED", "if False and REFUSED"),
            ),
        },
    ),
    Promise(
        "capture:host-join",
        "The ids that an agent's host sends with a call are recorded as the catalog's table "
        "defines. A user's name comes only from the verified token.",
        {
            f"{_CALLS}test_a_hosts_own_ids_are_read_by_the_table": (
                Mutant("capture/facts.py", "for key, field in _HOSTS:", "for key, field in ():"),
            ),
            f"{_CALLS}test_the_environment_names_the_conversation_of_a_pipe_unless_the_call_does": (
                Mutant("capture/facts.py", "**_stated_in_environment(),", ""),
            ),
            f"{_HTTP}test_a_users_name_is_the_one_in_the_verified_token": (
                Mutant("capture/identity.py", "name if name != user else None", "None"),
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
        "capture:around",
        "Refusals are recorded once, also if routes are copied out of an app or mounted, or "
        "if middleware is added after `instrument`.",
        {
            f"{_AROUND}test_a_missing_token_is_recorded_where_routes_are_copied": (
                Mutant(
                    "capture/asgi.py",
                    "for route, place in watched_routes(app):",
                    "for route, place in ():",
                ),
            ),
            f"{_AROUND}test_a_method_that_a_copied_route_does_not_allow_is_recorded": (
                Mutant("capture/asgi.py", "route.handle = AuditASGI(route.handle, place)", "pass"),
            ),
            f"{_AROUND}test_middleware_that_is_added_later_is_seen": (
                Mutant("capture/install.py", "lambda: AuditASGI(build())", "build"),
            ),
            f"{_AROUND}test_middleware_put_before_capture_is_seen": (
                Mutant(
                    "capture/sdk2.py",
                    "if not layers or layers[0] is not wire:",
                    "if wire not in layers:",
                ),
            ),
            f"{_AROUND}test_calls_through_copied_routes_are_recorded_once": (),
        },
    ),
    Promise(
        "capture:oauth",
        "OAuth events come only from the endpoints of an authorization server, wherever it is "
        "mounted. A client that fails to authenticate and a token that cannot be verified are "
        "failed authentications, recorded at every level.",
        {
            f"{_AROUND}test_other_peoples_pages_leave_no_event": (
                Mutant(
                    "capture/routes.py",
                    "return layer if _is_sdks(layer) else None",
                    "return layer",
                ),
            ),
            f"{_AROUND}test_a_mounted_token_endpoint_keeps_its_grant_and_client": (
                Mutant(
                    "capture/refusals.py",
                    'scope["path"].endswith("/token")',
                    'scope["path"] == "/token"',
                ),
            ),
            f"{_AROUND}test_a_wrong_client_secret_is_a_failed_authentication": (
                Mutant("capture/oauth.py", "if _is_unproven(exchange, fault):", "if False:"),
            ),
            f"{_AROUND}test_a_verifier_that_raises_is_a_failed_authentication": (
                Mutant(
                    "capture/refusals.py",
                    "(fault := _verifier_fault(exchange.error)) is not None",
                    "(fault := None) is not None",
                ),
            ),
        },
    ),
    Promise(
        "capture:refused-token",
        "A wrapped verifier shows why it refused a token: its time, issuer, audience, scopes or "
        "signature, or that the verifier itself failed. It stays the same object, and the token "
        "is never recorded.",
        {
            f"{_VERIFIERS}test_a_wrapped_verifier_of_jwts_shows_why_it_refused": (
                Mutant("capture/verdict.py", 'return "wrong_issuer"', 'return "unknown"'),
                Mutant("capture/verdict.py", 'return "not_yet_valid"', "return None"),
            ),
            f"{_VERIFIERS}test_a_forged_token_that_has_also_expired_is_forged": (
                Mutant("capture/verdict.py", 'return "bad_signature"', "pass"),
            ),
            f"{_VERIFIERS}test_keys_that_cannot_be_fetched_are_no_fault_of_the_token": (
                Mutant(
                    "capture/verdict.py",
                    "            return True\n        found =",
                    "            return False\n        found =",
                ),
            ),
            f"{_VERIFIERS}test_the_reason_of_a_verifier_of_the_sdk": (
                Mutant(
                    "capture/refusals.py", 'return Verdict("wrong_audience") if', "return None if"
                ),
                Mutant("capture/verifier.py", "expires < int(time.time()):", "False:"),
            ),
            f"{_VERIFIERS}test_an_accepted_token_leaves_no_event_of_its_own": (),
            f"{_VERIFIERS}test_a_verifier_without_a_watched_app_has_its_own_event": (
                Mutant(
                    "capture/verifier.py",
                    "emit(functools.partial(rejected_token, token, verdict))",
                    "pass",
                ),
            ),
            f"{_VERIFIERS}test_a_wrapped_verifier_is_the_same_object_and_answers_the_same": (),
        },
    ),
    Promise(
        "capture:authorization-server",
        "A wrapped authorization server names client, user and scopes of each step, once. A page "
        "to log in or agree at is no outcome, and a forged state is a failure.",
        {
            f"{_PROVIDERS}test_a_step_of_a_wrapped_provider_names_client_user_and_scopes": (
                Mutant(
                    "capture/provider.py", '"user_id": _first(given, "subject")', '"user_id": None'
                ),
            ),
            f"{_PROVIDERS}test_behind_a_watched_app_each_step_is_one_event_with_what_the_provider_knows": (
                Mutant(
                    "capture/provider.py",
                    "            exchange.learned.update(_known(place, fields))",
                    "            pass",
                ),
            ),
            f"{_AROUND}test_the_users_consent_is_recorded": (
                Mutant(
                    "capture/oauth.py", 'return True if "code" in sent else None', "return True"
                ),
            ),
            f"{_AROUND}test_a_forged_state_is_a_failure": (
                Mutant(
                    "capture/oauth.py",
                    'return "invalid_state" if is_of_state else None',
                    "return None",
                ),
            ),
        },
    ),
    Promise(
        "capture:drift",
        "A tool that a server defines otherwise than before is a violation with both "
        "fingerprints, and so is a session that another principal uses.",
        {
            f"{_MISUSE}test_a_tool_that_is_redefined_is_a_violation_with_both_fingerprints": (
                Mutant("capture/memory.py", "if before not in (None, now):", "if False:"),
            ),
            f"{_MISUSE}test_a_definition_that_passes_a_pipe_or_proxy_is_compared_across_sessions": (),
            f"{_MISUSE}test_the_order_of_keys_and_meta_are_no_change": (
                Mutant("capture/memory.py", "sort_keys=True", "sort_keys=False"),
                Mutant("capture/memory.py", 'if key != "_meta"', "if key"),
            ),
            f"{_MISUSE}test_users_who_are_shown_their_own_tools_are_compared_with_themselves": (
                Mutant(
                    "capture/misuse.py",
                    "(*principal, call.protocol_version)",
                    "(call.protocol_version,)",
                ),
            ),
            f"{_MISUSE}test_a_session_that_another_principal_uses_is_a_violation": (
                Mutant("capture/memory.py", "return before != principal", "return False"),
            ),
            f"{_MISUSE}test_a_listing_that_makes_no_sense_changes_nothing": (),
            "proxy/test_events.py::test_a_tool_that_a_server_redefines_is_a_violation_across_sessions": (
                Mutant(
                    "proxy/sessions.py", "memory=self._memories.setdefault(key[0], Memory())", ""
                ),
            ),
            "stacks/test_client.py::test_a_host_records_what_it_asks_and_is_asked": (),
        },
    ),
    Promise(
        "capture:authority",
        "An event states the scopes, audience, expiry, hashed id and actors of the token that the "
        "server verified; the chain of actors is bounded, and says so.",
        {
            f"{_AUTHORITY}test_an_event_shows_what_its_token_allows_and_who_acts_for_the_user": (
                Mutant("capture/authority.py", 'act = act.get("act")', "act = None"),
            ),
            f"{_AUTHORITY}test_a_chain_of_actors_is_cut_and_says_so": (
                Mutant(
                    "capture/authority.py",
                    "is_truncated=len(actors) > _MAX_ACTORS",
                    "is_truncated=False",
                ),
            ),
            f"{_AUTHORITY}test_odd_values_of_a_verifier_break_nothing": (),
        },
    ),
    Promise(
        "capture:true-cause",
        "A crash is never recorded as a cancellation, a denial that the server hides is recorded "
        "as a denial, and a question to the user is not a success.",
        {
            f"{_CAUSES}test_a_tool_that_exits_is_a_failure_with_its_class": (
                Mutant(
                    "capture/failures.py",
                    "return task is None or task.cancelling() > 0",
                    "return True",
                ),
                Mutant(
                    "capture/failures.py",
                    'return type(error).__module__.partition(".")[0] == "trio"',
                    "return True",
                ),
            ),
            f"{_CAUSES}test_one_failure_in_a_group_is_the_failure": (
                Mutant(
                    "capture/failures.py",
                    "return first if second is None else None",
                    "return None",
                ),
            ),
            f"{_CAUSES}test_what_a_scope_hides_is_a_denied_authorization": (
                Mutant(
                    "capture/hidden.py",
                    "if missing is None or method not in _LOOKUPS:",
                    "if True:",
                ),
            ),
            f"{_CAUSES}test_a_question_is_no_success_and_a_refusal_is_a_denial": (
                Mutant(
                    "capture/outcome.py",
                    "if waits_for := _waits_for(answer.result):",
                    "if waits_for := None:",
                ),
            ),
            f"{_CAUSES}test_a_tool_that_is_called_through_a_search_is_named": (
                Mutant("capture/nested.py", "if seen.nested and", "if False and"),
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
    Promise(
        "capture:interrupted",
        "A call that ends its process is recorded by the next process that records in the "
        "directory.",
        {
            f"{_OPEN}test_a_first_call_that_ends_the_process_is_recorded_by_the_next": (
                Mutant(
                    "capture/pending.py",
                    "attempt(_note, call, fields) if sink is to_logger else None",
                    "None",
                ),
            ),
            f"{_OPEN}test_a_call_in_a_process_that_lives_is_left_to_it": (
                Mutant(
                    "record/calls.py",
                    "    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
                    "",
                ),
            ),
            f"{_OPEN}test_no_secret_in_a_name_is_in_the_file_of_open_calls": (
                Mutant(
                    "record/calls.py",
                    "masker().mask(text[: 4 * _MAX_NAME], lambda *_: None)",
                    "text",
                ),
            ),
        },
    ),
    Promise(
        "capture:stacks",
        "A client's visit leaves exactly the expected events on each supported SDK and "
        "framework, in each version of the protocol and on each transport. Refusals and the "
        "identity of each request are included.",
        {
            f"{_STACKS}test_a_visit_leaves_exactly_the_expected_events": (
                Mutant(
                    "capture/sdk1.py",
                    "return token_holder(scope), http_of",
                    (
                        'first = _origin.__dict__.setdefault("first", scope.get("user"))\n'
                        '    return token_holder({"user": first}), http_of'
                    ),
                ),
                Mutant("capture/sdk1.py", "if one.cancelled:", "if False:"),
                Mutant(
                    "capture/sdk1.py",
                    "one, seen = handling.one,",
                    "one, seen = self._first(asked_for),",
                ),
                Mutant(
                    "capture/sdk1.py", "if seen is not None and error is not None:", "if False:"
                ),
                Mutant("capture/sdk1.py", "is_unserved=is_unserved", "is_unserved=False"),
                Mutant("auto/hook.py", "    instrument(server)\n", "    del instrument\n"),
                Mutant(
                    "capture/failures.py", "return None if found is error else found", "return None"
                ),
            ),
            f"{_CAUSES}test_the_message_of_a_failed_schema_has_no_value_of_the_caller": (
                Mutant(
                    "capture/failures.py",
                    'type(error).__module__.startswith("jsonschema")',
                    'type(error).__module__.startswith("json_schema")',
                ),
            ),
        },
    ),
    Promise(
        "capture:auto",
        "`mcp-shipper auto` does not change a server: it has the same output and exit code, "
        "loads no SDK before its own import, and works if the record cannot be written.",
        {
            f"{_AUTO}test_a_server_runs_as_ever_and_is_recorded": (
                Mutant(
                    "auto/hook.py",
                    "        run(module)\n        patch(module)\n",
                    "        run(module)\n",
                ),
            ),
            f"{_AUTO}test_nothing_of_an_sdk_is_loaded_before_the_program_asks_for_it": (
                Mutant(
                    "auto/hook.py",
                    "from shipper.auto.settings import DIRECTORY, INSIDE,",
                    "import shipper.capture.install\nfrom shipper.auto.settings import DIRECTORY, INSIDE,",
                ),
            ),
            f"{_AUTO}test_a_server_whose_record_cannot_be_opened_works_and_says_so": (),
            f"{_AUTO}test_a_sitecustomize_of_others_runs_too": (
                Mutant("auto/site/sitecustomize.py", "_hook()\n_pass_on()", "_hook()"),
            ),
            f"{_AUTO}test_a_python_without_the_shipper_gets_the_launchers": (
                Mutant("auto/site/sitecustomize.py", "sys.meta_path.append(launchers)", "pass"),
            ),
            f"{_AUTO}test_uvicorns_app_is_wrapped_where_an_mcp_server_is": (
                Mutant(
                    "auto/hook.py", "    if not _has_record():  # an app", "    if False:  # an app"
                ),
            ),
        },
    ),
    Promise(
        "capture:nested",
        "A tool that a tool calls in the same process is an event of its own, with the id of its "
        "request. A server that is mounted on another adds none.",
        {
            f"{_CAUSES}test_a_tool_that_a_tool_calls_is_an_event_below_the_request": (
                Mutant(
                    "capture/causes.py",
                    "            if is_other and seen.nest:",
                    "            if False:",
                ),
                Mutant(
                    "capture/nested.py",
                    'pending.asked["mcp.call.parent"] = above',
                    "del above",
                ),
            ),
            f"{_CAUSES}test_a_tool_of_a_mounted_server_is_no_call_within_a_call": (
                Mutant(
                    "capture/causes.py",
                    '.get("__name__") == _MOUNTS',
                    '.get("__name__") == ""',
                ),
            ),
        },
    ),
    Promise(
        "capture:rounds",
        "The rounds of a call that asks its client, and the requests about its task, have the id "
        "of the call; the request that shows the end of a task names its tool.",
        {
            "capture/test_rounds.py::test_each_round_of_a_call_has_its_id_and_its_number": (
                Mutant("capture/rounds.py", "    if is_question:\n", "    if False:\n"),
            ),
            "capture/test_rounds.py::test_two_processes_give_the_rounds_of_a_call_one_id": (
                Mutant(
                    "capture/rounds.py",
                    '(call.params or {}).get("requestState") or',
                    "None or",
                ),
            ),
            "capture/test_rounds.py::test_a_task_that_somebody_else_uses_is_a_violation": (
                Mutant(
                    "capture/misuse.py", "if task and task.principal != principal:", "if False:"
                ),
            ),
            "stacks/test_tasks.py::"
            "test_the_request_that_shows_the_outcome_of_a_task_names_the_tool_and_the_call": (
                Mutant("capture/outcome.py", "meta.get(_TASK)", "meta.get(str())"),
            ),
        },
    ),
    Promise(
        "capture:decisions",
        "A decision that an application records has the digest of the arguments that the event "
        "of the call has.",
        {
            f"{_DECISIONS}test_a_decision_has_the_digest_of_the_arguments_that_the_call_has": (),
            f"{_DECISIONS}test_a_decision_in_a_tool_is_about_its_call": (
                Mutant("capture/nested.py", "seen.pending = pending", "pass"),
            ),
            f"{_DECISIONS}test_a_middleware_leaves_what_it_allows_and_its_refusal_is_in_the_request": (
                Mutant(
                    "capture/decision.py", "            if not is_noted:", "            if False:"
                ),
            ),
            f"{_DECISIONS}test_a_check_that_is_left_out_on_a_pipe_is_no_decision": (
                Mutant("capture/decision.py", '_current_transport.get() == "stdio"', "False"),
            ),
        },
    ),
    Promise(
        "capture:four-ends",
        "A crash, a cancellation, a time-out and a client that left are four things, on every "
        "stack.",
        {
            "stacks/test_ends.py::"
            "test_a_crash_a_cancellation_a_timeout_and_a_client_that_left_are_four_things": (
                Mutant(
                    "capture/sdk1.py",
                    "return CLIENT_GONE if self.has_left else SERVER_ENDED",
                    "return SERVER_ENDED",
                ),
            ),
        },
    ),
)
