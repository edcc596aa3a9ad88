"""What is promised of recording."""

from tests.promises.model import Mutant, Promise

_HANDLER = "record/test_handler.py::"
_BOUNDS = "record/test_bounds.py::"
_SEGMENTS = "record/test_segments.py::"
_PROCESSES = "record/test_processes.py::"
_SEAL = "record/test_seal.py::"

RECORD = (
    Promise(
        "record:never-raises",
        "A log call never raises an exception into the application. An event that cannot "
        "be written is counted, and the next one that can be written reports it.",
        {
            f"{_HANDLER}test_a_failing_record_is_counted_and_told_of_by_the_next": (
                Mutant("record/handler.py", "self._lost += 1", "pass"),
                Mutant(
                    "record/handler.py",
                    "except Exception as error:  # noqa: BLE001 - a failing record never raises into the app",
                    "except TypeError as error:",
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
                    "record/append.py",
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
                Mutant("record/append.py", "os.ftruncate(self._fd, self.size)", "pass"),
                Mutant("record/append.py", "if written != len(line):", "if False:"),
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
                    "super().__init__()",
                    "super().__init__()\n        self.lock = None",
                ),
            ),
            f"{_PROCESSES}test_a_forked_child_has_a_stream_of_its_own": (
                Mutant(
                    "record/handler.py",
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
            f"{_SEAL}test_a_line_left_out_breaks_the_chain": (),
            f"{_SEAL}test_two_lines_that_change_places_break_the_chain": (),
            f"{_SEGMENTS}test_segments_are_linked_when_they_rotate_by_size": (
                Mutant(
                    "record/append.py",
                    "VERSION, self._head.hex(), number)",
                    "VERSION, GENESIS.hex(), number)",
                ),
            ),
        },
    ),
    Promise(
        "record:prints-nothing",
        "Another handler on the logger learns an event's type and nothing else.",
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
)
