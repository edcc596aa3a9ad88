"""What is promised of a configuration."""

from tests.promises.model import Mutant, Promise

_CONFIG = "config/test_config.py::"
_FILEBEAT = "config/test_filebeat.py::"
_FILES = "config/test_filebeat_files.py::"
_PATTERNS = "test_patterns.py::"

CONFIG = (
    Promise(
        "config:all-at-once",
        "Problems of a configuration are reported together, with line, key and nearest "
        "known key, before anything starts.",
        {
            f"{_CONFIG}test_every_problem_is_told_at_once_with_line_key_and_nearest_key": (
                Mutant(
                    "config/load.py",
                    "ConfigError(sorted(dict.fromkeys(problems), key=_line))",
                    "ConfigError(sorted(dict.fromkeys(problems), key=_line)[:1])",
                ),
                Mutant(
                    "yaml/reader.py",
                    'return f"; did you mean {close[0]!r}?" if close else ""',
                    'return ""',
                ),
            ),
            "integration/test_bad_input.py::test_a_configuration_with_unknown_keys_stops_before_anything_starts": (),
        },
    ),
    Promise(
        "config:filebeat",
        "An accepted Filebeat key does what it does in Filebeat, or the shipper states why it"
        " has no effect. A key that cannot be obeyed is refused with the reason.",
        {
            f"{_FILEBEAT}test_the_outputs_of_the_reference_file_are_taken": (),
            f"{_FILEBEAT}test_what_cannot_be_done_is_told_once_with_the_reason": (
                Mutant("config/read.py", "reader.note(node, ruling.why)", "pass"),
            ),
            f"{_FILEBEAT}test_a_key_without_meaning_here_is_accepted_with_the_reason": (
                Mutant(
                    "config/read.py",
                    "reader.remarks.append(str(node.problem(ruling.why)))",
                    "pass",
                ),
            ),
        },
    ),
    Promise(
        "config:own-files",
        "No input reads the shipper's own positions, keystore, dead letters or output, unless one "
        "of its paths lies below `path.data`.",
        {
            "deliver/test_own_files.py::"
            "test_a_pattern_that_matches_everything_ships_no_position_and_no_output": (
                Mutant(
                    "follow/inputs.py",
                    "(*self.exclude_files, *self.own_files)",
                    "self.exclude_files",
                ),
            ),
            "deliver/test_own_files.py::test_an_input_that_names_a_path_below_the_data_reads_it": (
                Mutant(
                    "config/own.py",
                    "if not any(_absolute(path).startswith(data) for path in one.paths):",
                    "if True:",
                ),
            ),
        },
    ),
    Promise(
        "config:hosts",
        "A host that cannot be looked up, a port that does not exist, and a number or duration "
        "that nothing can use are problems of the configuration, not of a run.",
        {
            "config/test_hostile.py::"
            "test_a_host_that_cannot_be_looked_up_is_a_problem_of_the_configuration": (
                Mutant(
                    "outputs/hosts.py",
                    'return bool(name) and bool(name.encode("idna"))',
                    "return bool(name)",
                ),
                Mutant("outputs/hosts.py", "if number > _LAST_PORT:", "if number < 0:"),
            ),
            "config/test_hostile.py::test_a_value_that_nothing_can_use_is_a_problem": (
                Mutant("yaml/reader.py", "if found > LONGEST_S:", "if found < 0:"),
                Mutant("config/variables.py", "if depth > _MAX_DEPTH:", "if depth < 0:"),
            ),
        },
    ),
    Promise(
        "config:filebeat-files",
        "Of 50 Filebeat configurations of the kinds that people use, 43 work unchanged. The "
        "others are refused with an alternative.",
        {
            f"{_FILES}test_a_file_is_taken_as_it_stands": (
                Mutant(
                    "config/forms.py",
                    "reader.sections(_indented(reader, node), _PARSERS)",
                    "reader.sections(node, _PARSERS)",
                ),
            ),
            f"{_FILES}test_a_refused_file_is_answered_with_a_way_forward": (),
            f"{_FILES}test_prospectors_of_filebeat_1_with_their_type": (
                Mutant(
                    "config/older.py",
                    "items=[*found, *more], children=None, scalar=None)",
                    "items=[*more], children=None, scalar=None)",
                ),
            ),
            f"{_FILES}test_docker_containers_by_image": (
                Mutant(
                    "config/autodiscover.py",
                    "return self.condition is None or self.condition.holds(data)",
                    "return True",
                ),
            ),
        },
    ),
    Promise(
        "config:patterns",
        "Patterns mean what they mean in Go. None takes exponential time: without RE2, a "
        "pattern that could is refused.",
        {
            f"{_PATTERNS}test_a_pattern_means_what_it_means_in_go": (),
            f"{_PATTERNS}test_no_pattern_takes_exponential_time": (
                Mutant("patterns.py", "if _repeats(parsed):", "if False:"),
            ),
        },
    ),
    Promise(
        "config:secrets-hidden",
        "No printed form of a configuration shows a secret.",
        {
            f"{_CONFIG}test_secrets_do_not_show_in_the_configuration": (
                Mutant("outputs/secret.py", 'return "<hidden>"', "return self._value"),
            ),
        },
    ),
)
