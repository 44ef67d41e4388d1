"""Queueing theory as oracle for the actors themselves: linger, saturation, backlog, replicas that catch up."""

from collections.abc import Generator
from math import sqrt
from typing import Any

import numpy
import pytest
from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.capacity.load import TOPIC, Load
from sim.capacity.probe import Outcome, fly_load
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.devices import ClientHardware, Hardware
from sim.rules.facts.journal import RecordsAcknowledged
from sim.rules.topics import TopicPartition
from sim.world.cluster import ClusterSpec
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic

FAST = Hardware(request_cost=1, batch_cost=0, byte_cost=0.0, link_latency=1, link_jitter=0)
LINGER_MS = 20
LITTLE = 0.1
"""Seconds of lag that count as none."""

WHOLE_MS = pytest.param(30, 0.04, id="short"), pytest.param(600, 0.01, marks=pytest.mark.slow, id="long")


def flown(behaviour: Behaviour, until: int, **cluster: Any) -> Flight:
    spec = ClusterSpec(brokers=1, racks=1, hardware=FAST, **cluster)
    plan = Plan(duration=until, cluster=spec, topics=(Topic(TOPIC, 1, 1),), apps=(AppSpec("app", behaviour),))
    return Flight(plan, seed=5)


def run(flight: Flight, until: int) -> None:
    for _ in flight.fly(until):
        pass


@pytest.mark.parametrize(("seconds", "precision"), WHOLE_MS)
def test_linger_makes_batches_as_large_and_waits_as_long_as_the_law_says(seconds: int, precision: float) -> None:
    """Poisson arrivals, a timer from the first record of a batch: E[batch] = 1 + λT, wait = (T + λT²/2) / (1 + λT)."""
    rate, until = 400.0, seconds * SECOND

    def send(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(linger_ms=LINGER_MS, batch_size=1 << 20, acks="1")
        while True:
            yield app.sleep(round(app.random.expovariate(rate) * SECOND))
            yield from producer.send_many(TOPIC, 10, [app.now])

    batches: list[int] = []
    waits: list[float] = []

    def note(time: int, fact: RecordsAcknowledged) -> None:
        if time > SECOND:
            batches.append(fact.columns.count)
            waits.append(sum(time - at for at in fact.columns.sent_at) / MILLISECOND)

    flight = flown(send, until)
    flight.machine.facts.listen(RecordsAcknowledged, note)
    run(flight, until)
    offered = rate * LINGER_MS / 1000
    counts, sums = numpy.array(batches, dtype=float), numpy.array(waits)
    error = counts.std(ddof=1) / sqrt(len(counts))
    assert abs(counts.mean() - (1 + offered)) < 3 * error
    assert error < precision * (1 + offered)
    wait = (LINGER_MS + offered * LINGER_MS / 2) / (1 + offered)
    wait_error = (sums - wait * counts).std(ddof=1) / sqrt(len(counts)) / counts.mean()
    assert abs(sums.sum() / counts.sum() - wait) < 3 * wait_error + 0.001
    assert wait_error < precision * wait


def load(**changes: Any) -> Load:
    values: dict[str, Any] = {
        "hardware": Hardware(nic_bytes_per_s=2e7, disk_bytes_per_s=1e9),
        "client_hardware": ClientHardware(),
        "brokers": 3,
        "partitions": 3,
        "replication_factor": 1,
        "value_size": 1000,
        "producer_config": {"acks": "1", "buffer.memory": 1 << 20},
    }
    return Load(**{**values, **changes})


@pytest.mark.parametrize("producers", [1, 4])
def test_a_saturated_producer_waits_for_its_own_buffer(producers: int) -> None:
    """Little's law: mean latency = producers x buffer.memory / throughput, whatever the broker is."""
    outcome = fly_load(load(producers=producers, begin=SECOND // 2, until=3 * SECOND // 2))
    bytes_per_s = outcome.batches * 16_384 / outcome.seconds
    assert outcome.publish_ms()["avg"] == pytest.approx(1000 * producers * (1 << 20) / bytes_per_s, rel=0.05)


def test_a_backlog_drains_at_the_difference_of_the_rates() -> None:
    """Outage T: the lag grows to λT, and is gone after λT / (μ - λ)."""
    produced, most, pause_s = 2_000.0, 5_000.0, 3
    paused = load(groups=(1,), rate=produced, tick=1, consumer_rate=most, pause_at=2 * SECOND, pause=pause_s * SECOND,
                  begin=0, until=12 * SECOND, value_size=100)  # fmt: skip
    peak, drained_s = lag_of(fly_load(paused))
    assert peak == pytest.approx(produced * pause_s, rel=0.02)
    assert drained_s == pytest.approx((produced * pause_s - LITTLE * produced) / (most - produced), rel=0.05)


def lag_of(outcome: Outcome) -> tuple[int, float]:
    """The highest lag, and the seconds after the pause until nearly all is read."""
    resumed, lag, peak = outcome.load.pause_at + outcome.load.pause, 0, 0
    for time, sent, read in outcome.progress:
        lag += sent - read
        peak = max(peak, lag)
        if time > resumed and lag < LITTLE * (outcome.load.rate or 0):
            return peak, (time - resumed) / SECOND
    raise AssertionError("the lag never came down")


def test_a_replica_that_was_away_catches_up_as_fast_as_its_card_allows() -> None:
    """With a share U of the card busy, what was missed in T is fetched in U T / (1 - U)."""
    away_s, until, card = 2, 8 * SECOND, 1e7
    rate = 0.6 * card / 1_010

    def send(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="1", linger_ms=5)
        while True:
            yield app.sleep(10 * MILLISECOND)
            yield from producer.send_many(TOPIC, 1000, [app.now] * round(rate / 100))

    slow = Hardware(nic_bytes_per_s=card, nic_fair=True)
    plan = Plan(
        duration=until,
        cluster=ClusterSpec(brokers=2, racks=1, hardware=slow, client_hardware=ClientHardware(nic_bytes_per_s=1e9),
                            broker_config={"replica.lag.time.max.ms": 600_000}),
        topics=(Topic(TOPIC, 1, 2),),
        apps=(AppSpec("app", send),),
    )  # fmt: skip
    flight = Flight(plan, seed=1)
    name = TopicPartition(TOPIC, 0)
    gaps: list[tuple[int, int]] = []

    def look() -> None:
        ends = [broker.storage[name].log_end_offset for broker in flight.cluster.brokers.values()]
        gaps.append((flight.now, max(ends) - min(ends)))
        flight.clock.call_at(flight.now + 20 * MILLISECOND, look)

    def hold(pause: bool) -> None:
        follower = 3 - flight.cluster.controller.image.leader(name)
        broker = flight.cluster.brokers[follower]
        if pause:
            broker.pause()
        else:
            broker.resume()

    flight.clock.call_at(SECOND, look)
    flight.clock.call_at(2 * SECOND, hold, True)
    flight.clock.call_at((2 + away_s) * SECOND, hold, False)
    run(flight, until)
    back = (2 + away_s) * SECOND
    missed = max(gap for time, gap in gaps if time <= back)
    caught_up = next(time for time, gap in gaps if time > back and gap < 0.05 * missed)
    assert (caught_up - back) / SECOND == pytest.approx(0.6 * away_s / 0.4, rel=0.1)
