"""What a seed draws: a cluster, topics and clients, each seed from other ranges (Groce et al., Swarm Testing, 2012)."""

import random
from dataclasses import replace
from typing import Any

from sim.fuzz.trouble import draw_faults
from sim.machine.clock import parse_duration
from sim.machine.streams import Streams
from sim.world.keys import parse_keys
from sim.world.plan import Plan
from sim.world.script import Script, plan_of
from sim.world.script.script import ClusterPart, Commit, ConsumerPart, PipelinePart, ProducerPart, Transaction
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["draw_script", "with_faults"]

SESSION_MS = 6000


def draw_script(seed: int) -> Script:
    """The whole scenario of a seed: the load lasts 12 to 20 s, every fault ends before it does."""
    chance = Streams(seed)["fuzz"]
    cluster = draw_cluster(chance)
    topics = tuple(draw_topic(chance, f"topic-{number}", cluster.brokers) for number in range(chance.randint(1, 3)))
    names = [topic.name for topic in topics]
    producers = tuple(draw_producer(chance, f"producer-{number}", names) for number in range(chance.randint(1, 3)))
    consumers = tuple(draw_consumer(chance, f"group-{number}", names) for number in range(chance.randint(1, 2)))
    pipelines = (draw_pipeline(chance, names[0]),) if chance.random() < 0.3 else ()
    copies = (Topic("copies", chance.randint(1, 2), min(3, cluster.brokers)),) if pipelines else ()
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
    )
    return replace(script, faults=draw_faults(chance, plan_of(script), parse_duration(script.duration)))


def with_faults(plan: Plan, seed: int, load: int) -> Plan:
    """A plan of somebody else's with faults drawn for it, instead of its own."""
    return replace(plan, faults=draw_faults(Streams(seed)["fuzz"], plan, load))


def draw_cluster(chance: random.Random) -> ClusterPart:
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
    if chance.random() < 0.4:
        config["broker.session.timeout.ms"] = chance.choice((4000, 6000))
        config["broker.heartbeat.interval.ms"] = 1000
    if chance.random() < 0.4:
        config["replica.lag.time.max.ms"] = chance.choice((3000, 6000, 10_000))
    return ClusterPart(brokers=brokers, racks=chance.randint(1, brokers), config=config)


def draw_topic(chance: random.Random, name: str, brokers: int) -> Topic:
    """One to four partitions; now and then small segments, or a leader from outside of the ISR."""
    copies = chance.choice((1, 2, 3, 3, 3))
    copies = min(copies, brokers)
    config: dict[str, Any] = {"min.insync.replicas": chance.choice((1, 2, 2, 2)) if copies > 1 else 1}
    if chance.random() < 0.15:
        config["unclean.leader.election.enable"] = True
    if chance.random() < 0.2:
        config["segment.ms"] = 2000
    return Topic(name, chance.randint(1, 4), copies, config)


def draw_producer(chance: random.Random, name: str, topics: list[str]) -> ProducerPart:
    """Mostly as Kafka's defaults, sometimes with fewer acknowledgements, without idempotence, or in transactions."""
    config: dict[str, Any] = {"linger.ms": chance.choice((0, 5, 5, 50))}
    transaction = None
    draw = chance.random()
    if draw < 0.25:
        transaction = Transaction(records=chance.choice((1, 5, 20)), abort_share=chance.choice((0.0, 0.3)))
        config["transaction.timeout.ms"] = 10_000
    elif draw < 0.35:
        config["acks"] = chance.choice(("1", "0"))
    elif draw < 0.45:
        config["enable.idempotence"] = False
        config["max.in.flight.requests.per.connection"] = chance.choice((1, 5))
    if chance.random() < 0.4:
        config["request.timeout.ms"] = chance.choice((2000, 5000))
        config["delivery.timeout.ms"] = 60_000
    return ProducerPart(
        name=name,
        topics=tuple(topic for topic in topics if chance.random() < 0.4) or (chance.choice(topics),),
        arrivals=parse_workload(f"poisson:{chance.choice((5, 10, 20, 40))}"),
        keys=parse_keys(chance.choice(("none", "uniform:20", "zipf:20,1.1", "single:one"))),
        record_bytes=chance.choice((10, 100, 1000)),
        transaction=transaction,
        config=config,
    )


def draw_consumer(chance: random.Random, group: str, topics: list[str]) -> ConsumerPart:
    """One to three members under any protocol, committing in any way."""
    config: dict[str, Any] = {"isolation.level": chance.choice(("read_committed", "read_uncommitted"))}
    static = False
    if chance.random() < 0.4:
        config["group.protocol"] = "consumer"
    else:
        config["session.timeout.ms"] = SESSION_MS
        config["heartbeat.interval.ms"] = 2000
        config["partition.assignment.strategy"] = chance.choice(("range", "roundrobin", "cooperative-sticky", "sticky"))
        static = chance.random() < 0.3
    if chance.random() < 0.3:
        config["max.poll.records"] = chance.choice((1, 10))
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
