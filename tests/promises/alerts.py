"""What is promised of alerts."""

from tests.promises.model import Mutant, Promise

_ENGINE = "detect/test_engine.py::"
_OUTPUT = "outputs/test_alerts.py::"

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
            f"{_OUTPUT}test_a_crash_between_the_record_and_the_journal_doubles_no_alert": (
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
            f"{_OUTPUT}test_a_line_that_is_no_event_of_an_audit_stream_raises_no_alert": (
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
        },
    ),
)
