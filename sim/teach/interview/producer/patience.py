"""How long a producer goes on trying."""

from collections.abc import Mapping
from typing import Any

from sim.actors.client.app import Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.rules.config import ProducerConfig
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import source
from sim.world.cluster import ClusterSpec
from sim.world.faults import NetworkPartition
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

OUTAGE_S, CUT_AT_S, LOAD_S, RATE = 60, 5, 70, 10
PATIENCE_S = (20, 40, 60, 80, 120)
FEW = "few-retries"
Expired = dict[str, list[float]]


def _topic(patience_s: int) -> str:
    return f"patience-{patience_s}-s"


def _orders(topic: str, size_bytes: int, expired: list[float], config: Mapping[str, Any]) -> Behaviour:
    """Sends steadily and notes when those orders were due that were given up, in seconds."""

    def told(_: int, due: int, delivery: Delivery) -> None:
        if delivery.batch.error is not None:
            expired.append(due / SECOND)

    return source(topic, Constant(RATE), LOAD_S, size_bytes=size_bytes, told=told, request_timeout_ms=10_000, **config)


def _make(settings: Settings) -> Plan:
    """The same orders by producers that differ in their patience, and one with three retries."""
    configs: dict[str, dict[str, Any]] = {
        _topic(seconds): {"delivery_timeout_ms": 1000 * seconds} for seconds in PATIENCE_S
    }
    configs[FEW] = {"retries": 3}
    expired: Expired = {topic: [] for topic in configs}
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, group_topics=False),
        topics=tuple(Topic(topic) for topic in configs),
        apps=tuple(
            AppSpec(
                f"to-{topic}", _orders(topic, settings["order_bytes"], expired[topic], config), "shops", finite=True
            )
            for topic, config in configs.items()
        ),
        faults=(NetworkPartition(side=("brokers",), other=("clients",), at=f"{CUT_AT_S}s", lasts=f"{OUTAGE_S}s"),),
        stages=tuple(("shops", topic) for topic in configs),
        wrap_up=lambda complete: expired if complete else {},
    )


OUTAGE = Scenario(
    name="an-outage",
    summary="No packet passes between producers and the broker for a minute.",
    story="",
    make=_make,
    knobs={"order_bytes": Knob(1000, "size of an order", 10, 1_000_000)},
)


def _expired(run: Run) -> dict[int, int]:
    """How many orders were given up, by delivery.timeout.ms in seconds."""
    return {seconds: len(run.results[_topic(seconds)]) for seconds in PATIENCE_S}


def _outlived(runs: Runs) -> Proof:
    expired = _expired(runs["outage"])
    default_s, least_s = ProducerConfig().delivery_timeout_ms // 1000, PATIENCE_S[0]
    return Proof(
        all((count == 0) == (seconds > OUTAGE_S) for seconds, count in expired.items()) and default_s in expired,
        expired[default_s],
        "records expired",
        f"An outage of {OUTAGE_S} s: {expired[least_s]} orders expired with a delivery.timeout.ms of {least_s} s, "
        f"{expired[OUTAGE_S]} with {OUTAGE_S} s, {expired[default_s]} with {default_s} s, the default.",
        {
            "outage_s": OUTAGE_S,
            "sent": RATE * LOAD_S,
            "retries": ProducerConfig().retries,
            "backoff_ms": ProducerConfig().retry_backoff_ms,
            "backoff_max_ms": ProducerConfig().retry_backoff_max_ms,
            "default_s": default_s,
            "default": expired[default_s],
            "least_s": least_s,
            "least": expired[least_s],
            "middle_s": 40,
            "middle": expired[40],
            "equal": expired[OUTAGE_S],
            "few": len(runs["outage"].results[FEW]),
        },
    )


def _retries_are_not_it(runs: Runs) -> tuple[bool, str]:
    few, least = len(runs["outage"].results[FEW]), _expired(runs["outage"])[PATIENCE_S[0]]
    return few == 0 < least, (
        f"Three retries and the default patience: {few} orders expired. {ProducerConfig().retries:,} retries and "
        f"{PATIENCE_S[0]} s of patience: {least}."
    )


def _by_the_batch(runs: Runs) -> tuple[bool, str]:
    small = runs["small orders"].results[_topic(40)]
    youngest_s = CUT_AT_S + OUTAGE_S - max(small)
    return youngest_s < 40 - 5, (
        f"It counts from when a batch was begun. With small orders that share batches, and 40 s of patience, an order "
        f"was given up that was due {youngest_s:.1f} s before the outage ended."
    )


QUESTIONS = (
    Question(
        number=20,
        topic="producer",
        level="senior",
        asks="retries or delivery.timeout.ms: what decides whether a record survives an outage?",
        predict="The brokers are out of reach for 60 s, and a producer has Kafka's defaults. How many records expire?",
        flights={"outage": Experiment(OUTAGE), "small orders": Experiment(OUTAGE, {"order_bytes": 10})},
        prove=_outlived,
        answer="""
            delivery.timeout.ms. It is the time from send() to the end, success or failure, with waiting in the buffer,
            linger, requests and all retries in it. retries is {retries:,} by default and best left alone. In the run
            the brokers were out of reach for {outage_s} s. With a delivery.timeout.ms of {least_s} s {least} of {sent}
            orders expired, with {middle_s} s {middle}, with {outage_s} s still {equal}; with the default of {default_s}
            s it was {default}. So it must be longer than the longest outage you want to survive, and the time to
            reconnect; and buffer.memory must hold what comes meanwhile. What expires is reported to the callback only,
            as a TimeoutException: who ignores callbacks loses records without a word. Between retries the producer
            backs off from {backoff_ms} ms to {backoff_max_ms:,} ms.
        """,
        follow_up="Why not set it to an hour?",
        follow_up_answer="""
            Because the buffer is full long before, and then send() blocks for max.block.ms and throws; because a record
            that is an hour late may be worse than an error; and because close() waits for it. The {default_s} s of the
            default are for a change of leader with room to spare.
        """,
        wrong=(
            WrongAnswer("Set retries high enough, that is what decides.", _retries_are_not_it),
            WrongAnswer("Each record has its delivery.timeout.ms from its own send() on.", _by_the_batch),
        ),
        picture=Picture(
            x="delivery.timeout.ms, seconds",
            y="orders expired",
            curves=lambda runs: {
                "orders of 1 kB": [(seconds, count) for seconds, count in _expired(runs["outage"]).items()],
            },
            title=lambda runs: _outlived(runs).says,
        ),
    ),
)
