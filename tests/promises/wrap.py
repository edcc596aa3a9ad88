"""What is promised of `wrap`."""

from tests.promises.model import Mutant, Promise

_WRAP = "wrap/test_wrap.py::"
_SERVERS = "integration/test_wrapped_servers.py::"
_INSIDE = "capture/test_inside.py::"
_WIRE = "wire/test_jsonrpc.py::"

WRAP = (
    Promise(
        "wrap:transparent",
        "A client of a wrapped server sees the server's own bytes, signals, exit code, "
        "environment and standard error.",
        {
            f"{_WRAP}test_much_passes_exactly_to_a_client_that_is_slow": (
                Mutant("wrap/tee.py", "except BlockingIOError:", "except ZeroDivisionError:"),
            ),
            f"{_WRAP}test_words_of_the_command_are_its_own": (),
            f"{_WRAP}test_the_server_has_the_clients_environment_and_standard_error": (
                Mutant(
                    "wrap/launch.py",
                    "{**_environment(), **hook",
                    "{**os.environb, **hook",
                ),
            ),
            f"{_WRAP}test_a_signal_ends_the_server_as_it_would_without_wrap": (
                Mutant(
                    "wrap/launch.py",
                    "        signal.signal(number, signal.SIG_DFL)\n    try:",
                    "        pass\n    try:",
                ),
            ),
            f"{_WRAP}test_in_a_container_every_byte_passes_before_the_end": (
                Mutant(
                    "wrap/launch.py",
                    "stays = _INIT in (os.getpid(), os.getppid())",
                    "stays = False",
                ),
            ),
            f"{_SERVERS}test_the_client_of_an_unchanged_server_sees_the_same_bytes": (),
        },
    ),
    Promise(
        "wrap:traffic-first",
        "A failure to record neither delays nor breaks the traffic between a wrapped server "
        "and its client.",
        {
            f"{_WRAP}test_who_kills_a_process_beside_the_server_ends_the_record_alone": (),
            f"{_WRAP}test_a_server_runs_where_it_cannot_be_recorded": (
                Mutant(
                    "wrap/launch.py",
                    "        _execute(command)\n    if stays:",
                    "        sys.exit(1)\n    if stays:",
                ),
            ),
        },
    ),
    Promise(
        "wrap:record",
        "Each request through a wrapped server is one event, in both directions. A request "
        "that is open when the server or the client goes away is recorded with the side that "
        "went.",
        {
            f"{_WRAP}test_both_sides_may_use_the_same_ids": (
                Mutant(
                    "capture/session.py",
                    "self._answered((not from_server, key)",
                    "self._answered((from_server, key)",
                ),
            ),
            f"{_WRAP}test_a_ping_with_the_id_of_an_open_call_does_not_make_it_a_success": (
                Mutant(
                    "capture/session.py", "if request_id is not None:  # its", "if False:  # its"
                ),
            ),
            f"{_WRAP}test_a_server_that_is_killed_in_a_call_leaves_the_call_in_the_record": (
                Mutant("wrap/recorder.py", "session.close(", "str("),
            ),
            f"{_WRAP}test_the_call_of_a_client_that_disconnects_is_recorded": (
                Mutant("wrap/recorder.py", "gone = gone or frame.kind", "gone = frame.kind"),
            ),
            f"{_SERVERS}test_server_everything_becomes_exactly_these_events": (),
        },
    ),
    Promise(
        "wrap:catalog",
        "An operator's catalog in a file holds for `wrap`, `auto` and `proxy`, with the checks and "
        "messages of a configuration.",
        {
            f"{_WRAP}test_the_operators_catalog_holds_for_a_wrapped_server": (
                Mutant("catalog/file.py", 'tree.at("catalog") if "catalog" in', "tree if tree or"),
            ),
            f"{_WRAP}test_a_catalog_that_is_not_valid_is_refused_with_its_place": (
                Mutant(
                    "catalog/file.py",
                    "catalog = overlaid(overlay)",
                    "from shipper.catalog import builtin\n\n    catalog = builtin()",
                ),
            ),
            "auto/test_auto.py::test_the_operators_catalog_holds_for_a_server_that_is_started_so": (
                Mutant("auto/settings.py", "if environ.get(_CATALOG) else {}", "if False else {}"),
            ),
        },
    ),
    Promise(
        "wrap:bounded",
        "Of a message of any length, the recorder of a wrapped server reads a bounded part, "
        "and computes no size or digest from it.",
        {
            f"{_WIRE}test_a_long_message_is_never_kept_completely": (
                Mutant("wire/jsonrpc.py", "self._head += piece[:room]", "self._head += piece"),
            ),
            f"{_WRAP}test_a_long_result_is_recorded_by_its_beginning_and_its_end": (
                Mutant("record/redact.py", "clean.pop(path, None)", "pass"),
            ),
        },
    ),
    Promise(
        "wrap:python",
        "`wrap --python` leaves each call once: from the bytes on the pipe, with the exception "
        "behind it and the calls within it. A client sees the server's own bytes.",
        {
            f"{_WRAP}test_with_python_each_call_is_one_event_with_the_exception_behind_it": (
                Mutant("wrap/recorder.py", "audit.addFilter(hook)", "pass"),
            ),
            f"{_INSIDE}test_calls_within_a_call_are_passed_on_before_it": (
                Mutant("capture/inside.py", "in _MAY_NEST:", "in ():"),
            ),
            f"{_INSIDE}test_a_recorder_that_is_gone_or_full_delays_nobody": (
                Mutant("capture/inside.py", "os.O_WRONLY | os.O_NONBLOCK", "os.O_WRONLY"),
            ),
            f"{_INSIDE}test_requests_over_http_are_not_the_pipes": (
                Mutant("capture/inside.py", "return is_of_pipe and not", "return not"),
            ),
            f"{_WRAP}test_the_pipe_of_the_hook_is_gone_after_the_server": (
                Mutant("wrap/launch.py", "    hook.remove()\n", ""),
            ),
        },
    ),
)
