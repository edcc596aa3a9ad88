"""What is promised of processors."""

from tests.promises.model import Mutant, Promise

_PROCESSORS = "integration/test_processors.py::"
_CHAIN = "processors/test_chain.py::"
_DECODERS = "processors/test_decoders.py::"
_REDACT = "processors/test_redact.py::"

PROCESSORS = (
    Promise(
        "processors:bytes",
        "A line that no processor changes is shipped byte for byte. A changed line keeps "
        "every number as it was written.",
        {
            f"{_PROCESSORS}test_an_untouched_line_is_shipped_byte_for_byte": (),
            f"{_CHAIN}test_a_line_that_no_processor_touches_is_the_same_object": (
                Mutant(
                    "processors/chain.py",
                    "if result is event:",
                    "if False:",
                ),
            ),
            f"{_CHAIN}test_a_number_keeps_its_spelling": (
                Mutant(
                    "processors/event.py",
                    "return msgspec.Raw(value.text.encode())",
                    "return float(value)",
                ),
            ),
        },
    ),
    Promise(
        "processors:seal",
        "No processor changes a line of an audit segment, and a foreign line that "
        "imitates one is processed like any other.",
        {
            f"{_PROCESSORS}test_own_segments_pass_as_they_are_whatever_the_processors_do": (
                Mutant(
                    "follow/source.py",
                    "return Sealed(form) if self.is_sealed else form",
                    "return form",
                ),
            ),
            f"{_PROCESSORS}test_a_foreign_line_that_ends_as_a_sealed_one_does_is_redacted_all_the_same": (),
        },
    ),
    Promise(
        "processors:decoders",
        "Filebeat's decoders follow its rules, and a bad text affects only its own event.",
        {
            f"{_DECODERS}test_no_event_makes_them_raise": (),
            f"{_DECODERS}test_a_text_that_is_not_json_stays": (
                Mutant(
                    "processors/json.py",
                    "        except (*_UNREADABLE, Misfit) as error:\n",
                    "        except RecursionError as error:\n",
                ),
            ),
            f"{_DECODERS}test_a_text_is_cut_at_the_delimiters": (
                Mutant("processors/dissect.py", "key=lambda one: one.ordinal", "key=id"),
            ),
        },
    ),
    Promise(
        "processors:pods",
        "A container's log is read as its templates and hints say, with the pod that the API "
        "server describes. While the server is away, no line is left out for a label.",
        {
            "pods/test_discovered.py::test_while_the_server_is_away_no_line_is_left_out_for_a_label": (
                Mutant(
                    "config/discovered.py",
                    "return None if chosen.is_guess else DROPPED",
                    "return DROPPED",
                ),
            ),
            "pods/test_discovered.py::test_a_line_waits_for_a_pod_that_is_not_known_yet": (
                Mutant(
                    "config/containers.py", "self._pods.awaits(log.namespace, log.pod)", "False"
                ),
            ),
            "pods/test_watch.py::test_a_version_that_is_too_old_leads_to_a_new_list": (
                Mutant("pods/watch.py", "if about.code == _GONE:", "if about.code == 0:"),
            ),
            "pods/test_watch.py::test_a_watch_that_ends_continues_from_the_last_version_that_it_saw": (),
            "pods/test_watch.py::test_a_token_that_is_refused_is_logged_once_and_nothing_waits_for_it": (),
        },
    ),
    Promise(
        "processors:redact",
        "`redact` masks in foreign lines what the handler masks in audit events. A line "
        "that it cannot search completely is not sent.",
        {
            f"{_REDACT}test_no_planted_secret_passes": (
                Mutant(
                    "processors/redact.py",
                    "if first.count == 0 and not found:",
                    "if first.count == 0:",
                ),
            ),
            f"{_REDACT}test_a_text_is_masked_as_in_the_record": (),
            f"{_CHAIN}test_a_line_that_cannot_be_read_completely_is_refused": (
                Mutant(
                    "processors/chain.py",
                    '            raise Unprocessable(f"cannot be processed: {error}") from error\n',
                    "            return line\n",
                ),
            ),
        },
    ),
)
