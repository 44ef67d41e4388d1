"""The autoscaler adds two pods, and hundreds of payments are captured twice: which ones?

Covers: incident card oc-g341 (payment.capture, a gateway call of 4 s and then the commit, two more pods, 300 captures
sent twice), eager and cooperative rebalance, commit on revoke, idempotency key, misconception "exactly once covers the
gateway".

Story: Four pods read captures and hand each one to a thread that calls the payment gateway, which takes four seconds.
What the gateway has answered is committed ten times a second. With 75 captures a second, 300 calls are under way at any
moment (Little's law). The autoscaler adds two pods. The group rebalances, every partition is given up, and its next
owner begins at the committed offset: it sends what was under way once more.

Watch for: the captures sent twice, which are just those that were under way, however safely the topic is kept; the
brokers have lost nothing and stored nothing twice, for the gateway is no part of any transaction of Kafka's.

Predict: How many captures are sent twice if the gateway takes one second (`--set gateway_ms=1000`)? Which of the three
cures is enough by itself: `partition.assignment.strategy=cooperative-sticky`, `finish_on_revoke=true` or
`idempotency_key=true`? Which of them still helps when a pod is killed?
"""

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.members import rebalances, source
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import RebalanceListener
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

GROUP, TOPIC = "capture", "payment.capture"
KNOBS = {
    "arrivals": Knob("constant:75", "how captures come, per second: poisson:75, constant:75, bursts:…, daily:…"),
    "duration": Knob("30s", "how long captures come"),
    "partitions": Knob(12, "partitions of the topic", 1, 1000),
    "gateway_ms": Knob(4000, "milliseconds that a call of the gateway takes", 0, 60_000),
    "scale_at": Knob("20s", "when two pods are added to the four"),
    "finish_on_revoke": Knob(False, "whether a pod ends its calls and commits before it gives partitions up"),
    "idempotency_key": Knob(False, "whether the gateway knows a capture again that it has made"),
}


@dataclass(slots=True)
class Gateway:
    """Where the money moves: how often each capture was made, and what the pods gave up while it was under way.

    `refused` counts calls that carried a known idempotency key.
    """

    knows_keys: bool
    captured: dict[tuple[int, int], int] = field(default_factory=dict)
    refused: int = 0
    given_up: int = 0

    def capture(self, partition: int, offset: int) -> None:
        """Take the money, again as well, unless the call is known by its key."""
        times = self.captured.get((partition, offset), 0)
        if times and self.knows_keys:
            self.refused += 1
        else:
            self.captured[partition, offset] = times + 1

    @property
    def again(self) -> int:
        """Captures beyond the first of each payment."""
        return sum(self.captured.values()) - len(self.captured)


class Calls(RebalanceListener):
    """The calls of one pod that are under way, in order: when each will be answered, and what it is about."""

    def __init__(self, app: App, consumer: Consumer, gateway: Gateway, finishes: bool) -> None:
        self._app, self._consumer, self._gateway, self._finishes = app, consumer, gateway, finishes
        self.under_way: deque[tuple[int, TopicPartition, int]] = deque()

    def answered(self) -> dict[TopicPartition, int]:
        """The offsets to commit for calls that were answered since the last time."""
        offsets: dict[TopicPartition, int] = {}
        while self.under_way and self.under_way[0][0] <= self._app.now:
            _, partition, offset = self.under_way.popleft()
            offsets[partition] = offset + 1
        return offsets

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> Generator[Event, Any, None]:
        """End the calls and commit, or leave them to themselves."""
        if self._finishes:
            yield self._app.until(max((time for time, name, _ in self.under_way if name in partitions), default=0))
            yield from self._consumer.commit(self.answered())
        kept = deque(call for call in self.under_way if call[1] not in partitions)
        self._gateway.given_up += len(self.under_way) - len(kept)
        self.under_way = kept


def pod(joins_at: int, gateway_ms: float, finishes: bool, gateway: Gateway) -> Behaviour:
    """Calls the gateway for each capture on a thread of its own, and commits what was answered."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(joins_at)
        consumer = app.consumer(
            GROUP, auto_offset_reset="earliest", enable_auto_commit=False, partition_assignment_strategy="range"
        )
        calls = Calls(app, consumer, gateway, finishes)
        consumer.subscribe([TOPIC], calls)
        while True:
            for record in (yield from consumer.poll(100)):
                gateway.capture(record.partition, record.offset)
                place = TopicPartition(TOPIC, record.partition)
                calls.under_way.append((app.now + round(gateway_ms * MILLISECOND), place, record.offset))
            if offsets := calls.answered():
                consumer.commit_async(offsets)
            yield app.busy(ms=100)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    gateway, duration = Gateway(settings["idempotency_key"]), parse_duration(settings["duration"])
    load = source([TOPIC], parse_workload(settings["arrivals"]), UniformKeys(20_000), duration)
    joins = [0] * 4 + [parse_duration(settings["scale_at"])] * 2
    return Plan(
        duration=duration,
        drain=20 * SECOND,
        topics=(Topic(TOPIC, settings["partitions"], 3),),
        apps=(
            AppSpec("checkout", load, "checkout", finite=True),
            *(
                AppSpec(f"pod-{number}", pod(at, settings["gateway_ms"], settings["finish_on_revoke"], gateway), GROUP)
                for number, at in enumerate(joins, start=1)
            ),
        ),
        groups=(GroupSpec(GROUP, (TOPIC,)),),
        stages=(("checkout", TOPIC), (TOPIC, GROUP)),
        wrap_up=lambda complete: results(gateway) if complete else {},
    )


def results(gateway: Gateway) -> Mapping[str, object]:
    """How many payments were captured, how many of them again, and how many calls were given up under way."""
    told = f"{len(gateway.captured):,} payments, {gateway.again:,} captured twice; {gateway.given_up:,} calls given up"
    return {
        "finding": told,
        "payments": len(gateway.captured),
        "captured_again": gateway.again,
        "refused_by_key": gateway.refused,
        "given_up_under_way": gateway.given_up,
        "sentences": [f"{told} while under way; {gateway.refused:,} calls refused by their key."],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """What was under way is captured again."""
    found, settings = run.results, run.settings
    under_way = parse_workload(settings["arrivals"]).mean_rate() * settings["gateway_ms"] / 1000
    return {
        "the new pods make the group rebalance": rebalances(run, GROUP, parse_duration(settings["scale_at"])) > 0,
        "captured twice is what was under way when the partitions were given up": found["captured_again"]
        == found["given_up_under_way"]
        > 0,
        "that is the rate times the duration of a call, to a fifth, for each of the rebalances": abs(
            found["captured_again"] - under_way * rebalances(run, GROUP, parse_duration(settings["scale_at"]))
        )
        < 0.2 * found["captured_again"],
        "the brokers have lost nothing and stored nothing twice": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Calls end before their partitions go, and the gateway knows its callers."""
    found = run.results
    return {
        "no payment is captured twice": found["captured_again"] == 0,
        "no call is given up under way, so the key has nothing to refuse": found["given_up_under_way"]
        == found["refused_by_key"]
        == 0,
        "every payment is captured": found["payments"] == run.verdict.acknowledged,
        "the new pods have made the group rebalance": rebalances(run, GROUP, parse_duration(run.settings["scale_at"]))
        > 0,
    }


scenario = Scenario(
    name="double-capture",
    summary="Two pods join while 300 gateway calls are under way: 300 payments are captured twice.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"partition.assignment.strategy": "cooperative-sticky", "finish_on_revoke": True, "idempotency_key": True},
    cured=cured,
)
