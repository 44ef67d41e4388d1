"""What copies cost on the network: followers that fetch, and partitions that move."""

from math import inf

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.rules.facts.journal import IsrChanged
from sim.rules.facts.replication import ReplicasChanged
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, Steps, first_s, small, writer
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

RECORD_BYTES = 50_000


def _factor_plan(settings: Settings) -> Plan:
    """The same records into a topic of so many replicas."""
    sent = Sent()
    source = writer("orders", 20, 10, sent, RECORD_BYTES, acks="all", batch_size=RECORD_BYTES, linger_ms=0)
    return Plan(
        duration=12 * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=(Topic("orders", 3, settings["replicas"]),),
        apps=(AppSpec("shop", source, "shop", finite=True),),
        stages=(("shop", "orders"),),
        wrap_up=lambda complete: sent.figures() if complete else {},
    )


FACTOR = small("replication-factor", _factor_plan, {"replicas": Knob(3, "replicas of each partition", 1, 3)})
FACTORS = {"one": 1, "two": 2, "three": 3}


def _sent_bytes(run: Run) -> int:
    """What the producer has sent."""
    return run.flight.cluster.apps["shop"].host.nic.sent_bytes


def _out_per_byte(run: Run) -> float:
    """Bytes that brokers have sent for each byte of the producer."""
    return sum(broker.host.nic.sent_bytes for broker in run.flight.cluster.brokers.values()) / _sent_bytes(run)


def _follower_fetch(runs: Runs) -> Proof:
    out = {name: _out_per_byte(runs[name]) for name in FACTORS}
    copies = out["three"] - out["one"]
    return Proof(
        all(abs(out[name] - out["one"] - (factor - 1)) < 0.1 for name, factor in FACTORS.items()),
        copies,
        "bytes out of brokers for each byte in",
        f"For each byte of the producer brokers send {copies:.2f} bytes more with three replicas than with one, and "
        f"{out['two'] - out['one']:.2f} more with two.",
        {
            "copies": copies,
            "two": out["two"] - out["one"],
            "megabytes": _sent_bytes(runs["three"]) / 1e6,
            "in": copies + 1,
        },
    )


def _producer_sends_once(runs: Runs) -> tuple[bool, str]:
    one, three = (_sent_bytes(runs[name]) / 1e6 for name in ("one", "three"))
    return abs(three / one - 1) < 0.05, (
        f"The producer sent {one:.2f} MB for one replica and {three:.2f} MB for three: followers fetch from the leader."
    )


MOVED, NEW, FILLED_S, MOVE_S = TopicPartition("history", 0), 4, 20, 25
PIECE_BYTES = 5 * 20_100
"""A follower asks for five whole records at a time, so that the rate is kept within a fraction of a second."""
REPLICAS = {"leader": "0:1,0:2,0:3", "follower": f"0:{NEW}"}
RATES = {"slow": 250_000, "middle": 500_000, "fast": 1_000_000}


def _move(app: App) -> Steps:
    """Moves a replica to the new broker."""
    yield app.until(MOVE_S * SECOND)
    yield from app.admin().alter_partition_reassignments({MOVED: (1, 2, NEW)})


def _move_plan(settings: Settings) -> Plan:
    """A replica moves to a broker that has nothing yet, throttled to so many bytes a second, as the tool does it."""
    history, orders, rate = Sent(), Sent(), settings["rate"]
    filling = writer("history", 10, FILLED_S, history, 20_000, batch_size=20_000, linger_ms=0)
    brokers = {f"{side}.replication.throttled.rate": rate for side in REPLICAS if rate}
    throttled = {f"{side}.replication.throttled.replicas": replicas for side, replicas in REPLICAS.items()}
    return Plan(
        duration=48 * SECOND,
        cluster=ClusterSpec(4, 4, {"replica.fetch.max.bytes": PIECE_BYTES, **brokers}, group_topics=False),
        topics=(Topic("history", 1, 3, throttled, replicas=((1, 2, 3),)), Topic("orders", 1, 3, replicas=((1, 2, 3),))),
        apps=(
            AppSpec("archive", filling, "archive", finite=True),
            AppSpec("shop", writer("orders", 10, 45, orders, acks="all"), "shop", finite=True),
            AppSpec("admin", _move, "admin", finite=True),
        ),
        stages=(("archive", "history"), ("shop", "orders")),
        wrap_up=lambda complete: {"orders": orders.figures(), "history": history.figures()} if complete else {},
    )


MOVE = small("reassignment", _move_plan, {"rate": Knob(500_000, "bytes a second of the throttle, 0 for none")})


def _moved_s(run: Run) -> float:
    """From the order to the end of the move."""
    return first_s(run, ReplicasChanged, MOVE_S, partition=MOVED, adding=(), removing=()) - MOVE_S


def _size_bytes(run: Run) -> int:
    return run.flight.cluster.log(MOVED).size_bytes


def _reassignment(runs: Runs) -> Proof:
    expected = {name: _size_bytes(runs[name]) / rate for name, rate in RATES.items()}
    measured = {name: _moved_s(runs[name]) for name in RATES}
    joined = first_s(runs["middle"], IsrChanged, MOVE_S, partition=MOVED) - MOVE_S
    return Proof(
        all(abs(measured[name] / expected[name] - 1) < 0.15 for name in RATES) and joined < inf,
        measured["middle"],
        "s",
        f"{_size_bytes(runs['middle']) / 1e6:.1f} MB at {RATES['middle'] / 1e6:.1f} MB/s took "
        f"{measured['middle']:.1f} s; bytes / rate says {expected['middle']:.1f} s.",
        {
            "megabytes": _size_bytes(runs["middle"]) / 1e6,
            "rate": RATES["middle"] / 1e6,
            "measured": measured["middle"],
            "expected": expected["middle"],
            "slow_rate": RATES["slow"] / 1e6,
            "slow": measured["slow"],
            "free": _moved_s(runs["free"]),
            "slowest": runs["middle"].metrics.summary()["produce-latency-ms"]["orders"]["max"],
        },
    )


def _all_of_it(runs: Runs) -> tuple[bool, str]:
    run = runs["middle"]
    new = run.flight.cluster.brokers[NEW]
    copied = new.host.nic.received_bytes
    return copied > 0.95 * _size_bytes(run), (
        f"The new broker received {copied / 1e6:.1f} MB, all that is retained, though nobody wrote to the topic any "
        f"more."
    )


QUESTIONS = (
    Question(
        number=26,
        topic="replication",
        level="junior",
        asks="How do followers get their data, and what does that cost?",
        predict="Three replicas: how many bytes do brokers send to each other for one byte of the producer?",
        flights={name: Experiment(FACTOR, {"replicas": factor}) for name, factor in FACTORS.items()},
        prove=_follower_fetch,
        answer="""
            They fetch, like consumers: each follower asks the leader for what comes after its own log end, and that
            offset tells the leader how far it is. The producer sends a record once, to the leader. So with a
            replication factor of N each byte leaves a leader N - 1 times: in the run {copies:.2f} bytes for one with
            three replicas, {two:.2f} with two. Every byte also comes in N times and is written to N disks. Consumers
            come on top, one more for each group. So replicas, not producers, are most of the traffic inside a cluster,
            and between zones somebody pays for it.
        """,
        follow_up="The network card of a broker is full. What would you look at first?",
        follow_up_answer="""
            At bytes out: replication plus consumers. Compression by the producer helps everywhere at once, as followers
            and consumers get batches as they are. Then consumers that read from a replica in their own rack, with
            replica.selector.class and client.rack; fewer replicas last: {copies:.0f} copies for each byte is what
            durability costs.
        """,
        wrong=(WrongAnswer("The producer sends each record to all replicas.", _producer_sends_once),),
        picture=Picture(
            x="replicas of each partition",
            y="bytes out of brokers for each byte in",
            curves=lambda runs: {
                "brokers": [(factor, _out_per_byte(runs[name])) for name, factor in FACTORS.items()],
                "N - 1": [(factor, factor - 1) for factor in FACTORS.values()],
            },
            title=lambda runs: f"Three replicas: {_follower_fetch(runs).number:.2f} bytes out for each byte in",
        ),
    ),
    Question(
        number=33,
        topic="replication",
        level="senior",
        asks="You add a broker and move partitions to it. How long does it take, and what does a throttle do?",
        predict="A partition of 4 MB, half a megabyte a second: how many seconds?",
        flights={
            **{name: Experiment(MOVE, {"rate": rate}) for name, rate in RATES.items()},
            "free": Experiment(MOVE, {"rate": 0}),
        },
        prove=_reassignment,
        answer="""
            A new broker gets nothing by itself; kafka-reassign-partitions.sh moves replicas. The new replica is an
            additional follower, copies all that is retained from the leader, joins the ISR, and only then an old one
            goes. So the time is bytes over rate: {megabytes:.1f} megabytes at {rate:.1f} megabytes a second took
            {measured:.1f} seconds in the run, the division says {expected:.1f}. Without a limit it was {free:.1f}; then
            it takes all the network and disk there is, and producers and consumers pay for it. The throttle bounds
            that: a rate for leaders and one for followers, and for each topic the replicas that it is for. Replicas in
            sync are never held back, so writers do not wait: in the run the slowest order took {slowest:.0f}
            milliseconds.
        """,
        follow_up="What if the throttle is lower than what producers write to these partitions?",
        follow_up_answer="""
            Then it never ends: the new replica falls further behind. The rate that counts is the throttle less the
            writes. And a slow move is a long one: at {slow_rate:.2f} megabytes a second it took {slow:.1f} seconds. Do
            not forget to remove the throttle afterwards, with --verify.
        """,
        wrong=(WrongAnswer("A moved partition copies only what is written from then on.", _all_of_it),),
        picture=Picture(
            x="MB/s to the new broker",
            y="seconds until the replica has moved",
            curves=lambda runs: {
                "measured": [(rate / 1e6, _moved_s(runs[name])) for name, rate in RATES.items()],
                "bytes / rate": [(rate / 1e6, _size_bytes(runs[name]) / rate) for name, rate in RATES.items()],
            },
            title=lambda runs: _reassignment(runs).says,
        ),
    ),
)
