"""What is promised of a running shipper, and of its JSON interface."""

from tests.promises.model import Mutant, Promise

_SETTINGS = "run/test_settings.py::"
_SUPERVISE = "run/test_supervise.py::"
_DOCTOR = "doctor/test_doctor.py::"
_OPERATIONS = "api/test_operations.py::"

RUN = (
    Promise(
        "run:says-what-is-left",
        "The log names the files that are read, and reports when an output accepts lines. A "
        "stop ends the shipper immediately, and its last message reports how much was "
        "delivered and how much is not acknowledged. The shipper is not ready while an output"
        " is down.",
        {
            "integration/test_bad_input.py::test_a_stop_ends_it_at_once_though_the_output_is_unreachable": (),
            f"{_SUPERVISE}test_a_stop_logs_what_is_not_acknowledged": (
                Mutant(
                    "run/supervise.py", "in () if reloaded else unacknowledged.items():", "in ():"
                ),
            ),
            f"{_SUPERVISE}test_readiness_ends_while_an_output_is_down_and_shows_how_long_a_line_has_waited": (
                Mutant(
                    "run/counters.py",
                    "one.stats.state in READY and not one.stats.held for one",
                    "True for one",
                ),
            ),
            f"{_SUPERVISE}test_the_log_names_the_files_the_outputs_and_the_delivered_lines": (
                Mutant("run/supervise.py", '_log.info("%s.", _started(config, file))', "pass"),
                Mutant("deliver/settle.py", "elif is_first:", "elif False:"),
            ),
            "run/test_status.py::test_after_a_clean_run_nothing_is_behind_though_the_stop_is_recorded": (
                Mutant("run/status.py", "if not row.path.startswith(prefix)]", "]"),
            ),
            "deliver/test_running.py::test_stop_ends_the_wait_for_an_output_at_once": (
                Mutant(
                    "deliver/pipeline.py",
                    "self._pause = sleep or self._wait",
                    "self._pause = sleep or time.sleep",
                ),
            ),
        },
    ),
    Promise(
        "run:doctor",
        "`doctor` finds common mistakes, prints what to do, and changes nothing.",
        {
            f"{_DOCTOR}test_nothing_is_changed_or_created": (
                Mutant(
                    "doctor/shipping.py",
                    "probe(replace(config, outputs=others))",
                    "probe(config)",
                ),
            ),
            f"{_DOCTOR}test_segments_of_another_user_are_a_problem_that_names_the_owner": (
                Mutant("doctor/files.py", "for what in blocked[:_MAX_NAMED]:", "for what in ():"),
            ),
            f"{_DOCTOR}test_events_that_a_logger_holds_back_are_a_warning_with_their_number": (
                Mutant("doctor/record.py", "lost[action] += int(found[1])", "pass"),
            ),
            f"{_DOCTOR}test_a_missing_privilege_is_a_problem_that_names_it": (
                Mutant(
                    "doctor/cluster.py",
                    "    if missing:\n        more",
                    "    if not missing:\n        more",
                ),
            ),
            f"{_DOCTOR}test_a_clock_that_differs_is_a_warning": (
                Mutant("doctor/cluster.py", "_MAX_OFFSET_S = 5.0", "_MAX_OFFSET_S = 500.0"),
            ),
            "integration/test_doctor.py::test_doctor_reports_assets_as_missing_before_setup_and_installed_after": (),
        },
    ),
    Promise(
        "run:all-or-none",
        "A pipeline that cannot continue stops all pipelines, and the shipper ends with the error.",
        {
            f"{_SUPERVISE}test_a_pipeline_that_fails_stops_all": (
                Mutant(
                    "run/service.py",
                    "self.failure or error\n            self.stop()",
                    "self.failure or error",
                ),
            ),
        },
    ),
    Promise(
        "run:settings",
        "Changed settings are an event, also if they were changed between two runs. It names the "
        "keys, and states values only of level, frameworks and retention.",
        {
            f"{_SETTINGS}test_the_first_start_and_an_unchanged_one_record_no_change": (),
            f"{_SETTINGS}test_a_change_between_two_runs_names_its_keys_and_who_owns_the_file": (
                Mutant("run/settings.py", "salt = before.salt if before else", "salt ="),
                Mutant("run/supervise.py", "keep_settled(config.data, now)", "pass"),
            ),
            f"{_SETTINGS}test_a_changed_secret_is_named_and_its_value_is_nowhere": (
                Mutant(
                    "config/settings.py",
                    'hmac.digest(salt, value.encode(), "sha256").hex()',
                    "value",
                ),
            ),
            f"{_SETTINGS}test_another_list_and_a_section_without_values_are_changes": (
                Mutant(
                    "config/settings.py", "if not node.children and", "if node.children is None and"
                ),
            ),
            f"{_SETTINGS}test_a_reload_records_the_change": (),
        },
    ),
    Promise(
        "run:reload",
        "A reload sends nothing twice, and a broken configuration leaves the old one running.",
        {
            f"{_SUPERVISE}test_a_reload_takes_the_new_configuration_and_sends_nothing_twice": (),
            f"{_SUPERVISE}test_a_reload_of_a_broken_configuration_keeps_the_old_one": (
                Mutant(
                    "run/supervise.py",
                    "_refuse(error)\n            return",
                    "_refuse(error)",
                ),
            ),
            f"{_SUPERVISE}test_a_reload_that_cannot_be_started_keeps_the_old_configuration": (
                Mutant(
                    "run/supervise.py",
                    "if before is None or (service and service.has_started):",
                    "if before is None or config:",
                ),
            ),
        },
    ),
    Promise(
        "process:answers",
        "The JSON interface logs events, and answers bad input with an error.",
        {
            f"{_OPERATIONS}test_log_audit_event_really_logs": (
                Mutant(
                    "api/operations.py",
                    "event_id = _handler_for(config).record(event, time.time())",
                    "event_id = event_type",
                ),
            ),
            f"{_OPERATIONS}test_a_bad_request_is_answered_not_raised": (
                Mutant(
                    "api/operations.py",
                    "except (ShipperError, OSError) as error:",
                    "except OSError as error:",
                ),
            ),
        },
    ),
)
