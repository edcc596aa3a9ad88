"""What is promised of recording."""

from tests.promises.model import Mutant, Promise

_HANDLER = "record/test_handler.py::"
_BOUNDS = "record/test_bounds.py::"
_SEGMENTS = "record/test_segments.py::"
_PROCESSES = "record/test_processes.py::"
_SEAL = "record/test_seal.py::"
_LOGGER = "record/test_logger.py::"
_SILENCE = "record/test_silence.py::"
_OTHERS = "record/test_other_handlers.py::"
_NAMES = "record/test_names.py::"
_IDENTITY = "record/test_identity.py::"
_SENTENCE = "record/test_sentence.py::"
_STOPS = "integration/test_capture_stops.py::"

RECORD = (
    Promise(
        "record:never-raises",
        "A log call never raises an exception into the application, unless its type must be "
        "recorded (`on_failure: block`). An event that cannot "
        "be written is counted, and the next one that can be written reports it.",
        {
            f"{_HANDLER}test_a_failing_record_is_counted_and_told_of_by_the_next": (
                Mutant(
                    "record/recording.py",
                    "if self._given + self._filtered == before:",
                    "if False:",
                ),
                Mutant(
                    "record/recording.py",
                    "except Exception as error:\n            if self._given",
                    "except TypeError as error:\n            if self._given",
                ),
            ),
            f"{_BOUNDS}test_any_values_in_any_fields_become_one_line_of_strict_json": (
                Mutant("record/redact.py", "except Exception:", "except ValueError:"),
            ),
        },
    ),
    Promise(
        "record:on-disk",
        "When the log call returns, the operating system has the line. A killed process "
        "tears at most the line it was writing.",
        {
            f"{_HANDLER}test_a_logged_event_is_on_disk_when_the_call_returns": (
                Mutant(
                    "record/segment.py",
                    "written = os.write(self._fd, line)",
                    (
                        "written = len(line)\n"
                        "        threading.Timer(0.5, os.write, (self._fd, line)).start()"
                    ),
                ),
            ),
            f"{_SEGMENTS}test_of_a_killed_process_at_most_the_last_line_is_torn": (),
        },
    ),
    Promise(
        "record:whole-lines",
        "A full disk leaves no partial line and no gap in the sequence.",
        {
            f"{_SEGMENTS}test_a_full_disk_leaves_no_half_line_and_no_gap": (
                Mutant("record/segment.py", "os.ftruncate(self._fd, self.size)", "pass"),
                Mutant("record/segment.py", "if written != len(line):", "if False:"),
            ),
        },
    ),
    Promise(
        "record:one-stream-a-process",
        "Threads share an audit stream without a gap. Processes and forked children never "
        "share a file.",
        {
            f"{_PROCESSES}test_threads_write_one_file_without_a_gap": (
                Mutant(
                    "record/handler.py",
                    "self.lock = self._recording.lock",
                    "self.lock = None",
                ),
            ),
            f"{_PROCESSES}test_a_forked_child_has_a_stream_of_its_own": (
                Mutant(
                    "record/recording.py",
                    ("self._stream.abandon()\n            self._start()"),
                    "pass",
                ),
            ),
            f"{_PROCESSES}test_worker_processes_have_streams_of_their_own": (
                Mutant(
                    "record/append.py",
                    "{time.time_ns() // 1_000_000:012x}-{secrets.token_hex(8)}",
                    "0",
                ),
            ),
        },
    ),
    Promise(
        "record:chain",
        "A changed byte, or a line that is left out, repeated or moved, breaks the chain, "
        "also across segments. The hash has no key, so this shows accidents and careless "
        "changes, but not an attacker who computes all later hashes again.",
        {
            f"{_SEAL}test_any_single_byte_changed_breaks_the_chain": (
                Mutant(
                    "record/seal.py",
                    "hashlib.sha256(previous + parts[0]).digest() == parts[1]",
                    "len(parts[1]) == len(previous)",
                ),
            ),
            f"{_SEAL}test_all_lines_of_a_block_follow_or_one_of_them_does_not": (
                Mutant(
                    "record/seal.py", "return joined if tails == b", "return joined if tails or b"
                ),
            ),
            f"{_SEAL}test_a_line_left_out_breaks_the_chain": (),
            f"{_SEAL}test_two_lines_that_change_places_break_the_chain": (),
            f"{_SEGMENTS}test_segments_are_linked_when_they_rotate_by_size": (
                Mutant(
                    "record/append.py",
                    "VERSION, self._state.head.hex(), number)",
                    "VERSION, GENESIS.hex(), number)",
                ),
            ),
        },
    ),
    Promise(
        "record:prints-nothing",
        "Another handler on the logger sees only an event's type.",
        {
            f"{_HANDLER}test_another_handler_on_the_same_logger_learns_nothing": (
                Mutant(
                    "record/event.py",
                    'return f"<Event {self.type}>"',
                    'return f"<Event {self.type} {self.fields}>"',
                ),
            ),
        },
    ),
    Promise(
        "record:bounded",
        "A caller that invents event types, field names or values does not fill the memory.",
        {
            f"{_BOUNDS}test_a_caller_that_invents_names_does_not_fill_the_memory": (
                Mutant("record/classify.py", "if len(self._shapes) >= MAX_SHAPES:", "if False:"),
            ),
        },
    ),
    Promise(
        "record:not-silenced",
        "The logging configuration of other libraries does not silence the logger "
        "`mcp.audit`. Events that its own configuration holds back are counted in the record.",
        {
            f"{_SILENCE}test_no_logging_configuration_of_others_silences_the_record": (
                Mutant("record/logger.py", "return self._known or", "return tuple(within) or"),
            ),
            f"{_SILENCE}test_events_that_the_operator_switches_off_are_counted_in_the_record": (
                Mutant("record/recording.py", "self._suppressed += 1", "pass"),
            ),
            f"{_LOGGER}test_a_handler_above_sees_it_too": (
                Mutant(
                    "record/logger.py",
                    "            if logger.handlers:\n",
                    "            if False:\n",
                ),
            ),
            f"{_LOGGER}test_a_filter_holds_it_back_and_it_is_counted": (
                Mutant("record/logger.py", "if self.filters or level", "if level"),
                Mutant("record/logger.py", " and not self._known[0].filters", ""),
            ),
            f"{_LOGGER}test_a_handler_that_overrides_emit_gets_a_log_record": (
                Mutant("record/handler.py", "type(self) is not AuditHandler or ", ""),
            ),
        },
    ),
    Promise(
        "record:other-handlers",
        "Filters, record factories, queues and other handlers on the logger `mcp.audit` that "
        "rewrite a record or raise cost no event. An event that reaches no handler is counted.",
        {
            f"{_OTHERS}test_a_filter_of_others_that_rewrites_or_fails_costs_no_event": (
                Mutant("record/logger.py", "with suppress(Exception):", "if True:"),
            ),
            f"{_OTHERS}test_another_handler_that_raises_costs_no_event": (),
            f"{_OTHERS}test_an_event_passes_a_queue": (
                Mutant("record/logger.py", "carry(record, msg, args or ())", "pass"),
            ),
            f"{_OTHERS}test_an_event_that_reaches_no_handler_is_counted_by_those_that_there_are": (
                Mutant("record/logger.py", "or tuple(_living)", ""),
            ),
        },
    ),
    Promise(
        "record:joined",
        "Two handlers for one directory in one process record an event once, and with the same "
        "settings in one stream.",
        {
            f"{_PROCESSES}test_a_second_handler_on_a_directory_joins_the_stream_of_the_first": (
                Mutant(
                    "record/recording.py", "if one.is_of(real, settings, catalog):", "if False:"
                ),
            ),
            f"{_PROCESSES}test_two_handlers_of_one_directory_on_one_logger_record_an_event_once": (
                Mutant(
                    "record/recording.py", "if seen is not None and record in seen:", "if False:"
                ),
            ),
            f"{_SILENCE}test_a_module_that_runs_twice_in_one_process_records_each_event_once": (),
        },
    ),
    Promise(
        "record:continues",
        "Recording continues if a file name is taken, a descriptor is lost, or a directory is"
        " deleted or replaced. Events lost meanwhile are counted in the record.",
        {
            f"{_NAMES}test_a_name_that_is_taken_does_not_stop_recording": (
                Mutant("record/append.py", "with suppress(FileExistsError):", "if True:"),
            ),
            f"{_NAMES}test_a_descriptor_that_somebody_closed_costs_one_event_at_most": (
                Mutant(
                    "record/append.py",
                    "return is_missing or segment.is_broken",
                    "return is_missing",
                ),
            ),
            f"{_NAMES}test_a_descriptor_that_became_another_files_is_neither_written_nor_closed": (
                Mutant("record/segment.py", "if fd >= 0 and is_own:", "if fd >= 0:"),
            ),
            f"{_NAMES}test_an_event_after_a_damage_is_in_a_segment_of_its_own": (
                Mutant("record/segment.py", "or found.st_size != self.size", ""),
            ),
            f"{_NAMES}test_a_link_to_the_directory_that_comes_to_lead_elsewhere_is_followed": (
                Mutant(
                    "record/recording.py", "return real if leads_nowhere else named", "return real"
                ),
            ),
            f"{_NAMES}test_a_directory_that_is_replaced_gets_the_next_segment": (
                Mutant("record/append.py", "(is_check_due and segment.is_away())", "False"),
            ),
        },
    ),
    Promise(
        "record:counted",
        "Each event is recorded, filtered, or stated as lost, exactly once, also through "
        "faults and signals.",
        {
            f"{_IDENTITY}test_every_event_is_in_the_record_or_in_its_count_of_losses": (),
            f"{_IDENTITY}test_a_signal_at_any_call_of_an_event_that_rotates_is_counted": (
                Mutant(
                    "record/append.py",
                    "            self._state = pending.after\n",
                    "            pass\n",
                ),
            ),
        },
    ),
    Promise(
        "record:message",
        "`message` states who did what, on which server, from where, and how it ended, from "
        "masked fields. `related.*`, `user.name` and `host.name` are the fields that Elastic "
        "Security uses.",
        {
            f"{_SENTENCE}test_the_message_of_an_event": (
                Mutant("record/sentence.py", "if scope not in granted", ""),
                Mutant("record/sentence.py", 'or "[" in said', ""),
            ),
            f"{_SENTENCE}test_a_message_contains_no_secret_that_the_event_masks": (),
            f"{_SENTENCE}test_the_lists_that_elastic_security_searches": (
                Mutant("record/encode.py", "if found and path not in given:", "if False:"),
            ),
        },
    ),
    Promise(
        "record:last-line",
        "After an orderly stop of an HTTP server, the record has its last line. The first line of "
        "the next stream names the stream before it in the directory, and its last line.",
        {
            f"{_STOPS}test_a_stopped_server_has_written_each_event_once_and_its_last_line": (
                Mutant("capture/emit.py", "attempt(_audit.finish)", "pass"),
            ),
            f"{_SEGMENTS}test_a_streams_first_line_names_the_stream_before_it_and_its_last_line": (
                Mutant(
                    "record/append.py",
                    "None if self._state.sequence else previous_stream(",
                    "None and previous_stream(",
                ),
            ),
        },
    ),
)
