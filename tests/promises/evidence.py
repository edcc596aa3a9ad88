"""What is promised of evidence."""

from tests.promises.model import Mutant, Promise

_TAMPERING = "evidence/test_tampering.py::test_random_tampering_gets_its_word"
_VERIFY = "evidence/test_verify.py::"
_PAGE = "evidence/test_page.py::"
_INTEROP = "evidence/test_interop.py::"
_KEYS = "evidence/test_keys.py::"
_PRUNE = "evidence/test_prune.py::"
_WITNESS = "evidence/test_witness.py::"
_STAMP = "evidence/test_stamp.py::"
_APPROVAL = "evidence/test_approval.py::"
_DELIVERED = "evidence/test_sign_delivered.py::"
_CHECKPOINTS = "run/test_checkpoints.py::"
_SIGNER = "evidence/test_signer.py::"

EVIDENCE = (
    Promise(
        "evidence:words",
        "`verify` names the damage to a record: edited, deleted, moved, repeated, spliced, "
        "cut, forked or put back.",
        {
            _TAMPERING: (
                Mutant("evidence/chain.py", "follows(run.opening, head)", "True"),
                Mutant("evidence/chain.py", "if twin.head_at(first) == head:", "if True:"),
                Mutant(
                    "evidence/chain.py", "if follows(place.run.opening, previous):", "if False:"
                ),
                Mutant(
                    "evidence/chain.py",
                    "one.run.has(expected) for one in after",
                    "False for one in after",
                ),
                Mutant(
                    "evidence/scan.py",
                    "if last is not None and self._run and all_continue(block, ends, head, last):",
                    "if last is not None and self._run:",
                ),
                Mutant(
                    "evidence/signed.py", "(_wrong_key, _forked, _cut)", "(_wrong_key, _forked)"
                ),
                Mutant("evidence/signed.py", "if roots.get(one.size) != one.root:", "if False:"),
                Mutant("evidence/judge.py", "_unlawful(case) or", "None or"),
            ),
            f"{_VERIFY}test_the_first_line_of_another_stream_before_the_first_is_an_edit": (
                Mutant("evidence/chain.py", "stream_of(run.opening) == stream)", "True)"),
            ),
            f"{_VERIFY}test_a_segment_that_names_another_line_before_it_is_an_edit": (
                Mutant("evidence/chain.py", "is_next and is_as_stated and", "is_next and"),
            ),
            f"{_VERIFY}test_a_sequence_that_does_not_follow_is_found_although_the_hashes_do": (
                Mutant(
                    "record/format.py",
                    "if [line.event.sequence for line in lines] != [*expected]:",
                    "if not lines or not expected:",
                ),
            ),
            f"{_VERIFY}test_an_edited_copy_beside_a_segment_is_a_fork": (
                Mutant("evidence/verify.py", "fork = fork or finding", "pass"),
            ),
            f"{_VERIFY}test_the_archive_that_ends_too_early_is_cut": (
                Mutant("evidence/scan.py", "walk.scan.damage = str(damage)", "pass"),
            ),
            f"{_VERIFY}test_a_history_written_again_after_it_was_signed_is_found_at_the_first_event": (
                Mutant("evidence/judge.py", "if one != other)", "if False)"),
            ),
        },
    ),
    Promise(
        "evidence:no-false-alarm",
        "An unchanged record verifies: after rotation, in archives, with copies beside it, "
        "and from eight processes that write at the same time.",
        {
            "evidence/test_sign.py::test_a_stream_is_signed_to_its_end_although_a_segment_was_complete_before_the_next_began": (
                Mutant("evidence/sign.py", " or self.path != paths[-1]:", ":"),
            ),
            "evidence/test_sign.py::test_a_segment_that_was_seen_before_its_writer_locked_it_is_signed_later": (
                Mutant(
                    "evidence/sign.py", "return self.path.stat().st_size == self.ended_size", "pass"
                ),
            ),
            "evidence/test_tampering.py::test_the_streams_of_several_processes_are_never_blamed": (),
            "evidence/test_tampering.py::test_a_record_that_was_lawfully_handled_is_never_blamed": (
                Mutant(
                    "evidence/verify.py",
                    "copies.append(other.path)",
                    "fork = Finding(Word.FORKED, '')",
                ),
            ),
            f"{_VERIFY}test_a_record_in_archives_is_verified_as_the_files_they_are_made_of": (
                Mutant("evidence/blocks.py", "if raw.peek(2)[:2] != _GZIP:", "if True:"),
            ),
            f"{_VERIFY}test_a_killed_stream_that_a_later_one_has_seen_is_not_stale": (
                Mutant(
                    "evidence/judge.py",
                    "one.sequence == self.last for one in self.seen",
                    "False for one in self.seen",
                ),
            ),
        },
    ),
    Promise(
        "evidence:silence",
        "An unsigned tail and a silent stream show after two intervals.",
        {
            f"{_VERIFY}test_events_that_nobody_signed_in_time_are_an_unsigned_tail": (
                Mutant("evidence/judge.py", "if unsigned > 0 and", "if unsigned > 99 and"),
            ),
            f"{_VERIFY}test_an_open_stream_without_a_new_checkpoint_is_stale": (
                Mutant("evidence/judge.py", "if not case.is_ended and", "if False and"),
            ),
            "evidence/test_tampering.py::test_a_writer_that_stops_without_a_word_makes_its_stream_stale": (),
        },
    ),
    Promise(
        "evidence:keys",
        "Only signatures by keys of the policy count. A revoked key no longer counts, and a key "
        "file that others can read is refused.",
        {
            f"{_VERIFY}test_a_checkpoint_by_a_key_that_the_policy_does_not_have_is_refused": (
                Mutant("evidence/signed.py", "if policy.signer(note, stream):", "if True:"),
            ),
            f"{_VERIFY}test_a_signature_with_one_changed_byte_is_refused": (
                Mutant(
                    "evidence/keys.py",
                    "if verifies(key.key, line.signature[-_SIGNATURE_BYTES:], message):",
                    "if True:",
                ),
            ),
            f"{_KEYS}test_what_only_a_revoked_key_signed_does_not_count": (),
            f"{_KEYS}test_a_quorum_of_witnesses_makes_a_stream_intact": (
                Mutant(
                    "evidence/policy.py",
                    "return signed_at(note, self.witnesses[name]) is not None",
                    "return True",
                ),
            ),
            f"{_CHECKPOINTS}test_a_key_that_others_can_read_is_refused": (
                Mutant("evidence/keys.py", "if found.st_mode & 0o077:", "if False:"),
            ),
            f"{_CHECKPOINTS}test_a_new_key_is_readable_by_its_owner_alone": (
                Mutant("evidence/keys.py", "_KEY_MODE = 0o400", "_KEY_MODE = 0o600"),
            ),
            f"{_CHECKPOINTS}test_the_record_does_not_show_the_key": (),
            "evidence/test_two_users.py::test_the_application_cannot_read_the_key_or_write_the_evidence": (),
            "evidence/test_two_users.py::test_what_the_application_writes_again_is_found": (),
        },
    ),
    Promise(
        "evidence:signed",
        "The shipper signs every stream to its end, also its own, and never a stream whose "
        "signed part is missing. Each checkpoint is also an event.",
        {
            f"{_CHECKPOINTS}test_a_run_signs_every_stream_to_its_end_its_own_too": (
                Mutant(
                    "run/supervise.py", "        checkpoints.ending(is_reload=is_reload),\n", ""
                ),
            ),
            f"{_CHECKPOINTS}test_a_stream_whose_signed_end_is_gone_is_not_signed_again": (),
            "evidence/test_sign.py::test_lines_that_do_not_follow_are_not_signed": (),
            f"{_DELIVERED}test_a_line_that_is_sealed_to_another_one_is_refused": (
                Mutant(
                    "evidence/sign.py",
                    "hashes, last = hashes_of(block, ends, known.head), known.last",
                    "hashes, last = hashes_of(block, ends, known.head) or bytes(32 * len(ends)), known.last",
                ),
            ),
            "evidence/test_sign.py::test_silence_is_signed_and_many_events_are_signed_early": (
                Mutant(
                    "evidence/sign.py",
                    "known.last - known.size >= self._rules.events",
                    "False",
                ),
                Mutant(
                    "evidence/sign.py",
                    "return time.monotonic() - known.signed_s >= self._rules.interval_s",
                    "return False",
                ),
            ),
            f"{_CHECKPOINTS}test_a_checkpoint_is_an_event_with_the_note_as_it_was_signed": (),
            f"{_CHECKPOINTS}test_the_notes_in_events_find_a_cut_tail_without_the_evidence_folder": (
                Mutant("evidence/collect.py", "if _NOTE in block:", "if False:"),
            ),
        },
    ),
    Promise(
        "evidence:signer",
        "A process of its own has the key, and signs. It survives a stop of the service, and a "
        "killed one is replaced; it never outlives the shipper, nor works beside another one.",
        {
            f"{_SIGNER}test_the_process_that_ships_neither_opens_the_key_nor_loads_cryptography": (
                Mutant(
                    "evidence/signer.py",
                    "        self._settings = settings\n",
                    "        self._settings = settings\n        signer_of(settings.key, settings.command, settings.public)\n",
                ),
            ),
            f"{_SIGNER}test_a_signer_that_is_killed_is_started_again_and_continues_where_it_stopped": (
                Mutant(
                    "evidence/signer.py",
                    "            self._start()\n            try:",
                    "            try:",
                ),
            ),
            f"{_SIGNER}test_the_signals_that_stop_a_service_leave_the_signer_to_its_shipper": (
                Mutant("evidence/signer.py", "signal.signal(number, signal.SIG_IGN)", "pass"),
            ),
            f"{_SIGNER}test_a_signer_ends_with_its_shipper_however_that_ends": (
                Mutant(
                    "evidence/signer.py",
                    "        raise _Gone\n",
                    "        signal.alarm(90), signal.pause()\n",
                ),
            ),
            f"{_SIGNER}test_a_signer_waits_until_the_one_before_has_ended": (
                Mutant("evidence/signer.py", "_wait_for_others(Path(settings.folder))", "pass"),
            ),
            f"{_SIGNER}test_a_shipper_with_a_key_that_cannot_be_used_ends_as_misconfigured": (
                Mutant(
                    "run/checkpoints.py",
                    "                raise self._unusable\n",
                    "                return\n",
                ),
                Mutant("run/checkpoints.py", "            self._stop()\n", ""),
            ),
            f"{_SIGNER}test_a_reload_with_a_key_that_cannot_be_used_keeps_the_old_one": (
                Mutant("run/checkpoints.py", "            if is_reload:", "            if False:"),
            ),
            f"{_SIGNER}test_a_shipper_delivers_although_it_cannot_sign_and_signs_when_it_can": (
                Mutant(
                    "evidence/signer.py", "with suppress(CannotSign, _Gone):", "with suppress():"
                ),
            ),
            f"{_SIGNER}test_a_signer_reports_what_it_cannot_do_and_can_do_it_later": (
                Mutant(
                    "evidence/signer.py",
                    "        except (OSError, ShipperError) as error:",
                    "        except ShipperError as error:",
                ),
            ),
        },
    ),
    Promise(
        "evidence:delivered",
        "What was delivered is signed, whatever becomes of the file. Lines that no output takes are "
        "signed too: they wait for delivery at most an interval, and only while it takes others.",
        {
            f"{_DELIVERED}test_what_was_delivered_is_signed_and_not_what_the_file_holds_later": (
                Mutant(
                    "evidence/sign.py", "if not chain.hashes.startswith(known.head):", "if True:"
                ),
            ),
            f"{_DELIVERED}test_the_lines_of_a_block_that_was_cut_are_signed_once": (
                Mutant(
                    "follow/reader.py",
                    "chain=sifted.chain[: (kept + 1) * HASH_BYTES]",
                    "chain=sifted.chain",
                ),
            ),
            f"{_DELIVERED}test_lines_that_delivery_left_out_are_read": (
                Mutant(
                    "evidence/sign.py", "if not chain.hashes.startswith(known.head):", "if False:"
                ),
            ),
            f"{_DELIVERED}test_lines_that_follow_from_others_than_the_signed_ones_are_refused": (),
            f"{_DELIVERED}test_lines_with_another_number_than_theirs_are_refused": (
                Mutant("evidence/sign.py", "if sequence != known.last:", "if False:"),
            ),
            f"{_DELIVERED}test_a_stream_waits_for_delivery_while_others_are_delivered_but_not_for_ever": (
                Mutant("evidence/sign.py", "if not is_patient:", "if True:"),
                Mutant("evidence/sign.py", "return bool(self._chains) and", "return"),
            ),
            f"{_DELIVERED}test_no_stream_waits_longer_than_the_interval": (
                Mutant(
                    "evidence/sign.py",
                    "return bool(self._chains) and waited_s < self._rules.interval_s",
                    "return bool(self._chains)",
                ),
            ),
            f"{_DELIVERED}test_what_no_signer_takes_does_not_fill_the_memory": (
                Mutant("follow/verified.py", "if self._lines > _MOST or", "if"),
            ),
            "test_durable.py::test_many_files_wait_for_their_own_file_system_and_not_for_the_machine": (
                Mutant("durable.py", "if len(paths) > _MANY and", "if"),
            ),
        },
    ),
    Promise(
        "evidence:open",
        "Go's own libraries for notes and trees accept checkpoints, tiles and proofs, and "
        "refuse them if one byte is changed. A stranger can verify a segment by the steps on "
        "one page.",
        {
            f"{_INTEROP}test_go_accepts_every_checkpoint_tile_entry_and_proof_in_them": (
                Mutant(
                    "wire/tlog.py",
                    'return [sha256(b"\\0" + entry).digest() for entry in entries]',
                    "return [sha256(entry).digest() for entry in entries]",
                ),
            ),
            f"{_INTEROP}test_go_refuses_a_checkpoint_a_tile_or_an_entry_with_one_changed_byte": (),
            f"{_INTEROP}test_go_accepts_the_proof_of_an_event_and_of_no_other": (),
            f"{_PAGE}test_the_example_holds_by_the_rule_in_the_page": (),
        },
    ),
    Promise(
        "evidence:documents",
        "Documents from Elasticsearch verify like the lines, and tampering with them gets its"
        " word. `reconcile` finds events that are missing, different or duplicated.",
        {
            "integration/test_evidence.py::test_documents_after_the_ingest_pipelines_verify_by_the_notes_among_them": (),
            "integration/test_evidence.py::test_random_tampering_with_documents_gets_its_word": (),
            "integration/test_evidence.py::test_reconcile_finds_what_is_missing_different_or_there_twice": (
                Mutant("evidence/reconcile.py", "found.duplicates += 1", "pass"),
            ),
        },
    ),
    Promise(
        "evidence:operations",
        "Whoever searches, reports, verifies, compares or exports leaves an event.",
        {
            "api/test_record.py::test_every_operation_that_reads_the_record_is_an_event": (
                Mutant("api/record.py", 'record_operation(config, "search",', '(config, "search",'),
                Mutant(
                    "api/record.py", 'record_report(config, report, context.get("user_id"))', ""
                ),
                Mutant("cli/evidence.py", "if record.is_recorded(config, paths):", "if False:"),
            ),
            "api/test_record.py::test_verifying_the_own_record_is_an_event_also_if_it_is_named": (
                Mutant(
                    "cli/evidence.py",
                    "if record.is_recorded(config, paths):",
                    "if not arguments.paths:",
                ),
            ),
            "api/test_record.py::test_verifying_a_copy_leaves_no_event": (
                Mutant("api/record.py", "own & {found, *found.parents}", "own"),
            ),
            "api/test_record.py::test_verifying_a_followed_input_is_an_event": (
                Mutant("api/record.py", "(*recorded_in(config), *followed)", "recorded_in(config)"),
            ),
            f"{_CHECKPOINTS}test_a_proof_and_the_tiles_that_somebody_takes_are_events": (
                Mutant(
                    "cli/evidence.py",
                    'config_of(arguments), "export", what="proof"',
                    'config_of(arguments), "x", what="proof"',
                ),
            ),
            "integration/test_evidence.py::test_reconcile_finds_what_is_missing_different_or_there_twice": (
                Mutant(
                    "cli/evidence.py",
                    '"reconcile", events, success=is_equal',
                    '"reconcile", events',
                ),
            ),
        },
    ),
    Promise(
        "evidence:witness",
        "A witness cosigns only what extends the history that it has seen, also after a kill, and "
        "a stream is `intact` only with the witnesses of the policy.",
        {
            f"{_WITNESS}test_a_stream_that_grows_is_witnessed_again_with_a_proof": (
                Mutant(
                    "evidence/judge.py", "if any(map(case.policy.is_witnessed, same)):", "if True:"
                ),
            ),
            f"{_WITNESS}test_silence_that_is_signed_again_is_still_witnessed": (
                Mutant(
                    "evidence/cosign.py",
                    "return there if there and there.checkpoint == note.checkpoint else note",
                    "return note",
                ),
            ),
            f"{_WITNESS}test_a_second_history_is_not_witnessed": (
                Mutant(
                    "wire/tlog.py",
                    "return not last and (old_root, new_root) == (old[1], new[1])",
                    "return True",
                ),
            ),
            f"{_WITNESS}test_an_old_history_that_is_put_back_is_not_witnessed": (
                Mutant(
                    "evidence/cosign.py",
                    "if there == old or there > note.checkpoint.size:",
                    "if there == old:",
                ),
            ),
            f"{_WITNESS}test_a_witness_knows_after_a_restart_what_it_has_seen": (
                Mutant(
                    "evidence/witness.py",
                    "replace(path, [str(Note(new, (*note.signatures, cosignature))).encode()])",
                    "pass",
                ),
            ),
            f"{_WITNESS}test_the_witness_answers_as_c2sp_says": (
                Mutant(
                    "evidence/witness.py",
                    "if not any(signed_at(asked.note, one) is not None for one in keys):",
                    "if False:",
                ),
                Mutant("evidence/witness.py", "if old != last.size or", "if"),
                Mutant("evidence/witness.py", "if asked.old > new.size:", "if False:"),
            ),
            f"{_WITNESS}test_requests_at_once_get_one_history": (),
            f"{_WITNESS}test_a_witness_that_is_down_or_lies_is_reported_and_does_not_count": (
                Mutant(
                    "evidence/cosign.py",
                    "if signed_at(Note(note.checkpoint, (line,)), key) is not None:",
                    "if True:",
                ),
            ),
            f"{_WITNESS}test_a_run_is_witnessed_to_its_end_by_the_command_which_a_kill_does_not_harm": (
                Mutant("run/witnessing.py", "work.tick(at_close=True)", "pass"),
            ),
            f"{_WITNESS}test_a_real_witness_cosigns_a_stream_that_grows_and_no_second_history": (),
            f"{_WITNESS}test_go_accepts_the_cosignature_of_the_witness_and_of_no_other": (),
            f"{_WITNESS}test_a_proof_has_the_cosignature_also_after_the_stream_has_grown": (
                Mutant("evidence/prove.py", "_witnessed(stream, index, size) or note", "note"),
            ),
            f"{_WITNESS}test_two_witnesses_do_not_share_a_folder": (
                Mutant("cli/witness.py", "with claimed(arguments.folder):", "if True:"),
            ),
        },
    ),
    Promise(
        "evidence:time-stamps",
        "`verify` shows when an authority of the policy saw a checkpoint, and no other time.",
        {
            f"{_STAMP}test_verify_shows_when_the_authority_saw_the_checkpoint": (),
            f"{_STAMP}test_openssl_accepts_what_is_kept": (
                Mutant(
                    "evidence/stamp.py",
                    "data = str(note).encode()",
                    "data = str(note.checkpoint).encode()",
                ),
            ),
            f"{_STAMP}test_a_changed_stamp_is_not_valid": (
                Mutant(
                    "evidence/stamp.py", "builder.build().verify_message(response, data)", "pass"
                ),
            ),
            f"{_STAMP}test_a_stamp_of_another_authority_is_not_valid": (),
            f"{_STAMP}test_a_run_has_its_last_checkpoints_stamped_and_the_command_shows_it": (
                Mutant("cli/evidence.py", "    if one.stamped_at:", "    if False:"),
            ),
        },
    ),
    Promise(
        "evidence:dual-control",
        "With approvals in the policy, a deletion, a change of keys and a shorter retention need "
        "the signatures of that many persons on exactly this request.",
        {
            f"{_APPROVAL}test_segments_are_deleted_only_when_both_persons_have_signed": (),
            f"{_APPROVAL}test_one_person_twice_or_a_stranger_is_not_a_second_person": (
                Mutant(
                    "evidence/policy.py",
                    "if (line.name, line.key_id) == (key.name, key.id)\n            and verifies(key.key, line.signature, text.encode())",
                    "if True",
                ),
            ),
            f"{_APPROVAL}test_an_approval_of_another_deletion_does_not_count": (
                Mutant(
                    "evidence/approval.py",
                    "if found is None or found[0] != request:",
                    "if found is None:",
                ),
            ),
            f"{_APPROVAL}test_a_deletion_that_nobody_approved_is_missing_although_its_statement_is_signed": (
                Mutant("evidence/signed.py", "if policy.is_approved(note):", "if True:"),
            ),
            f"{_APPROVAL}test_a_key_is_revoked_only_when_both_persons_have_signed_and_once": (
                Mutant("cli/keys.py", '"key": str(key), "policy": digest}', '"key": str(key)}'),
            ),
            f"{_APPROVAL}test_a_key_is_replaced_only_when_both_persons_have_signed": (),
            f"{_APPROVAL}test_keys_without_dual_control_are_events_too": (
                Mutant(
                    "cli/keys.py",
                    "require_record(config, operation, details, stated=stated)",
                    "pass",
                ),
            ),
            f"{_APPROVAL}test_a_policy_that_is_edited_by_hand_is_a_changed_setting": (
                Mutant("run/settings.py", "policy.read_bytes()", 'b""'),
            ),
            "integration/test_assets_setup.py::test_retention_is_shortened_only_when_another_person_has_signed": (
                Mutant("cli/setup.py", "    if shorter:", "    if False:"),
            ),
        },
    ),
    Promise(
        "evidence:prune",
        "After a deletion under a signed statement, the rest still verifies. Any other "
        "deletion shows.",
        {
            f"{_PRUNE}test_after_pruning_the_rest_verifies_from_the_kept_tree": (),
            f"{_PRUNE}test_segments_deleted_without_a_statement_are_missing": (
                Mutant(
                    "evidence/judge.py", "if gone <= max(case.notes.pruned, default=0):", "if True:"
                ),
            ),
            f"{_PRUNE}test_more_than_was_stated_is_missing": (),
            f"{_PRUNE}test_what_cannot_be_recorded_is_not_deleted": (
                Mutant("cli/prune.py", "        _record(config, one, authority)", "        pass"),
            ),
            f"{_PRUNE}test_a_damaged_stream_is_not_pruned": (
                Mutant(
                    "evidence/prune.py", "if verdict.word not in PROVEN | UNPROVEN:", "if False:"
                ),
            ),
            f"{_PRUNE}test_what_is_not_old_or_not_delivered_stays": (
                Mutant("evidence/prune.py", "if line[_TIME] >= cutoff or", "if"),
            ),
        },
    ),
)
