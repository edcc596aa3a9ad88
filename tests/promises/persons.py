"""What is promised of persons, of drills, and of calls that must be recorded."""

from tests.promises.model import Mutant, Promise

_PSEUDONYMS = "record/test_pseudonyms.py::"
_PERSONS = "evidence/test_persons.py::"
_DRILL = "evidence/test_drill.py::"
_ON_FAILURE = "capture/test_on_failure.py::"

PERSONS = (
    Promise(
        "persons:pseudonyms",
        "With a folder of keys, no identifier of a person is written in a field, the message or "
        "the note of an open call. Without its keys, an event has no persons, and counts them.",
        {
            f"{_PSEUDONYMS}test_no_identifier_is_in_any_line": (
                Mutant("record/pseudonyms.py", "values.update(made)", "pass"),
            ),
            f"{_PSEUDONYMS}test_without_its_keys_an_event_is_written_without_persons_and_counts_them": (
                Mutant("record/pseudonyms.py", "del values[path]", "pass"),
            ),
            f"{_PSEUDONYMS}test_an_open_call_is_noted_without_its_user": (
                Mutant("record/recording.py", "call = replace(call, user=None)", "pass"),
            ),
            f"{_PSEUDONYMS}test_an_address_remains_an_address_for_elasticsearch": (
                Mutant("record/persons.py", "if is_address:", "if False:"),
            ),
        },
    ),
    Promise(
        "persons:forget",
        "Once a subject is forgotten, nobody can reveal its pseudonyms, running processes use "
        "another key, and the record verifies as before. No key is used or destroyed before that "
        "is recorded.",
        {
            f"{_PERSONS}test_forgetting_destroys_the_key_is_an_event_and_leaves_the_verification_green": (
                Mutant("record/persons.py", "        one.unlink()", "        pass"),
            ),
            f"{_PSEUDONYMS}test_a_forgotten_subject_cannot_be_revealed_and_gets_another_key_in_the_same_process": (
                Mutant("record/pseudonyms.py", "self._known.clear()", "pass"),
            ),
            f"{_PERSONS}test_what_cannot_be_recorded_is_not_revealed": (
                Mutant(
                    "api/record.py", "if not handler.record_self_audit(event, stated):", "if False:"
                ),
            ),
            f"{_PERSONS}test_what_cannot_be_recorded_is_not_forgotten": (
                Mutant(
                    "cli/persons.py", 'require_record(config, "forget-requested", details)', "pass"
                ),
            ),
        },
    ),
    Promise(
        "persons:processes",
        "Processes that share a folder use one key for each subject, and a crash loses none.",
        {
            f"{_PSEUDONYMS}test_eight_processes_agree_on_the_keys": (
                Mutant("record/persons.py", "with exclusively(file):", "if True:"),
            ),
            f"{_PSEUDONYMS}test_a_line_that_a_crash_cut_short_hides_no_other": (
                Mutant(
                    "record/persons.py",
                    'b"\\n" + msgspec.json.encode(value)',
                    'msgspec.json.encode(value) + b"\\n"',
                ),
            ),
        },
    ),
    Promise(
        "evidence:drill",
        "On a copy, each kind of tampering, loss and silence gets its word and raises its alert.",
        {
            f"{_DRILL}test_every_exercise_gets_its_word_and_its_alert_and_the_record_stays": (
                Mutant("api/record.py", "success=not is_damaged(verdicts)", "success=True"),
            ),
            f"{_DRILL}test_an_alert_that_does_not_fire_fails_the_drill": (
                Mutant("cli/exercises.py", "self.expected and self.fired", "self.expected"),
            ),
        },
    ),
    Promise(
        "record:on-failure-block",
        "A call of an event type with `on_failure: block` is refused while its event cannot be "
        "written: no log, no call.",
        {
            f"{_ON_FAILURE}test_on_a_full_disk_a_blocking_call_is_refused_before_it_is_made": (
                Mutant(
                    "record/recording.py", "self._require_space()\n            except", "except"
                ),
            ),
            f"{_ON_FAILURE}test_what_only_the_write_shows_withholds_the_answer_and_then_refuses": (
                Mutant("capture/sdk2.py", "_check(end(", "(end("),
                Mutant(
                    "record/recording.py",
                    "self._state_losses(time.time(), but=0)\n                    self._is_failing",
                    "self._is_failing",
                ),
            ),
        },
    ),
)
