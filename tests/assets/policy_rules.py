"""Elasticsearch's rules for a lifecycle policy, as far as a file can show them."""

import re

ORDER = ["hot", "warm", "cold", "frozen", "delete"]
ALLOWED = {
    "hot": {
        *("set_priority", "unfollow", "rollover", "readonly", "downsample", "shrink"),
        *("forcemerge", "searchable_snapshot"),
    },
    "warm": {
        *("set_priority", "unfollow", "readonly", "downsample", "shrink", "forcemerge"),
        *("allocate", "migrate"),
    },
    "cold": {
        *("set_priority", "unfollow", "readonly", "downsample", "searchable_snapshot"),
        *("allocate", "migrate"),
    },
    "frozen": {"unfollow", "searchable_snapshot"},
    "delete": {"wait_for_snapshot", "delete"},
}
ONLY_WITH_ROLLOVER = {"readonly", "downsample", "shrink", "forcemerge", "searchable_snapshot"}
REQUIRED = {
    "downsample": "fixed_interval",
    "forcemerge": "max_num_segments",
    "searchable_snapshot": "snapshot_repository",
    "set_priority": "priority",
    "wait_for_snapshot": "policy",
}
UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def problems(policy):
    """Each rule that the policy breaks, in words."""
    phases = policy["phases"]
    found = [f"unknown phase {name}" for name in phases if name not in ORDER]
    known = {name: phases[name].get("actions", {}) for name in ORDER if name in phases}
    for name, actions in known.items():
        found += [f"{name}: no action {action}" for action in actions.keys() - ALLOWED[name]]
        found += [
            f"{name}.{action}: needs {REQUIRED[action]}"
            for action in actions.keys() & REQUIRED.keys()
            if REQUIRED[action] not in actions[action]
        ]
    hot = known.get("hot", {})
    if "rollover" not in hot:
        found += [f"hot.{action}: needs rollover" for action in hot.keys() & ONLY_WITH_ROLLOVER]
    elif not any(condition.startswith("max_") for condition in hot["rollover"]):
        found.append("hot.rollover: needs a max condition")
    if "frozen" in known and "searchable_snapshot" not in known["frozen"]:
        found.append("frozen: needs searchable_snapshot")
    return found + ages(phases)


def ages(phases):
    before, found = 0, []
    for name in ORDER:
        text = phases.get(name, {}).get("min_age", "0ms")
        read = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
        if read is None:
            found.append(f"{name}: no age {text}")
            continue
        age = int(read[1]) * UNITS_MS[read[2]]
        if name in phases and age < before:
            found.append(f"{name}: earlier than the phase before it")
        before = max(before, age)
    return found
