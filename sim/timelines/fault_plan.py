"""A recorded run as a plan to fly: cluster, topics, producers, the consumer and the actions, all from the file."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND, milliseconds
from sim.rules.config import BrokerConfig
from sim.rules.topics import TopicPartition
from sim.timelines.fault_actions import Stage, action
from sim.timelines.fault_booting import booting
from sim.timelines.fault_recording import WINDOW_BEGINS_MS, FaultRecording, FaultRun, FaultTopic
from sim.world.cluster import CONTROLLER_ID, ClusterSpec
from sim.world.faults import BrokerCrash
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic

__all__ = ["FaultPlan", "fault_plan"]

WARM_UP = 3 * SECOND
"""How long records flow before the first action, at least."""

VALUE = bytes(100)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A plan, the time of its first action and its window in nanoseconds, and the brokers here by the file's ids.

    `sent` collects the time of each send() by topic.
    """

    plan: Plan
    zero: int
    window: tuple[int, int]
    brokers: Mapping[int, int]
    sent: Mapping[str, list[int]]


def fault_plan(recording: FaultRecording, run: FaultRun, seed: int) -> FaultPlan:
    """One flight of a run; the seed draws where in the broker's periods the first action falls. Raises ConfigError."""
    chance = Random(seed)
    config = BrokerConfig.of(recording.broker_config)
    brokers = {broker: number for number, broker in enumerate(sorted(recording.brokers), 1)}
    controllers = {controller: number for number, controller in enumerate(recording.controllers, CONTROLLER_ID)}
    period = max(config.broker_heartbeat_interval_ms, config.replica_lag_time_max_ms // 2) * MILLISECOND
    absent = _absent(recording, run)
    settled = 2 * config.broker_session_timeout_ms * MILLISECOND if absent else SECOND
    zero = settled + WARM_UP + chance.randrange(period)
    ends = zero + milliseconds(run.ends_ms)
    stage = Stage(brokers, controllers, next(iter(recording.topics)))
    boots = booting(run, config)
    faults = [action(fields, number, stage, zero, boots[number]) for number, fields in enumerate(run.actions)]
    sent: dict[str, list[int]] = {name: [] for name in recording.topics}
    apps = [
        AppSpec(f"{topic.name}-producer", _producer(topic, zero - WARM_UP, ends, chance, sent[topic.name]), finite=True)
        for topic in recording.topics.values()
    ]
    apps.append(AppSpec("consumer", _consumer(recording, zero - WARM_UP)))
    plan = Plan(
        duration=None,
        cluster=ClusterSpec(
            len(brokers), 1, dict(recording.broker_config), group_topics=False, controllers=len(controllers)
        ),
        topics=tuple(_topic(topic, run, brokers) for topic in recording.topics.values()),
        apps=tuple(apps),
        faults=(
            *(BrokerCrash(broker=brokers[broker], at="1ms") for broker in absent),
            *(fault for fault in faults if fault is not None),
        ),
    )
    return FaultPlan(plan, zero, (zero - milliseconds(WINDOW_BEGINS_MS), ends), brokers, sent)


def _absent(recording: FaultRecording, run: FaultRun) -> list[int]:
    """Brokers that were replicas, and in sync nowhere, when the run began: their processes were down."""
    told = [(recording.topics[name].replicas, isr) for name, isr in run.in_sync.items()]
    return [
        broker
        for broker in recording.brokers
        if any(broker in replicas for replicas, _ in told) and not any(broker in isr for _, isr in told)
    ]


def _topic(topic: FaultTopic, run: FaultRun, brokers: Mapping[int, int]) -> Topic:
    """Assigned as recorded, and led by who led it before the run."""
    replicas = tuple(brokers[broker] for broker in topic.replicas)
    leader = brokers.get(run.leaders.get(topic.name, topic.replicas[0]), replicas[0])
    return Topic(
        topic.name,
        topic.partitions,
        len(replicas),
        topic.config,
        replicas=(replicas,) * topic.partitions,
        leaders=(leader,) * topic.partitions,
    )


def _producer(topic: FaultTopic, begins: int, ends: int, chance: Random, sent: list[int]) -> Behaviour:
    """One record every `pace_ms`, from a moment of the pace drawn by chance until the end of the window."""
    first = begins + round(chance.random() * topic.pace_ms * MILLISECOND)

    def produce(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**topic.producer_config)
        yield app.until(first)
        due = first
        while due < ends:
            sent.append(app.now)
            yield from producer.send(topic.name, value=VALUE)
            due += round(topic.pace_ms * MILLISECOND)
            yield app.until(due)
        yield from producer.flush()

    return produce


def _consumer(recording: FaultRecording, begins: int) -> Behaviour:
    """One consumer of all partitions, assigned by hand, which reads on until the flight ends."""
    words = recording.consumer
    config = {key: value for key, value in words.items() if key not in ("assign", "poll_ms")}
    poll_ms = int(words.get("poll_ms", 200))
    partitions = [TopicPartition(t.name, number) for t in recording.topics.values() for number in range(t.partitions)]

    def consume(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("", **{"auto.offset.reset": "earliest", **config})
        consumer.assign(partitions)
        yield app.until(begins)
        while True:
            yield from consumer.poll_slices(poll_ms)

    return consume
