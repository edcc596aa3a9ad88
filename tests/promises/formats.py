"""What is promised of the formats of other systems."""

from tests.promises.model import Mutant, Promise

_OCSF = "formats/test_ocsf.py::"
_SIEM = "formats/test_siem.py::"
_SYSLOG = "formats/test_syslog.py::"
_OTLP = "formats/test_otlp.py::"
_SYSLOG_OUTPUT = "outputs/test_syslog.py::"
_OTLP_OUTPUT = "outputs/test_otlp.py::"

FORMATS = (
    Promise(
        "formats:ocsf",
        "Every line as OCSF is valid by the published schema of the version it names, whatever "
        "its values, and holds every value of the line.",
        {
            f"{_OCSF}test_any_values_in_the_fields_give_a_valid_event": (
                Mutant("formats/ocsf.py", "and value in _METHODS", ""),
                Mutant(
                    "formats/ocsf.py", "if found is not None and not any(", "if False and not any("
                ),
            ),
            f"{_OCSF}test_every_line_of_every_event_type_is_valid": (
                Mutant("formats/formats.yml", "    2004: [host, security_control]", "    2004: []"),
            ),
            f"{_OCSF}test_no_value_of_a_line_is_left_out": (
                Mutant("formats/ocsf.py", "0 <= number < 1 << 16", "True"),
                Mutant("formats/ocsf.py", "    if unmapped:\n", "    if False:\n"),
            ),
        },
    ),
    Promise(
        "formats:siem",
        "No value of an event makes another field, another header or another line of CEF or LEEF, "
        "and the length of each value is bounded.",
        {
            f"{_SIEM}test_what_cef_escapes_is_read_back_unchanged": (
                Mutant("formats/siem.py", '"=": r"\\=", ', ""),
                Mutant("formats/siem.py", '"\\\\": r"\\\\", "=": ', '"=": '),
            ),
            f"{_SIEM}test_a_name_in_the_header_of_cef_stays_in_its_place": (
                Mutant("formats/siem.py", ".translate(_CEF_HEADER)", ""),
            ),
            f"{_SIEM}test_no_value_of_leef_makes_another_pair_or_another_line": (
                Mutant("formats/siem.py", "_BREAKS.sub(' ', value)", "value"),
                Mutant("formats/siem.py", '.replace("|", "_")', ""),
            ),
            f"{_SIEM}test_the_size_of_a_message_is_bounded": (
                Mutant("formats/siem.py", "[: row.most]", ""),
            ),
        },
    ),
    Promise(
        "formats:syslog",
        "Every syslog message follows RFC 5424 whatever the event holds. A message above the limit "
        "becomes a dead letter, and a closed connection is noticed before the next batch.",
        {
            f"{_SYSLOG}test_any_names_give_a_message_of_the_grammar": (
                Mutant(
                    "formats/syslog.py", 'return _SD_VALUE.sub(r"\\\\\\1", text)', "return text"
                ),
                Mutant("formats/syslog.py", '_NOT_PRINTABLE.sub("_", text)', "text"),
            ),
            f"{_SYSLOG_OUTPUT}test_a_message_that_is_too_long_is_rejected_and_its_neighbours_arrive": (
                Mutant("outputs/syslog/lane.py", "if len(message) <= limit:", "if True:"),
            ),
            f"{_SYSLOG_OUTPUT}test_a_connection_that_the_receiver_has_closed_is_opened_again_before_anything_is_sent": (
                Mutant(
                    "outputs/hosted.py", "and not self._is_usable(self._connection)", "and False"
                ),
            ),
        },
    ),
    Promise(
        "formats:otlp",
        "A record that a collector refuses is found and becomes a dead letter; it never counts as "
        "delivered. The body of a record is the unchanged line.",
        {
            f"{_OTLP}test_every_line_of_every_event_type_is_the_body_of_a_record": (
                Mutant("formats/otlp.py", "line.decode()", "line.decode().lower()"),
            ),
            f"{_OTLP_OUTPUT}test_records_that_are_refused_are_found_by_halves": (
                Mutant("outputs/otlp/output.py", "if found is None or refused <= 0:", "if True:"),
            ),
            f"{_OTLP_OUTPUT}test_a_request_that_is_refused_is_sent_in_halves": (
                Mutant("outputs/otlp/output.py", "if status in _OF_RECORDS:", "if False:"),
            ),
        },
    ),
)
