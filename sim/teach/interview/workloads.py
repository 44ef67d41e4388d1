"""What several small experiments of the questions share: a source of numbered records, and records out of order."""

from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.world.keys import Keys, NoKeys, keyed
from sim.world.workload import Workload

__all__ = ["Steps", "Told", "source", "steps_back"]

Steps = Generator[Event, Any, Any]
Told = Callable[[int, int, Delivery], None]
"""Hears of each record that is done: its number, when it was due (nanoseconds), and its delivery."""


def source(
    topic: str,
    load: Workload,
    lasts_s: float,
    keys: Keys | None = None,
    size_bytes: int = 0,
    told: Told | None = None,
    **config: Any,
) -> Behaviour:
    """Sends records with the numbers 0, 1, 2 and so on when they are due, filled with blanks up to a size."""

    def run(app: App) -> Steps:
        producer = app.producer(**config)
        times = load.arrivals(app.machine.streams.columns(f"{app.name}-times"), round(lasts_s * SECOND))
        chance = app.machine.streams.columns(f"{app.name}-keys")
        for number, (time, planned) in enumerate(keyed(times, keys or NoKeys(), chance)):
            due = yield from app.arrive(time)
            done = None if told is None else partial(told, number, due)
            value = (b"%d" % number).ljust(size_bytes)
            yield from producer.send(topic, value, app.key(planned), on_delivery=done, sent_at=due)
        yield from producer.close()

    return run


def steps_back(numbers: Iterable[int]) -> int:
    """How many numbers come after a larger one."""
    count, highest = 0, -1
    for number in numbers:
        count += number < highest
        highest = max(highest, number)
    return count
