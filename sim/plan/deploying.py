"""A deployment restarts the members of a group one after the other: how long partitions are not read meanwhile.

Scaled: two members of four, with two partitions each and a slow load, as rebalances depend on members, not on bytes.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.facts.journal import RecordsDelivered
from sim.world.flight import Flight
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

__all__ = ["PROTOCOLS", "Deployment", "fly_deployment"]

PROTOCOLS: Mapping[str, Mapping[str, object]] = {
    "eager (range)": {"partition.assignment.strategy": "range"},
    "cooperative-sticky": {"partition.assignment.strategy": "cooperative-sticky"},
    "static members": {"partition.assignment.strategy": "range", "group.instance.id": "member-{}"},
    "KIP-848": {"group.protocol": "consumer"},
}
MEMBERS, RESTARTED, PARTITIONS = 4, 2, 8
BEGIN_S, EVERY_S, AWAY_S, END_S = 6, 7, 2, 22
GAP = 100 * MILLISECOND
"""Each partition gets a record so often; what is read later than twice that after the last one has paused."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """How long the partition that was read least paused at a time, and all of them together, in seconds."""

    longest_s: float
    partition_seconds: float


def fly_deployment(protocol: str, seed: int) -> Deployment:
    """Fly a group through a deployment under one of `PROTOCOLS`."""
    members = [AppSpec(f"member-{number}", _member(number, PROTOCOLS[protocol])) for number in range(MEMBERS)]
    plan = Plan(
        duration=END_S * SECOND,
        topics=(Topic("work", PARTITIONS, 3),),
        apps=(AppSpec("source", _source), *members),
        groups=(GroupSpec("group", ("work",)),),
    )
    flight = Flight(plan, seed)
    last: dict[int, int] = {}
    pauses: list[int] = []

    def note(time: int, fact: RecordsDelivered) -> None:
        number = fact.partition.partition
        pause = time - last.get(number, time)
        last[number] = time
        if time > BEGIN_S * SECOND and pause > 2 * GAP:
            pauses.append(pause - GAP)

    flight.machine.facts.listen(RecordsDelivered, note)
    for _ in flight.fly(END_S * SECOND):
        pass
    return Deployment(max(pauses, default=0) / SECOND, sum(pauses) / SECOND)


def _source(app: App) -> Generator[Event, Any, None]:
    producer = app.producer(linger_ms=0)
    while True:
        for number in range(PARTITIONS):
            yield from producer.send_many("work", 100, [app.now], number)
        yield app.until(app.now + GAP)


def _member(number: int, config: Mapping[str, object]) -> Behaviour:
    """Reads, leaves in its turn, and comes back."""
    own = {key: value.format(number) if isinstance(value, str) else value for key, value in config.items()}
    leaves = (BEGIN_S + EVERY_S * number if number < RESTARTED else END_S) * SECOND

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("group", ["work"], auto_offset_reset="earliest", **own)
        while app.now < leaves:
            yield from consumer.poll_slices(100)
        yield from consumer.close()
        yield app.until(app.now + AWAY_S * SECOND)
        consumer = app.consumer("group", ["work"], auto_offset_reset="earliest", **own)
        while True:
            yield from consumer.poll_slices(100)

    return run
