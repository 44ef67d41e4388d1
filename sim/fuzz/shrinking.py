"""From a script that fails to the smallest one that still fails in the same way (delta debugging, Zeller 2002)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from sim.machine.clock import SECOND, parse_duration
from sim.rules.errors import ConfigError
from sim.world.faults import Fault
from sim.world.script import Script
from sim.world.script.checking import check

__all__ = ["shrink"]

Part = TypeVar("Part")
Fails = Callable[[Script], bool]
MOST_FLIGHTS = 150


def shrink(script: Script, fails: Fails, most_flights: int = MOST_FLIGHTS) -> Script:
    """The smallest script found within so many flights for which `fails` is still true."""
    left = most_flights
    again = True
    while again and left > 0:
        again = False
        for smaller in _smaller(script):
            if left == 0:
                break
            left -= 1
            if _holds(smaller, fails):
                script, again = smaller, True
                break
    return script


def _holds(script: Script, fails: Fails) -> bool:
    try:
        check(script)
        return fails(script)
    except ConfigError:
        return False


def _smaller(script: Script) -> Iterator[Script]:
    """Scripts with something less, the largest steps first."""
    for table in ("faults", "pipelines", "share_groups", "consumers", "producers"):
        yield from (_having(script, table, parts) for parts in _less(getattr(script, table)))
    for table in ("consumers", "producers"):
        for number, part in enumerate(getattr(script, table)):
            if len(part.topics) > 1:
                yield from (_with(script, table, number, topics=topics) for topics in _less(part.topics) if topics)
    used = {topic for table in ("consumers", "producers", "share_groups") for each in getattr(script, table)
            for topic in each.topics}  # fmt: skip
    used |= {topic for each in script.pipelines for topic in (each.source, each.target)}
    kept = tuple(topic for topic in script.topics if topic.name in used)
    if kept != script.topics:
        yield replace(script, topics=kept)
    for number, topic in enumerate(script.topics):
        if topic.partitions > 1:
            yield _with(script, "topics", number, partitions=1)
    for table in ("consumers", "pipelines", "share_groups"):
        for number, part in enumerate(getattr(script, table)):
            if part.members > 1:
                yield _with(script, table, number, members=1)
    end = max([0, *(fault.ends or fault.begins for fault in script.faults)]) + SECOND
    if end < parse_duration(script.duration):
        yield replace(script, duration=_text(end))
    yield from (replace(script, faults=faults) for faults in _shorter(script.faults))


def _with(script: Script, table: str, number: int, **changes: Any) -> Script:
    """With one part of a table changed."""
    parts = list(getattr(script, table))
    parts[number] = replace(parts[number], **changes)
    return _having(script, table, tuple(parts))


def _having(script: Script, table: str, parts: tuple[Any, ...]) -> Script:
    changed: dict[str, Any] = {table: parts}
    return replace(script, **changed)


def _less(parts: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    """None of them, each half, all but one."""
    if not parts:
        return
    half = len(parts) // 2
    if half:
        yield parts[:half]
        yield parts[half:]
    yield from (parts[:number] + parts[number + 1 :] for number in range(len(parts)))


def _shorter(faults: tuple[Fault, ...]) -> Iterator[tuple[Fault, ...]]:
    """One of them only half as long."""
    for number, fault in enumerate(faults):
        lasts = 0 if fault.lasts is None else parse_duration(fault.lasts)
        if lasts >= 2 * SECOND:
            yield (*faults[:number], replace(fault, lasts=_text(lasts // 2)), *faults[number + 1 :])


def _text(nanoseconds: int) -> str:
    """A duration that reads back exactly, to the millisecond above."""
    return f"{-(-nanoseconds // 1_000_000)}ms"
