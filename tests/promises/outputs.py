"""What is promised of delivery: outputs, and the lines that they do not take."""

from tests.promises.model import Mutant, Promise

_SETTLE = "deliver/test_settle.py::"
_IDENTITY = "deliver/test_identity.py::"
_BULK = "wire/test_bulk.py::"
_LINE = "integration/test_line.py::"
_OUTPUTS = "integration/test_outputs.py::"
_LANES = "outputs/test_lanes.py::"
_BAD_INPUT = "integration/test_bad_input.py::"
_SELF_AUDIT = "run/test_self_audit.py::"
_REPLAY = "deliver/test_replay.py::"
_POISON = "deliver/test_poison.py::"
_TLS = "outputs/test_tls.py::"
_PROXIES = "outputs/test_proxies.py::"
_ELASTICSEARCH = "outputs/test_elasticsearch.py::"

OUTPUTS = (
    Promise(
        "deliver:proxy",
        "Through a proxy, TLS is between the shipper and the server. The proxy's password "
        "appears in no message.",
        {
            f"{_PROXIES}test_tls_is_between_us_and_the_server": (
                Mutant(
                    "outputs/http.py",
                    "self._proxy.is_http and not self.url.is_tls",
                    "self._proxy.is_http",
                ),
            ),
            f"{_PROXIES}test_a_proxy_that_does_not_connect_is_unavailable": (
                Mutant(
                    "outputs/proxy.py",
                    'return f"the proxy {self.host}:{self.port}"',
                    'return f"the proxy {self.userinfo}@{self.host}:{self.port}"',
                ),
            ),
        },
    ),
    Promise(
        "deliver:bounded",
        "When the dead letters are full, the pipeline stops. It never drops a line.",
        {
            f"{_SETTLE}test_full_dead_letters_stop_the_pipeline_until_there_is_room": (
                Mutant(
                    "deliver/dead_letters.py",
                    "if size and size + more > self._max_bytes:",
                    "if False:",
                ),
            ),
            f"{_SETTLE}test_dead_letters_that_cannot_be_written_stop_the_pipeline": (
                Mutant(
                    "deliver/dead_letters.py",
                    "except OSError as error:\n",
                    "except OSError as error:\n            return\n",
                ),
            ),
        },
    ),
    Promise(
        "deliver:no-silent-success",
        "Only an exact answer counts as success.",
        {
            f"{_BULK}test_what_is_not_exactly_an_answer_is_never_a_success": (
                Mutant("wire/bulk.py", "if len(items) != expected:", "if False:"),
            ),
            f"{_SETTLE}test_an_answer_without_an_outcome_for_every_line_is_no_success": (
                Mutant(
                    "deliver/settle.py",
                    "zip(group.indexes, outcomes, strict=True)",
                    "zip(group.indexes, outcomes, strict=False)",
                ),
            ),
        },
    ),
    Promise(
        "deliver:held",
        "If a destination accepts no line of one file although the lines are good, only that "
        "file is held. None of its lines is lost or becomes a dead letter.",
        {
            "deliver/test_holding.py::test_other_files_go_on_beside_one_that_the_destination_does_not_take": (
                Mutant(
                    "deliver/pipeline.py",
                    "part = batch.without(settled.held) if settled.held else batch",
                    "part = batch",
                ),
                Mutant("deliver/poison.py", "if left <= _FEW or any(", "if True or any("),
            ),
            "deliver/test_holding.py::test_nothing_is_a_dead_letter_twice_if_its_file_is_held": (
                Mutant(
                    "deliver/settle.py",
                    "return (one for one in rejected if one[0] not in waiting)",
                    "return iter(rejected)",
                ),
            ),
            "deliver/test_holding.py::test_failing_lines_are_given_up_if_other_lines_of_their_file_are_accepted": (
                Mutant(
                    "deliver/holding.py",
                    "return evidence.strikes >= STRIKES and",
                    "return False and",
                ),
            ),
            "deliver/test_holding.py::test_lines_are_not_given_up_while_the_destination_fails_on_all_of_their_file": (
                Mutant(
                    "deliver/holding.py",
                    "is_some = len(left) + rejected < len(indexes)",
                    "is_some = True",
                ),
            ),
        },
    ),
    Promise(
        "identity:foreign-lines",
        "No line takes the id of an audit event or stands in its data stream, unless its seal "
        "follows the line before it in a segment.",
        {
            f"{_IDENTITY}test_a_foreign_line_takes_neither_the_id_nor_the_index_of_an_event": (
                Mutant(
                    "follow/source.py",
                    "        form = Foreign(inner, self.found.input.audit_datasets)\n",
                    "        form = inner\n",
                ),
                Mutant("wire/bulk.py", "stream.type in STREAM_TYPES and ", ""),
            ),
            f"{_IDENTITY}test_no_foreign_line_leaves_with_the_name_of_an_audit_stream": (
                Mutant(
                    "forms/foreign.py",
                    'or (has(data, rb"\\u00") and _ESCAPE.search(data))',
                    "",
                ),
            ),
            "forms/test_search.py::test_it_finds_what_python_finds": (
                Mutant("forms/search.py", 'None if b"\\0" in data else ', ""),
            ),
            "forms/test_search.py::test_it_finds_the_places_that_python_finds": (
                Mutant("forms/search.py", "search(base + start, rare)", "search(base, rare)"),
            ),
            f"{_IDENTITY}test_a_line_in_a_segment_that_is_not_sealed_is_a_foreign_line": (
                Mutant("forms/sealed.py", "before is not None and follows(line, before)", "True"),
            ),
            f"{_IDENTITY}test_a_file_is_no_segment_because_its_first_line_looks_like_a_start": (),
            "outputs/test_logstash.py::test_a_line_cannot_replace_its_metadata": (),
            "integration/test_identity.py::test_a_line_that_names_the_next_event_does_not_take_its_place": (),
        },
    ),
    Promise(
        "identity:once",
        "Every line is one document in Elasticsearch, whenever the shipper dies: lines of text, "
        "of containers and foreign JSON too, within one backing index.",
        {
            f"{_IDENTITY}test_a_foreign_line_is_indexed_once_whenever_the_shipper_dies": (
                Mutant(
                    "deliver/pipeline.py",
                    "            changed += [source.announce(now_s) for source in new]\n",
                    "            del new\n",
                ),
            ),
            f"{_IDENTITY}test_rotated_while_dead_a_line_is_still_indexed_once": (),
            f"{_IDENTITY}test_a_file_that_is_replaced_before_anything_is_settled_has_other_ids": (
                Mutant("follow/mark.py", "return self.offset or self.ahead", "return self.offset"),
            ),
            f"{_IDENTITY}test_an_event_that_ended_with_the_file_ends_there_again_after_a_crash": (
                Mutant("follow/source.py", "self.cut = unread.size", "self.cut = 0"),
            ),
            f"{_IDENTITY}test_a_line_that_is_sent_again_alone_keeps_its_id": (),
            "integration/test_kills.py::test_killed_and_rotated_behind_a_bad_line_to_elasticsearch_it_loses_and_doubles_nothing": (),
        },
    ),
    Promise(
        "identity:compared",
        "An event whose id belongs to another document does not count as delivered. It "
        "becomes a dead letter, and the log and the self-audit report it.",
        {
            "outputs/test_elasticsearch.py::test_an_event_whose_id_another_document_has_is_rejected_and_logged": (
                Mutant(
                    "outputs/elasticsearch/conflicts.py",
                    "if stored.hash == claim.hash:",
                    "if True:",
                ),
            ),
            "integration/test_identity.py::test_an_event_whose_id_another_document_has_becomes_a_dead_letter": (),
        },
    ),
    Promise(
        "deliver:one-document",
        "A line that is sent twice to Elasticsearch is one document, within one backing index.",
        {
            f"{_LINE}test_a_call_over_http_is_found_by_user_and_tool_in_its_stream": (),
            f"{_LINE}test_killed_ten_times_on_the_way_to_elasticsearch_it_loses_and_doubles_nothing": (),
            "outputs/test_elasticsearch.py::test_sending_the_same_again_leaves_one_document_and_counts_as_delivered": (
                Mutant(
                    "outputs/elasticsearch/lane.py",
                    "if status == _CONFLICT:",
                    "if False:",
                ),
                Mutant(
                    "wire/bulk.py",
                    'b"".join((head, b\',"_id":\', ident, b"}}\\n")) if are_ids or _is_id(ident) else head + b"}}\\n"',
                    'head + b"}}\\n"',
                ),
            ),
        },
    ),
    Promise(
        "deliver:shared",
        "Several connections share the lines. Each line arrives, and a host that is down "
        "does not delay the others.",
        {
            f"{_OUTPUTS}test_a_lumberjack_server_that_is_away_leaves_all_events_to_the_other": (),
            f"{_OUTPUTS}test_many_connections_to_elasticsearch_make_each_document_once": (),
            f"{_LANES}test_a_lane_that_still_connects_holds_nobody_up_and_is_left_in_peace_until_it_has": (
                Mutant(
                    "outputs/lanes.py",
                    "return not self._working and (not self._connecting or self.work.is_taken)",
                    "return not self._working and not self._connecting",
                ),
            ),
            f"{_LANES}test_what_a_failing_lane_had_taken_is_to_retry_and_the_others_take_the_rest": (
                Mutant(
                    "outputs/lanes.py",
                    "[RETRY] * len(ends)",
                    '[type(RETRY)("delivered")] * len(ends)',
                ),
            ),
        },
    ),
    Promise(
        "deliver:placed",
        "`setup` and the shipper use the same names for aliases and monthly indices. Each "
        "event goes to the month of its own time.",
        {
            f"{_OUTPUTS}test_setup_and_shipper_agree_on_the_names_of_indices": (),
            f"{_BULK}test_a_month_is_that_of_the_moment_in_utc": (
                Mutant(
                    "wire/bulk.py", "moment.astimezone(UTC) if moment.tzinfo else moment", "moment"
                ),
            ),
        },
    ),
    Promise(
        "deliver:independent",
        "Each output has its own position. An output that is down does not delay the others.",
        {
            f"{_BAD_INPUT}test_two_outputs_each_have_their_own_position_and_a_dead_one_holds_nobody_back": (
                Mutant(
                    "follow/registry.py",
                    'return data / "registry" / f"{output}.ndjson"',
                    'return data / "registry" / "positions.ndjson"',
                ),
            ),
        },
    ),
    Promise(
        "deliver:absence",
        "Undelivered lines are recorded as an event, with places and digests, and the event "
        "goes to the same outputs.",
        {
            f"{_SELF_AUDIT}test_dead_letters_are_an_event_with_places_and_digests_and_no_content": (
                Mutant(
                    "deliver/settle.py",
                    "self._loss_reporter.dead_lettered(lines)",
                    "pass",
                ),
            ),
            f"{_SELF_AUDIT}test_a_rejected_event_of_the_self_audit_causes_no_further_event": (
                Mutant("run/self_audit.py", " if not line.path.startswith(self._prefix)]", "]"),
            ),
        },
    ),
    Promise(
        "deliver:replay",
        "A replay loses no dead letter, whenever it dies, and sends at most one batch twice.",
        {
            f"{_REPLAY}test_a_replay_killed_at_any_line_loses_no_dead_letter_and_sends_at_most_one_batch_twice": (
                Mutant(
                    "deliver/replay.py",
                    "if self.settle(batch) is None:",
                    "claimed.advance(end)\n            if self.settle(batch) is None:",
                ),
            ),
            f"{_REPLAY}test_dead_letters_that_a_running_shipper_adds_meanwhile_are_kept": (
                Mutant(
                    "deliver/replay.py",
                    "path.rename(claimed.place)",
                    "claimed.place.write_bytes(path.read_bytes())",
                ),
            ),
        },
    ),
    Promise(
        "deliver:nothing-silent",
        "A line that cannot be delivered becomes a dead letter with its place and reason, "
        "and the other lines are delivered.",
        {
            f"{_BAD_INPUT}test_a_broken_line_is_put_aside_with_its_place_and_reason_and_the_rest_flows": (),
            f"{_BAD_INPUT}test_an_oversized_line_is_put_aside_with_its_length_and_digest": (),
            "deliver/test_reading.py::test_bad_lines_become_dead_letters_and_the_others_are_delivered": (
                Mutant(
                    "deliver/settle.py",
                    "[*settled.rejects(), *(",
                    "[*(",
                ),
            ),
            f"{_SETTLE}test_a_rejected_line_is_a_dead_letter_with_its_place": (
                Mutant(
                    "follow/batch.py",
                    "reject = Reject(chunk.lines[index], chunk.offset(index), reason)",
                    "reject = Reject(chunk.lines[index], chunk.start, reason)",
                ),
            ),
        },
    ),
    Promise(
        "deliver:poison",
        "A line on which Logstash closes the connection is found among the other lines and "
        "becomes a dead letter. The other lines are delivered.",
        {
            f"{_POISON}test_a_logstash_that_closes_on_one_line_gets_all_others": (),
            f"{_POISON}test_a_poisonous_line_is_found_and_the_rest_flows": (
                Mutant(
                    "deliver/poison.py",
                    "return self.doubt.closings >= _CLOSINGS_TO_HALVE and len(self.lines) > 1",
                    "return False",
                ),
            ),
            f"{_POISON}test_a_line_of_sixteen_is_given_up_at_the_tenth_closing_and_not_before": (
                Mutant("deliver/poison.py", "STRIKES: Final = 4", "STRIKES: Final = 3"),
            ),
        },
    ),
    Promise(
        "deliver:outage-blames-no-line",
        "If a destination restarts, is down, or closes every connection for a while, no line "
        "becomes a dead letter.",
        {
            f"{_POISON}test_no_outage_makes_a_line_a_dead_letter": (
                Mutant(
                    "deliver/poison.py", "self.strikes + 1 if is_strike else 0", "self.strikes + 1"
                ),
            ),
            f"{_POISON}test_a_logstash_that_closes_every_connection_for_a_while_gets_all_lines_later": (),
            f"{_POISON}test_a_line_without_neighbours_is_kept_while_nothing_proves_that_the_server_works": (
                Mutant(
                    "deliver/poison.py",
                    "if left is None or not self.answered:",
                    "if left is None:",
                ),
            ),
        },
    ),
    Promise(
        "deliver:back-off",
        "While a destination is down, the waits between attempts double up to "
        "`backoff.max`. Only an acknowledgement shortens them again.",
        {
            f"{_SETTLE}test_delays_double_up_to_their_bound_and_restart_after_progress": (
                Mutant(
                    "deliver/backoff.py", "min(self._bound_s * 2, self._max_s)", "self._bound_s"
                ),
            ),
            f"{_LANES}test_a_lane_that_fails_again_rests_twice_as_long_up_to_the_longest": (
                Mutant(
                    "outputs/lanes.py", "min(state.rest_s * 2, self._backoff.max_s)", "state.rest_s"
                ),
            ),
            f"{_SETTLE}test_a_connection_without_an_acknowledgement_is_no_progress": (
                Mutant(
                    "deliver/settle.py",
                    "if delivered:\n            self._progress()",
                    "if True:\n            self._progress()",
                ),
            ),
        },
    ),
    Promise(
        "deliver:verified-peer",
        "A server whose certificate fails verification receives no byte of an event.",
        {
            f"{_BAD_INPUT}test_a_refused_certificate_is_told_with_what_to_do_and_nothing_is_sent": (),
            f"{_TLS}test_an_unknown_authority_is_refused": (
                Mutant(
                    "outputs/tls.py",
                    "context.check_hostname = config.checks_name",
                    "context.check_hostname, context.verify_mode = False, ssl.CERT_NONE",
                ),
            ),
            f"{_TLS}test_a_certificate_for_another_name_is_refused": (
                Mutant(
                    "outputs/tls.py",
                    "context.check_hostname = config.checks_name",
                    "context.check_hostname = False",
                ),
            ),
            f"{_TLS}test_an_authority_between_may_be_pinned_and_its_own_authority_stays_unknown": (
                Mutant(
                    "outputs/tls.py",
                    "context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN",
                    "pass",
                ),
            ),
            f"{_TLS}test_a_pin_that_no_certificate_has_is_refused": (
                Mutant(
                    "outputs/tls.py",
                    "if hashlib.sha256(certificate).hexdigest() == wanted:",
                    "if wanted:",
                ),
            ),
        },
    ),
    Promise(
        "deliver:stays-encrypted",
        "A connection that the server closed is opened again with TLS.",
        {
            f"{_TLS}test_a_server_that_closes_after_every_answer_gets_each_connection_with_tls": (
                Mutant(
                    "outputs/http.py",
                    "if client.sock is None or",
                    (
                        "if client.sock is None:\n"
                        "            client.auto_open = 1\n"
                        "            return True\n"
                        "        if"
                    ),
                ),
            ),
        },
    ),
    Promise(
        "deliver:unreadable-conflict",
        "An event whose id belongs to another document, which the credentials cannot read, "
        "waits and never counts as delivered.",
        {
            f"{_ELASTICSEARCH}test_an_id_that_is_taken_by_a_document_that_may_not_be_read_holds_the_output": (
                Mutant(
                    "outputs/elasticsearch/conflicts.py",
                    'raise _unreadable(claims[0], f"{status} {bulk.read_failure(data)}".rstrip())',
                    "return [DUPLICATE] * len(claims)",
                ),
            ),
        },
    ),
    Promise(
        "deliver:dropped-fields",
        "A field that processors drop is never sent, also if the member is repeated in the line.",
        {
            "processors/test_processors.py::test_a_field_to_drop_is_dropped_where_its_parent_comes_twice": (
                Mutant(
                    "processors/chain.py",
                    'return any(getattr(step, "hides", False) for step in steps)',
                    "return False",
                ),
            ),
        },
    ),
)
