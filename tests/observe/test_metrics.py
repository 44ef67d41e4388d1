"""Metrics of a small calm flight, where every figure is known."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.observe.metrics import Metrics
from sim.observe.sentences import tell
from sim.observe.verdict import Verdict
from sim.observe.witness import Witness
from sim.rules.topics import TopicPartition
from sim.world.faults import BrokerCrash
from sim.world.flight import Flight
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

RECORDS = 400


def source(app: App) -> Generator[Event, Any, Any]:
    producer = app.producer(acks="all", linger_ms=0)
    for number in range(RECORDS):
        yield app.until(number * 50_000_000)
        yield from producer.send("orders", b"x" * 100, b"%d" % number)
    yield from producer.close()


def sink(app: App) -> Generator[Event, Any, Any]:
    consumer = app.consumer("readers", ["orders"], auto_offset_reset="earliest", enable_auto_commit=False)
    while True:
        yield from consumer.poll()
        yield from consumer.commit()


class Flown:
    """A flight that is over, and who watched it."""

    def __init__(self) -> None:
        plan = Plan(
            duration=20_000_000_000,
            topics=(Topic("orders", 2, 3, {"min.insync.replicas": 2}),),
            apps=(AppSpec("source", source, finite=True), AppSpec("sink", sink)),
            groups=(GroupSpec("readers", ("orders",)),),
            faults=(BrokerCrash(broker=3, at="22s"),),
            drain=30_000_000_000,
        )
        self.flight = Flight(plan, seed=3)
        self.metrics = Metrics(self.flight)
        self.witness = Witness(self.flight)
        for _ in self.flight.fly(until=36_000_000_000):
            self.metrics.sample()
        self.verdict: Verdict = self.witness.verdict()


@pytest.fixture(scope="module")
def flown() -> Flown:
    return Flown()


def test_messages_in_add_up_to_what_was_sent(flown: Flown) -> None:
    times, rates = flown.metrics.series("MessagesInPerSec", topic="orders")
    assert sum(rates) == RECORDS
    assert times == [float(second) for second in range(1, 37)]
    assert max(rates) <= 21


def test_messages_and_bytes_out_follow_those_in(flown: Flown) -> None:
    out = sum(flown.metrics.series("MessagesOutPerSec", group="readers")[1])
    bytes_in = sum(flown.metrics.series("BytesInPerSec")[1])
    bytes_out = sum(flown.metrics.series("BytesOutPerSec")[1])
    assert out == RECORDS
    assert bytes_out == pytest.approx(bytes_in)
    assert bytes_in > RECORDS * 100


def test_lag_waits_for_the_first_rebalance_and_ends_at_nothing(flown: Flown) -> None:
    _, lags = flown.metrics.series("records-lag", group="readers")
    _, ages = flown.metrics.series("records-lag-seconds", group="readers")
    assert lags[1] == pytest.approx(40, abs=2)
    assert max(lags) <= 65
    assert lags[25] == 0
    assert 1.5 <= ages[1] <= 4.1
    assert ages[25] == 0


def test_replication_metrics_change_when_the_broker_is_fenced(flown: Flown) -> None:
    times, under = flown.metrics.series("UnderReplicatedPartitions")
    first = next(time for time, value in zip(times, under, strict=True) if value)
    assert 22 + 7 <= first <= 22 + 11.2
    assert max(under) == 2
    assert max(flown.metrics.series("OfflinePartitionsCount")[1]) == 0
    assert {sample.value for sample in flown.metrics["IsrSize"]} == {3, 2}


def test_latencies_have_a_window_per_second_and_a_histogram(flown: Flown) -> None:
    labels = (("group", "readers"), ("topic", "orders"))
    assert flown.metrics.histograms["end-to-end-latency-ms", labels].count == RECORDS
    produced = flown.metrics.histograms["produce-latency-ms", (("topic", "orders"),)].summary()
    assert 0.3 < produced["p50"] < 5
    medians = [sample for sample in flown.metrics["produce-latency-ms"] if ("quantile", "p50") in sample.labels]
    assert len(medians) == 20


def test_an_unknown_metric_is_refused_with_the_names_there_are(flown: Flown) -> None:
    with pytest.raises(KeyError, match="records-lag"):
        flown.metrics["records_lag"]


def test_the_run_is_told_in_sentences_with_its_own_numbers(flown: Flown) -> None:
    told = tell(flown.flight, flown.metrics, flown.verdict)
    assert told[0] == f"Verdict: all {RECORDS} acknowledged records are in the log once, in order, and delivered."
    assert any(sentence.startswith("Lag of readers: at most ") for sentence in told)
    assert any("fewer in-sync replicas" in sentence for sentence in told)


def test_readers_without_a_group_are_called_so() -> None:
    def alone(app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer(auto_offset_reset="earliest")
        consumer.assign([TopicPartition("orders", 0)])
        while True:
            yield from consumer.poll()

    apps = (AppSpec("source", source, finite=True), AppSpec("alone", alone))
    flight = Flight(Plan(duration=2_000_000_000, topics=(Topic("orders"),), apps=apps), seed=3)
    metrics, witness = Metrics(flight), Witness(flight)
    for _ in flight.fly(until=3_000_000_000):
        metrics.sample()
    told = tell(flight, metrics, witness.verdict())
    assert [line for line in told if line.startswith("From send() on orders to readers without a group: p50 ")]
