"""What is promised where files, names, connections and configurations are hostile."""

from tests.promises.model import Mutant, Promise

_NAMES = "deliver/test_file_names.py::"
_LINKS = "deliver/test_links.py::"
_BAD_INPUT = "integration/test_bad_input.py::"
_SUPERVISE = "run/test_supervise.py::"
_HOSTILE = "config/test_hostile.py::"
_REDACT = "processors/test_redact.py::"
_REPLAY = "deliver/test_replay.py::"
_SETTLE = "deliver/test_settle.py::"

OTHERS = (
    Promise(
        "files:names",
        "A file name may be any bytes: the file is shipped, and its position is kept. No name "
        "reaches a terminal as a control sequence.",
        {
            f"{_NAMES}test_a_file_of_any_name_is_followed_across_restarts": (
                Mutant("follow/registry.py", "except UnicodeEncodeError:", "except KeyError:"),
                Mutant(
                    "follow/registry.py",
                    "map(_with_exact_path, commit.set)",
                    "commit.set",
                ),
            ),
            f"{_NAMES}test_events_carry_the_name_and_the_shipper_runs_on": (
                Mutant("forms/text/event.py", "as_text(path)", "path"),
            ),
            f"{_NAMES}test_a_name_is_shown_on_one_line_and_no_two_alike": (
                Mutant("shown.py", '_BACKSLASH.sub(r"\\\\x5c", name)', "name"),
            ),
            f"{_NAMES}test_no_name_reaches_a_terminal_as_a_control_sequence": (
                Mutant("cli/tables.py", "Text(shown(row.path))", "Text(row.path)"),
            ),
        },
    ),
    Promise(
        "files:links",
        "A link leads to a file only if its owner is root, the shipper's user, or the owner of "
        "what it leads to. Nothing is deleted through a link.",
        {
            f"{_LINKS}test_a_planted_link_is_left_out_logged_once_and_counted": (
                Mutant("follow/links.py", "ahead.append(status.st_uid)", "pass"),
            ),
            f"{_LINKS}test_a_directory_that_is_replaced_by_a_planted_link_is_not_read": (
                Mutant("follow/links.py", "if not _is_at(file, path):  #", "if False:  #"),
            ),
            f"{_LINKS}test_a_link_that_is_put_in_place_of_a_file_is_not_opened": (
                Mutant("follow/links.py", "_READ | os.O_NOFOLLOW)", "_READ)"),
            ),
            f"{_LINKS}test_links_that_are_swapped_all_the_time_let_nothing_through": (),
            f"{_LINKS}test_nothing_is_deleted_through_a_link": (
                Mutant(
                    "follow/deletions.py",
                    "dir_fd=directory, follow_symlinks=False)",
                    "dir_fd=directory)",
                ),
            ),
            f"{_LINKS}test_nothing_is_deleted_through_a_link_to_a_directory": (
                Mutant("follow/links.py", "if _is_at(file, path):\n", "if True:\n"),
            ),
        },
    ),
    Promise(
        "files:unread",
        "Files and directories that cannot be read are reported with the reason. `run --once`"
        " ends with 0 only if it read everything and settled every line, and it also ends "
        "when an output is away.",
        {
            f"{_BAD_INPUT}test_what_cannot_be_read_is_reported_and_once_does_not_end_with_zero": (
                Mutant("follow/expand.py", "self._log.fail(path, error)", "pass"),
            ),
            f"{_BAD_INPUT}test_once_that_is_stopped_before_everything_is_delivered_says_so": (),
            f"{_SETTLE}test_a_drain_gives_up_on_an_output_that_is_away": (
                Mutant(
                    "deliver/settle.py",
                    "self.away_since = (self.away_since or now) if is_away else None",
                    "self.away_since = None",
                ),
            ),
            f"{_SETTLE}test_a_drain_waits_longer_for_an_output_that_answers": (
                Mutant("deliver/settle.py", ") if is_away else None", ")"),
            ),
        },
    ),
    Promise(
        "files:private",
        "The directories of the shipper and of the file output are readable only by their "
        "owner. A `path.data` that others can write to is refused.",
        {
            f"{_SUPERVISE}test_every_directory_that_is_made_is_its_owners_alone_whatever_the_umask": (
                Mutant(
                    "durable.py",
                    "        make_directory(path.parent)\n        make_directory(path)\n",
                    "        path.mkdir(mode=0o700, parents=True)\n",
                ),
            ),
            f"{_SUPERVISE}test_data_that_others_can_write_is_refused_with_what_to_do": (
                Mutant(
                    "run/supervise.py",
                    "if problem := problem_of(data, forbidden=stat.S_IWOTH):",
                    "if problem := None:",
                ),
            ),
        },
    ),
    Promise(
        "run:one-at-a-time",
        "A second shipper on the same `path.data` stops before it touches the endpoint or writes "
        "an event.",
        {
            f"{_SUPERVISE}test_a_second_run_on_the_same_data_stops_and_leaves_the_first_alone": (
                Mutant(
                    "run/supervise.py",
                    'lock = take_lock(data / "mcp-shipper.lock")',
                    'lock = os.open("/dev/null", os.O_RDONLY)',
                ),
            ),
            f"{_SUPERVISE}test_a_socket_on_which_another_process_answers_is_not_taken": (
                Mutant(
                    "run/endpoint.py",
                    'raise OSError(errno.EADDRINUSE, "another process answers there")',
                    "file.unlink()",
                ),
            ),
        },
    ),
    Promise(
        "run:strangers",
        "Idle connections to the endpoint stop neither its answers nor the shipping.",
        {
            f"{_SUPERVISE}test_idle_connections_stop_neither_probes_nor_shipping": (
                Mutant(
                    "run/server.py",
                    "if len(self._connections) > self.most:",
                    "if False:",
                ),
            ),
            f"{_SUPERVISE}test_an_idle_connection_is_closed_after_a_few_seconds": (
                Mutant("run/endpoint.py", "    timeout = _TIMEOUT_S\n", ""),
            ),
        },
    ),
    Promise(
        "run:any-reload",
        "No reload ends a run, whatever the new configuration contains.",
        {
            f"{_HOSTILE}test_no_reload_ends_a_run": (
                Mutant(
                    "run/supervise.py",
                    "except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on",
                    "except KeyError as error:",
                ),
            ),
        },
    ),
    Promise(
        "config:bounded",
        "Reading or refusing a configuration takes bounded time and memory, whatever it contains.",
        {
            f"{_HOSTILE}test_yaml_that_is_too_much_is_a_problem_and_soon": (
                Mutant("yaml/bounds.py", "if self._count > _MAX_NODES:", "if False:"),
                Mutant("yaml/bounds.py", "if len(self._open) > MAX_DEPTH:", "if False:"),
            ),
            f"{_HOSTILE}test_a_header_or_path_that_cannot_be_sent_is_a_problem_of_the_configuration": (
                Mutant(
                    "outputs/elasticsearch/output.py",
                    "if not _HEADER_VALUE.fullmatch(value)",
                    "if False",
                ),
            ),
        },
    ),
    Promise(
        "config:no-leak",
        "No message about a configuration quotes a value that may be a secret, and no printed "
        "form of it shows one. `setup` sends nothing to a proxy of the environment.",
        {
            f"{_HOSTILE}test_no_printed_form_shows_a_secret": (
                Mutant("yaml/node.py", "_HARMLESS.fullmatch(str(self.scalar))", "True"),
                Mutant("config/show.py", "    if name in _VALUES and", "    if name in () and"),
            ),
            f"{_HOSTILE}test_a_value_of_a_variable_is_named_by_the_variable": (
                Mutant("yaml/node.py", "        if self.variables:\n", "        if False:\n"),
            ),
            f"{_HOSTILE}test_a_risk_is_a_note_of_test_config_and_a_warning_in_the_log": (
                Mutant("run/risks.py", "if mode & _OTHERS:", "if False:"),
                Mutant("run/supervise.py", "    for risk in risks(config):", "    for risk in ():"),
            ),
            f"{_HOSTILE}test_setup_asks_no_proxy_of_the_environment": (),
        },
    ),
    Promise(
        "processors:hidden",
        "`redact` also masks a member that is repeated in a line.",
        {
            f"{_REDACT}test_nothing_passes_in_a_member_that_a_decoder_does_not_show": (
                Mutant(
                    "processors/chain.py",
                    "            if self._hides:\n",
                    "            if False:\n",
                ),
                Mutant("processors/redact.py", "inner.count += has_duplicates(text)", "pass"),
                Mutant("processors/redact.py", " and _is_time(event[key])", ""),
            ),
        },
    ),
    Promise(
        "deliver:last-dead-letter",
        "A dead letter without a newline at its end is sent again, or stays.",
        {
            f"{_REPLAY}test_a_last_dead_letter_without_a_newline_is_sent": (
                Mutant(
                    "deliver/replay.py",
                    '            append(file, b"\\n")\n        path.rename',
                    "            from shipper.durable import trim\n\n            trim(file)\n        path.rename",
                ),
            ),
            f"{_REPLAY}test_a_last_dead_letter_without_a_newline_stays_when_another_one_comes": (
                Mutant("deliver/dead_letters.py", "if decoded(unended(file)):", "if False:"),
            ),
        },
    ),
)
