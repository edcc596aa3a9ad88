"""The text for people (`message`): who did what, on which server, from where, and how it ended."""

from collections.abc import Iterable, Mapping

from shipper.catalog.sentences import Deed, sentences

_TABLE = sentences()
_REQUIRED, _GRANTED = "mcp.oauth.scopes.required", "mcp.oauth.scopes.granted"
_MOST = _TABLE.most
_DEEDS = _TABLE.deeds
_SUCCEEDED = _TABLE.outcomes["success"]
_Fields = Mapping[str, object]


def sentence(values: _Fields, constants: _Fields) -> str:
    """The sentence of an event with these values, masked; `constants` are the other fields."""
    get = values.get
    action = get("event.action") or constants["event.action"]
    deed = _DEEDS.get(action) if type(action) is str else None
    if deed is None or deed.of_server or constants["event.outcome"] != "success":
        return _sentence(values, constants, str(action))
    # The usual case, again: without a call, because every event pays for it.
    said = get("user.name") or get("user.id") or get("mcp.client.id") or _nobody(str(action))
    subject = get(deed.field)
    said = f"{said} {deed.words} {subject}" if subject else f"{said} {deed.without}"
    if server := get("mcp.server.name") or constants.get("service.name"):
        said = f"{said} on {server}"
    if address := get("source.ip"):
        said = f"{said} from {address}"
    if len(said) > _MOST or "[" in said or "\n" in said or "event.reason" in values:
        return _sentence(values, constants, str(action))
    return f"{said}: {_SUCCEEDED}"


def _sentence(values: _Fields, constants: _Fields, action: str) -> str:
    deed = _DEEDS.get(action) or _other(action, values)
    who = _first(_TABLE.who, values)
    server = _first(_TABLE.server, values) or _first(_TABLE.server, constants)
    if deed.of_server:
        words = deed.words.replace("@", who or _TABLE.user)
        without = deed.without.replace("@", who or _TABLE.user)
        start, place = server or _TABLE.unnamed, ""
    else:
        words, without, start = deed.words, deed.without, who or _nobody(action)
        place = f" on {server}" if server else ""
        if address := values.get("source.ip"):
            place += f" from {address}"
    subject = _first((deed.field,), values)
    words = f"{words} {subject}" if subject else without
    return f"{start} {words}{place}: {_ending(values, constants)}".replace("\n", " ")


def _other(action: str, values: _Fields) -> Deed:
    """The deed of an action that the table does not have."""
    words = f"{_TABLE.other} {action}"
    field = next((path for path in _TABLE.subjects if path in values), "")
    return Deed(words, field, words)


def _nobody(action: str) -> str:
    return next((name for head, name in _TABLE.own if action.startswith(head)), _TABLE.nobody)


def _ending(values: _Fields, constants: _Fields) -> str:
    reason = values.get("event.reason")
    if type(reason) is str and reason in _TABLE.endings:
        return _TABLE.endings[reason]
    outcome = str(constants["event.outcome"])
    ending = _TABLE.outcomes[outcome]
    if outcome == "success":
        return ending
    types = values.get("event.type") or constants.get("event.type")
    if type(types) is list and "denied" in types:
        ending = _TABLE.denied
    why = _missing(values) or _first(_TABLE.reasons, values)
    return f"{ending} ({why})" if why and why != ending else ending


def _missing(values: _Fields) -> str:
    """The scopes that were needed and not granted."""
    required = values.get(_REQUIRED)
    if not required:
        return ""
    granted = _listed(values.get(_GRANTED))
    missing = [scope for scope in _listed(required) if scope not in granted]
    return f"{_TABLE.missing} {_text(missing)}" if missing else ""


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _first(paths: Iterable[str], values: _Fields) -> str:
    for path in paths:
        if (value := values.get(path)) is not None and (found := _text(value)):
            return found
    return ""


def _text(value: object) -> str:
    """The start of a value, or of the text of a list's values."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
