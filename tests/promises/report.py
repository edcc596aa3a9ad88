"""What is promised of reports."""

from tests.promises.model import Mutant, Promise

_REPORT = "evidence/test_report.py::"
_STEPS = "evidence/test_report_steps.py::"
_API = "api/test_record.py::"
_ASSESS = "evidence/report/assess.py"

REPORT = (
    Promise(
        "report:words",
        "A report calls a question supported only if there are events, every stream is "
        "proven, and no loss is stated. It never states that an organisation complies.",
        {
            f"{_REPORT}test_a_complete_record_supports_what_it_has_events_for": (
                Mutant(_ASSESS, "if not population.count:", "if False:"),
            ),
            f"{_REPORT}test_a_damaged_record_supports_nothing_although_the_events_are_there": (
                Mutant(_ASSESS, "one for one in facts.verdicts if one.word not in PROVEN", ""),
                Mutant(_ASSESS, "if proven < len(verdicts):", "if False:"),
                Mutant("evidence/report/make.py", "if one.word not in PROVEN:", "if False:"),
            ),
            f"{_REPORT}test_events_that_the_record_states_as_lost_make_its_populations_partly_known": (
                Mutant(_ASSESS, "if facts.lost:", "if False:"),
            ),
            f"{_REPORT}test_an_unsigned_record_shows_no_integrity": (
                Mutant(_ASSESS, "if not proven:", "if False:"),
            ),
            f"{_REPORT}test_a_configured_retention_is_not_one_in_force": (
                Mutant(_ASSESS, "    if unseen:", "    if False:"),
                Mutant(_ASSESS, "    if short:", "    if False:"),
            ),
            f"{_REPORT}test_what_a_record_cannot_show_is_not_observable": (),
            f"{_REPORT}test_no_report_says_that_somebody_is_compliant": (),
        },
    ),
    Promise(
        "report:outsider",
        "An outsider can check a report with `sha256sum`, `jq`, Python and Go, by written "
        "steps. The steps find a changed record, a changed report, another key and another "
        "sample.",
        {
            f"{_STEPS}test_an_outsider_checks_a_report_by_the_steps_of_the_page": (
                Mutant(
                    "evidence/report/population.py",
                    "heappushpop(self.ranks, (-rank",
                    "heappushpop(self.ranks, (rank",
                ),
            ),
            f"{_STEPS}test_the_steps_find_a_record_that_was_changed": (),
            f"{_STEPS}test_the_steps_find_a_report_that_states_another_population": (),
            f"{_STEPS}test_the_steps_find_an_event_of_the_sample_that_was_changed": (),
            f"{_STEPS}test_the_steps_find_a_report_that_another_key_signed": (),
            f"{_STEPS}test_a_file_that_was_changed_after_the_sums_were_written_is_found": (),
            f"{_REPORT}test_jq_finds_what_search_finds": (
                Mutant("evidence/report/jq.py", "flatten[]", "."),
            ),
        },
    ),
    Promise(
        "report:page",
        "The page of a report is one file that loads nothing. Texts of the record cannot "
        "become markup or a path.",
        {
            f"{_REPORT}test_the_page_loads_nothing_and_every_link_in_it_has_a_target": (),
            f"{_REPORT}test_a_text_of_the_record_is_escaped_on_the_page": (
                Mutant(
                    "evidence/report/page.py",
                    "escape(one.user) if one.user",
                    "one.user if one.user",
                ),
            ),
            f"{_REPORT}test_an_id_in_the_record_does_not_lead_out_of_the_folder": (
                Mutant("evidence/report/folder.py", "if _SAFE.fullmatch(one.id)]", "if one.id]"),
            ),
        },
    ),
    Promise(
        "evidence:sql",
        "One SQL statement finds on DuckDB what `verify` finds, except the order of lines in files.",
        {
            "evidence/test_sql.py::test_a_clean_record_is_intact_also_when_it_was_pruned_and_packed": (),
            "evidence/test_sql.py::test_the_statement_finds_every_tampering_but_the_order_of_lines": (
                Mutant("evidence/duckdb.sql", "WHERE size > coalesce(last, 0)", "WHERE false"),
                Mutant(
                    "evidence/duckdb.sql", "WHERE is_gap OR is_other OR is_false", "WHERE is_gap"
                ),
            ),
            "evidence/test_sql.py::test_a_history_that_was_written_again_without_the_key_is_found_by_the_signed_heads": (
                Mutant("evidence/duckdb.sql", "AND links.hash <> signed.hash", "AND false"),
            ),
        },
    ),
)
