"""What several incidents share: a source that sends records of a planned load, and what it notes."""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.world.keys import Keys, keyed
from sim.world.workload import Workload

__all__ = ["Sent", "source"]


@dataclass(slots=True)
class Sent:
    """What a source writes down of its records: when each was sent (ns); of those acknowledged, the place as well.

    `acknowledged` holds partition, offset and time of sending, `told` when the acknowledgement came, `given_up` when a
    record was given up, and `least_free_bytes` the least of the buffer memory that was free.
    """

    sent: list[int] = field(default_factory=list)
    acknowledged: list[tuple[int, int, int]] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    least_free_bytes: int | None = None

    def silences(self) -> list[tuple[float, float]]:
        """Times without any acknowledgement that are longer than a second: how long and since when, in seconds."""
        times = sorted(self.told)
        return [((later - time) / SECOND, time / SECOND) for time, later in pairwise(times) if later - time > SECOND]


def source(topic: str, load: Workload, keys: Keys, duration: int, sent: Sent, **config: Any) -> Behaviour:
    """Sends a record for each arrival of the load, and believes its callbacks."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**config)

        def told(due: int, delivery: Delivery) -> None:
            if delivery.batch.error is not None:
                sent.given_up.append(app.now)
            else:
                place = delivery.metadata()
                sent.told.append(app.now)
                sent.acknowledged.append((place.partition, place.offset, due))

        times = load.arrivals(app.machine.streams.columns("arrivals"), duration)
        for time, key in keyed(times, keys, app.machine.streams.columns("keys")):
            due = yield from app.arrive(time)
            sent.sent.append(due)
            yield from producer.send(topic, b"x" * 100, app.key(key), on_delivery=partial(told, due), sent_at=due)
            free_bytes = producer.free_bytes
            sent.least_free_bytes = min(free_bytes, sent.least_free_bytes or free_bytes)
        yield from producer.close()

    return run
