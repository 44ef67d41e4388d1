"""Small flights with a black box: a source, consumers that were assigned or share a group, and what breaks."""

import itertools
from collections.abc import Callable, Generator, Mapping
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.observe.anomalies import Anomalies, BlackBox
from sim.rules.topics import TopicPartition
from sim.world.cluster import ClusterSpec
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic

Steps = Generator[Event, Any, Any]
Actions = Mapping[float, Callable[[Flight], object]]
P, Q = TopicPartition("payments", 0), TopicPartition("orders", 0)
BROKER: Mapping[str, object] = {
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
}


def fly(
    apps: Mapping[str, Behaviour],
    until_s: float,
    actions: Actions | None = None,
    seed: int = 1,
    expect_committed: bool = False,
    partitions: int = 1,
) -> Anomalies:
    """Fly with three brokers, do something at times in seconds, and open the black box."""
    topics = tuple(Topic(name.topic, partitions, 3, {"min.insync.replicas": 2}) for name in (P, Q))
    specs = tuple(AppSpec(name, behaviour) for name, behaviour in apps.items())
    flight = Flight(Plan(None, ClusterSpec(3, 3, BROKER), topics, specs), seed)
    box = BlackBox(flight)
    for time_s, action in (actions or {}).items():
        flight.clock.call_at(round(time_s * SECOND), lambda action=action: action(flight))
    for _ in flight.fly(round(until_s * SECOND)):
        pass
    return box.anomalies(expect_committed)


def source(until_s: float, every_ms: float = 10, partitions: int = 1, **config: object) -> Behaviour:
    """Sends to one partition, or to several in turn, at an even pace, one record per batch."""

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=0, batch_size=1, **config)
        turns = itertools.cycle(range(partitions))
        while app.now < until_s * SECOND:
            yield from producer.send(P.topic, value=b"paid", partition=next(turns))
            yield app.busy(ms=every_ms)
        yield from producer.close()

    return run


def reader(name: TopicPartition = P, rest_ms: float = 0, begins_s: float = 0, **config: object) -> Behaviour:
    """Polls one partition that it was assigned by hand, from its beginning."""

    def run(app: App) -> Steps:
        yield app.until(round(begins_s * SECOND))
        consumer = app.consumer(auto_offset_reset="earliest", **config)
        consumer.assign([name])
        while True:
            yield from consumer.poll(200)
            if rest_ms:
                yield app.busy(ms=rest_ms)

    return run


def member(topic: str = P.topic, group_id: str = "sink", **config: object) -> Behaviour:
    """Polls what its group gives it."""

    def run(app: App) -> Steps:
        consumer = app.consumer(group_id, [topic], auto_offset_reset="earliest", **config)
        while True:
            yield from consumer.poll(200)

    return run


def leader(flight: Flight, name: TopicPartition = P) -> int:
    """The broker that leads a partition."""
    return flight.cluster.controller.image.leader(name)


def others(flight: Flight, name: TopicPartition = P) -> list[int]:
    """The brokers that follow."""
    return [broker for broker in flight.cluster.brokers if broker != leader(flight, name)]


def followers_pause(flight: Flight) -> None:
    """The followers stand still, so that nothing is replicated."""
    for broker in others(flight):
        flight.cluster.brokers[broker].pause()


def followers_resume(flight: Flight) -> None:
    """The followers go on."""
    for broker in others(flight):
        flight.cluster.brokers[broker].resume()


def leader_crashes(flight: Flight) -> None:
    """The leader is gone; the followers go on if they stood still."""
    crashed = leader(flight)
    followers = others(flight)
    flight.cluster.brokers[crashed].stop()
    for broker in followers:
        flight.cluster.brokers[broker].resume()
