"""What an event gets when a processor cannot work on it."""

from collections.abc import Callable, Iterable

from shipper.processors.event import Event, Misfit, put


def attempted(
    event: Event, steps: Iterable[Callable[[Event], Event]], *, fail_on_error: bool
) -> Event:
    """The event after all steps that do not raise `Misfit`.

    With `fail_on_error`, one that does undoes the others: the event gets only `error.message`.
    """
    new = event
    for step in steps:
        try:
            new = step(new)
        except Misfit as misfit:
            if fail_on_error:
                return with_error(event, str(misfit))
    return new


def all_or_none(
    event: Event, steps: Iterable[Callable[[Event], Event]], *, fail_on_error: bool
) -> Event:
    """The same without `error.message`, which Filebeat's decoders do not write."""
    new = event
    for step in steps:
        try:
            new = step(new)
        except Misfit:
            if fail_on_error:
                return event
    return new


def with_error(event: Event, message: str) -> Event:
    """The event with the reason why it was not processed, if `error` leaves room for it."""
    try:
        return put(event, "error.message", message)
    except Misfit:
        return event
