"""The in-sync replicas: who is one of them, how one falls out, and who waits for a slow one."""

from collections.abc import Mapping
from itertools import pairwise

from sim.machine.clock import SECOND
from sim.rules.config import BrokerConfig
from sim.rules.facts.journal import IsrChanged
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, first_s, small, writer
from sim.world.cluster import ClusterSpec
from sim.world.faults import DiskStalled
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

ORDERS, SLOW, STALL_S, END_S = TopicPartition("orders", 0), 3, 7, 65


def _plan(settings: Settings) -> Plan:
    """One follower's disk stalls; orders wait for all in sync, telemetry only for the leader."""
    orders, telemetry = Sent(), Sent()
    return Plan(
        duration=END_S * SECOND,
        drain=30 * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=tuple(Topic(name, 1, 3, replicas=((1, 2, SLOW),)) for name in ("orders", "telemetry")),
        apps=(
            AppSpec("shop", writer("orders", 10, END_S, orders, acks="all"), "shop", finite=True),
            AppSpec("plant", writer("telemetry", 10, END_S, telemetry, acks="1"), "plant", finite=True),
        ),
        faults=(DiskStalled(broker=SLOW, at=f"{STALL_S}s", lasts=settings["stall"]),),
        stages=(("shop", "orders"), ("plant", "telemetry")),
        wrap_up=lambda complete: {"orders": orders.figures(), "telemetry": telemetry.figures()} if complete else {},
    )


STALL = small("stalled-follower", _plan, {"stall": Knob("50s", "how long the disk of one follower stalls")})


def _leaves_after_s(run: Run) -> float:
    return first_s(run, IsrChanged, partition=ORDERS, isr=(1, 2)) - STALL_S


def _limit_s(run: Run) -> float:
    return run.flight.cluster.config.replica_lag_time_max_ms / 1000


def _out_of_sync(runs: Runs) -> Proof:
    usual, quick = runs["stalled"], runs["quick"]
    left_s, limit_s = _leaves_after_s(usual), _limit_s(usual)
    back_s = first_s(usual, IsrChanged, STALL_S + left_s, partition=ORDERS, isr=(1, 2, SLOW)) - STALL_S - 50
    orders = usual.results["orders"]
    holds = all(_limit_s(run) <= _leaves_after_s(run) <= 1.5 * _limit_s(run) + 1 for run in (usual, quick))
    return Proof(
        holds and back_s < 5 and orders["silence_s"] >= limit_s and orders["given_up"] == 0,
        left_s,
        "s",
        f"The follower left the ISR {left_s:.1f} s after it had stopped to replicate, {_leaves_after_s(quick):.1f} s "
        f"with replica.lag.time.max.ms at {_limit_s(quick):.0f} s.",
        {
            "left": left_s,
            "limit": limit_s,
            "most": 1.5 * limit_s,
            "silence": orders["silence_s"],
            "quick_limit": _limit_s(quick),
            "quick": _leaves_after_s(quick),
            "back_ms": 1000 * back_s,
        },
    )


def _records_do_not_count(runs: Runs) -> tuple[bool, str]:
    run = runs["short"]
    times = run.results["telemetry"]["acknowledged_s"]
    behind = sum(STALL_S < time < STALL_S + 25 for time in times)
    changes = sum(isinstance(fact, IsrChanged) and time > 0 for time, fact in run.facts)
    return behind > 100 and changes == 0, (
        f"A follower that stalled for 25 s was {behind} records behind, and the ISR changed {changes} times: "
        f"only time counts, replica.lag.time.max.ms, which is {_limit_s(run):.0f} s."
    )


def _orders_wait(runs: Runs) -> tuple[bool, str]:
    orders, telemetry = (runs["stalled"].results[name]["silence_s"] for name in ("orders", "telemetry"))
    return orders > 30 > 1 > telemetry, (
        f"With acks=all nothing was acknowledged for {orders:.1f} s, as long as the stalled follower counted as in "
        f"sync; with acks=1 never for more than {telemetry:.1f} s."
    )


BURST = {"duration": "66s", "arrivals": "constant:10", "usual_bytes_per_s": 20_000}


def _p99_ms(run: Run, topic: str) -> float:
    found: Mapping[str, float] = run.metrics.summary()["produce-latency-ms"][topic]
    return found["p99"]


def _flips(run: Run) -> int:
    return sum(isinstance(fact, IsrChanged) and time > 0 for time, fact in run.facts)


def _slow_disk(runs: Runs) -> Proof:
    orders = [_p99_ms(runs[name], "orders") for name in DISKS]
    telemetry, flips = [_p99_ms(runs[name], "telemetry") for name in DISKS], [_flips(runs[name]) for name in DISKS]
    rising = all(before < after for before, after in pairwise(orders))
    return Proof(
        rising and orders[-1] > 50 * orders[0] and flips[0] == 0 < flips[-1] and max(telemetry) < 100,
        orders[-1],
        "ms",
        f"With one follower's disk ten times as slow the p99 of acks=all is {orders[-1]:,.0f} ms instead of "
        f"{orders[0]:.0f} ms, and ISRs change {flips[-1]} times; with acks=1 it is {telemetry[-1]:.0f} ms.",
        {
            "fast": orders[0],
            "slow": orders[-1],
            "telemetry": telemetry[-1],
            "flips": flips[-1],
            "limit": _limit_s(runs["slow-10"]),
            "default": BrokerConfig().replica_lag_time_max_ms / 1000,
        },
    )


def _followers_count(runs: Runs) -> tuple[bool, str]:
    fast, slow = (_p99_ms(runs[name], "orders") for name in ("slow-1", "slow-10"))
    return slow > 50 * fast, (
        f"The slow disk led no partition, and still the p99 of acks=all went from {fast:.0f} to {slow:,.0f} ms."
    )


DISKS = {"slow-1": 1, "slow-5": 5, "slow-10": 10}

QUESTIONS = (
    Question(
        number=22,
        topic="replication",
        level="junior",
        asks="What is the ISR, and when does a replica leave it?",
        predict="Replication to one of three replicas stalls. After how many seconds is it out of the ISR?",
        flights={
            "stalled": Experiment(STALL),
            "quick": Experiment(STALL, {"replica.lag.time.max.ms": 10_000}),
            "short": Experiment(STALL, {"stall": "25s"}),
        },
        prove=_out_of_sync,
        answer="""
            The in-sync replicas are the leader and those followers that have been caught up with its log end within
            replica.lag.time.max.ms, {limit:.0f} seconds by default. The leader looks every half of that, so a follower
            that stops is out after {limit:.0f} to {most:.0f} seconds; in the run it was {left:.1f}. That matters
            because acks=all waits for all replicas in the ISR: nothing was acknowledged for {silence:.1f} seconds,
            until the controller had taken the follower out. Only members of the ISR may become leader without loss. It
            comes back as soon as it has reached the high watermark again: here {back_ms:.0f} milliseconds after the
            stall was over.
        """,
        follow_up="Why not set replica.lag.time.max.ms to a few seconds?",
        follow_up_answer="""
            Then producers wait less for a follower that stalls: {quick:.1f} seconds with {quick_limit:.0f}. But each
            pause makes the ISR shrink and grow, and an ISR that has shrunk protects less: with the leader alone in it,
            acks=all is one copy, unless min.insync.replicas refuses that.
        """,
        wrong=(
            WrongAnswer("A follower leaves the ISR when it is too many messages behind.", _records_do_not_count),
            WrongAnswer("A slow follower does not hurt producers, it is only a copy.", _orders_wait),
        ),
        picture=Picture(
            "stalled",
            "isr",
            title=lambda runs: (
                f"A follower that stalls at {STALL_S} s leaves the ISR {_leaves_after_s(runs['stalled']):.1f} s later"
            ),
        ),
    ),
    Question(
        number=32,
        topic="replication",
        level="senior",
        asks="One broker's disk becomes ten times as slow. What do producers see?",
        predict="It leads no partition. What is the p99 of acks=all, in milliseconds?",
        flights={name: Experiment("isr-thrashing", {**BURST, "slow_factor": factor}) for name, factor in DISKS.items()},
        prove=_slow_disk,
        answer="""
            A slow disk hurts everybody whose partitions have a replica on it, not only those it leads. Writes go to the
            page cache, so a quiet follower keeps up; in a burst the dirty pages are too many, it falls behind, and
            acks=all waits for it as long as it is in sync. In the run p99 went from {fast:.0f} to {slow:,.0f}
            milliseconds, while acks=1 stayed at {telemetry:.0f}. After replica.lag.time.max.ms it drops out, partition
            by partition, and latency recovers; it catches up and returns, until the next burst. One burst made {flips}
            changes of ISRs here. The alarms are UnderReplicatedPartitions and IsrShrinksPerSec that come and go, and
            p99 with acks=all only.
        """,
        follow_up="What do you do about it at night?",
        follow_up_answer="""
            Take the broker out: shut it down in good order, so that it leaves all ISRs at once and nobody waits for it;
            with three replicas and min.insync.replicas=2 writes go on. Then mend or replace the disk. A longer
            replica.lag.time.max.ms, {limit:.0f} seconds here and {default:.0f} by default, only makes producers wait
            longer.
        """,
        wrong=(WrongAnswer("Only partitions led by that broker get slower.", _followers_count),),
        picture=Picture(
            x="disk of one follower: times as slow",
            y="p99 until acknowledged, ms",
            curves=lambda runs: {
                label: [(factor, _p99_ms(runs[name], topic)) for name, factor in DISKS.items()]
                for label, topic in (("acks=all", "orders"), ("acks=1", "telemetry"))
            },
            title=lambda runs: (
                f"One follower's disk ten times as slow: p99 of acks=all {_p99_ms(runs['slow-10'], 'orders'):,.0f} ms; "
                f"of acks=1 {_p99_ms(runs['slow-10'], 'telemetry'):.0f} ms"
            ),
        ),
    ),
)
