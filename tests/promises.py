"""What mcp-shipper promises: each promise with the tests that prove it.

`docs/guarantees.md` is generated from here (`python -m tests.promises`), so operators read only
what tests prove. `test_promises.py` checks that every test named here exists.
"""

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "guarantees.md"


@dataclass(frozen=True, slots=True)
class Promise:
    """`area:claim`, the sentence, and `file::test` for each proof, below `tests/`."""

    id: str
    sentence: str
    proofs: tuple[str, ...]


_LINE = "integration/test_line.py::"
_LOSSES = "deliver/test_loss_reports.py::"
_SETUP = "integration/test_assets_setup.py::"
_FILEBEAT = "config/test_filebeat.py::"
_BAD = "integration/test_bad_input.py::"
_PLANTED = "integration/test_planted.py::"
_REQUESTS = "capture/test_requests.py::"
_HTTP = "capture/test_http.py::"
_OWN = "run/test_self_audit.py::"
_AGAIN = "deliver/test_replay.py::"
_STDIN = "integration/test_stdin.py::"
_LAWS = "forms/test_laws.py::"
_LONG = "forms/test_text.py::"
_REFUSALS = "capture/test_refusals.py::"
_PROCESSED = "integration/test_processors.py::"
_CHAIN = "processors/test_chain.py::"

PROMISES = (
    Promise(
        "capture:who",
        "An event carries the identity that the server verified for that request, even if the "
        "token changes during a session.",
        (
            f"{_HTTP}test_a_call_is_recorded_with_the_identity_of_its_token",
            f"{_HTTP}test_each_request_is_recorded_with_its_own_token",
            f"{_HTTP}test_a_token_renewed_within_a_session_is_the_one_that_counts",
        ),
    ),
    Promise(
        "capture:once",
        "A dispatched request becomes exactly one event: never two, and never an event without "
        "a request.",
        (
            f"{_REQUESTS}test_listings_are_recorded_once_each_with_their_count",
            f"{_HTTP}test_the_sdks_own_look_at_the_tools_is_no_request",
            "capture/test_instrument.py::test_instrumenting_twice_records_once",
            f"{_REFUSALS}test_a_wrapper_around_an_instrumented_app_records_nothing_twice",
        ),
    ),
    Promise(
        "capture:outcome",
        "A failure is recorded as a failure however the server wraps it, and a cancelled call "
        "has no known outcome.",
        (
            f"{_REQUESTS}test_a_tool_that_crashes_is_recorded_with_what_it_really_raised",
            f"{_REQUESTS}test_a_result_that_says_error_is_a_failure",
            f"{_REQUESTS}test_a_json_rpc_error_of_a_tool_is_a_failure_with_its_code",
            f"{_REQUESTS}test_a_cancelled_call_has_no_known_outcome",
        ),
    ),
    Promise(
        "capture:refusals",
        "Requests that no MCP hook sees are recorded from the HTTP side: refused tokens, "
        "missing scopes, malformed messages, limits.",
        (
            f"{_REFUSALS}test_a_refused_token_is_a_failed_authentication",
            f"{_REFUSALS}test_a_token_without_the_scope_is_a_denied_authorization",
            f"{_REFUSALS}test_a_message_the_transport_refuses_is_a_violation",
            f"{_REFUSALS}test_a_limit_that_was_reached_is_recorded",
        ),
    ),
    Promise(
        "capture:harmless",
        "A failure of capture never reaches the server, and every exception passes through "
        "unchanged.",
        (
            "capture/test_instrument.py::test_a_failing_record_never_reaches_the_server",
            "capture/test_instrument.py::test_exceptions_reach_the_client_as_without_capture",
        ),
    ),
    Promise(
        "record:never-raises",
        "A log call never raises an exception into the application. An event that cannot be "
        "written is counted, and the next one that can be written reports it.",
        (
            "record/test_handler.py::test_a_failing_record_is_counted_and_told_of_by_the_next",
            "record/test_bounds.py::test_any_values_in_any_fields_become_one_line_of_strict_json",
        ),
    ),
    Promise(
        "record:on-disk",
        "When the log call returns, the operating system has the line. A killed process tears "
        "at most the line it was writing.",
        (
            "record/test_handler.py::test_a_logged_event_is_on_disk_when_the_call_returns",
            "record/test_segments.py::test_of_a_killed_process_at_most_the_last_line_is_torn",
        ),
    ),
    Promise(
        "record:whole-lines",
        "A full disk leaves no partial line and no gap in the sequence.",
        ("record/test_segments.py::test_a_full_disk_leaves_no_half_line_and_no_gap",),
    ),
    Promise(
        "record:one-stream-a-process",
        "Threads share an audit stream without a gap. Processes and forked children never "
        "share a file.",
        (
            "record/test_processes.py::test_threads_write_one_file_without_a_gap",
            "record/test_processes.py::test_a_forked_child_has_a_stream_of_its_own",
            "record/test_processes.py::test_worker_processes_have_streams_of_their_own",
        ),
    ),
    Promise(
        "record:chain",
        "A changed byte, or a line that is left out, repeated or moved, breaks the chain, "
        "also across segments. The hash has no key, so this shows accidents and careless "
        "changes, but not an attacker who computes all later hashes again.",
        (
            "record/test_seal.py::test_any_single_byte_changed_breaks_the_chain",
            "record/test_seal.py::test_a_line_left_out_breaks_the_chain",
            "record/test_seal.py::test_two_lines_that_change_places_break_the_chain",
            "record/test_segments.py::test_segments_are_linked_when_they_rotate_by_size",
        ),
    ),
    Promise(
        "record:prints-nothing",
        "Another handler on the logger learns an event's type and nothing else.",
        ("record/test_handler.py::test_another_handler_on_the_same_logger_learns_nothing",),
    ),
    Promise(
        "redact:secret-names",
        "A value under a secret name is never written, at any depth. Its repetition elsewhere "
        "is not written either, even where a cut runs through it.",
        (
            "record/test_redaction.py::test_no_value_under_a_secret_name_is_written_at_any_depth",
            "record/test_redaction.py::test_an_echo_across_the_cut_is_not_half_written",
        ),
    ),
    Promise(
        "redact:no-blotting",
        "A caller cannot hide what was called by passing its name as a password.",
        (
            (
                "record/test_redaction.py::"
                "test_a_caller_cannot_blot_out_what_was_called_by_passing_it_as_a_password"
            ),
        ),
    ),
    Promise(
        "redact:no-slow-pattern",
        "No text makes the search for secrets slow.",
        ("record/test_bounds.py::test_no_pattern_can_be_made_to_run_long_by",),
    ),
    Promise(
        "redact:nothing-planted",
        "Planted tokens, keys, card numbers, e-mail addresses, and values under secret keys "
        "with their repetitions, reach no file by any capture path.",
        (
            f"{_PLANTED}test_no_planted_secret_is_in_any_file",
            f"{_PLANTED}test_the_demo_finds_none_of_its_own_and_says_so",
            f"{_HTTP}test_no_token_or_session_id_is_in_any_event",
        ),
    ),
    Promise(
        "deliver:complete",
        "Every complete line arrives, in the order of its file.",
        (
            f"{_LINE}test_100_000_events_reach_a_real_lumberjack_server_complete_and_in_order",
            f"{_LINE}test_100_000_events_reach_elasticsearch_complete_and_in_order",
        ),
    ),
    Promise(
        "deliver:no-loss-on-kill",
        "Killing the shipper at any moment loses no complete line.",
        (
            f"{_LINE}test_killed_ten_times_on_the_way_to_a_lumberjack_server_it_loses_nothing",
            (
                f"{_LINE}"
                "test_killed_ten_times_on_the_way_to_elasticsearch_it_loses_and_doubles_nothing"
            ),
            (
                "integration/test_kills.py::"
                "test_killed_and_rotated_behind_a_bad_line_to_a_lumberjack_server_it_loses_nothing"
            ),
        ),
    ),
    Promise(
        "deliver:reported-losses",
        "Lines that users of other shippers have reported lost arrive here: lines of a file "
        "that was closed while the output was slow, was renamed or deleted, was rotated by "
        "the kubelet, or got the inode of another file.",
        (
            f"{_LOSSES}test_lines_written_while_the_output_is_slow_and_the_file_is_closed_are_not_skipped",
            f"{_LOSSES}test_lines_written_after_a_rename_of_a_closed_file_arrive",
            f"{_LOSSES}test_the_last_line_of_a_file_that_is_then_deleted_arrives",
            f"{_LOSSES}test_lines_before_a_rotation_by_the_kubelet_arrive_through_the_link",
            f"{_LOSSES}test_another_file_with_the_inode_of_a_deleted_one_is_read_from_its_beginning",
        ),
    ),
    Promise(
        "deliver:commit-after-settle",
        "Through any history of appends, rotations, crashes and failing outputs, no position "
        "moves past a line that is not settled, nothing is lost, and the order of each file "
        "is kept.",
        ("deliver/test_histories.py::TestHistories",),
    ),
    Promise(
        "deliver:segments",
        "Segments of an audit stream arrive in order, also across rotation, retries and "
        "restarts. Each of their lines is delivered once, unless the shipper dies.",
        (
            "deliver/test_segments.py::test_a_segment_is_read_only_when_all_before_it_is_settled",
            "deliver/test_histories.py::TestHistories",
        ),
    ),
    Promise(
        "deliver:copies",
        "Rotation by copy and truncation sends nothing twice, at whatever moment the copy is seen.",
        (
            "deliver/test_copies.py::test_a_copy_is_known_at_every_byte_while_it_is_made",
            (
                "deliver/test_copies.py::"
                "test_a_copy_made_while_stopped_continues_at_the_position_of_the_original"
            ),
        ),
    ),
    Promise(
        "deliver:deletion",
        "If deletion is configured, a file is deleted only when every output has all of it.",
        (
            (
                "deliver/test_choosing.py::"
                "test_a_file_is_deleted_when_every_output_has_it_and_not_before"
            ),
            "deliver/test_choosing.py::test_a_half_line_at_the_end_keeps_a_file",
            (
                "deliver/test_choosing.py::"
                "test_the_last_segment_of_a_killed_process_is_deleted_and_not_before_it_is_gone"
            ),
        ),
    ),
    Promise(
        "deliver:archives",
        "A gzip archive is shipped like the file it was made from, whenever that file was "
        "compressed and however far it was read. All complete lines before the damage in a "
        "damaged archive arrive.",
        (
            "deliver/test_archives.py::test_an_archive_is_shipped_like_the_file_it_was_made_of",
            "deliver/test_archives.py::test_a_file_that_is_compressed_is_known_at_every_byte_of_it",
            "deliver/test_archives.py::test_a_file_compressed_while_stopped_continues_at_its_position",
            "deliver/test_archives.py::test_every_line_before_a_changed_byte_arrives",
        ),
    ),
    Promise(
        "deliver:rotation",
        "Rotation, truncation and deletion lose no line and repeat no line.",
        (
            "deliver/test_reading.py::test_rotation_by_rename_loses_and_repeats_nothing",
            "deliver/test_running.py::test_rotation_while_running_loses_and_repeats_nothing",
            "integration/test_logrotate.py::test_each_line_arrives_once_whatever_logrotate_does",
            "deliver/test_running.py::test_a_deleted_file_is_read_to_its_end_and_forgotten",
            "deliver/test_reading.py::test_a_truncated_file_is_read_from_its_beginning",
            "deliver/test_archives.py::test_a_file_that_is_written_over_is_read_as_what_it_is_then",
        ),
    ),
    Promise(
        "deliver:forms",
        "The events of text files, container logs and events of several lines are the same, "
        "however a file is read and whenever the shipper dies: none lost, none doubled, none "
        "torn.",
        (
            f"{_LAWS}test_however_a_file_is_cut_into_blocks_its_events_are_the_same",
            f"{_LAWS}test_a_crash_between_any_two_batches_neither_loses_nor_doubles",
            (
                "forms/test_interleaved.py::"
                "test_what_two_streams_print_in_turn_arrives_complete_and_in_order"
            ),
        ),
    ),
    Promise(
        "deliver:cut",
        "A line that is too long is never cut silently: the event and an audit record have "
        "the length and the digest of the complete line.",
        (f"{_LONG}test_a_long_line_is_cut_and_its_event_and_a_record_say_what_it_was",),
    ),
    Promise(
        "deliver:stdin",
        "Lines from a pipe are on disk until every output has them, even through a kill. The "
        "space that they take is limited.",
        (
            f"{_STDIN}test_what_was_taken_from_a_pipe_survives_a_kill",
            f"{_STDIN}test_a_pipe_is_shipped_to_its_end_and_leaves_nothing_behind",
            "deliver/test_spool.py::test_while_there_is_no_room_the_pipe_is_not_read",
        ),
    ),
    Promise(
        "deliver:torn-registry",
        "A crash while a position is written costs at most that position.",
        (
            (
                "follow/test_registry.py::"
                "test_a_last_line_torn_at_any_byte_leaves_the_commits_before_it"
            ),
        ),
    ),
    Promise(
        "deliver:bounded",
        "When the dead letters are full, the pipeline stops. It never drops a line.",
        ("deliver/test_settle.py::test_full_dead_letters_stop_the_pipeline_until_there_is_room",),
    ),
    Promise(
        "deliver:memory",
        "A plain file whose lines are delivered takes less than a kibibyte of memory.",
        (
            (
                "deliver/test_choosing.py::"
                "test_each_of_many_files_that_are_delivered_takes_less_than_a_kibibyte"
            ),
        ),
    ),
    Promise(
        "deliver:no-silent-success",
        "Only an exact answer counts as success.",
        (
            "wire/test_bulk.py::test_what_is_not_exactly_an_answer_is_never_a_success",
            "deliver/test_settle.py::test_an_answer_without_an_outcome_for_every_line_is_no_success",
        ),
    ),
    Promise(
        "deliver:one-document",
        "A line that is sent twice to Elasticsearch is one document, within one backing index.",
        (
            f"{_LINE}test_a_call_over_http_is_found_by_user_and_tool_in_its_stream",
            (
                f"{_LINE}"
                "test_killed_ten_times_on_the_way_to_elasticsearch_it_loses_and_doubles_nothing"
            ),
        ),
    ),
    Promise(
        "deliver:shared",
        "Several connections share the lines. Each line arrives, and a host that is down does "
        "not delay the others.",
        (
            (
                "integration/test_outputs.py::"
                "test_a_lumberjack_server_that_is_away_leaves_all_events_to_the_other"
            ),
            (
                "integration/test_outputs.py::"
                "test_many_connections_to_elasticsearch_make_each_document_once"
            ),
        ),
    ),
    Promise(
        "deliver:placed",
        "`setup` and the shipper use the same names for aliases and monthly indices. Each "
        "event goes to the month of its own time.",
        (("integration/test_outputs.py::test_setup_and_shipper_agree_on_the_names_of_indices"),),
    ),
    Promise(
        "deliver:independent",
        "Each output has its own position. An output that is down does not delay the others.",
        (f"{_BAD}test_two_outputs_each_have_their_own_position_and_a_dead_one_holds_nobody_back",),
    ),
    Promise(
        "deliver:absence",
        "Lines that do not arrive are recorded as an event, with places and digests, and the "
        "event goes to the same outputs.",
        (
            f"{_OWN}test_dead_letters_are_an_event_with_places_and_digests_and_no_content",
            f"{_OWN}test_a_rejected_event_of_the_self_audit_causes_no_further_event",
        ),
    ),
    Promise(
        "deliver:replay",
        "A replay loses no dead letter, whenever it dies, and sends at most one batch twice.",
        (
            f"{_AGAIN}test_a_replay_killed_at_any_line_loses_no_dead_letter_and_sends_at_most_one_batch_twice",
            f"{_AGAIN}test_dead_letters_that_a_running_shipper_adds_meanwhile_are_kept",
        ),
    ),
    Promise(
        "deliver:nothing-silent",
        "A line that cannot be delivered becomes a dead letter with its place and reason, and "
        "the other lines are delivered.",
        (
            f"{_BAD}test_a_broken_line_is_put_aside_with_its_place_and_reason_and_the_rest_flows",
            f"{_BAD}test_an_oversized_line_is_put_aside_with_its_length_and_digest",
        ),
    ),
    Promise(
        "deliver:poison",
        "A line on which Logstash closes the connection is found among its neighbours and "
        "becomes a dead letter, and its neighbours are delivered.",
        (
            "deliver/test_poison.py::test_a_logstash_that_closes_on_one_line_gets_all_others",
            "deliver/test_poison.py::test_a_poisonous_line_is_found_and_the_rest_flows",
        ),
    ),
    Promise(
        "deliver:outage-blames-no-line",
        "A destination that restarts, is down, or closes every connection for a while makes "
        "no line a dead letter.",
        (
            "deliver/test_poison.py::test_no_outage_makes_a_line_a_dead_letter",
            (
                "deliver/test_poison.py::"
                "test_a_logstash_that_closes_every_connection_for_a_while_gets_all_lines_later"
            ),
        ),
    ),
    Promise(
        "deliver:whole-tail",
        "A last line without its newline is delivered as soon as it is complete.",
        (
            f"{_BAD}test_a_file_without_a_final_newline_is_shipped_whole",
            f"{_BAD}test_half_a_line_waits_for_its_end",
        ),
    ),
    Promise(
        "deliver:verified-peer",
        "A server whose certificate fails verification receives no byte of an event.",
        (f"{_BAD}test_a_refused_certificate_is_told_with_what_to_do_and_nothing_is_sent",),
    ),
    Promise(
        "config:all-at-once",
        "Problems of a configuration are reported together, with line, key and nearest known "
        "key, before anything starts.",
        (
            (
                "config/test_config.py::"
                "test_every_problem_is_told_at_once_with_line_key_and_nearest_key"
            ),
            f"{_BAD}test_a_configuration_with_unknown_keys_stops_before_anything_starts",
        ),
    ),
    Promise(
        "config:filebeat",
        "An accepted Filebeat key does what it does in Filebeat, or the shipper gives the "
        "reason why it has no effect. A key that cannot be obeyed is refused with the reason.",
        (
            f"{_FILEBEAT}test_the_outputs_of_the_reference_file_are_taken",
            f"{_FILEBEAT}test_what_cannot_be_done_is_told_once_with_the_reason",
            f"{_FILEBEAT}test_a_key_without_meaning_here_is_accepted_with_the_reason",
        ),
    ),
    Promise(
        "config:secrets-hidden",
        "No printed form of a configuration shows a secret.",
        ("config/test_config.py::test_secrets_do_not_show_in_the_configuration",),
    ),
    Promise(
        "run:says-what-is-left",
        "A stop ends the shipper at once, and its last message reports what is not "
        "acknowledged. The shipper is not ready while an output is down.",
        (
            f"{_BAD}test_a_stop_ends_it_at_once_though_the_output_is_unreachable",
            "run/test_supervise.py::test_a_stop_logs_what_is_not_acknowledged",
            (
                "run/test_supervise.py::"
                "test_readiness_ends_while_an_output_is_down_and_shows_how_long_a_line_has_waited"
            ),
        ),
    ),
    Promise(
        "run:reload",
        "A reload sends nothing twice, and a broken configuration leaves the old one running.",
        (
            (
                "run/test_supervise.py::"
                "test_a_reload_takes_the_new_configuration_and_sends_nothing_twice"
            ),
            ("run/test_supervise.py::test_a_reload_of_a_broken_configuration_keeps_the_old_one"),
            (
                "run/test_supervise.py::test_a_reload_that_cannot_be_started_keeps_the_old_configuration"
            ),
        ),
    ),
    Promise(
        "assets:fresh",
        "The committed assets match the catalog.",
        ("assets/test_files.py::test_the_committed_files_are_those_of_the_catalog",),
    ),
    Promise(
        "assets:accepted",
        "Elasticsearch's own parser accepts every policy, and each event type is routed to "
        "its data stream with the catalog's mapping.",
        (
            "integration/test_assets.py::test_the_server_takes_the_policies_of_every_scope",
            f"{_LINE}test_each_type_is_routed_to_its_stream_with_its_mapping",
        ),
    ),
    Promise(
        "assets:validated",
        "`validate` reports a seeded fault of each kind with its place. Elasticsearch refuses "
        "every policy that `validate` refuses, except for two faults that it reports only "
        "later.",
        (
            "assets/test_validate.py::test_a_fault_of_a_line_is_named_with_its_place",
            "assets/test_validate.py::test_a_fault_of_a_panel_is_named",
            "assets/test_validate.py::test_a_fault_of_a_detection_rule_is_named",
            "assets/test_validate.py::test_a_fault_of_a_stack_rule_is_named",
            "assets/test_validate_stack.py::test_a_fault_in_a_policy_is_named",
            "integration/test_assets.py::test_the_server_refuses_each_policy_that_validate_does",
        ),
    ),
    Promise(
        "assets:idempotent",
        "A second setup changes nothing, a removal leaves nothing of mcp-shipper behind, and "
        "a dry run prints what the run then prints.",
        (
            f"{_SETUP}test_a_dry_run_prints_what_a_run_prints_and_a_second_run_changes_nothing",
            f"{_SETUP}test_a_removal_leaves_nothing_behind_and_its_dry_run_prints_the_same",
            "integration/test_assets.py::test_removal_leaves_nothing_of_ours_and_all_of_others",
        ),
    ),
    Promise(
        "assets:typed",
        "Every policy, template, pipeline and role is a body that Elastic's own types allow, "
        "under each strategy and with an operator's own types and fields.",
        (
            "assets/test_types.py::test_every_body_is_what_the_api_takes_under_each_strategy",
            "assets/test_types.py::test_each_seeded_fault_is_caught",
        ),
    ),
    Promise(
        "assets:overlay",
        "One command puts an operator's event type and framework into every asset.",
        (f"{_SETUP}test_one_command_makes_all_assets_of_a_users_type_and_framework",),
    ),
    Promise(
        "processors:bytes",
        "A line that no processor changes is shipped byte for byte. A changed line keeps "
        "every number as it was written.",
        (
            f"{_PROCESSED}test_an_untouched_line_is_shipped_byte_for_byte",
            f"{_CHAIN}test_a_line_that_no_processor_touches_is_the_same_object",
            f"{_CHAIN}test_a_number_keeps_its_spelling",
        ),
    ),
    Promise(
        "processors:seal",
        "No processor changes a line of an audit segment, and a foreign line that imitates "
        "one is processed like any other.",
        (
            f"{_PROCESSED}test_own_segments_pass_as_they_are_whatever_the_processors_do",
            f"{_PROCESSED}test_a_foreign_line_that_ends_as_a_sealed_one_does_is_redacted_all_the_same",
        ),
    ),
    Promise(
        "processors:redact",
        "`redact` masks in foreign lines what the handler masks in audit events. A line that "
        "it cannot search completely is not sent.",
        (
            "processors/test_redact.py::test_no_planted_secret_passes",
            "processors/test_redact.py::test_a_text_is_masked_as_in_the_record",
            f"{_CHAIN}test_a_line_that_cannot_be_read_completely_is_refused",
        ),
    ),
    Promise(
        "assets:foreign",
        "Both pipelines turn any foreign line into one event, or keep it as masked text. No "
        "planted secret is left in it.",
        (
            "assets/test_foreign.py::test_every_line_becomes_one_event",
            "assets/test_foreign.py::test_no_planted_secret_is_left_wherever_it_stands",
            "integration/test_assets_ingest.py::test_every_line_becomes_one_event",
            (
                "integration/test_assets_ingest.py::"
                "test_no_planted_secret_is_left_wherever_it_stands"
            ),
        ),
    ),
    Promise(
        "process:answers",
        "The JSON interface really logs, and answers bad input instead of failing.",
        (
            "api/test_operations.py::test_log_audit_event_really_logs",
            "api/test_operations.py::test_a_bad_request_is_answered_not_raised",
        ),
    ),
)


def page() -> str:
    """The promises as Markdown."""
    lines = [
        "# Guarantees",
        "",
        "<!-- Generated from tests/promises.py by `make assets`; edit that. -->",
        "",
        "The tests under each sentence prove it, in every run of `make test`.",
    ]
    area = ""
    for promise in PROMISES:
        if promise.id.partition(":")[0] != area:
            area = promise.id.partition(":")[0]
            lines += ["", f"## {area.capitalize()}"]
        lines += ["", promise.sentence, ""]
        lines += [f"- `tests/{proof}`" for proof in promise.proofs]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
