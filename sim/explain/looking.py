"""Looking things up in a run: who belongs to which group, what is configured, which faults were on."""

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

from sim.actors.consumer.consumer import Consumer
from sim.actors.producer.producer import Producer
from sim.explain.chain import Remedy
from sim.rules.config import TopicConfig, topic_config_from
from sim.rules.facts.journal import LeaderElected
from sim.rules.facts.topic import TopicConfigChanged
from sim.rules.topics import TopicPartition
from sim.world.faults import Fault

if TYPE_CHECKING:
    from sim.run import Run

__all__ = [
    "active_faults",
    "app_of",
    "consumers_of",
    "leaders_at",
    "members_of",
    "producers_to",
    "session_remedy",
    "topic_config",
]


def app_of(run: "Run", client_id: str) -> str:
    """The application that a client belongs to: by object, or else by the name that its id begins with."""
    apps = run.flight.cluster.apps
    for app in apps.values():
        if client_id in [*(each.client_id for each in app.consumers), *(each.client_id for each in app.producers)]:
            return app.name
    return max((name for name in apps if client_id.startswith(f"{name}-")), key=len, default=client_id)


def consumers_of(run: "Run", group_id: str) -> list[Consumer]:
    """The consumers that applications have made of a group."""
    apps = run.flight.cluster.apps.values()
    return [consumer for app in apps for consumer in app.consumers if consumer.group_id == group_id]


def members_of(run: "Run", group_id: str) -> list[str]:
    """The applications with a consumer in a group."""
    return list(dict.fromkeys(app_of(run, consumer.client_id) for consumer in consumers_of(run, group_id)))


def producers_to(run: "Run", topic: str) -> list[Producer]:
    """All producers, those of applications that the plan has upstream of a topic if it tells."""
    apps = run.flight.cluster.apps
    stages = {stage for stage, target in run.flight.plan.stages if target == topic}
    names = [spec.name for spec in run.flight.plan.apps if spec.stage in stages or spec.name in stages]
    wanted = [apps[name] for name in names if apps[name].producers] or list(apps.values())
    return [producer for app in wanted for producer in app.producers]


def topic_config(run: "Run", topic: str, at_s: float = inf) -> TopicConfig:
    """What a topic is configured with at a time, or at the end."""
    spec = run.flight.cluster.topics.get(topic)
    own = {} if spec is None else {key.replace("_", "."): value for key, value in spec.config.items()}
    for time, fact in run.facts:
        if isinstance(fact, TopicConfigChanged) and fact.topic == topic and time / 1e9 <= at_s:
            own[fact.key] = fact.value
    return topic_config_from(run.flight.cluster.config, {key: value for key, value in own.items() if value is not None})


def session_remedy(run: "Run", group_id: str) -> Remedy:
    """The session time-out that a group's members have: the client's, or the broker's in the newer protocol."""
    consumers = consumers_of(run, group_id)
    if consumers and consumers[0].config.group_protocol == "consumer":
        value = run.flight.cluster.config.group_consumer_session_timeout_ms
        return Remedy("broker.group.consumer.session.timeout.ms", value, _shorter(value))
    value = consumers[0].config.session_timeout_ms if consumers else 45_000
    return Remedy("consumer.session.timeout.ms", value, _shorter(value))


def _shorter(value: int) -> int:
    return next((other for other in (10_000, 6_000) if other < value), 4 * value)


def active_faults(run: "Run", begin_s: float, end_s: float) -> Iterator[Fault]:
    """The planned faults that were on at some time between two."""
    for fault in run.flight.plan.faults:
        ends_s = run.simulated_s if fault.ends is None else fault.ends / 1e9
        if fault.begins / 1e9 <= end_s and ends_s >= begin_s:
            yield fault


def leaders_at(run: "Run", partition: TopicPartition) -> list[tuple[float, int]]:
    """Times and leaders of a partition: where it began, and each election."""
    times, values = run.metrics.series("LeaderId", partition=str(partition))
    elected = [
        (time / 1e9, fact.leader)
        for time, fact in run.facts
        if isinstance(fact, LeaderElected) and fact.partition == partition
    ]
    first = [(0.0, int(values[0]))] if times and not any(time <= times[0] for time, _ in elected) else []
    return [*first, *elected]
