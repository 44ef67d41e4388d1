"""What a seed draws: a cluster, topics and clients, each seed from other ranges (Groce et al., Swarm Testing, 2012)."""

import random
from dataclasses import replace
from typing import Any

from sim.fuzz.trouble import draw_faults
from sim.machine.clock import parse_duration
from sim.machine.streams import Streams
from sim.world.keys import parse_keys
from sim.world.script import Script, plan_of
from sim.world.script.script import (
    ClusterPart,
    Commit,
    ConsumerPart,
    PipelinePart,
    ProducerPart,
    ShareGroupPart,
    Transaction,
)
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["draw_script"]

SESSION_MS = 6000
FEATURES = (
    "fewer acknowledgements",
    "log directories",
    "new protocol",
    "no idempotence",
    "pipelines",
    "removal",
    "share groups",
    "small fetches",
    "static members",
    "transactions",
    "unclean elections",
    "unlike times",
)
"""What a seed may have at all; each leaves most of them out, so that the rest meets more often (a swarm)."""

Features = frozenset[str]
KEYS = ("none", "uniform:20", "zipf:20,1.1", "single:one")


def draw_script(seed: int) -> Script:
    """The whole scenario of a seed: the load lasts 12 to 20 s, every fault ends before it does."""
    chance = Streams(seed)["fuzz"]
    features = frozenset(feature for feature in FEATURES if chance.random() < 0.4)
    cluster = draw_cluster(chance, features)
    counts = chance.randint(1, 3), chance.randint(1, 3), chance.randint(1, 2)
    topics = tuple(draw_topic(chance, f"topic-{number}", cluster.brokers, features) for number in range(counts[0]))
    names = [topic.name for topic in topics]
    producers = tuple(draw_producer(chance, f"producer-{number}", names, features) for number in range(counts[1]))
    consumers = tuple(draw_consumer(chance, f"group-{number}", names, features) for number in range(counts[2]))
    pipelines = (draw_pipeline(chance, names[0]),) if "pipelines" in features else ()
    copies = tuple(draw_copies(chance, cluster.brokers) for _ in pipelines)
    share = ShareGroupPart(group="sharers", topics=(names[-1],), members=chance.randint(1, 2), release_share=0.1)
    script = Script(
        seed=seed,
        description=f"Drawn by kafkasim fuzz from seed {seed}.",
        duration=f"{chance.randint(12, 20)}s",
        drain="150s",
        cluster=cluster,
        topics=topics + copies,
        producers=producers,
        consumers=consumers,
        pipelines=pipelines,
        share_groups=(share,) if "share groups" in features and chance.random() < 0.5 else (),
    )
    return replace(script, faults=draw_faults(chance, plan_of(script), parse_duration(script.duration)))


def draw_cluster(chance: random.Random, features: Features) -> ClusterPart:
    """Three brokers mostly, with few partitions of the brokers' own topics."""
    brokers = chance.choice((1, 2, 3, 3, 3, 3, 3, 4, 5))
    copies = min(3, brokers)
    config: dict[str, Any] = {
        "offsets.topic.num.partitions": chance.randint(1, 3),
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": 2,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": min(2, copies),
        "group.min.session.timeout.ms": SESSION_MS,
        "group.initial.rebalance.delay.ms": chance.choice((0, 1000, 3000)),
        "group.consumer.session.timeout.ms": SESSION_MS,
        "group.consumer.heartbeat.interval.ms": 2000,
    }
    if "unlike times" in features:
        config["broker.session.timeout.ms"] = chance.choice((4000, 6000))
        config["broker.heartbeat.interval.ms"] = 1000
        config["replica.lag.time.max.ms"] = chance.choice((3000, 6000, 10_000))
    if "small fetches" in features:
        config |= {"replica.fetch.max.bytes": 1000, "replica.fetch.response.max.bytes": 1000}
    if "removal" in features:
        config |= {"log.retention.check.interval.ms": 2000, "log.initial.task.delay.ms": 1000}
        config |= {"log.cleaner.backoff.ms": 2000, "log.segment.delete.delay.ms": 1000}
    directories = 2 if "log directories" in features else 1
    return ClusterPart(brokers=brokers, racks=chance.randint(1, brokers), log_dirs=directories, config=config)


def draw_topic(chance: random.Random, name: str, brokers: int, features: Features) -> Topic:
    """One to four partitions; now and then short segments, a leader from outside of the ISR, records that go away."""
    copies = chance.choice((1, 2, 3, 3, 3))
    copies = min(copies, brokers)
    config: dict[str, Any] = {"min.insync.replicas": chance.choice((1, 2, 2, 2)) if copies > 1 else 1}
    if "unclean elections" in features and chance.random() < 0.4:
        config["unclean.leader.election.enable"] = True
    if chance.random() < 0.2:
        config["segment.ms"] = 2000
    if chance.random() < 0.1:
        config["flush.messages"] = 1
    if "removal" in features and chance.random() < 0.5:
        config |= {"segment.ms": 2000, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": 0.1}
        if chance.random() < 0.5:
            config |= {"cleanup.policy": "delete", "retention.ms": chance.choice((2000, 6000))}
    return Topic(name, chance.randint(1, 4), copies, config)


def draw_copies(chance: random.Random, brokers: int) -> Topic:
    """What a pipeline writes to."""
    copies = min(3, brokers)
    return Topic("copies", chance.randint(1, 2), copies, {"min.insync.replicas": min(2, copies)})


def draw_producer(chance: random.Random, name: str, topics: list[str], features: Features) -> ProducerPart:
    """Mostly as Kafka's defaults, sometimes with fewer acknowledgements, without idempotence, or in transactions."""
    config: dict[str, Any] = {"linger.ms": chance.choice((0, 5, 5, 50))}
    transaction = None
    if "transactions" in features and chance.random() < 0.6:
        transaction = Transaction(records=chance.choice((1, 5, 20)), abort_share=chance.choice((0.0, 0.3)))
        config["transaction.timeout.ms"] = 10_000
    elif "fewer acknowledgements" in features and chance.random() < 0.4:
        config["acks"] = chance.choice(("1", "0"))
    elif "no idempotence" in features and chance.random() < 0.5:
        config["enable.idempotence"] = False
        config["max.in.flight.requests.per.connection"] = chance.choice((1, 5))
    if "unlike times" in features and chance.random() < 0.6:
        config["request.timeout.ms"] = chance.choice((2000, 5000))
        config["delivery.timeout.ms"] = 60_000
    return ProducerPart(
        name=name,
        topics=tuple(topic for topic in topics if chance.random() < 0.4) or (chance.choice(topics),),
        arrivals=parse_workload(f"poisson:{chance.choice((5, 10, 20, 40))}"),
        keys=parse_keys(chance.choice(KEYS[1:] if "removal" in features else KEYS)),
        record_bytes=chance.choice((10, 100, 1000)),
        transaction=transaction,
        config=config,
    )


def draw_consumer(chance: random.Random, group: str, topics: list[str], features: Features) -> ConsumerPart:
    """One to three members under any protocol, committing in any way."""
    config: dict[str, Any] = {"isolation.level": chance.choice(("read_committed", "read_uncommitted"))}
    static = False
    if "new protocol" in features and chance.random() < 0.7:
        config["group.protocol"] = "consumer"
    else:
        config["session.timeout.ms"] = SESSION_MS
        config["heartbeat.interval.ms"] = 2000
        config["partition.assignment.strategy"] = chance.choice(("range", "roundrobin", "cooperative-sticky", "sticky"))
        static = "static members" in features and chance.random() < 0.7
    if chance.random() < 0.3:
        config["max.poll.records"] = chance.choice((1, 10))
    if "small fetches" in features:
        config["max.partition.fetch.bytes"] = chance.choice((1, 1000))
    config["auto.commit.interval.ms"] = chance.choice((1000, 5000))
    wanted = tuple(topic for topic in topics if chance.random() < 0.7) or (topics[0],)
    commits: tuple[Commit, ...] = ("auto", "sync-after", "sync-before")
    return ConsumerPart(
        group=group,
        topics=wanted,
        members=chance.randint(1, 3),
        handler_ms=chance.choice((0.0, 0.0, 1.0, 5.0)),
        commit=chance.choice(commits),
        static=static,
        config=config,
    )


def draw_pipeline(chance: random.Random, source: str) -> PipelinePart:
    """A copy of the first topic, exactly once or at least once."""
    once = chance.random() < 0.7
    config = {"transaction.timeout.ms": 10_000} if once else {}
    return PipelinePart(
        name="copiers",
        source=source,
        target="copies",
        members=chance.randint(1, 2),
        exactly_once=once,
        consumer={"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 2000},
        producer=config,
    )
