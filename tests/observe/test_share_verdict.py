"""What is told of a share group: what comes again is no error, what is given up is counted, and the lag falls to 0."""

from collections.abc import Generator
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.actors.share.share_consumer import AcknowledgeType
from sim.observe.journal import Journal
from sim.observe.metrics import Metrics
from sim.observe.sentences import tell
from sim.observe.witness import Witness
from sim.world.cluster import ClusterSpec
from sim.world.flight import Flight
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

Steps = Generator[Event, Any, Any]
POISON = 7


def source(app: App) -> Steps:
    producer = app.producer()
    for number in range(200):
        yield from producer.send("jobs", value=b"%d" % number)
        yield app.busy(ms=5)
    yield from producer.close()


def worker(app: App) -> Steps:
    consumer = app.share_consumer("workers", ["jobs"], share_acknowledgement_mode="explicit")
    while True:
        for record in (yield from consumer.poll(200)):
            poisoned = record.offset == POISON
            consumer.acknowledge(record, AcknowledgeType.RELEASE if poisoned else AcknowledgeType.ACCEPT)


def test_a_share_group_in_the_verdict_the_metrics_and_the_journal() -> None:
    configs = {"workers": {"share.auto.offset.reset": "earliest"}}
    broker_config = {"offsets.topic.num.partitions": 1}
    plan = Plan(
        duration=None,
        cluster=ClusterSpec(broker_config=broker_config, group_configs=configs),
        topics=(Topic("jobs", 1, 3),),
        apps=(AppSpec("source", source, finite=True), *(AppSpec(f"worker-{n}", worker) for n in (1, 2))),
        groups=(GroupSpec("workers", ("jobs",)),),
    )
    flight = Flight(plan, seed=4)
    witness, metrics, journal = Witness(flight), Metrics(flight), Journal(flight.machine.facts)
    for _ in flight.fly():
        metrics.sample()
    assert flight.now < 15e9
    verdict = witness.verdict()
    assert verdict.ok
    assert verdict.delivered == {"workers": 200}
    assert verdict.redelivered == {"workers": 4}
    assert verdict.given_up == {"workers": 1}
    assert verdict.as_json()["given_up"] == {"workers": 1}
    told = tell(flight, metrics, verdict)
    assert "Delivered a second time, as at-least-once allows: 4 to workers." in told
    assert "Given up, as rejected or delivered too often: 1 by workers." in told
    _, lags = metrics.series("records-lag", group="workers")
    assert max(lags) == 200
    assert lags[-1] == 0
    archived = [line for line in journal.lines() if '"fact":"ShareRecordsArchived"' in line]
    assert len(archived) == 1
    assert '"partition":"jobs-0","cause":"delivery count limit","count":1,"spans":[[7,7]]' in archived[0]


def test_without_a_share_group_nothing_is_told_of_records_given_up() -> None:
    flight = Flight(Plan(duration=0, topics=(Topic("jobs", 1, 3),)), seed=0)
    verdict = Witness(flight).verdict()
    assert "given_up" not in verdict.as_json()
