"""From a script that fails to the smallest one that still fails in the same way (delta debugging, Zeller 2002)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from sim.machine.clock import SECOND, parse_duration
from sim.rules.errors import ConfigError
from sim.world.faults import Fault
from sim.world.script import Script

__all__ = ["shrink", "shrink_faults"]

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


def shrink_faults(
    faults: tuple[Fault, ...], fails: Callable[[tuple[Fault, ...]], bool], most_flights: int = MOST_FLIGHTS
) -> tuple[Fault, ...]:
    """The smallest schedule found for which `fails` is still true."""
    bare = Script(faults=faults)
    return shrink(bare, lambda script: fails(script.faults), most_flights).faults


def _holds(script: Script, fails: Fails) -> bool:
    try:
        return fails(script)
    except ConfigError:
        return False


def _smaller(script: Script) -> Iterator[Script]:
    """Scripts with something less, the largest steps first."""
    yield from (replace(script, faults=faults) for faults in _less(script.faults))
    yield from (replace(script, pipelines=pipelines) for pipelines in _less(script.pipelines))
    yield from (replace(script, consumers=consumers) for consumers in _less(script.consumers))
    yield from (replace(script, producers=producers) for producers in _less(script.producers))
    used = {topic for each in script.producers for topic in each.topics}
    used |= {topic for each in script.consumers for topic in each.topics}
    used |= {topic for each in script.pipelines for topic in (each.source, each.target)}
    kept = tuple(topic for topic in script.topics if topic.name in used)
    if kept != script.topics:
        yield replace(script, topics=kept)
    for number, topic in enumerate(script.topics):
        if topic.partitions > 1:
            fewer = replace(topic, partitions=1)
            yield replace(script, topics=(*script.topics[:number], fewer, *script.topics[number + 1 :]))
    for number, group in enumerate(script.consumers):
        if group.members > 1:
            alone = replace(group, members=1)
            yield replace(script, consumers=(*script.consumers[:number], alone, *script.consumers[number + 1 :]))
    end = max([0, *(fault.ends or fault.begins for fault in script.faults)]) + SECOND
    if end < parse_duration(script.duration):
        yield replace(script, duration=_text(end))
    yield from (replace(script, faults=faults) for faults in _shorter(script.faults))


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
