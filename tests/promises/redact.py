"""What is promised of redaction."""

from tests.promises.model import Mutant, Promise

_REDACTION = "record/test_redaction.py::"
_PLANTED = "integration/test_planted.py::"

REDACT = (
    Promise(
        "redact:secret-names",
        "A value under a secret name is never written, at any depth. Its repetition "
        "in a result or an error is not written either, even where a cut runs through it.",
        {
            f"{_REDACTION}test_no_value_under_a_secret_name_is_written_at_any_depth": (
                Mutant(
                    "record/walk.py",
                    "        if can_be_secret(name, item) if is_secret else is_random_item(name, item):",
                    "        if is_secret and not depth:",
                ),
            ),
            f"{_REDACTION}test_an_echo_across_the_cut_is_not_half_written": (
                Mutant(
                    "record/finish.py",
                    "self._text(long[:WINDOW], echoes=echoes)",
                    "self._text(long[:MAX_TEXT], echoes=echoes) + long[MAX_TEXT:WINDOW]",
                ),
            ),
            f"{_REDACTION}test_text_that_moves_before_the_cut_brings_no_half_secret_with_it": (
                Mutant("record/finish.py", "text = text[: max(0, len(text) - LOOK_AHEAD)]", "pass"),
            ),
            f"{_REDACTION}test_the_echo_of_a_masked_value_is_masked": (
                Mutant("record/finish.py", "if echoes and self._spellings:", "if False:"),
            ),
        },
    ),
    Promise(
        "redact:no-blotting",
        "A caller cannot hide the name of a tool by passing it as a password.",
        {
            f"{_REDACTION}test_a_caller_cannot_blot_out_what_was_called_by_passing_it_as_a_password": (
                Mutant(
                    "record/redact.py",
                    "Kind.WORD: lambda finish, value: finish.value(value, echoes=False)",
                    "Kind.WORD: lambda finish, value: finish.value(value, echoes=True)",
                ),
            ),
        },
    ),
    Promise(
        "redact:payloads",
        "If a rule of the operator forbids it, arguments and results are not written.",
        {
            "record/test_payloads.py::test_the_level_none_records_nothing_of_a_payload": (
                Mutant("record/payloads.py", "value = left.pop(path)", "value = left[path]"),
            ),
            "record/test_payloads.py::test_the_first_rule_that_fits_type_and_tool_decides": (
                Mutant(
                    "catalog/payloads.py",
                    "return not self.tools or any(",
                    "return self.tools == () or not any(",
                ),
            ),
        },
    ),
    Promise(
        "redact:own",
        "The kinds and names of secrets that the operator adds are masked like the built-in ones.",
        {
            "secrets/test_own.py::test_the_handler_masks_own_kinds_and_names": (
                Mutant("record/recording.py", "declare(own.rows(), own.names,", "declare((), (),"),
            ),
            "secrets/test_own.py::"
            "test_a_list_that_had_no_secret_is_searched_again_when_the_operator_adds_a_kind": (
                Mutant("secrets/tables.py", "follows_own(_Free())", "_Free()"),
            ),
            "secrets/test_own.py::test_a_name_that_was_seen_before_is_masked_as_soon_as_it_is_declared": (
                Mutant("secrets/own.py", "    for clear in _caches:\n        clear()", "    pass"),
            ),
        },
    ),
    Promise(
        "redact:no-padding",
        "A caller cannot push short arguments out of an event with long ones.",
        {
            "record/test_bounds.py::test_padding_does_not_push_out_short_arguments": (
                Mutant(
                    "record/finish.py",
                    "(0 if len(text) <= SHORT else RESERVED_CHARS)",
                    "0",
                ),
            ),
        },
    ),
    Promise(
        "redact:no-slow-pattern",
        "The time of the search for secrets is bounded for any text.",
        {
            "record/test_bounds.py::test_no_pattern_can_be_made_to_run_long_by": (
                Mutant("secrets/masker.py", "elif at >= ends.get(row.name, 0):", "else:"),
            ),
            "secrets/test_together.py::"
            "test_heads_of_bank_accounts_beyond_the_work_are_cut_with_the_rest_of_their_text": (
                Mutant("secrets/budget.py", "if self.of_numbers < 0:", "if False:"),
            ),
            "secrets/test_together.py::"
            "test_names_of_secrets_beyond_the_work_are_cut_with_the_rest_of_their_text": (
                Mutant("secrets/masker.py", "budget.ends(self._end_of(kept))", "pass"),
            ),
            "secrets/test_together.py::test_no_text_of_an_event_takes_longer_than_its_work": (
                Mutant("secrets/budget.py", "return self.left >= 0", "return True"),
            ),
        },
    ),
    Promise(
        "redact:together",
        "Secrets are found in a text alone and among the other texts of its event.",
        {
            "secrets/test_together.py::"
            "test_a_secret_is_found_at_the_end_of_a_text_that_another_follows": (
                Mutant(
                    "secrets/masker.py",
                    "return not (kind.back or is_greedy or has_end or has_no_other)",
                    "return True",
                ),
            ),
            "secrets/test_together.py::"
            "test_every_form_of_a_number_is_found_beside_fractions_and_identifiers": (
                Mutant("secrets/numbers.py", 'if "+" in plain:', "if False:"),
            ),
            "secrets/test_together.py::test_a_text_has_the_same_secrets_alone_and_among_others": (
                Mutant("secrets/pools.py", "end = at + len(text)\n", "end = at + len(text) + 1\n"),
            ),
        },
    ),
    Promise(
        "redact:nothing-planted",
        "Secrets of the kinds in docs/redaction.md, and values under secret names with their "
        "repetitions in results and errors, reach no file by any capture path.",
        {
            f"{_PLANTED}test_no_planted_secret_is_in_any_file": (),
            f"{_PLANTED}test_the_demo_finds_none_of_its_own_and_says_so": (),
            "capture/test_http.py::test_no_token_or_session_id_is_in_any_event": (
                Mutant(
                    "capture/facts.py",
                    "session=digest(session) if session else None",
                    "session=session",
                ),
            ),
            f"{_REDACTION}test_no_planted_secret_is_found_on_disk_after_it_came_in_as": (
                Mutant(
                    "record/redact.py",
                    "is_dirty = found or is_long",
                    "is_dirty = is_long",
                ),
            ),
        },
    ),
)
