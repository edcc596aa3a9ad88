"""What is promised of delivery: files, and how far they are read."""

from tests.promises.model import Mutant, Promise

_LINE = "integration/test_line.py::"
_READING = "deliver/test_reading.py::"
_STATUS = "run/test_status.py::"
_SETTLE = "deliver/test_settle.py::"
_LOSS_REPORTS = "deliver/test_loss_reports.py::"
_HISTORIES = "deliver/test_histories.py::"
_COPIES = "deliver/test_copies.py::"
_PARTS = "deliver/test_rotated_parts.py::"
_CHOOSING = "deliver/test_choosing.py::"
_ARCHIVES = "deliver/test_archives.py::"
_RUNNING = "deliver/test_running.py::"
_TAKEOVER = "deliver/test_filebeat_registry.py::"
_LAWS = "forms/test_laws.py::"
_STDIN = "integration/test_stdin.py::"
_SPOOL = "deliver/test_spool.py::"
_BAD_INPUT = "integration/test_bad_input.py::"

FILES = (
    Promise(
        "deliver:takeover",
        "The shipper takes over the positions of Filebeat 8 and 9, so a move sends nothing "
        "twice and skips nothing.",
        {
            f"{_TAKEOVER}test_a_thousand_random_positions_send_nothing_twice_and_skip_nothing": (
                Mutant(
                    "deliver/filebeat.py",
                    "entries[key] = value",
                    "entries.setdefault(key, value)",
                ),
            ),
            f"{_TAKEOVER}test_operations_older_than_the_checkpoint_do_not_count": (
                Mutant("deliver/filebeat.py", 'if action["id"] <= number:', "if False:"),
            ),
            f"{_TAKEOVER}test_the_newest_state_of_a_file_counts_and_half_a_line_is_never_sent": (
                Mutant(
                    "deliver/filebeat.py",
                    "for state in sorted(states, key=lambda one: one.updated_s):",
                    "for state in states:",
                ),
                Mutant(
                    "deliver/filebeat.py",
                    "_line_start(file, state.offset)",
                    "state.offset",
                ),
            ),
        },
    ),
    Promise(
        "deliver:complete",
        "Every complete line arrives, in the order of its file.",
        {
            f"{_LINE}test_100_000_events_reach_a_real_lumberjack_server_complete_and_in_order": (),
            f"{_LINE}test_100_000_events_reach_elasticsearch_complete_and_in_order": (),
            f"{_READING}test_a_batch_holds_no_more_lines_than_the_output_takes": (
                Mutant(
                    "follow/reader.py",
                    "end, kept = chunk.offset(max_lines), max_lines",
                    "end, kept = chunk.end, max_lines",
                ),
            ),
            f"{_READING}test_a_batch_holds_about_a_mebibyte": (
                Mutant(
                    "follow/reader.py",
                    'has_more = not is_all_read or (is_full and rest != b"")',
                    "has_more = False",
                ),
            ),
            f"{_SETTLE}test_a_batch_that_is_too_large_is_halved_until_it_fits": (
                Mutant(
                    "deliver/poison.py",
                    "self._groups[at:at] = reversed(attempt.left)",
                    "self._groups[at:at] = attempt.left",
                ),
            ),
        },
    ),
    Promise(
        "deliver:no-loss-on-kill",
        "Killing the shipper at any moment loses no complete line.",
        {
            f"{_LINE}test_killed_ten_times_on_the_way_to_a_lumberjack_server_it_loses_nothing": (),
            f"{_LINE}test_killed_ten_times_on_the_way_to_elasticsearch_it_loses_and_doubles_nothing": (),
            "integration/test_kills.py::test_killed_and_rotated_behind_a_bad_line_to_a_lumberjack_server_it_loses_nothing": (),
            f"{_READING}test_an_unsettled_batch_is_read_again": (
                Mutant(
                    "deliver/pipeline.py",
                    "self._stats.active = batch.line_count()",
                    "self._commit(batch)",
                ),
            ),
        },
    ),
    Promise(
        "deliver:reported-losses",
        "Lines that users of other shippers have reported lost arrive here: lines of a "
        "file that was closed while the output was slow, was renamed or deleted, was "
        "rotated by the kubelet, or got the inode of another file.",
        {
            f"{_LOSS_REPORTS}test_lines_written_while_the_output_is_slow_and_the_file_is_closed_are_not_skipped": (),
            f"{_LOSS_REPORTS}test_lines_written_after_a_rename_of_a_closed_file_arrive": (
                Mutant(
                    "follow/following.py",
                    "self._claims.forget_name(source)\n        source.relist(found)",
                    "found = source.found\n        source.relist(found)",
                ),
            ),
            f"{_LOSS_REPORTS}test_the_last_line_of_a_file_that_is_then_deleted_arrives": (
                Mutant(
                    "follow/following.py",
                    "if source.is_waiting or (source.file.is_open and source.file.has_changed()):",
                    "if False:",
                ),
            ),
            f"{_LOSS_REPORTS}test_lines_before_a_rotation_by_the_kubelet_arrive_through_the_link": (),
            f"{_LOSS_REPORTS}test_another_file_with_the_inode_of_a_deleted_one_is_read_from_its_beginning": (
                Mutant(
                    "follow/mark.py",
                    "if self._known_bytes and head_of(file, self._known_bytes) != self.head:",
                    "if False:",
                ),
            ),
        },
    ),
    Promise(
        "deliver:commit-after-settle",
        "Through any history of appends, rotations, crashes and failing outputs, no "
        "position moves past a line that is not settled, nothing is lost, and the order "
        "of each file is kept.",
        {
            f"{_HISTORIES}TestHistories": (
                Mutant(
                    "deliver/pipeline.py",
                    "self._stats.active = batch.line_count()",
                    "self._commit(batch)",
                ),
            ),
            f"{_SETTLE}test_a_stop_while_waiting_leaves_the_batch_for_the_next_start": (
                Mutant(
                    "deliver/pipeline.py",
                    "self._stats.active = 0",
                    "self._stats.active = 0\n        self._commit(batch)",
                ),
            ),
        },
    ),
    Promise(
        "deliver:segments",
        "Segments of an audit stream arrive in order, also across rotation, retries and "
        "restarts. Each of their lines is delivered once, unless the shipper dies.",
        {
            "deliver/test_segments.py::test_a_segment_is_read_only_when_all_before_it_is_settled": (
                Mutant(
                    "follow/streams.py",
                    "return not row or source.segment.number <= row[0][0]",
                    "return True",
                ),
            ),
            f"{_HISTORIES}TestHistories": (),
        },
    ),
    Promise(
        "deliver:late",
        "Lines that a program writes to a file within five minutes after it was renamed or deleted "
        "arrive once; at most 128 such files are kept open.",
        {
            "deliver/test_late_lines.py::test_lines_written_long_after_a_file_lost_its_name_arrive_once": (
                Mutant("follow/late.py", "return now - since <", "return now - since > 1e9 +"),
            ),
            "deliver/test_late_lines.py::test_a_burst_of_deletions_leaves_few_files_open_with_a_warning": (
                Mutant("follow/late.py", "len(kept) - _MAX_KEPT", "0"),
            ),
        },
    ),
    Promise(
        "deliver:replaced",
        "If a file is deleted and a longer copy takes its place, the shipper continues the "
        "copy at the same position.",
        {
            "deliver/test_late_lines.py::test_a_file_replaced_by_a_longer_copy_of_itself_goes_on_where_it_was": (
                Mutant(
                    "follow/candidates.py",
                    "return 0 < original.offset <= file.size and original.mark.fits(file)",
                    "return False",
                ),
            ),
        },
    ),
    Promise(
        "deliver:holes",
        "The first line after a hole of NULs, as copytruncate leaves it, arrives like any other.",
        {
            "deliver/test_holes.py::test_the_lines_behind_a_hole_arrive_each_once": (
                Mutant("follow/reader.py", "if data.startswith(NUL):", "if False:"),
            ),
        },
    ),
    Promise(
        "deliver:account",
        "Every line of the files is explained at any moment, across crashes and restarts: written "
        "= delivered + dead letters + waiting + dropped + blank or joined. Audit events emitted = "
        "recorded + stated as lost.",
        {
            f"{_HISTORIES}TestHistories": (),
            f"{_SETTLE}test_every_line_of_a_file_is_accounted_for": (
                Mutant(
                    "follow/registry.py",
                    "account = commit.account or account",
                    "pass",
                ),
                Mutant(
                    "deliver/accounting.py",
                    "read = raw_lines(batch)",
                    "read = batch.line_count()",
                ),
            ),
            f"{_STATUS}test_the_account_of_every_line_is_shown_across_restarts_and_exported": (),
            f"{_STATUS}test_the_account_states_the_events_that_a_handler_could_not_record": (
                Mutant(
                    "deliver/accounting.py",
                    "return found.mcp.compliance.records if",
                    "return 0 if",
                ),
            ),
            "integration/test_kills.py::test_killed_and_rotated_behind_a_bad_line_to_elasticsearch_it_loses_and_doubles_nothing": (),
        },
    ),
    Promise(
        "deliver:once-in-smaller-batches",
        "A line is indexed once, also if fewer lines are settled after a crash than were sent "
        "before it.",
        {
            "deliver/test_identity.py::test_a_line_is_indexed_once_if_less_than_was_sent_before_a_crash_is_settled_after_it": (
                Mutant(
                    "follow/mark.py",
                    "is_kept = self.is_full and offset >= HEAD_BYTES",
                    "is_kept = self.is_full",
                ),
            ),
        },
    ),
    Promise(
        "deliver:packed-once",
        "A rotated file that is compressed and removed is not sent again as an archive, also "
        "if its handle was closed.",
        {
            f"{_ARCHIVES}test_an_archive_with_the_inode_of_a_file_that_is_gone_is_not_sent_again": (
                Mutant(
                    "follow/following.py",
                    "if source and source.has_lost_inode_to(found):",
                    "if False:",
                ),
            ),
            f"{_ARCHIVES}test_a_file_that_is_packed_while_its_handle_is_closed_is_not_sent_again": (
                Mutant(
                    "follow/candidates.py",
                    "        if original.is_listed:\n            raise\n        return True",
                    "        raise",
                ),
            ),
        },
    ),
    Promise(
        "deliver:rotated-parts",
        "Where a container's log is rotated within a line, both parts arrive, and are marked.",
        {
            f"{_PARTS}test_what_begins_a_file_behind_an_open_part_is_marked": (
                Mutant("follow/reader.py", "if start <= _BEGINNING_BYTES and", "if start < 0 and"),
            ),
            f"{_PARTS}test_what_follows_an_open_part_is_marked_after_a_restart_too": (
                Mutant("follow/reader.py", "if start <= _BEGINNING_BYTES and", "if start == 0 and"),
            ),
            f"{_PARTS}test_docker_numbers_the_files_that_it_rotates": (
                Mutant("follow/rotated.py", "int(found[2] or 0) + 1", "int(found[2] or 0)"),
            ),
            f"{_PARTS}test_a_link_in_place_of_the_earlier_file_is_not_read": (
                Mutant("follow/rotated.py", "os.O_NOFOLLOW | ", ""),
            ),
            f"{_PARTS}test_however_a_file_is_split_into_blocks_the_same_part_continues": (
                Mutant(
                    "forms/text/container.py",
                    "last |= {part.stream: False for",
                    "last |= {part.stream: last.get(part.stream, False) for",
                ),
            ),
        },
    ),
    Promise(
        "deliver:copies",
        "Rotation by copy and truncation sends nothing twice, at whatever moment the copy is seen.",
        {
            f"{_COPIES}test_a_copy_is_known_at_every_byte_while_it_is_made": (
                Mutant(
                    "follow/candidates.py",
                    "return not original.has_left and _is_beginning(",
                    "return False and _is_beginning(",
                ),
            ),
            f"{_COPIES}test_a_copy_with_the_inode_of_a_file_with_another_name_is_a_copy": (
                Mutant(
                    "follow/candidates.py",
                    "named if not named or is_sure or not _is_being_copied(file, found) else []",
                    "named",
                ),
                Mutant(
                    "follow/claims.py",
                    "if position and is_certain(position, source.found):",
                    "if position:",
                ),
                Mutant(
                    "follow/candidates.py",
                    "if best is not None and not _is_doubtful(best, found):",
                    "if best is not None:",
                ),
            ),
            f"{_COPIES}test_a_copy_is_not_taken_for_a_deleted_file_that_had_the_name_of_its_original": (
                Mutant(
                    "follow/candidates.py",
                    "or (is_at_inode and not",
                    "or (not",
                ),
            ),
            f"{_COPIES}test_a_copy_that_holds_more_than_a_file_left_behind_is_no_copy_of_it": (
                Mutant(
                    "follow/candidates.py",
                    "_holds_settled(file, original) and (is_in_place or is_beginning)",
                    "_holds_settled(file, original)",
                ),
            ),
            f"{_COPIES}test_a_copy_is_the_copy_of_the_file_that_holds_all_of_it": (
                Mutant(
                    "follow/candidates.py",
                    "key=lambda one: _shown(copy, one), default",
                    "key=lambda one: one.offset, default",
                ),
                Mutant(
                    "follow/claims.py",
                    "if awaited := self._originals.awaited(source):",
                    "if awaited := None:",
                ),
            ),
            f"{_COPIES}test_a_copy_made_while_stopped_continues_at_the_position_of_the_original": (),
            f"{_COPIES}test_a_copy_is_not_sent_and_has_the_rest_when_the_original_is_cut": (
                Mutant(
                    "follow/candidates.py",
                    "return 0 < original.offset <= file.size and original.mark.fits(file)",
                    "return False",
                ),
            ),
        },
    ),
    Promise(
        "deliver:deletion",
        "If deletion is configured, a file is deleted only when every output has all of it.",
        {
            f"{_CHOOSING}test_a_file_is_deleted_when_every_output_has_it_and_not_before": (
                Mutant(
                    "follow/deletions.py",
                    "if outputs == self._outputs and self._delete",
                    "if self._delete",
                ),
            ),
            f"{_CHOOSING}test_a_half_line_at_the_end_keeps_a_file": (
                Mutant("follow/retention.py", " or source.unfinished_bytes():", ":"),
            ),
            f"{_CHOOSING}test_the_last_segment_of_a_killed_process_is_deleted_and_not_before_it_is_gone": (
                Mutant(
                    "follow/segments.py",
                    "return _is_closed(file) or not _has_writer(file.file)",
                    "return True",
                ),
            ),
            f"{_CHOOSING}test_a_file_that_has_grown_since_it_was_settled_is_not_deleted": (
                Mutant(
                    "follow/deletions.py",
                    "if _version_at(name, at) != version:",
                    "if False:",
                ),
            ),
        },
    ),
    Promise(
        "deliver:archives",
        "A gzip archive is shipped like the file it was made from, whenever that file was "
        "compressed and however far it was read. All complete lines before the damage in a "
        "damaged archive arrive. A very large archive does not delay the others for long.",
        {
            f"{_ARCHIVES}test_an_archive_is_shipped_like_the_file_it_was_made_of": (
                Mutant(
                    "follow/archive.py",
                    "is_archive = head.startswith(_MAGIC)",
                    "is_archive = False",
                ),
            ),
            f"{_ARCHIVES}test_a_file_that_is_compressed_is_known_at_every_byte_of_it": (),
            f"{_ARCHIVES}test_a_file_compressed_while_stopped_continues_at_its_position": (
                Mutant(
                    "follow/candidates.py",
                    "path = path.removesuffix(_ARCHIVE)\n        yield path",
                    "return",
                ),
            ),
            f"{_ARCHIVES}test_every_line_before_a_changed_byte_arrives": (
                Mutant("follow/archive.py", "before, len(fed) // 2", "before, 0"),
            ),
            f"{_ARCHIVES}test_a_very_large_archive_delays_others_only_by_its_share": (
                Mutant("follow/sources.py", "if _level(least) >= level:", "if True:"),
            ),
        },
    ),
    Promise(
        "deliver:rotation",
        "Rotation, truncation and deletion lose no line and repeat no line.",
        {
            f"{_READING}test_rotation_by_rename_loses_and_repeats_nothing": (),
            f"{_RUNNING}test_rotation_while_running_loses_and_repeats_nothing": (),
            "integration/test_logrotate.py::test_each_line_arrives_once_whatever_logrotate_does": (),
            f"{_RUNNING}test_a_deleted_file_is_read_to_its_end_and_forgotten": (
                Mutant(
                    "follow/following.py",
                    "is_kept = self._claims.may_return(source) or not may_go",
                    "is_kept = True",
                ),
            ),
            f"{_READING}test_a_truncated_file_is_read_from_its_beginning": (),
            f"{_ARCHIVES}test_a_file_that_is_written_over_is_read_as_what_it_is_then": (),
            f"{_RUNNING}test_a_file_rewritten_in_place_while_it_is_followed_is_read_from_its_beginning": (
                Mutant(
                    "follow/source.py",
                    "if self.file.size < self.offset or not self._mark.fits(handle):",
                    "if False:",
                ),
            ),
            f"{_READING}test_a_rotated_file_that_begins_as_the_new_one_does_keeps_its_position": (
                Mutant(
                    "follow/following.py",
                    "for found in sorted(changed, key=self._rank):",
                    "for found in changed:",
                ),
            ),
        },
    ),
    Promise(
        "deliver:forms",
        "The events of text files, container logs and events of several lines are the "
        "same, however a file is read and whenever the shipper dies: none lost, none "
        "doubled, none torn.",
        {
            f"{_LAWS}test_however_a_file_is_cut_into_blocks_its_events_are_the_same": (
                Mutant(
                    "forms/text/sifting.py",
                    "if any(message.end > place for message in self._passed):",
                    "if False:",
                ),
            ),
            f"{_LAWS}test_a_crash_between_any_two_batches_neither_loses_nor_doubles": (),
            "forms/test_interleaved.py::test_what_two_streams_print_in_turn_arrives_complete_and_in_order": (),
            "forms/test_containers.py::test_lines_of_cri_are_unwrapped_and_their_parts_joined_per_stream": (
                Mutant(
                    "forms/text/container.py",
                    "before = self._open.pop(part.stream, None)",
                    "before = self._open.popitem()[1] if self._open else None",
                ),
            ),
        },
    ),
    Promise(
        "deliver:cut",
        "A line that is too long is never cut silently: the event and an audit record have "
        "the length and the digest of the complete line.",
        {
            "forms/test_text.py::test_a_long_line_is_cut_and_its_event_and_a_record_say_what_it_was": (
                Mutant(
                    "forms/text/raw.py",
                    "digest = sha256(line).hexdigest()",
                    "digest = sha256(line[:max_bytes]).hexdigest()",
                ),
                Mutant(
                    "forms/text/emit.py",
                    "self._truncated.append(message.truncated)",
                    "pass",
                ),
            ),
        },
    ),
    Promise(
        "deliver:stdin",
        "Lines from a pipe are on disk until every output has them, even through a kill. "
        "The space that they take is limited.",
        {
            f"{_STDIN}test_what_was_taken_from_a_pipe_survives_a_kill": (),
            f"{_STDIN}test_a_pipe_is_shipped_to_its_end_and_leaves_nothing_behind": (),
            f"{_SPOOL}test_while_there_is_no_room_the_pipe_is_not_read": (
                Mutant(
                    "deliver/spool.py",
                    "room = self._max_bytes - self.prune()",
                    "room = self._max_bytes",
                ),
            ),
            f"{_SPOOL}test_segments_are_deleted_when_every_output_has_them_and_not_before": (
                Mutant(
                    "deliver/spool.py",
                    "for path in self._settled([one for one in sizes if one != self._current]):",
                    "for path in [one for one in sizes if one != self._current]:",
                ),
            ),
        },
    ),
    Promise(
        "deliver:torn-registry",
        "A crash while a position is written costs at most that position.",
        {
            "follow/test_registry.py::test_a_last_line_torn_at_any_byte_leaves_the_commits_before_it": (
                Mutant(
                    "follow/registry.py",
                    "            damage = RegistryError(",
                    "            raise RegistryError(",
                ),
            ),
        },
    ),
    Promise(
        "deliver:memory",
        "A plain file whose lines are delivered takes less than a kibibyte of memory.",
        {
            f"{_CHOOSING}test_each_of_many_files_that_are_delivered_takes_less_than_a_kibibyte": (
                Mutant(
                    "follow/mark.py",
                    "return sha256(data).digest()[:_FINGERPRINT_BYTES]",
                    "return data",
                ),
            ),
        },
    ),
    Promise(
        "deliver:worst-line",
        "Memory stays below the limits of the manifests with the longest lines of any bytes, to one, "
        "two or four outputs.",
        {
            "integration/test_memory.py::test_memory_with_the_worst_line_stays_below_the_limit_of_the_manifest": (),
            "forms/test_text.py::test_a_text_is_cut_if_its_json_is_too_long_and_the_event_has_its_digest": (
                Mutant("forms/text/bounded.py", "if len(piece) > room:", "if False:"),
            ),
            f"{_READING}test_lines_that_are_skipped_take_no_memory_however_many_there_are": (
                Mutant(
                    "follow/reader.py",
                    "limits.max_line_bytes if unread.file.is_archive else 0",
                    "limits.max_line_bytes",
                ),
            ),
        },
    ),
    Promise(
        "deliver:whole-tail",
        "A last line without its newline is delivered as soon as it is complete.",
        {
            f"{_BAD_INPUT}test_a_file_without_a_final_newline_is_shipped_whole": (),
            f"{_BAD_INPUT}test_half_a_line_waits_for_its_end": (),
            f"{_READING}test_a_last_line_that_is_not_whole_waits_for_its_end": (
                Mutant(
                    "forms/ndjson.py", "return 0.0 if is_complete(rest) else None", "return 0.0"
                ),
            ),
            f"{_READING}test_a_last_line_without_newline_is_delivered_if_it_is_whole": (
                Mutant(
                    "forms/ndjson.py", "return 0.0 if is_complete(rest) else None", "return None"
                ),
            ),
        },
    ),
)
