"""What experiments made for a question share: a source of numbered records, what becomes of them, and when."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import inf
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.run import Run
from sim.scenario import Scenario
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings

__all__ = ["Sent", "Steps", "first_s", "small", "so_far", "writer"]

Steps = Generator[Event, Any, None]


@dataclass(slots=True)
class Sent:
    """How many records a source has sent; when each was acknowledged or given up, by number, in nanoseconds."""

    count: int = 0
    acknowledged: dict[int, int] = field(default_factory=dict)
    given_up: dict[int, int] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Numbers of records, and the longest time between two acknowledgements, with when it began; seconds."""
        times = sorted(self.acknowledged.values())
        silence, since = max(((later - time, time) for time, later in pairwise(times)), default=(0, 0))
        return {
            "sent": self.count,
            "acknowledged": len(times),
            "given_up": len(self.given_up),
            "silence_s": silence / SECOND,
            "silent_from_s": since / SECOND,
            "acknowledged_s": [time / SECOND for time in times],
        }


def writer(
    topic: str, rate: int, duration_s: float, sent: Sent, size_bytes: int = 100, begins_s: int = 0, **config: Any
) -> Behaviour:
    """Sends so many records a second, each with its number in so many bytes, without a key."""

    def run(app: App) -> Steps:
        def told(number: int, delivery: Delivery) -> None:
            (sent.acknowledged if delivery.batch.error is None else sent.given_up)[number] = app.now

        producer = app.producer(**config)
        for number in range(int(rate * duration_s)):
            due = yield from app.arrive(begins_s * SECOND + number * SECOND // rate)
            sent.count, value = number + 1, (b"%d" % number).ljust(size_bytes)
            yield from producer.send(topic, value, on_delivery=partial(told, number), sent_at=due)
        yield from producer.close()

    return run


def small(name: str, make: Callable[[Settings], Plan], knobs: Mapping[str, Knob] | None = None) -> Scenario:
    """An experiment that is no story of the library; what it is about stands in the docstring of its plan."""
    return Scenario(f"interview-{name}", (make.__doc__ or name).strip(), "", make, knobs or {})


def so_far(times_s: Sequence[float], since_s: float = 0.0) -> list[tuple[float, float]]:
    """How many of these moments, in order, are over since a time: points (seconds, count) of a curve from there."""
    return [(since_s, 0), *((time_s, count) for count, time_s in enumerate(times_s, start=1))]


def first_s(run: Run, kind: type, since_s: float = 0.0, **fields: object) -> float:
    """When a fact with these fields is first announced after a time; seconds, infinity if it never is."""
    wanted = fields.items()
    times = (
        time / SECOND
        for time, fact in run.facts
        if time / SECOND > since_s
        and isinstance(fact, kind)
        and all(getattr(fact, name) == value for name, value in wanted)
    )
    return next(times, inf)
