"""What is promised of alerts."""

from tests.promises.model import Mutant, Promise

_ENGINE = "detect/test_engine.py::"
_OUTPUT = "outputs/test_alerts.py::"
_ACTIONS = "outputs/test_actions.py::"
_BLOCKS = "detect/test_blocks.py::"
_CORPUS = "detect/test_corpus.py::"

ALERTS = (
    Promise(
        "alerts:once",
        "An attack raises one alert for each group, over restarts and crashes of the shipper.",
        {
            f"{_ENGINE}test_five_failed_logins_from_one_address_raise_one_alert_however_long_they_go_on": (
                Mutant(
                    "detect/windows.py",
                    "is_new = found[0].at_s > window.quiet_until_s",
                    "is_new = True",
                ),
            ),
            f"{_ENGINE}test_a_restart_neither_misses_an_alert_nor_raises_one_twice": (
                Mutant("detect/journal.py", "self._engine.recall(noted)", "pass"),
                Mutant("detect/journal.py", "self._engine.restore(kept)", "pass"),
            ),
            f"{_OUTPUT}test_a_crash_between_the_record_and_the_journal_does_not_repeat_an_alert": (
                Mutant(
                    "outputs/alerts/output.py",
                    "if raised.id in self._recorded:",
                    "if False:",
                ),
            ),
            f"{_OUTPUT}test_the_incident_of_the_sample_is_recorded_once_and_shipped": (),
        },
    ),
    Promise(
        "alerts:sealed",
        "Only events of audit streams raise alerts.",
        {
            f"{_OUTPUT}test_a_line_outside_an_audit_stream_raises_no_alert": (
                Mutant("outputs/alerts/output.py", "if not origin.key:", "if True:"),
            ),
        },
    ),
    Promise(
        "alerts:bounded",
        "Rules remember a bounded number of groups and events.",
        {
            f"{_ENGINE}test_the_memory_is_bounded_and_reports_what_it_forgot": (
                Mutant(
                    "detect/windows.py",
                    "if len(self._groups) > self._limit:",
                    "if False:",
                ),
                Mutant(
                    "detect/windows.py",
                    "del window.hits[: max(0, len(window.hits) - self._kept())]",
                    "pass",
                ),
            ),
            f"{_ENGINE}test_the_streams_that_are_kept_are_bounded_and_those_of_the_oldest_events_are_forgotten": (
                Mutant(
                    "detect/streams.py",
                    "while len(self.counted) > self._limit:",
                    "while False:",
                ),
                Mutant("detect/streams.py", "self.counted.pop(stream, None)", "pass"),
            ),
        },
    ),
    Promise(
        "alerts:no-echo",
        "An alert does not count as an event for other rules, unless their query names alerts.",
        {
            f"{_ENGINE}test_an_alert_counts_for_a_rule_only_if_its_query_names_alerts": (
                Mutant(
                    "catalog/alerts.py",
                    'return f"{inner} and not {RAISED_BY} : *"',
                    "return query",
                ),
            ),
        },
    ),
    Promise(
        "alerts:corpus",
        "Each recorded attack raises its alerts once, also across a restart. A quiet month "
        "raises none.",
        {
            f"{_CORPUS}test_a_scenario_raises_its_alerts_once_also_over_a_restart_in_its_middle": (
                Mutant(
                    "detect/rates.py",
                    "yield group, (_hits_of(rate) if rate.is_new_hour else [_hit_of(rate)]), 0.0",
                    "yield group, [_hit_of(rate)], 0.0",
                ),
                Mutant("detect/engine.py", "if 0 < last < sequence - 1:", "if False:"),
            ),
            f"{_ENGINE}test_a_tool_that_is_allowed_after_denials_raises_one_alert": (
                Mutant(
                    "detect/sequences.py",
                    "del self._before[group]  # the next event needs a new cause",
                    "pass",
                ),
            ),
            f"{_ENGINE}test_a_restart_changes_no_rule": (
                Mutant(
                    "detect/engine.py",
                    "return Settled(self.streams.settle(), [*self._changed()])",
                    "return Settled(self.streams.settle(), [])",
                ),
            ),
        },
    ),
    Promise(
        "alerts:sent",
        "A webhook or a command gets each alert until it accepts it, and gets no other event.",
        {
            f"{_ACTIONS}test_a_webhook_gets_each_alert_and_nothing_else": (
                Mutant(
                    "outputs/raised.py", "if is_alert and is_severe else None", "if True else None"
                ),
            ),
            f"{_ACTIONS}test_a_line_that_is_not_of_an_audit_stream_is_not_posted": (
                Mutant("outputs/raised.py", "if is_sealed and", "if True and"),
            ),
            f"{_ACTIONS}test_a_server_that_cannot_answer_now_gets_the_alert_again": (
                Mutant("outputs/webhook/output.py", "or status in _LATER:", "or False:"),
            ),
            f"{_ACTIONS}test_the_exit_code_of_a_command_decides_the_outcome_of_the_alert": (
                Mutant(
                    "outputs/command/output.py",
                    "if done.returncode == os.EX_TEMPFAIL:",
                    "if False:",
                ),
            ),
        },
    ),
    Promise(
        "alerts:usual",
        "What is usual for a user and a tool (rate, hours of the day, first time) survives a "
        "restart, and an alert states it.",
        {
            f"{_ENGINE}test_an_hour_far_above_the_own_usual_rate_raises_one_alert_that_explains_it": (
                Mutant(
                    "detect/rates.py",
                    "max(1, floor(middle - spread)), ceil(middle + spread)",
                    "1, ceil(middle)",
                ),
            ),
            f"{_ENGINE}test_a_call_at_an_hour_of_the_day_that_is_unusual_for_the_user_raises_one_alert": (
                Mutant("detect/hours.py", "max(hours[hour - 1], hours[hour],", "max(hours[hour],"),
                Mutant("detect/hours.py", "and seen.count >= _LEAST_DAYS", ""),
                Mutant("detect/hours.py", "day - seen.first >= self._days and", ""),
            ),
            f"{_ENGINE}test_two_rates_of_the_same_events_count_each_for_itself": (
                Mutant("detect/kinds.py", "Firsts | Hours)", "Firsts | Hours | Rates)"),
            ),
            f"{_ENGINE}test_a_restart_changes_nothing_about_usual_hours": (
                Mutant("detect/hours.py", "seen.hours[int(hit.id)] = int(hit.at_s)", "pass"),
            ),
        },
    ),
    Promise(
        "alerts:revoke",
        "Only an alert that the operator chose ends sessions, by a token that only the key of "
        "the shipper can sign.",
        {
            f"{_ACTIONS}test_an_alert_about_a_user_becomes_a_signed_token_that_ends_their_sessions": (
                Mutant("outputs/webhook/revocation.py", '"iss": self._config.issuer,', ""),
            ),
            f"{_ACTIONS}test_alerts_that_are_not_chosen_or_about_no_user_end_no_session": (
                Mutant(
                    "outputs/webhook/revocation.py",
                    'event["mcp"]["threat"]["rule"] not in self._config.rules',
                    "False",
                ),
            ),
            f"{_ACTIONS}test_a_token_that_a_receiver_does_not_accept_is_kept_until_the_fault_is_corrected": (
                Mutant("outputs/webhook/output.py", "in _NOT_ITS_FAULT:", "in set():"),
            ),
        },
    ),
    Promise(
        "alerts:block",
        "After an alert, an application that checks before a call is refused. The application"
        " decides what an unreadable file means. The group of the folder can read the blocks, "
        "and only the shipper writes them.",
        {
            f"{_BLOCKS}test_a_call_with_the_values_of_a_block_is_refused_until_the_block_is_over": (
                Mutant("detect/blocks.py", "return now_s < self.until_s and all(", "return all("),
            ),
            f"{_BLOCKS}test_the_group_of_the_folder_can_ask_and_change_nothing": (
                Mutant("durable.py", "os.fchmod(file, mode)", "pass"),
                Mutant("detect/blocks.py", "_MODE = 0o640", "_MODE = 0o600"),
            ),
            f"{_BLOCKS}test_other_users_cannot_read_whom_an_alert_blocks": (
                Mutant("detect/blocks.py", "_MODE = 0o640", "_MODE = 0o644"),
            ),
            f"{_BLOCKS}test_an_alert_without_a_group_blocks_nobody": (
                Mutant(
                    "detect/blocks.py",
                    "for block in (*known, *blocks) if block.fields}",
                    "for block in (*known, *blocks)}",
                ),
            ),
            f"{_BLOCKS}test_without_a_readable_file_the_application_decides": (
                Mutant("detect/blocks.py", 'if self._fails == "open" else', "if True else"),
            ),
        },
    ),
)
