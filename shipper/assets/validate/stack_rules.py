"""Elasticsearch's rules for policies, mappings and processors, as tables and functions.

From its own sources (`TimeseriesLifecycleType`, `ReadOnlyAction`) and its API specification.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TIME = re.compile(r"(\d+)(d|h|m|s|ms|micros|nanos)")
_PER_DAY = {"d": 1.0, "h": 24.0, "m": 1440.0, "s": 86_400.0, "ms": 86_400_000.0}
_MOVE = {"allocate", "migrate"}

#: The actions that each phase allows; the phases in order of age.
PHASES: Mapping[str, frozenset[str]] = {
    "hot": frozenset(
        {
            *("set_priority", "unfollow", "rollover", "readonly", "downsample", "shrink"),
            *("forcemerge", "searchable_snapshot"),
        }
    ),
    "warm": frozenset(
        {"set_priority", "unfollow", "readonly", "downsample", "shrink", "forcemerge", *_MOVE}
    ),
    "cold": frozenset(
        {"set_priority", "unfollow", "readonly", "downsample", "searchable_snapshot", *_MOVE}
    ),
    "frozen": frozenset({"unfollow", "searchable_snapshot"}),
    "delete": frozenset({"wait_for_snapshot", "delete"}),
}
#: Options that an action requires.
_NEEDED = {
    "downsample": ("fixed_interval",),
    "forcemerge": ("max_num_segments",),
    "searchable_snapshot": ("snapshot_repository",),
    "set_priority": ("priority",),
    "wait_for_snapshot": ("policy",),
}
#: Options that an action also takes.
_OPTIONAL: Mapping[str, frozenset[str]] = {
    "allocate": frozenset(
        {"number_of_replicas", "include", "exclude", "require", "total_shards_per_node"}
    ),
    "delete": frozenset({"delete_searchable_snapshot"}),
    "downsample": frozenset({"wait_timeout", "sampling_method", "force_merge_index"}),
    "forcemerge": frozenset({"index_codec"}),
    "migrate": frozenset({"enabled"}),
    "rollover": frozenset(
        f"{bound}_{what}"
        for bound in ("max", "min")
        for what in ("age", "docs", "size", "primary_shard_size", "primary_shard_docs")
    ),
    "searchable_snapshot": frozenset(
        {"force_merge_index", "replicate_for", "total_shards_per_node", "force_merge_on_clone"}
    ),
    "shrink": frozenset({"number_of_shards", "max_primary_shard_size", "allow_write_after_shrink"}),
}
_AFTER_ROLLOVER = ("readonly", "shrink", "forcemerge", "downsample", "searchable_snapshot")
TYPES = frozenset(
    {
        *("alias", "binary", "boolean", "byte", "constant_keyword", "date", "date_nanos", "double"),
        *("flattened", "float", "geo_point", "half_float", "integer", "ip", "keyword", "long"),
        *("match_only_text", "nested", "object", "passthrough", "scaled_float", "short", "text"),
        *("unsigned_long", "version", "wildcard"),
    }
)
#: Processors, with the options that each requires.
PROCESSORS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("dot_expander", "foreach", "geoip", "json", "kv", "remove"), ("field",)),
    **dict.fromkeys(("lowercase", "uppercase", "trim", "urldecode", "uri_parts"), ("field",)),
    **dict.fromkeys(("set", "user_agent", "split", "sort", "bytes", "csv"), ("field",)),
    **dict.fromkeys(("drop", "fail", "reroute", "terminate", "community_id"), ()),
    "append": ("field", "value"),
    "convert": ("field", "type"),
    "date": ("field", "formats"),
    "date_index_name": ("field", "date_rounding"),
    "dissect": ("field", "pattern"),
    "enrich": ("field", "policy_name", "target_field"),
    "fingerprint": ("fields",),
    "grok": ("field", "patterns"),
    "gsub": ("field", "pattern", "replacement"),
    "pipeline": ("name",),
    "redact": ("field", "patterns"),
    "rename": ("field", "target_field"),
    "script": ("source",),
    "set_security_user": ("field",),
}


def days(time: object) -> float | None:
    """An Elasticsearch time in days; None if it is not a time. Months and years do not exist."""
    match = _TIME.fullmatch(time) if isinstance(time, str) else None
    return int(match[1]) / _PER_DAY.get(match[2], 8.64e13) if match else None


_Phases = Mapping[str, Any]
_Found = Iterator[tuple[str, str]]


def _ages_are_times_and_never_decrease(phases: _Phases) -> _Found:
    oldest = 0.0
    for name in (name for name in PHASES if name in phases):
        given = phases[name].get("min_age", "0ms")
        age = days(given)
        if age is None:
            yield f"{name}.min_age", f"{given!r} is not a time such as 90d; years do not exist"
        elif age < oldest:
            yield f"{name}.min_age", f"{given} is less than in the phase before it"
        oldest = max(oldest, age or 0.0)


def _some_actions_of_hot_follow_a_rollover(phases: _Phases) -> _Found:
    actions = _actions(phases, "hot")
    for name in _AFTER_ROLLOVER:
        if name in actions and "rollover" not in actions:
            yield f"hot.actions.{name}", "needs rollover in the hot phase"


def _a_rollover_has_a_condition(phases: _Phases) -> _Found:
    rollover = _actions(phases, "hot").get("rollover")
    if rollover is not None and not any(key.startswith("max_") for key in rollover):
        yield "hot.actions.rollover", "needs at least one max_ condition"


def _frozen_is_a_searchable_snapshot(phases: _Phases) -> _Found:
    if "frozen" in phases and "searchable_snapshot" not in _actions(phases, "frozen"):
        yield "frozen.actions", "needs searchable_snapshot"


def _snapshots_have_one_repository(phases: _Phases) -> _Found:
    named: set[object] = set()
    for name in PHASES:
        snapshot = _actions(phases, name).get("searchable_snapshot")
        if snapshot is None:
            continue
        named.add(snapshot.get("snapshot_repository"))
        if len(named) > 1:
            yield (
                f"{name}.actions.searchable_snapshot",
                "must be in the same repository as the others",
            )


def _nothing_moves_twice(phases: _Phases) -> _Found:
    for name in phases:
        actions = _actions(phases, name)
        moves = actions.get("migrate", {}).get("enabled", True) and "migrate" in actions
        if moves and actions.get("allocate", {}).keys() & {"include", "exclude", "require"}:
            yield f"{name}.actions.migrate", "and allocate by attributes exclude each other"


def _a_mounted_index_is_not_rewritten(phases: _Phases) -> _Found:
    mounted = False
    for name in (name for name in PHASES if name in phases):
        for action in ("forcemerge", "shrink", "downsample"):
            if mounted and action in _actions(phases, name):
                yield f"{name}.actions.{action}", "comes after a searchable snapshot"
        mounted = mounted or "searchable_snapshot" in _actions(phases, name)


def _actions_have_their_options(phases: _Phases) -> _Found:
    for name in phases:
        for action, options in _actions(phases, name).items():
            needed = _NEEDED.get(action, ())
            for key in needed:
                if key not in options:
                    yield f"{name}.actions.{action}", f"needs {key}"
            for key in sorted(options.keys() - _OPTIONAL.get(action, frozenset()) - {*needed}):
                yield f"{name}.actions.{action}.{key}", f"is not an option of {action}"


def _a_shrink_has_one_aim(phases: _Phases) -> _Found:
    for name in phases:
        shrink = _actions(phases, name).get("shrink")
        aims = ("number_of_shards", "max_primary_shard_size")
        if shrink is not None and sum(aim in shrink for aim in aims) != 1:
            yield f"{name}.actions.shrink", f"needs either {aims[0]} or {aims[1]}"


def _downsampling_grows_coarser_in_whole_steps(phases: _Phases) -> _Found:
    before: Mapping[str, Any] | None = None
    for place, options in _ordered(phases, "downsample"):
        interval = days(options.get("fixed_interval", "1h"))
        if interval is None:
            yield (
                f"{place}.fixed_interval",
                f"{options['fixed_interval']!r} is not a time such as 1h",
            )
            return
        finer = days(before.get("fixed_interval", "1h")) if before is not None else None
        if finer and (interval <= finer or not (interval / finer).is_integer()):
            yield (
                f"{place}.fixed_interval",
                "must be a multiple of the interval of the phase before",
            )
        if before is not None and _method(options) != _method(before):
            yield f"{place}.sampling_method", "must be the same as in the phase before"
        before = options


def _method(downsample: Mapping[str, Any]) -> object:
    return downsample.get("sampling_method", "aggregate")


def _only_the_first_snapshot_is_replicated_for_a_time(phases: _Phases) -> _Found:
    first, *others = [*_ordered(phases, "searchable_snapshot")] or [("", {})]
    for place, options in others:
        if "replicate_for" in options:
            yield f"{place}.replicate_for", "only the first searchable_snapshot takes it"
    if "replicate_for" not in first[1]:
        return
    span, order = days(first[1]["replicate_for"]), [name for name in PHASES if name in phases]
    if span is None:
        yield (
            f"{first[0]}.replicate_for",
            f"{first[1]['replicate_for']!r} is not a time such as 14d",
        )
        return
    at = order.index(first[0].partition(".")[0])
    begins = max(days(phases[name].get("min_age", "0ms")) or 0.0 for name in order[: at + 1])
    for name in order[at + 1 :]:
        age = days(phases[name].get("min_age", "0ms"))
        if age and age - begins < span:
            yield f"{first[0]}.replicate_for", f"lasts longer than until the {name} phase begins"
            return


def _ordered(phases: _Phases, action: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every use of an action with its place, in the order of the phases."""
    for name in PHASES:
        if (options := _actions(phases, name).get(action)) is not None:
            yield f"{name}.actions.{action}", options


def _an_index_is_mounted_once(phases: _Phases) -> _Found:
    if all("searchable_snapshot" in _actions(phases, name) for name in ("hot", "cold")):
        yield "cold.actions.searchable_snapshot", "the hot phase has mounted the index already"


def _actions(phases: _Phases, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = phases.get(name, {}).get("actions", {})
    return found


POLICY_RULES: tuple[Callable[[_Phases], _Found], ...] = (
    _ages_are_times_and_never_decrease,
    _some_actions_of_hot_follow_a_rollover,
    _a_rollover_has_a_condition,
    _frozen_is_a_searchable_snapshot,
    _snapshots_have_one_repository,
    _nothing_moves_twice,
    _a_mounted_index_is_not_rewritten,
    _actions_have_their_options,
    _an_index_is_mounted_once,
    _a_shrink_has_one_aim,
    _downsampling_grows_coarser_in_whole_steps,
    _only_the_first_snapshot_is_replicated_for_a_time,
)
